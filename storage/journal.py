"""What we signed: votes and weight commits, durable before any peer may see them.

The journal is an LMDB environment of its own (`sign`): a few rows, synced at every append, each
under a BLAKE2b checksum. It is the last door before equivocation: a vote that contradicts a stored
one is refused here whatever the agreement machine thinks.

A journal can be lost while the chain beside it survives (damage, or a restored backup). Each has an
id and counts its appends, and the chain remembers both. If they disagree, `is_new` is true: before
the restart we may have signed votes that are not in this journal, so votes are refused until
`accept_loss`. The caller may call that only once a block newer than this start is final
(`docs/spec/agreement.md` 2.9). An empty data folder looks the same as a first start: `is_first`.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from os import urandom

from consensus import codec
from consensus.errors import DecodeError
from consensus.quantities import Epoch, NetUid, View
from consensus.reward.commit_reveal import WeightSecret
from consensus.types import Vote, VoteKind
from storage.db import Database
from storage.errors import DoubleVote, JournalLost
from storage.schema import Table, Txn, be64, compute_stop

PRUNE_ROWS_MAX = 64
"""Old votes dropped by one append: more than it adds, but too few to slow it down."""
SECRET_EPOCHS_KEPT = 4
"""A commitment is revealed in the next epoch or never; older ones are kept for investigations."""
_JOURNAL = b"journal"
"""Meta key in both environments: 16 bytes of id, the count of appends, then (in `sign` alone) the
(era, view) below which votes have been dropped and none may be added."""
_EXCLUDES = {
    VoteKind.FINALIZE: VoteKind.NULLIFY,
    VoteKind.NULLIFY: VoteKind.FINALIZE,
}
"""Kinds of which one view may have only one (docs/spec/agreement.md 2.3, L1)."""
_SAME_DIGEST = {
    VoteKind.NOTARIZE: (VoteKind.NOTARIZE, VoteKind.FINALIZE),
    VoteKind.FINALIZE: (VoteKind.FINALIZE, VoteKind.NOTARIZE),
    VoteKind.NULLIFY: (VoteKind.NULLIFY,),
    VoteKind.PROPOSE: (VoteKind.PROPOSE,),
}
"""Kinds that must name the same block if one view has both."""


class Journal:
    """The open journal. One per data folder; only it writes to `sign`."""

    __slots__ = ("_floor", "_id", "_is_new", "_sequence", "_sign", "_tables", "is_first")

    def __init__(self, sign: Database, chain: Database) -> None:
        """Open the journal in `sign` and compare it with what `chain` remembers of it."""
        self._sign = sign
        self._tables = sign.tables
        self._floor = b""
        self._id, self._sequence = sign.write_now(self._open)
        seen = chain.read_now(lambda txn: chain.tables["meta"].get(txn, _JOURNAL))
        self.is_first = seen is None and self._sequence == 0
        """Whether both chain and journal are new: a first start, or everything was wiped."""
        self._is_new = seen is not None and not self._is_known(seen)
        if seen is None:
            chain.write_now(lambda txn: self.remember_in(txn, chain.tables["meta"]))

    @property
    def is_new(self) -> bool:
        """Whether what we signed before is unknown: the chain remembers another journal."""
        return self._is_new

    @property
    def sequence(self) -> int:
        """How many appends this journal has seen."""
        return self._sequence

    async def append(self, votes: Sequence[Vote]) -> None:
        """Store `votes` in one synced transaction; when it returns they may be sent.

        Storing the same vote again changes nothing.

        Raises:
            DoubleVote: one contradicts a stored vote; none was stored.
            JournalLost: `is_new`, and nobody has accepted it.
            StorageFull, StorageFailed, Corrupt: see `Database.write`.
        """
        self._advance(await self._sign.write(lambda txn: self._append(txn, votes)))

    def append_now(self, votes: Sequence[Vote]) -> None:
        """Do what `append` does, blocking, in the calling worker thread."""
        self._advance(self._sign.write_now(lambda txn: self._append(txn, votes)))

    def load(self) -> tuple[Vote, ...]:
        """Return every stored vote, by (era, view, kind).

        Raises:
            Corrupt: a record is not what we wrote.
        """

        def read(txn: Txn) -> tuple[Vote, ...]:
            table = self._tables["votes"]
            return tuple(_decode_vote(table, key, row) for key, row in table.scan(txn))

        return self._sign.read_now(read)

    def forget_below(self, era: int, view: int) -> None:
        """Let later appends drop votes below (era, view): a final view needs none of them."""
        self._floor = max(self._floor, be64(era) + be64(view))

    async def save_secret(self, secret: WeightSecret) -> None:
        """Store what opens a commitment; when it returns the commit may be sent.

        Several commits of one epoch each keep their secret, told apart by their salts, because
        which of them the chain includes last can't be known here. Secrets of the subnet more than
        `SECRET_EPOCHS_KEPT` epochs older are dropped.
        """
        netuid, epoch = secret.row.netuid, secret.row.epoch
        key = _secret_key(netuid, epoch) + secret.hotkey + secret.row.salt
        encoded = codec.encode(secret)
        oldest = Epoch(max(0, epoch - SECRET_EPOCHS_KEPT))

        def work(txn: Txn) -> None:
            self._tables["secrets"].put(txn, key, encoded)
            self._drop_secrets(txn, netuid, oldest)

        await self._sign.write(work)

    def load_secrets(self, netuid: NetUid) -> tuple[WeightSecret, ...]:
        """Return the stored secrets of a subnet, by epoch.

        Raises:
            Corrupt: a record is not what we wrote.
        """
        prefix = netuid.to_bytes(2, "big")

        def read(txn: Txn) -> tuple[WeightSecret, ...]:
            table = self._tables["secrets"]
            rows = table.scan(txn, prefix, compute_stop(prefix))
            return tuple(_decode_secret(table, key, row) for key, row in rows)

        return self._sign.read_now(read)

    async def forget_secrets(self, netuid: NetUid, before: Epoch) -> int:
        """Drop the secrets of epochs below `before` of a subnet; return how many."""
        return await self._sign.write(lambda txn: self._drop_secrets(txn, netuid, before))

    async def accept_loss(self, chain: Database) -> None:
        """Let this journal sign from now on; call it only when `docs/spec/agreement.md` 2.9 allows.

        If the write fails the daemon ends, and the next start finds the journal new again.
        """
        self._is_new = False
        await chain.write(lambda txn: self.remember_in(txn, chain.tables["meta"]))

    def remember_in(self, txn: Txn, meta: Table) -> None:
        """Make the chain remember this journal, in the chain's own transaction.

        A new journal is not remembered before its loss is accepted: a restart finds it new again.
        """
        if self._is_new:
            return
        meta.put(txn, _JOURNAL, self._id + be64(self._sequence))

    def _drop_secrets(self, txn: Txn, netuid: NetUid, before: Epoch) -> int:
        secrets = self._tables["secrets"]
        start, stop = _secret_key(netuid, Epoch(0)), _secret_key(netuid, before)
        return sum([secrets.delete(txn, key) for key in list(secrets.keys(txn, start, stop))])

    def _advance(self, sequence: int) -> None:
        self._sequence = max(self._sequence, sequence)

    def _open(self, txn: Txn) -> tuple[bytes, int]:
        meta = self._tables["meta"]
        row = meta.get(txn, _JOURNAL)
        if row is None:
            row = urandom(16) + be64(0)
            meta.put(txn, _JOURNAL, row)
        return row[:16], int.from_bytes(row[16:24], "big")

    def _is_known(self, seen: bytes) -> bool:
        return seen[:16] == self._id and int.from_bytes(seen[16:24], "big") <= self._sequence

    def _append(self, txn: Txn, votes: Iterable[Vote]) -> int:
        if self._is_new:
            raise JournalLost(self._sign.path)
        table, meta = self._tables["votes"], self._tables["meta"]
        row = meta.get(txn, _JOURNAL)
        assert row is not None, "the journal's id was written when it was opened"
        floor = max(self._floor, row[24:])
        for vote in votes:
            key = _vote_key(vote.era, vote.view, vote.kind)
            if key < floor:
                raise DoubleVote(f"era {vote.era} view {vote.view} is final and forgotten")
            _check_single(txn, table, vote)
            table.put(txn, key, codec.encode(vote))
        for key in list(islice(table.keys(txn, b"", floor), PRUNE_ROWS_MAX)):
            table.delete(txn, key)
        sequence = int.from_bytes(row[16:24], "big") + 1
        meta.put(txn, _JOURNAL, self._id + be64(sequence) + floor)
        return sequence


def _check_single(txn: Txn, table: Table, vote: Vote) -> None:
    """Refuse what would be evidence against us (docs/spec/agreement.md 2.8, cases 1 to 5)."""
    for kind in _SAME_DIGEST[vote.kind]:
        row = table.get(txn, _vote_key(vote.era, vote.view, kind))
        if row is None:
            continue
        digest = _decode_vote(table, _vote_key(vote.era, vote.view, kind), row).digest
        if digest != vote.digest:
            raise DoubleVote(
                f"{vote.kind.name} in era {vote.era} view {vote.view} for {vote.digest.hex()} "
                f"after {kind.name} for {digest.hex()}"
            )
    other = _EXCLUDES.get(vote.kind)
    if other is not None and table.has(txn, _vote_key(vote.era, vote.view, other)):
        raise DoubleVote(f"{vote.kind.name} after {other.name} in era {vote.era} view {vote.view}")


def _vote_key(era: int, view: View, kind: VoteKind) -> bytes:
    return be64(era) + be64(view) + bytes([kind])


def _secret_key(netuid: NetUid, epoch: Epoch) -> bytes:
    return netuid.to_bytes(2, "big") + be64(epoch)


def _decode_vote(table: Table, key: bytes, row: bytes) -> Vote:
    try:
        return codec.decode(Vote, row)
    except DecodeError as error:
        raise table.corrupt(key, str(error)) from error


def _decode_secret(table: Table, key: bytes, row: bytes) -> WeightSecret:
    try:
        return codec.decode(WeightSecret, row)
    except DecodeError as error:
        raise table.corrupt(key, str(error)) from error
