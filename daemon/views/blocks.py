"""Final blocks and what is in them, and how eras ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from config.address import format_address
from consensus import crypto
from consensus.quantities import Era, Hash32, Height
from consensus.types import Block, Header, Receipt, SignedTransaction, ValidatorEntry
from daemon import unit
from daemon.views.inputs import HeightInput, WholeInput
from daemon.views.plain import name_code, name_type, present_call
from daemon.views.view import of_node

if TYPE_CHECKING:
    from daemon.views.face import NodeFace

BLOCKS_MAX = 100
"""Blocks in one answer: each costs a read."""
ERAS_MAX = 64
"""Hand-offs in one answer: 1.3 MB of hex with 256 validators each."""


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """One included transaction, its call by name, and what became of it."""

    id: Annotated[str, unit.data("Its id.", is_cut=True)]
    signer: Annotated[str, unit.address("Whose it is.")]
    nonce: Annotated[int, unit.count("The signer's transactions before it.", shown="never")]
    call: Annotated[str, unit.text("What it does.")]
    fields: Annotated[Mapping[str, object], unit.text("Of the call.", shown="never")]
    tip: Annotated[int, unit.rao("Above the fee.", shown="never")]
    fee: Annotated[int | None, unit.rao("What it cost.")]
    code: Annotated[
        int | None, unit.number("0: it took effect; null: not known yet, in the newest block.")
    ]
    error: Annotated[str | None, unit.text("The name of another code.", "refusal")] = None


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A final block without its transactions."""

    height: Annotated[int, unit.height("Its height.")]
    digest: Annotated[str, unit.data("Its hash.", is_cut=True)]
    parent: Annotated[str, unit.data("The hash of the block before.", shown="alone")]
    view: Annotated[int, unit.number("Of agreement.", shown="alone")]
    era: Annotated[int, unit.number("Of its validator set.", shown="alone")]
    proposer: Annotated[str, unit.address("Whose block it is.")]
    time_ms: Annotated[int, unit.time_ms("By its proposer.", "time, ms since 1970")]
    transaction_count: Annotated[int, unit.count("In it.", "transactions")]
    state_root: Annotated[str, unit.data("Of the state before it.", shown="never")]


@dataclass(frozen=True, slots=True)
class BlockAnswer:
    """A final block."""

    summary: Annotated[BlockRow, unit.part("The block.", "")]
    transactions: Annotated[tuple[TransactionRow, ...], unit.part("In their order.")]
    signers: Annotated[
        tuple[str, ...],
        unit.address("Whose votes finalised it, where its own certificate is kept.", "signed by"),
    ] = ()


@of_node("/chain/blocks/{height}", "query block", "12", "Block {summary[height]}")
def block(node: "NodeFace", height: HeightInput) -> BlockAnswer:
    """One final block with its transactions."""
    return node.block(height)


@dataclass(frozen=True, slots=True)
class BlocksAnswer:
    """Blocks, newest first."""

    blocks: Annotated[tuple[BlockRow, ...], unit.part("Newest first.")]


@of_node("/chain/blocks", "query blocks", "--count 5", "Final blocks")
def blocks(
    node: "NodeFace",
    start: Annotated[Height | None, WholeInput("First height; the head if absent.")] = None,
    count: Annotated[int, WholeInput("At most so many.", 1, BLOCKS_MAX)] = 20,
) -> BlocksAnswer:
    """Final blocks, newest first."""
    return BlocksAnswer(node.blocks(start, count))


@dataclass(frozen=True, slots=True)
class ErasAnswer:
    """How eras ended: a `HandOff` each, canonical CBOR, oldest first."""

    hand_offs: Annotated[tuple[str, ...], unit.data("From a validator set to the next.")]


@of_node("/chain/eras/{era}", "query eras", "1", "Ended eras")
def eras(
    node: "NodeFace",
    era: Annotated[Era, WholeInput("The first era.")],
    count: Annotated[int, WholeInput("At most so many.", 1, ERAS_MAX)] = 1,
) -> ErasAnswer:
    """How eras ended, oldest first: with the validator set of one, follow to the next."""
    return ErasAnswer(node.hand_offs(era, count))


# -- presenting -----------------------------------------------------------------------------------


def present_summary(
    header: Header, digest: Hash32, transaction_count: int, entries: tuple[ValidatorEntry, ...]
) -> BlockRow:
    """Return a block without its transactions; `entries` is its era's validator set."""
    is_genesis = header.height == 0
    return BlockRow(
        height=header.height,
        digest=digest.hex(),
        parent=header.parent.hex(),
        view=header.view,
        era=header.era,
        proposer="" if is_genesis else format_address(entries[header.proposer].hotkey),
        time_ms=header.time_ms,
        transaction_count=transaction_count,
        state_root=header.state_root.hex(),
    )


def present_block(
    found: Block,
    digest: Hash32,
    receipts: tuple[Receipt, ...] | None,
    entries: tuple[ValidatorEntry, ...],
    signers: tuple[str, ...] = (),
) -> BlockAnswer:
    """Return a block; `receipts` are those of its transactions, None while they are not known."""
    known: tuple[Receipt | None, ...] = receipts or (None,) * len(found.transactions)
    pairs = zip(found.transactions, known, strict=True)
    return BlockAnswer(
        summary=present_summary(found.header, digest, len(found.transactions), entries),
        transactions=tuple(present_transaction(signed, receipt) for signed, receipt in pairs),
        signers=signers,
    )


def present_transaction(signed: SignedTransaction, receipt: Receipt | None) -> TransactionRow:
    """Return an included transaction and what became of it."""
    transaction = signed.transaction
    return TransactionRow(
        id=crypto.compute_transaction_id(transaction).hex(),
        signer=format_address(transaction.signer),
        nonce=transaction.nonce,
        call=name_type(type(transaction.call)),
        fields=present_call(transaction.call),
        tip=transaction.tip,
        fee=None if receipt is None else receipt.fee,
        code=None if receipt is None else receipt.code,
        error=None if receipt is None else name_code(receipt.code),
    )
