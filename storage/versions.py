"""One ordered map, readable at every recent height: its newest rows and an undo log.

A row holds `be64(height it was written at) | 1 value or 0 absent | value`. When height h changes a
key, the row it replaces goes to the undo log under `be64(h) | key`. To read at an older height H,
start at the newest row; while it was written after H, the undo row of its own height holds its
predecessor. So the head costs one lookup, and an old height one more per change of that key since.
Deleted keys leave an absent row (a tombstone) until no readable height needs it.

Deviation from `key | be64(inverted height)`: the undo log is appended in height order, so a block
dirties one random page per key instead of two and pruning drops whole heights off the left edge;
no index of stale rows is needed, and scans of the head never step over old versions.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from storage.schema import KEY_BYTES_MAX, Table, Txn, be64

ABSENT_BEFORE_ALL = be64(0) + b"\0"
"""The row of a key that has never been written."""
_FLAG = 8
_VALUE = 9


@dataclass(frozen=True, slots=True)
class Versions:
    """The pair of tables of one map: newest rows, and the undo log."""

    newest: Table
    undo: Table

    def get(self, txn: Txn, key: bytes) -> bytes | None:
        """Return the newest row of `key` (height, flag, value), or None if it has none."""
        return self.newest.get(txn, key)

    def resolve(self, txn: Txn, key: bytes, row: bytes | None, height: int) -> bytes | None:
        """Return the value of `key` at `height`, starting from `row`, its newest row.

        Raises:
            LookupError: a row of the undo log is gone: `height` has been pruned.
            Corrupt: a row does not match its checksum.
        """
        wanted = be64(height)
        while row is not None and row[:_FLAG] > wanted:
            row = self.undo.get(txn, row[:_FLAG] + key)
            if row is None:
                raise LookupError(height)
        return get_value(row)

    def apply(
        self, txn: Txn, height: int, changes: Mapping[bytes, bytes | None]
    ) -> dict[bytes, bytes]:
        """Write `changes` of `height`, later than every row there; None deletes.

        Returns the new rows of the keys that really changed.
        """
        stamp = be64(height)
        written: dict[bytes, bytes] = {}
        undo: list[tuple[bytes, bytes]] = []
        digest = self.undo.digest
        for key in sorted(changes):
            assert 0 < len(key) <= KEY_BYTES_MAX, f"a state key of {len(key)} bytes"
            value = changes[key]
            old = self.newest.get(txn, key) or ABSENT_BEFORE_ALL
            if get_value(old) == value:
                continue
            row = stamp + b"\0" if value is None else stamp + b"\1" + value
            self.newest.put(txn, key, row)
            written[key] = row
            undo_key = stamp + key
            undo.append((undo_key, digest(undo_key, old) + old))
        if height and undo:  # nothing is readable before genesis, so height 0 undoes nothing
            txn.cursor(self.undo.handle).putmulti(undo, append=True)
        return written

    def prune(self, txn: Txn, height: int, rows_max: int) -> int:
        """Forget what only heights below `height` need; return how many rows (<= `rows_max`)."""
        stop = be64(height + 1)
        doomed: list[bytes] = []
        for undo_key in self.undo.keys(txn, b"", stop):
            if len(doomed) == rows_max:
                break
            doomed.append(undo_key)
        for undo_key in doomed:
            key = undo_key[_FLAG:]
            row = self.newest.get(txn, key)
            if row is not None and row[:_FLAG] == undo_key[:_FLAG] and not row[_FLAG]:
                self.newest.delete(txn, key)
            self.undo.delete(txn, undo_key)
        return len(doomed)

    def scan(
        self, txn: Txn, start: bytes, stop: bytes | None, height: int, bytes_max: int
    ) -> tuple[list[tuple[bytes, bytes]], bytes | None]:
        """Return the entries at `height` from `start` on, and where to go on (None: at the end).

        Stops at `stop`, exclusive, or once the values exceed `bytes_max`.
        """
        found: list[tuple[bytes, bytes]] = []
        size = 0
        wanted = be64(height)
        for key, row in self.newest.scan(txn, start, stop):
            if row[:_FLAG] > wanted:
                value = self.resolve(txn, key, row, height)
            else:
                value = row[_VALUE:] if row[_FLAG] else None
            if value is not None:
                found.append((key, value))
            size += len(row) + len(key)
            if size > bytes_max:
                return found, key + b"\0"
        return found, None


def get_value(row: bytes | None) -> bytes | None:
    """Return the value in `row`; None if it says absent, or if there is no row."""
    return row[_VALUE:] if row is not None and row[_FLAG] else None
