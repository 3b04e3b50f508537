"""Answer questions of the ledger's state at any height that is kept, with a proof if wanted.

Answers are computed in worker threads, a few at a time, because a metagraph reads a thousand rows
and a what-if runs the epoch law; states are values, so nothing they read can change under them.

A proof is of height h with block h + 1 final: the header of h + 1 names the root. It holds what the
question's query read, no more.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

import trio

from consensus import codec, merkle
from consensus.agreement.light import KEYS_MAX, StateProof
from consensus.ledger.earnings.history import find_record
from consensus.ledger.earnings.what_if import Edits, InvalidEdit, replay
from consensus.ledger.state import Reading, State
from consensus.ledger.subnet.records import find_subnet
from consensus.quantities import Height, NetUid
from daemon.engine.chain import Chain
from daemon.engine.eras import get_entries
from daemon.engine.errors import NodeError, Why, not_found
from daemon.views.proofs import attach_proof, present_proof
from daemon.views.subnets import no_subnet
from daemon.views.view import Answer, StateQuestion
from daemon.views.what_if import WhatIfAnswer, present_outcomes
from storage.errors import NotKept
from storage.store import Store

PROOF_BYTES_MAX = 8 << 20
"""Keys and values in one proof: the record of the largest epoch is some 4 MB."""
ANSWERS_AT_ONCE = 2
"""Worker threads for questions; more would only wait for the interpreter."""
REPLAYS_AT_ONCE, REPLAYS_WAITING = 1, 4
"""An epoch of 4,096 neurons takes half a second, twice."""
T = TypeVar("T")


class RecordingView:
    """A ledger that notes what is read of it, within the bounds of a proof."""

    def __init__(self, view: Reading) -> None:
        """Read from `view`."""
        self._view = view
        self._size_bytes = 0
        self.entries: dict[bytes, bytes | None] = {}
        self.is_complete = True

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None.

        Raises:
            NodeError: the proof would be too large.
        """
        value = self._view.get(key)
        self._note(key, value)
        return value

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs whose key begins with `prefix`, keys ascending. Raises as `get`."""
        self.is_complete = False
        for key, value in self._view.scan(prefix):
            self._note(key, value)
            yield key, value

    def _note(self, key: bytes, value: bytes | None) -> None:
        if key in self.entries:
            return
        self.entries[key] = value
        self._size_bytes += len(key) + len(value or b"")
        if len(self.entries) > KEYS_MAX or self._size_bytes > PROOF_BYTES_MAX:
            raise NodeError(
                Why.IMPOSSIBLE,
                "proof_too_large",
                f"The answer reads over {KEYS_MAX} entries or {PROOF_BYTES_MAX >> 20} MiB.",
                "Ask without proof, or for a smaller part.",
            )


class Asking:
    """Questions of one node's chain."""

    def __init__(self, chain: Chain, store: Store) -> None:
        """Answer from `chain` and `store`."""
        self._chain = chain
        self._store = store
        self._answers = trio.CapacityLimiter(ANSWERS_AT_ONCE)
        self._replays = trio.CapacityLimiter(REPLAYS_AT_ONCE)

    async def ask(self, question: StateQuestion[Answer], height: Height | None) -> Answer:
        """Return the answer as of block `height`; None is the head.

        Raises:
            NodeError: the height is not kept, or what was asked for does not exist.
        """
        state = self._get_state(height)
        return await self._run(partial(question.answer, state), self._answers)

    async def ask_proved(self, question: StateQuestion[Answer], height: Height | None) -> Answer:
        """Return the answer with its proof; None is the newest height that can be proved.

        Raises:
            NodeError: as `ask`; or nothing vouches for that height yet, or it takes too much.
        """
        head = self._chain.head.header.height
        wanted = Height(max(head - 1, 0)) if height is None else height
        if wanted == head:
            raise NodeError(
                Why.UNKNOWN,
                "not_proved_yet",
                f"The block that vouches for height {wanted} is not final yet.",
                f"Ask for height {max(head - 1, 0)}, or again after the next block.",
            )
        state = self._get_state(wanted)
        return await self._run(partial(self._answer_proved, question, state), self._answers)

    async def what_if(self, netuid: NetUid, edits: Edits, height: Height | None) -> WhatIfAnswer:
        """Return what the last epoch before `height` paid, and what it would have paid.

        Raises:
            NodeError: there was no epoch, an edit makes no sense, or too many wait.
        """
        if self._replays.statistics().tasks_waiting >= REPLAYS_WAITING:
            raise NodeError(
                Why.BUSY, "busy", "Too many epochs are being replayed.", "Try again soon."
            )
        state = self._get_state(height)
        return await self._run(partial(_replay, state, netuid, edits), self._replays)

    def _get_state(self, height: Height | None) -> State:
        head = self._chain.head
        if height is None or height == head.header.height:
            return head.state
        try:
            reader = self._store.states.reader(height)
        except NotKept as error:
            raise self._not_kept(height) from error
        root = self._store.blocks.root_at(height)
        assert root is not None, "a kept state's root is stored with its block"
        return State.from_reader(reader, height, root)

    async def _run(self, work: Callable[[], T], limiter: trio.CapacityLimiter) -> T:
        try:
            return await trio.to_thread.run_sync(work, limiter=limiter)
        except NotKept as error:  # pruned while it was being read
            raise self._not_kept(error.height) from error

    def _not_kept(self, height: int) -> NodeError:
        states = self._store.states
        window = f"heights {states.horizon} to {states.head} are kept"
        message = f"The state of height {height} is not here: {window}."
        if height > states.head:
            return NodeError(
                Why.UNKNOWN, "not_kept", message, "Wait for that block, or ask for the head."
            )
        return NodeError(Why.GONE, "not_kept", message, "Ask for a later height, or another node.")

    def _answer_proved(self, question: StateQuestion[Answer], state: State) -> Answer:
        recorder = RecordingView(state)
        answer = question.answer(recorder)
        first = state.height + 1
        finality = self._store.blocks.finality(first)
        assert finality is not None, "blocks below the head are final"
        last, certificate = finality
        headers = [self._store.blocks.header_at(height) for height in range(first, last + 1)]
        ended = self._store.blocks.hand_off(certificate.era)
        if ended is not None and ended.header.height == last:
            headers += self._store.blocks.seals(certificate.era)
        entries = get_entries(self._store, self._chain.committee, certificate.era)
        proof = StateProof(
            entries=tuple(recorder.entries.items()),
            tree=merkle.prove_keys(state, recorder.entries),
            headers=tuple(codec.encode(header) for header in headers),
            certificate=codec.encode(certificate),
        )
        shown = present_proof(state.height, proof, entries)
        return attach_proof(answer, shown, is_complete=recorder.is_complete)


def _replay(state: State, netuid: NetUid, edits: Edits) -> WhatIfAnswer:
    if find_subnet(state, netuid) is None:
        raise no_subnet(netuid)
    record = find_record(state, netuid)
    if record is None:
        raise not_found(f"closed epoch of subnet {netuid}", "Ask again after its first epoch step.")
    try:
        outcomes = replay(record, edits)
    except InvalidEdit as error:
        message = f"The epoch can't be edited so: {error}."
        remedy = "Compare the edits with the metagraph and with GET /docs."
        raise NodeError(Why.IMPOSSIBLE, "invalid_edit", message, remedy) from error
    return present_outcomes(netuid, state.height, record, outcomes)
