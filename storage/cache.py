"""The newest rows lately read or written, in a bounded number of bytes, for many threads.

Two generations: what is read or written goes to `young`; when that has its half of the bytes it
becomes the old one, and the former old one is dropped. It forgets like an LRU cache and costs one
dict lookup for a hit.

A row read before a commit must not come in after it: `stamp` counts the commits, and `fill` refuses
what was read under another stamp.
"""

from collections.abc import Mapping
from threading import Lock

_ROW_OVERHEAD = 160
"""Bytes that Python spends on two bytes objects and their place in a dict."""


class RowCache:
    """Rows by key. `young` and `stamp` may be read without the lock."""

    __slots__ = ("_bytes_max", "_lock", "_old", "_size", "stamp", "young")

    def __init__(self, bytes_max: int) -> None:
        self.young: dict[bytes, bytes] = {}
        self.stamp = 0
        self._old: dict[bytes, bytes] = {}
        self._size = 0
        self._bytes_max = bytes_max // 2
        self._lock = Lock()

    def promote(self, key: bytes) -> bytes | None:
        """Return the row of `key` if the old generation has it, and move it to the young one."""
        with self._lock:
            row = self._old.get(key)
            if row is not None:
                self._put(key, row)
            return row

    def fill(self, key: bytes, row: bytes, stamp: int) -> None:
        """Keep a row that was read when `stamp` was current."""
        with self._lock:
            if stamp == self.stamp:
                self._put(key, row)

    def advance(self, written: Mapping[bytes, bytes]) -> None:
        """Replace what a commit changed; rows read before it can no longer come in."""
        with self._lock:
            self.stamp += 1
            for key, row in written.items():
                self._old.pop(key, None)
                self._put(key, row)

    def _put(self, key: bytes, row: bytes) -> None:
        size = len(key) + len(row) + _ROW_OVERHEAD
        if size > self._bytes_max // 4:
            self.young.pop(key, None)
            return
        self._size += size
        self.young[key] = row
        if self._size > self._bytes_max:
            self._old, self.young, self._size = self.young, {}, 0
