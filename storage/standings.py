"""A validator's scores, receipts and cursor, written together.

One round is one transaction: the scores it changed, the receipts that prove them, and the cursor
that says which round was recorded last. A score belongs to (netuid, hotkey, registered block), not
to a uid, so a newcomer in a reused slot starts empty. Scores and receipts are opaque bytes here.

`write_round` takes the `EvidenceState` that `load` returned (or the last write): nobody can write
scores without having read them, and a second writer is found out by the revision. This is what
keeps a restart from writing zeroes over a validator's memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from consensus.quantities import Height, NetUid, PublicKey
from storage.db import Database
from storage.errors import StaleEvidence
from storage.schema import Table, Txn, be64, compute_stop

RECEIPTS_MAX = 4_096
"""Receipts kept per subnet, the oldest go first: some rounds' worth, to settle a dispute."""
SCORE_BYTES_MAX = 64 * 1024
RECEIPT_BYTES_MAX = 1 << 20
_ROUND = b"r"
_SCORE = b"s"


@dataclass(frozen=True, slots=True)
class ScoreKey:
    """A neuron for the time of one registration."""

    hotkey: PublicKey
    registered_block: Height


@dataclass(frozen=True, slots=True)
class EvidenceState:
    """What is stored of one subnet; `cursor` 0 and no scores when nothing is."""

    netuid: NetUid
    cursor: Height
    scores: Mapping[ScoreKey, bytes]
    revision: int
    """Counts the writes, so that a state read before another's write is refused."""
    receipts_next: int
    """Number of the next receipt."""


class Evidence:
    """The stored evidence of every subnet. One per open store."""

    __slots__ = ("_database", "_receipts", "_rows")

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = database.tables["evidence"]
        self._receipts = database.tables["evidence_receipts"]

    async def load(self, netuid: NetUid) -> EvidenceState:
        """Return everything kept of `netuid`, receipts aside.

        Raises:
            Corrupt: a row does not match its checksum.
        """
        return await self._database.read(lambda txn: self._load(txn, netuid))

    async def write_round(
        self,
        state: EvidenceState,
        cursor: Height,
        scores: Mapping[ScoreKey, bytes | None],
        receipts: Sequence[bytes],
    ) -> EvidenceState:
        """Write one round on top of `state`; return the state to write the next one on.

        `scores` holds what changed: None drops the score of a neuron that is gone.

        Raises:
            StaleEvidence: somebody wrote since `state` was loaded; nothing was written.
            StorageFull, StorageFailed: see `Database.write`.
        """
        assert all(len(score) <= SCORE_BYTES_MAX for score in scores.values() if score is not None)
        assert all(len(receipt) <= RECEIPT_BYTES_MAX for receipt in receipts)
        kept = {**state.scores, **scores}
        new = replace(
            state,
            cursor=cursor,
            scores={key: score for key, score in kept.items() if score is not None},
            revision=state.revision + 1,
            receipts_next=state.receipts_next + len(receipts),
        )
        await self._database.write(lambda txn: self._write(txn, state, new, scores, receipts))
        return new

    async def receipts(self, netuid: NetUid, count: int = RECEIPTS_MAX) -> tuple[bytes, ...]:
        """Return the last `count` receipts of a subnet, oldest first."""
        prefix = _prefix(netuid)

        def read(txn: Txn) -> tuple[bytes, ...]:
            following = self._load_round(txn, netuid)[2]
            start = prefix + be64(max(0, following - count))
            rows = self._receipts.scan(txn, start, compute_stop(prefix))
            return tuple(row for _, row in rows)

        return await self._database.read(read)

    def _load(self, txn: Txn, netuid: NetUid) -> EvidenceState:
        cursor, revision, following = self._load_round(txn, netuid)
        prefix = _prefix(netuid) + _SCORE
        scores = {
            ScoreKey(PublicKey(key[3:35]), Height(int.from_bytes(key[35:], "big"))): row
            for key, row in self._rows.scan(txn, prefix, compute_stop(prefix))
        }
        return EvidenceState(netuid, cursor, scores, revision, following)

    def _load_round(self, txn: Txn, netuid: NetUid) -> tuple[Height, int, int]:
        row = self._rows.get(txn, _prefix(netuid) + _ROUND)
        if row is None:
            return Height(0), 0, 0
        cursor, revision, following = (int.from_bytes(row[i : i + 8], "big") for i in (0, 8, 16))
        return Height(cursor), revision, following

    def _write(
        self,
        txn: Txn,
        state: EvidenceState,
        new: EvidenceState,
        scores: Mapping[ScoreKey, bytes | None],
        receipts: Sequence[bytes],
    ) -> None:
        prefix = _prefix(state.netuid)
        if self._load_round(txn, state.netuid)[1] != state.revision:
            raise StaleEvidence(state.netuid)
        for key, score in scores.items():
            row_key = prefix + _SCORE + key.hotkey + be64(key.registered_block)
            if score is None:
                self._rows.delete(txn, row_key)
            else:
                self._rows.put(txn, row_key, score)
        for number, receipt in enumerate(receipts, state.receipts_next):
            self._receipts.put(txn, prefix + be64(number), receipt)
        _drop_oldest(txn, self._receipts, prefix, new.receipts_next - RECEIPTS_MAX)
        row = be64(new.cursor) + be64(new.revision) + be64(new.receipts_next)
        self._rows.put(txn, prefix + _ROUND, row)


def _prefix(netuid: NetUid) -> bytes:
    return netuid.to_bytes(2, "big")


def _drop_oldest(txn: Txn, table: Table, prefix: bytes, keep_from: int) -> None:
    if keep_from <= 0:
        return
    for key in list(table.keys(txn, prefix, prefix + be64(keep_from))):
        table.delete(txn, key)
