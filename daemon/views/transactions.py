"""What becomes of transactions: receipts, and what is answered to who hands one in."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from consensus import crypto
from consensus.types import Receipt, SignedTransaction
from daemon import unit
from daemon.views.inputs import IdInput
from daemon.views.plain import find_refusal, name_code
from daemon.views.view import of_node

if TYPE_CHECKING:
    from daemon.views.face import NodeFace


@dataclass(frozen=True, slots=True)
class ErrorPart:
    """What happened, under a code that never changes, and what to do."""

    code: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ReceiptAnswer:
    """What became of a transaction; pending: it waits in this node's mempool."""

    id: Annotated[str, unit.data("Of the transaction.", shown="never")]
    status: Annotated[Literal["pending", "final"], unit.text("Whether it is in a block.")]
    height: Annotated[int | None, unit.height("Of its block.", "block")] = None
    index: Annotated[int | None, unit.count("Transactions before it.", "place in it")] = None
    fee: Annotated[int | None, unit.rao("What it cost.")] = None
    code: Annotated[int | None, unit.number("0: it was done; else why its call failed.")] = None
    error: Annotated[str | None, unit.text("The name of that code.", "refusal")] = None
    remedy: Annotated[str | None, unit.text("What to do.")] = None


@of_node("/chain/transactions/{transaction}", "query receipt", "ab" * 32, "Transaction {id}")
def receipt(node: "NodeFace", transaction: IdInput) -> ReceiptAnswer:
    """What became of a transaction: final (within the kept window), or waiting here."""
    return node.receipt(transaction)


def present_receipt(found: Receipt, height: int, index: int) -> ReceiptAnswer:
    """Return what became of a final transaction."""
    refusal = find_refusal(found.code)
    return ReceiptAnswer(
        id=found.transaction_id.hex(),
        status="final",
        height=height,
        index=index,
        fee=found.fee,
        code=found.code,
        error=name_code(found.code),
        remedy=None if refusal is None else refusal.remedy,
    )


def present_pending(signed: SignedTransaction) -> ReceiptAnswer:
    """Return a transaction that waits."""
    return ReceiptAnswer(crypto.compute_transaction_id(signed.transaction).hex(), "pending")


# -- handing in -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SubmitAnswer:
    """A transaction the mempool took."""

    id: Annotated[str, unit.data("Of the transaction.")]


@dataclass(frozen=True, slots=True)
class SubmitRow:
    """What became of one transaction of many: its id, or why it was refused."""

    id: Annotated[str | None, unit.data("Of the transaction.")]
    error: ErrorPart | None = None


@dataclass(frozen=True, slots=True)
class SubmitManyAnswer:
    """One result for each transaction, in the order they came."""

    accepted: Annotated[int, unit.count("Those taken.")]
    results: tuple[SubmitRow, ...]
