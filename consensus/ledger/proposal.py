"""Build the body a leader proposes from a parent state and a mempool.

Each transaction is tried on a draft of the parent's post-state, so the body holds only what may be
included; whether its calls succeed is shown by the receipts of the block that follows.
"""

from consensus.calls.weights import CommitWeights, RevealWeights
from consensus.errors import InvalidTransaction
from consensus.ledger.calls import process_transaction
from consensus.ledger.events import LedgerEvent
from consensus.ledger.fees import Measured, check_window, reprice
from consensus.ledger.mempool import Mempool
from consensus.ledger.records import get_network
from consensus.ledger.state import Draft, State
from consensus.types import SignedTransaction

COUNT_MAX = 8_192
"""Most transactions of a block, as `types.Block` says."""
SMALLEST = 120
"""Bytes: no signed transaction is smaller (two keys or hashes and a signature)."""
LIST_HEAD_MAX = 3
"""Bytes before the first transaction of an encoded body."""
WEIGHTS_PERCENT = 75
"""Of a body, for calls that pay nothing: nobody can stop the others by having many validators."""


def build_body(state: State, mempool: Mempool) -> tuple[SignedTransaction, ...]:
    """Return the transactions for the block after `state`, best first, within the size limit.

    Commits and reveals fill at most `WEIGHTS_PERCENT` of a body while others wait.
    """
    body = _Body(state)
    weights_room = body.room * WEIGHTS_PERCENT // 100
    late: list[Measured] = []
    for admitted in mempool.take(state):
        if body.is_full():
            break
        if isinstance(admitted.signed.transaction.call, CommitWeights | RevealWeights):
            weights_room -= admitted.size_bytes
            if weights_room < 0:
                late.append(admitted)
                continue
        body.add(admitted)
    for admitted in late:
        if body.is_full():
            break
        body.add(admitted)
    return tuple(body.chosen)


class _Body:
    """A body in the making: what has been chosen, the room that is left, and what it led to."""

    __slots__ = ("_draft", "_params", "chosen", "room")

    def __init__(self, state: State) -> None:
        self._params = get_network(state).params
        self._draft = Draft(state)
        self.chosen: list[SignedTransaction] = []
        self.room = self._params.block_bytes_max - LIST_HEAD_MAX

    def is_full(self) -> bool:
        """Tell whether no transaction at all fits in any more."""
        return self.room < SMALLEST or len(self.chosen) >= COUNT_MAX

    def add(self, admitted: Measured) -> None:
        """Choose a transaction if it fits and may be included."""
        measured = reprice(self._params, admitted)
        if measured.size_bytes > self.room:
            return
        try:
            check_window(self._params, measured, self._draft.height)
            process_transaction(self._draft, measured, _ignore)
        except InvalidTransaction:
            return
        self.room -= measured.size_bytes
        self.chosen.append(measured.signed)


def _ignore(_event: LedgerEvent) -> None:
    """Drop an event: a draft body has none to tell."""
