"""A node that always says the same: what the door's tests look at."""

import io
import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache

import structlog

from config.address import format_address
from consensus.ledger.genesis import GenesisAccount
from consensus.ledger.state import State
from consensus.quantities import Amount, Era, Hash32, Height, NetUid, PublicKey
from daemon.engine.errors import NodeError, Why, bad_request, not_found
from daemon.hosting.status import NeuronStatus
from daemon.telemetry import configure_logging
from daemon.views.blocks import BlockAnswer, BlockRow, TransactionRow
from daemon.views.events import EventBus
from daemon.views.node import Check, PeerRow, StatusAnswer
from daemon.views.previewing import PreviewAnswer
from daemon.views.supply import SupplyPart
from daemon.views.transactions import ReceiptAnswer
from daemon.views.view import Answer, ProofPart, StateQuestion
from daemon.views.what_if import WhatIfAnswer, WhatIfEdits
from tests import builders


@contextmanager
def kept_log() -> Generator[io.StringIO]:
    """Keep the log in memory, so that it does not mix with what a verb prints."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    yield stream
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


ALICE = PublicKey(bytes(range(32)))
RICHES = 10**16 + 1
"""What ALICE has: more than JSON's usual readers count to."""
HEAD = Height(3)
PROOF = ProofPart(2, complete=True, entries=(), tree="", headers=(), certificate="", validators=())


@cache
def make_ledger() -> State:
    """Return a state after one epoch of subnet 1."""
    accounts = (GenesisAccount(ALICE, Amount(RICHES)),)
    state = builders.make_state(accounts=accounts)
    return builders.play_epoch(state, {"hot0": {2: 65535}, "hot1": {2: 65535, 3: 9}})


@dataclass(slots=True)
class FixedView:
    """Three blocks, one subnet, one peer."""

    events: EventBus = field(default_factory=EventBus)
    checks: tuple[Check, ...] = (Check("synced", ok=True, detail="at the head"),)
    broken: bool = False

    def status(self) -> StatusAnswer:
        if self.broken:
            raise RuntimeError("planted")
        return StatusAnswer(
            name="alice",
            version="0.1.0",
            network="devnet",
            chain_id="ab" * 32,
            peer_id="12D3",
            addresses=("/ip4/127.0.0.1/tcp/1",),
            reachable="yes: a peer on this machine called it.",
            height=HEAD,
            head="cd" * 32,
            head_time_ms=1,
            state_root="ef" * 32,
            view=4,
            era=1,
            era_last=360,
            validators=4,
            is_validator=True,
            syncing=False,
            peers=(PeerRow("12D4", "/ip4/127.0.0.1/tcp/2", "out", 1.0, 0.4),),
            mempool_transactions=0,
            uptime_s=1.5,
            neuron=NeuronStatus("miner", 1, format_address(ALICE), 0, "ready", "cpu"),
            supply=SupplyPart(21 * 10**15, 21 * 10**15, 0, 0, 0),
        )

    def readiness(self) -> tuple[Check, ...]:
        return self.checks

    def block(self, height: Height) -> BlockAnswer:
        if height > HEAD:
            raise not_found(f"final block {height}", f"The head is {HEAD}.")
        sent = TransactionRow(
            "aa" * 32, format_address(ALICE), 0, "transfer", {"amount": 5}, 0, 10, 0
        )
        return BlockAnswer(self._summary(height), (sent,))

    def blocks(self, start: Height | None, count: int) -> tuple[BlockRow, ...]:
        first = HEAD if start is None else min(start, HEAD)
        return tuple(self._summary(Height(h)) for h in range(first, max(first - count, -1), -1))

    def hand_offs(self, first: Era, count: int) -> tuple[str, ...]:
        return ("ab",) * min(count, max(0, 3 - first))

    def receipt(self, transaction_id: Hash32) -> ReceiptAnswer:
        if any(transaction_id):
            raise not_found(f"transaction {transaction_id.hex()}", "Ask again.")
        return ReceiptAnswer(transaction_id.hex(), "final", 1, 0, 10, 0)

    async def ask(self, question: StateQuestion[Answer], height: Height | None) -> Answer:
        if height is not None and height > HEAD:
            raise NodeError(Why.UNKNOWN, "not_kept", "Heights 0 to 3 are kept.", "Wait.")
        return question.answer(make_ledger())

    async def ask_proved(self, question: StateQuestion[Answer], height: Height | None) -> Answer:
        return replace(await self.ask(question, height), proof=PROOF)

    async def what_if(
        self, netuid: NetUid, edits: WhatIfEdits, height: Height | None
    ) -> WhatIfAnswer:
        if edits.weights:
            raise NodeError(
                Why.IMPOSSIBLE, "invalid_edit", "The edit makes no sense.", "Change it."
            )
        return WhatIfAnswer(netuid, HEAD if height is None else height, 0, ())

    async def submit(self, data: bytes) -> Hash32:
        if len(data) != 32:
            raise bad_request("That is no transaction.", "Sign one.")
        return Hash32(data)

    async def drip(self, key: PublicKey) -> Hash32:
        return Hash32(key)

    async def preview(self, data: bytes) -> PreviewAnswer:
        if not data:
            raise bad_request("That is no transaction.", "Encode one.")
        return PreviewAnswer(4, "succeeds", 10, 0, 0, 0, None, None, None, (), (), ())

    async def submit_many(self, items: Sequence[bytes]) -> tuple[Hash32 | NodeError, ...]:
        results: list[Hash32 | NodeError] = []
        for data in items:
            try:
                results.append(await self.submit(data))
            except NodeError as error:
                results.append(error)
        return tuple(results)

    def _summary(self, height: Height) -> BlockRow:
        return BlockRow(height, "cd" * 32, "ce" * 32, height, 1, "5F", 1, 1, "ef" * 32)
