"""Build the body a leader proposes from a parent state and a mempool.

Each transaction is tried on a draft of the parent's post-state, so the body holds only what may be
included; whether its calls succeed is shown by the receipts of the block that follows.
"""

from consensus.errors import InvalidTransaction
from consensus.ledger.calls import process_transaction
from consensus.ledger.events import LedgerEvent
from consensus.ledger.fees import check_window, reprice
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


def build_body(state: State, mempool: Mempool) -> tuple[SignedTransaction, ...]:
    """Return the transactions for the block after `state`, best first, within the size limit."""
    params = get_network(state).params
    draft = Draft(state)
    chosen: list[SignedTransaction] = []
    room = params.block_bytes_max - LIST_HEAD_MAX
    for admitted in mempool.take(state):
        if room < SMALLEST:
            break
        measured = reprice(params, admitted)
        if measured.size_bytes > room or len(chosen) >= COUNT_MAX:
            continue
        try:
            check_window(params, measured, draft.height)
            process_transaction(draft, measured, _ignore)
        except InvalidTransaction:
            continue
        room -= measured.size_bytes
        chosen.append(measured.signed)
    return tuple(chosen)


def _ignore(_event: LedgerEvent) -> None:
    """Drop an event: a draft body has none to tell."""
