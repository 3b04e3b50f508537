"""A validator's memory of its miners: scores, answers not judged yet, receipts and cursor.

One write is one transaction: the scores it changed, the answers that wait to be judged or wait no
more, the receipts that prove what was answered, and the cursor that says which round was recorded
last. A score belongs to (netuid, hotkey, registered block), not to a uid, so a newcomer in a reused
slot starts empty. Scores, receipts and waiting answers are opaque bytes here.

`SubnetStandings.write` builds on what `open` read: nobody can write scores without having read
them, and a second writer is found out by the revision. This is what keeps a restart from writing
zeroes over a validator's memory.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from consensus.quantities import Height, NetUid, PublicKey
from consensus.types import MinerKey
from storage.db import Database
from storage.errors import StaleStandings
from storage.schema import Table, Txn, be64, compute_stop

RECEIPTS_MAX = 4_096
"""Receipts kept per subnet, the oldest go first: some rounds' worth, to settle a dispute."""
SCORE_BYTES_MAX = 64 * 1024
RECEIPT_BYTES_MAX = 1 << 20
PENDING_KEY_BYTES_MAX = 64
PENDING_BYTES_MAX = 256 * 1024
"""Longest row of an answer or question that waits."""
Key = TypeVar("Key")
_ROUND = b"r"
_SCORE = b"s"
_PENDING = b"p"


class Standings:
    """The stored standings of every subnet. One per open store."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, netuid: NetUid) -> "SubnetStandings":
        """Return everything kept of `netuid`, ready to be written on; receipts stay unread.

        Raises:
            Corrupt: a row does not match its checksum.
        """
        return await self._database.read(lambda txn: SubnetStandings(self._database, netuid, txn))


class SubnetStandings:
    """One subnet's standings in memory and on disk; `cursor` 0 and nothing else when new."""

    __slots__ = (
        "_database",
        "_prefix",
        "_receipts",
        "_receipts_next",
        "_revision",
        "_rows",
        "cursor",
        "netuid",
        "pending",
        "scores",
    )

    def __init__(self, database: Database, netuid: NetUid, txn: Txn) -> None:
        """Read in `txn`; use `Standings.open`."""
        self._database = database
        self._prefix = netuid.to_bytes(2, "big")
        self._rows = database.tables["evidence"]
        self._receipts = database.tables["evidence_receipts"]
        self.netuid = netuid
        self.cursor, self._revision, self._receipts_next = self._read_round(txn)
        self.scores: Mapping[MinerKey, bytes] = {
            MinerKey(PublicKey(key[:32]), Height(int.from_bytes(key[32:], "big"))): row
            for key, row in self._scan(txn, _SCORE)
        }
        self.pending: Mapping[bytes, bytes] = dict(self._scan(txn, _PENDING))
        """What waits to be judged, by key in the order of the keys' bytes."""

    async def write(
        self,
        cursor: Height,
        scores: Mapping[MinerKey, bytes | None],
        receipts: Sequence[bytes],
        pending: Mapping[bytes, bytes | None],
    ) -> None:
        """Write one round: all of it or nothing, durable on return.

        `scores` and `pending` hold what changed: None drops a row.

        Raises:
            StaleStandings: somebody wrote since these were read; nothing was written.
            StorageFull, StorageFailed: see `Database.write`.
        """
        assert all(len(score) <= SCORE_BYTES_MAX for score in scores.values() if score is not None)
        assert all(len(receipt) <= RECEIPT_BYTES_MAX for receipt in receipts)
        assert all(len(key) <= PENDING_KEY_BYTES_MAX for key in pending)
        assert all(len(row) <= PENDING_BYTES_MAX for row in pending.values() if row is not None)
        rows = {_score_key(key): row for key, row in scores.items()}
        rows |= {_PENDING + key: row for key, row in pending.items()}
        await self._database.write(lambda txn: self._write(txn, cursor, rows, receipts))
        self.cursor = cursor
        self._revision += 1
        self._receipts_next += len(receipts)
        self.scores = _apply(self.scores, scores)
        self.pending = dict(sorted(_apply(self.pending, pending).items()))

    async def read_receipts(self, count: int = RECEIPTS_MAX) -> tuple[bytes, ...]:
        """Return the last `count` receipts of the subnet, oldest first."""
        start = self._prefix + be64(max(0, self._receipts_next - count))

        def read(txn: Txn) -> tuple[bytes, ...]:
            rows = self._receipts.scan(txn, start, compute_stop(self._prefix))
            return tuple(row for _, row in rows)

        return await self._database.read(read)

    def _scan(self, txn: Txn, kind: bytes) -> list[tuple[bytes, bytes]]:
        prefix = self._prefix + kind
        rows = self._rows.scan(txn, prefix, compute_stop(prefix))
        return [(key[len(prefix) :], row) for key, row in rows]

    def _read_round(self, txn: Txn) -> tuple[Height, int, int]:
        row = self._rows.get(txn, self._prefix + _ROUND)
        if row is None:
            return Height(0), 0, 0
        cursor, revision, following = (int.from_bytes(row[i : i + 8], "big") for i in (0, 8, 16))
        return Height(cursor), revision, following

    def _write(
        self,
        txn: Txn,
        cursor: Height,
        rows: Mapping[bytes, bytes | None],
        receipts: Sequence[bytes],
    ) -> None:
        if self._read_round(txn)[1] != self._revision:
            raise StaleStandings(self.netuid)
        for key, row in rows.items():
            if row is None:
                self._rows.delete(txn, self._prefix + key)
            else:
                self._rows.put(txn, self._prefix + key, row)
        following = self._receipts_next
        for receipt in receipts:
            self._receipts.put(txn, self._prefix + be64(following), receipt)
            following += 1
        _drop_oldest(txn, self._receipts, self._prefix, following - RECEIPTS_MAX)
        head = be64(cursor) + be64(self._revision + 1) + be64(following)
        self._rows.put(txn, self._prefix + _ROUND, head)


def _score_key(key: MinerKey) -> bytes:
    return _SCORE + key.hotkey + be64(key.registered_block)


def _apply(kept: Mapping[Key, bytes], changes: Mapping[Key, bytes | None]) -> dict[Key, bytes]:
    """Return the rows after `changes`, of which None drops one."""
    return {key: row for key, row in {**kept, **changes}.items() if row is not None}


def _drop_oldest(txn: Txn, table: Table, prefix: bytes, keep_from: int) -> None:
    if keep_from <= 0:
        return
    for key in list(table.keys(txn, prefix, prefix + be64(keep_from))):
        table.delete(txn, key)
