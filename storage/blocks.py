"""Blocks and certificates by hash and by height.

Bodies are stored by the digest of their header, together with the leader's signature when we have
it, so that a proposal can be sent again byte for byte. A final block also has a row by height.
The ids of its transactions lead to their places in it for as long as its state is kept.
Certificates of views above the last final one are stored by (era, view, kind); the one that made
blocks final is kept for ever under the height of the highest of them. Proposals that did not become
final go when their view is passed.

How each era ended is kept for ever by the era's number: its hand-off, and under their digests the
seals from its last block up to the one that the hand-off's certificate names.

Point reads are synchronous (some microseconds and the decoding); ranges run in a thread.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, TypeVar

from consensus import codec
from consensus.crypto import compute_header_digest
from consensus.errors import DecodeError
from consensus.quantities import CountMax, Era, Hash32, Height, Signature, View
from consensus.types import (
    Block,
    BlockKind,
    Certificate,
    HandOff,
    Header,
    Proposal,
    Receipt,
    VoteKind,
)
from storage.db import Database
from storage.schema import Table, Txn, be64

T = TypeVar("T")

NO_SIGNATURE = Signature(bytes(64))
"""Stands before a body whose leader's signature we never saw (it came by sync)."""
RANGE_BYTES_MAX = 1 << 20
"""Default size of one answer of `bodies` and `headers`."""
PRUNED_HEIGHTS = 2
"""Heights whose transaction ids are forgotten with each new block, so that a shorter window is
reached without a pause."""
_HEAD = b"head"
_INDEXED = b"transactions"
"""In `meta`: the lowest height whose transactions are found by id."""


@dataclass(frozen=True, slots=True)
class StoredHead:
    """The last final block: its place, the state root after it, and what made it final.

    `view` is the certificate's: that of the block, or of a seal above an era's last block.
    `certificate` is None for genesis alone, which is final by definition.
    """

    height: Height
    era: Era
    view: View
    digest: Hash32
    root: Hash32
    certificate: Certificate | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a final transaction stands: its block's height, its place in the block's list."""

    height: Height
    index: int


@dataclass(frozen=True, slots=True)
class _Receipts:
    """The receipts of one block, in the order of its transactions."""

    items: Annotated[tuple[Receipt, ...], CountMax(8192)]


class Blocks:
    """The stored blocks. One per open store."""

    __slots__ = ("_database", "_tables")

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tables = database.tables

    # -- point reads --------------------------------------------------------------------------

    def head(self) -> StoredHead | None:
        """Return the last final block's record; None before genesis is stored."""
        return self._database.read_now(self.head_in)

    def header(self, digest: Hash32) -> Header | None:
        """Return the header of that digest, final or proposed."""
        return self._decode("headers", digest, Header)

    def block(self, digest: Hash32) -> Block | None:
        """Return the block of that digest, final or proposed."""
        row = self._get("bodies", digest)
        return None if row is None else self._decode_row("bodies", digest, Block, row[64:])

    def block_bytes(self, digest: Hash32) -> bytes | None:
        """Return the canonical encoding of the block of that digest."""
        row = self._get("bodies", digest)
        return None if row is None else row[64:]

    def proposal(self, digest: Hash32) -> Proposal | None:
        """Return the block and its leader's signature, if we ever saw that signature."""
        row = self._get("bodies", digest)
        if row is None or row[:64] == NO_SIGNATURE:
            return None
        block = self._decode_row("bodies", digest, Block, row[64:])
        return Proposal(block, Signature(row[:64]))

    def digest_at(self, height: int) -> Hash32 | None:
        """Return the digest of the final block at `height`."""
        row = self._get("canonical", be64(height))
        return None if row is None else Hash32(row[:32])

    def root_at(self, height: int) -> Hash32 | None:
        """Return the state root after the final block at `height`."""
        row = self._get("canonical", be64(height))
        return None if row is None else Hash32(row[32:])

    def header_at(self, height: int) -> Header | None:
        """Return the header of the final block at `height`."""
        digest = self.digest_at(height)
        return None if digest is None else self.header(digest)

    def block_at(self, height: int) -> Block | None:
        """Return the final block at `height`."""
        digest = self.digest_at(height)
        return None if digest is None else self.block(digest)

    def receipts_at(self, height: int) -> tuple[Receipt, ...] | None:
        """Return the receipts of the final block at `height`, in the order of transactions."""
        row = self._get("receipts", be64(height))
        if row is None:
            return None
        return self._decode_row("receipts", be64(height), _Receipts, row).items

    def place_of(self, transaction_id: Hash32) -> Place | None:
        """Return where a final transaction stands; None if it is unknown or no longer kept."""
        row = self._get("transactions", transaction_id)
        if row is None:
            return None
        return Place(Height(int.from_bytes(row[:8], "big")), int.from_bytes(row[8:], "big"))

    def indexed_from(self) -> Height | None:
        """Return the lowest height whose transactions are found by id; None before any."""
        row = self._get("meta", _INDEXED)
        return None if row is None else Height(int.from_bytes(row, "big"))

    def certificate(self, kind: VoteKind, era: int, view: int) -> Certificate | None:
        """Return the certificate of that kind, if its view is not yet below the final one."""
        return self._decode("certificates", _certificate_key(era, view, kind), Certificate)

    def finality(self, height: int) -> tuple[Height, Certificate] | None:
        """Return what made `height` final: the first certified height not below it."""

        def read(txn: Txn) -> tuple[Height, Certificate] | None:
            table = self._tables["finality"]
            for key, row in table.scan(txn, be64(height)):
                certificate = _decode(table, key, Certificate, row)
                return Height(int.from_bytes(key, "big")), certificate
            return None

        return self._database.read_now(read)

    def hand_off(self, era: int) -> HandOff | None:
        """Return how an era ended; None while it has not."""
        return self._decode("eras", be64(era), HandOff)

    def seals(self, era: int) -> tuple[Header, ...]:
        """Return the seals on the last block of an era, lowest first, up to the certified one."""
        ended = self.hand_off(era)
        found: list[Header] = []
        header = None if ended is None else ended.header
        while header is not None and header.kind is BlockKind.SEAL:
            found.append(header)
            header = self.header(header.parent)
        return tuple(reversed(found))

    # -- ranges -------------------------------------------------------------------------------

    async def headers(self, start: int, count: int) -> tuple[bytes, ...]:
        """Return the encoded headers of up to `count` final blocks from height `start` on."""
        return await self._database.read(
            lambda txn: tuple(self._collect(txn, "headers", start, count, RANGE_BYTES_MAX))
        )

    async def bodies(
        self, start: int, count: int, bytes_max: int = RANGE_BYTES_MAX
    ) -> tuple[bytes, ...]:
        """Return the encoded blocks of up to `count` final heights from `start` on.

        At most `bytes_max` in all, but at least one block if there is any.
        """
        return await self._database.read(
            lambda txn: tuple(self._collect(txn, "bodies", start, count, bytes_max))
        )

    def open_blocks(self) -> tuple[Proposal | Block, ...]:
        """Return every stored block above the final view, by (era, view); for a restart."""

        def read(txn: Txn) -> tuple[Proposal | Block, ...]:
            digests = [Hash32(key[16:]) for key in self._tables["open"].keys(txn)]
            return tuple(self._open_block(txn, digest) for digest in digests)

        return self._database.read_now(read)

    def open_certificates(self) -> tuple[Certificate, ...]:
        """Return every stored certificate from the final view on, by (era, view, kind)."""

        def read(txn: Txn) -> tuple[Certificate, ...]:
            table = self._tables["certificates"]
            return tuple(_decode(table, key, Certificate, row) for key, row in table.scan(txn))

        return self._database.read_now(read)

    # -- writes, inside the caller's transaction -----------------------------------------------

    def put_block(self, txn: Txn, item: Proposal | Block, digest: Hash32 | None = None) -> Hash32:
        """Store a proposed block; return its digest. A signature, once known, is not forgotten."""
        block, signature = (
            (item.block, item.signature) if isinstance(item, Proposal) else (item, NO_SIGNATURE)
        )
        header = block.header
        digest = digest or compute_header_digest(header)
        bodies = self._tables["bodies"]
        row = bodies.get(txn, digest)
        if row is None:
            bodies.put(txn, digest, signature + codec.encode(block))
            self._tables["headers"].put(txn, digest, codec.encode(header))
            self._tables["open"].put(txn, be64(header.era) + be64(header.view) + digest, b"")
        elif row[:64] == NO_SIGNATURE != signature:
            bodies.put(txn, digest, signature + row[64:])
        return digest

    def put_certificate(self, txn: Txn, certificate: Certificate) -> None:
        """Store a certificate of an open view."""
        key = _certificate_key(certificate.era, certificate.view, certificate.kind)
        self._tables["certificates"].put(txn, key, codec.encode(certificate))

    def put_final(
        self, txn: Txn, block: Block, digest: Hash32, root: Hash32, receipts: Iterable[Receipt]
    ) -> None:
        """Give a block its place by height; `root` is the state's after it."""
        header = block.header
        self.put_block(txn, block, digest)
        self._tables["open"].delete(txn, be64(header.era) + be64(header.view) + digest)
        self._tables["canonical"].put(txn, be64(header.height), digest + root)
        kept = _Receipts(tuple(receipts))
        self._tables["receipts"].put(txn, be64(header.height), codec.encode(kept))
        if self._tables["meta"].get(txn, _INDEXED) is None:
            self._tables["meta"].put(txn, _INDEXED, be64(header.height))
        for index, receipt in enumerate(kept.items):
            place = be64(header.height) + be64(index)
            self._tables["transactions"].put(txn, receipt.transaction_id, place)

    def put_hand_off(self, txn: Txn, hand_off: HandOff, seals: Iterable[Block]) -> None:
        """Record how an era ended; its last block is stored with `put_final`."""
        for seal in seals:
            digest, header = self.put_block(txn, seal), seal.header
            self._tables["open"].delete(txn, be64(header.era) + be64(header.view) + digest)
        self._tables["eras"].put(txn, be64(hand_off.header.era), codec.encode(hand_off))

    def forget_transactions(self, txn: Txn, oldest: int) -> None:
        """Forget the ids of transactions below height `oldest`, a few heights at a time."""
        meta, receipts = self._tables["meta"], self._tables["receipts"]
        first = int.from_bytes(meta.get(txn, _INDEXED) or b"", "big")
        stop = min(oldest, first + PRUNED_HEIGHTS)
        for height in range(first, stop):
            row = receipts.get(txn, be64(height))
            for receipt in _decode(receipts, be64(height), _Receipts, row).items if row else ():
                self._tables["transactions"].delete(txn, receipt.transaction_id)
        if stop > first:
            meta.put(txn, _INDEXED, be64(stop))

    def put_head(self, txn: Txn, head: StoredHead) -> None:
        """Record the last final block, keep its certificate, forget what its view has passed."""
        encoded = b"" if head.certificate is None else codec.encode(head.certificate)
        fixed = be64(head.height) + be64(head.era) + be64(head.view) + head.digest + head.root
        self._tables["meta"].put(txn, _HEAD, fixed + encoded)
        if head.certificate is not None:
            self._tables["finality"].put(txn, be64(head.height), encoded)
        passed = be64(head.era) + be64(head.view)
        certificates = self._tables["certificates"]
        for key in list(certificates.keys(txn, b"", passed)):
            certificates.delete(txn, key)
        for key in list(self._tables["open"].keys(txn, b"", passed + b"\xff" * 33)):
            self._tables["open"].delete(txn, key)
            self._tables["bodies"].delete(txn, key[16:])
            self._tables["headers"].delete(txn, key[16:])

    # -- private ------------------------------------------------------------------------------

    def head_in(self, txn: Txn) -> StoredHead | None:
        """Do what `head` does inside the caller's transaction."""
        meta = self._tables["meta"]
        row = meta.get(txn, _HEAD)
        if row is None:
            return None
        height, era, view = (int.from_bytes(row[i : i + 8], "big") for i in (0, 8, 16))
        certificate = _decode(meta, _HEAD, Certificate, row[88:]) if row[88:] else None
        digest, root = Hash32(row[24:56]), Hash32(row[56:88])
        return StoredHead(Height(height), Era(era), View(view), digest, root, certificate)

    def _get(self, name: str, key: bytes) -> bytes | None:
        table = self._tables[name]
        return self._database.read_now(lambda txn: table.get(txn, key))

    def _decode(self, name: str, key: bytes, kind: type[T]) -> T | None:
        row = self._get(name, key)
        return None if row is None else self._decode_row(name, key, kind, row)

    def _decode_row(self, name: str, key: bytes, kind: type[T], row: bytes) -> T:
        return _decode(self._tables[name], key, kind, row)

    def _open_block(self, txn: Txn, digest: Hash32) -> Proposal | Block:
        bodies = self._tables["bodies"]
        row = bodies.get(txn, digest)
        if row is None:
            raise bodies.corrupt(digest, "the body of an open proposal is missing")
        block = _decode(bodies, digest, Block, row[64:])
        return block if row[:64] == NO_SIGNATURE else Proposal(block, Signature(row[:64]))

    def _collect(
        self, txn: Txn, name: str, start: int, count: int, bytes_max: int
    ) -> Iterator[bytes]:
        table = self._tables[name]
        size = 0
        stop = be64(min(start + count, 2**64 - 1))
        for key, row in self._tables["canonical"].scan(txn, be64(start), stop):
            payload = table.get(txn, row[:32])
            if payload is None:
                raise table.corrupt(row[:32], f"missing for final height {key.hex()}")
            item = payload[64:] if name == "bodies" else payload
            size += len(item)
            if size > bytes_max and size != len(item):
                return
            yield item


def _certificate_key(era: int, view: int, kind: VoteKind) -> bytes:
    return be64(era) + be64(view) + bytes([kind])


def _decode(table: Table, key: bytes, kind: type[T], row: bytes) -> T:
    try:
        return codec.decode(kind, row)
    except DecodeError as error:
        raise table.corrupt(key, str(error)) from error
