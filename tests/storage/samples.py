"""The smallest blocks, votes and certificates that storage takes; any field can be overridden."""

from collections.abc import Mapping
from dataclasses import replace

from consensus.calls.accounts import Transfer
from consensus.crypto import compute_header_digest
from consensus.quantities import (
    U16,
    ZERO_HASH,
    Amount,
    Era,
    Hash32,
    Height,
    Nonce,
    PublicKey,
    Signature,
    TimeMs,
    ValidatorIndex,
    View,
)
from consensus.types import (
    Block,
    BlockKind,
    Certificate,
    Header,
    Proposal,
    Receipt,
    SignedTransaction,
    Transaction,
    Vote,
    VoteKind,
)
from storage.db import Database
from storage.schema import Txn
from storage.store import FinalBlock

CHAIN_ID = Hash32(b"c" * 32)
OTHER_CHAIN_ID = Hash32(b"d" * 32)
SIGNATURE = Signature(b"s" * 64)
HEADER = Header(
    era=Era(1),
    view=View(0),
    height=Height(0),
    kind=BlockKind.BLOCK,
    parent=ZERO_HASH,
    parent_view=View(0),
    proposer=ValidatorIndex(0),
    time_ms=TimeMs(1),
    reveal=ZERO_HASH,
    body_root=ZERO_HASH,
    justify_root=ZERO_HASH,
    state_root=ZERO_HASH,
    receipts_root=ZERO_HASH,
    vset_hash=ZERO_HASH,
    next_vset_hash=ZERO_HASH,
)


def make_block(height: int = 1, parent: Hash32 = ZERO_HASH, view: int | None = None) -> Block:
    header = replace(
        HEADER,
        height=Height(height),
        view=View(height if view is None else view),
        parent=parent,
    )
    return Block(header, (), ())


def make_transfer(nonce: int = 0) -> SignedTransaction:
    call = Transfer(PublicKey(b"t" * 32), Amount(5))
    signer = PublicKey(b"a" * 32)
    transaction = Transaction(CHAIN_ID, signer, Nonce(nonce), Height(9), Amount(0), call)
    return SignedTransaction(transaction, SIGNATURE)


def make_receipt(code: int = 0) -> Receipt:
    return Receipt(ZERO_HASH, U16(code), Amount(7))


def make_proposal(block: Block) -> Proposal:
    return Proposal(block, SIGNATURE)


def digest_of(block: Block) -> Hash32:
    return compute_header_digest(block.header)


def make_vote(
    view: int = 1, kind: VoteKind = VoteKind.NOTARIZE, digest: bytes = b"v" * 32, era: int = 1
) -> Vote:
    return Vote(kind, Era(era), View(view), Hash32(digest), ValidatorIndex(0), SIGNATURE)


def make_certificate(block: Block, kind: VoteKind = VoteKind.FINALIZE) -> Certificate:
    header = block.header
    signers = (ValidatorIndex(0),)
    return Certificate(kind, header.era, header.view, digest_of(block), signers, (SIGNATURE,))


def make_final(
    block: Block,
    changes: Mapping[bytes, bytes | None] | None = None,
    nodes: Mapping[bytes, bytes | None] | None = None,
    receipts: tuple[Receipt, ...] = (),
) -> FinalBlock:
    root = Hash32(block.header.height.to_bytes(32, "big"))
    return FinalBlock(block, digest_of(block), root, receipts, changes or {}, nodes or {})


def make_chain(length: int) -> list[Block]:
    """Genesis and `length` blocks on it, each its predecessor's child."""
    blocks = [make_block(0)]
    for height in range(1, length + 1):
        blocks.append(make_block(height, digest_of(blocks[-1])))
    return blocks


def flip_bit(database: Database, name: str, key: bytes, place: int = -1) -> None:
    """Change one bit of a row behind the back of its checksum."""
    table = database.tables[name]

    def work(txn: Txn) -> None:
        row = bytearray(txn.get(key, db=table.handle) or b"")
        row[place] ^= 4
        txn.put(key, bytes(row), db=table.handle)

    database.write_now(work)
