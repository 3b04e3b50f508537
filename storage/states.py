"""Load and save the ledger: every entry and Merkle node, readable at each recent final height.

`reader(height)` is pinned: it goes on answering for its height while later blocks become final,
until that height is pruned. It may be used from the event loop and from threads alike; each lookup
is one short read transaction, or a hit in a bounded cache of newest rows. It satisfies
`consensus.ledger.state.StateReader` (get, scan, get_node).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from storage.cache import RowCache
from storage.db import Database
from storage.errors import NotKept
from storage.schema import Txn, be64, compute_stop
from storage.versions import Versions, get_value

SCAN_BYTES_MAX = 1 << 20
"""What one read transaction of a scan collects; none stays open between two of them."""
PRUNE_ROWS_MAX = 20_000
"""Undo rows dropped by one call of `prune`: some tens of milliseconds."""
_NODE = b"n"
"""In front of a node's path, because the root's path is empty and LMDB has no empty keys."""
_HORIZON = b"horizon"

Changes = Mapping[bytes, bytes | None]
"""What a block did to the state: None deletes."""


class States:
    """The stored states. One per open store; `advance` is called by the finalizing writer alone."""

    __slots__ = ("_database", "_head", "_history_blocks", "_horizon", "_nodes", "_values")

    def __init__(
        self, database: Database, *, head: int, cache_bytes: int, history_blocks: int
    ) -> None:
        tables = database.tables
        self._database = database
        self._values = _Map(
            Versions(tables["values"], tables["values_undo"]), RowCache(cache_bytes // 2)
        )
        self._nodes = _Map(
            Versions(tables["nodes"], tables["nodes_undo"]), RowCache(cache_bytes // 2)
        )
        self._head = head
        self._history_blocks = history_blocks
        horizon = database.read_now(lambda txn: tables["meta"].get(txn, _HORIZON))
        self._horizon = int.from_bytes(horizon or b"", "big")

    @property
    def head(self) -> int:
        """The newest height whose state is stored; -1 before genesis."""
        return self._head

    @property
    def horizon(self) -> int:
        """The oldest height that can still be read."""
        return self._horizon

    def reader(self, height: int) -> "Reader":
        """Return the state after block `height`, to be read as long as it is kept.

        Raises:
            NotKept: not stored yet, or pruned.
        """
        if not self._horizon <= height <= self._head:
            raise NotKept(height, self._horizon, self._head)
        return Reader(self, height)

    async def prune(self, window: int, rows_max: int = PRUNE_ROWS_MAX) -> int:
        """Forget heights more than `window` below the head; return how many rows went.

        Bounded work: call again while it returns `rows_max`. `finalize` prunes by itself.
        """
        return await self._database.write(lambda txn: self.prune_in(txn, window, rows_max))

    def prune_in(self, txn: Txn, window: int, rows_max: int) -> int:
        """Do what `prune` does inside the caller's transaction."""
        target = self._head - window
        if target < 0:
            return 0
        meta = self._database.tables["meta"]
        # Compared with what is stored: a failed transaction has moved our copy alone.
        if target > int.from_bytes(meta.get(txn, _HORIZON) or b"", "big"):
            meta.put(txn, _HORIZON, be64(target))
            # Before the commit: a reader that sees the rows gone must also see the new horizon.
            self._horizon = max(self._horizon, target)
        gone = self._values.versions.prune(txn, self._horizon, rows_max)
        return gone + self._nodes.versions.prune(txn, self._horizon, rows_max - gone)

    def apply_in(self, txn: Txn, height: int, changes: Changes, nodes: Changes) -> "Written":
        """Write the state of `height` in the caller's transaction; see `advance`.

        As many old rows are pruned as new ones came, and half as many again, so that a node that
        was offline or changed its window catches up without a pause.
        """
        written = Written(
            height,
            self._values.versions.apply(txn, height, changes),
            self._nodes.versions.apply(txn, height, {_NODE + k: v for k, v in nodes.items()}),
        )
        rows = len(written.values) + len(written.nodes)
        self.prune_in(txn, self._history_blocks, rows + rows // 2 + 16)
        return written

    def advance(self, written: "Written") -> None:
        """Let readers see the state that `apply_in` wrote, now that it is committed."""
        self._values.cache.advance(written.values)
        self._nodes.cache.advance(written.nodes)
        self._head = written.height

    def get_at(self, key: bytes, height: int) -> bytes | None:
        """Return the value of `key` after block `height`; see `Reader.get`."""
        return self._get(self._values, key, height)

    def get_node_at(self, path: bytes, height: int) -> bytes | None:
        """Return the Merkle node at `path` after block `height`; see `Reader.get_node`."""
        return self._get(self._nodes, _NODE + path, height)

    def scan_chunk(
        self, start: bytes, stop: bytes | None, height: int
    ) -> tuple[list[tuple[bytes, bytes]], bytes | None]:
        """Return some entries at `height` from `start` on, and where to go on."""
        txn = self._database.begin()
        try:
            chunk = self._values.versions.scan(txn, start, stop, height, SCAN_BYTES_MAX)
        except LookupError:
            raise self._not_kept(height) from None
        finally:
            txn.abort()
        if height < self._horizon:
            raise self._not_kept(height)
        return chunk

    def _get(self, held: "_Map", key: bytes, height: int) -> bytes | None:
        row = held.cache.young.get(key)
        if row is None:
            row = self._load(held, key)
        if row is None or int.from_bytes(row[:8], "big") <= height:
            if height < self._horizon:
                raise self._not_kept(height)
            return get_value(row)
        return self._get_older(held, key, height)

    def _load(self, held: "_Map", key: bytes) -> bytes | None:
        row = held.cache.promote(key)
        if row is not None:
            return row
        stamp = held.cache.stamp
        txn = self._database.begin()
        try:
            row = held.versions.newest.get(txn, key)
        finally:
            txn.abort()
        if row is not None:
            held.cache.fill(key, row, stamp)
        return row

    def _get_older(self, held: "_Map", key: bytes, height: int) -> bytes | None:
        versions = held.versions
        txn = self._database.begin()
        try:
            value = versions.resolve(txn, key, versions.get(txn, key), height)
        except LookupError:
            raise self._not_kept(height) from None
        finally:
            txn.abort()
        if height < self._horizon:
            raise self._not_kept(height)
        return value

    def _not_kept(self, height: int) -> NotKept:
        return NotKept(height, self._horizon, self._head)


@dataclass(frozen=True, slots=True)
class Reader:
    """The state after one final block."""

    states: States
    height: int

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None.

        Raises:
            NotKept: the height has been pruned since.
            Corrupt: a stored row does not match its checksum.
        """
        return self.states.get_at(key, self.height)

    def get_node(self, path: bytes) -> bytes | None:
        """Return the stored Merkle node at `path`, or None. Raises as `get`."""
        return self.states.get_node_at(path, self.height)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) of every key that begins with `prefix`, in key order. Raises as `get`.

        No transaction is open between two steps: take as long as you like.
        """
        start: bytes | None = prefix
        stop = compute_stop(prefix)
        while start is not None:
            chunk, start = self.states.scan_chunk(start, stop, self.height)
            yield from chunk


@dataclass(frozen=True, slots=True)
class Written:
    """The rows that one height really changed, for the caches."""

    height: int
    values: Mapping[bytes, bytes]
    nodes: Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class _Map:
    """One of the two maps of a state: its tables, and its newest rows lately used."""

    versions: Versions
    cache: RowCache
