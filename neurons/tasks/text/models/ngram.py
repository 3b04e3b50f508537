"""Byte n-grams with back-off: count what followed each context, trust long contexts by evidence.

Each order k keeps its distinct (context of k bytes, next byte) pairs as one sorted int64 array,
context * 256 + next, and their counts beside it; the followers of a context are then one slice,
found by binary search. Nothing but numpy: 4 MB train in about a second.

Smoothing is Witten-Bell: with n followers of d kinds seen after a context, order k's estimate is
(count + d * lower order's estimate) / (n + d), down to order 0 over the uniform distribution.

Source: Witten & Bell 1991, "The zero-frequency problem", method C.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SYMBOLS = 256


@dataclass(frozen=True, slots=True)
class Level:
    """One order's pairs, ascending, and how often each was seen."""

    order: int
    pairs: NDArray[np.int64]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class NGram:
    """A trained back-off model; `levels` by ascending order, the first of order 0."""

    levels: tuple[Level, ...]

    def predict(self, prefixes: Sequence[bytes]) -> NDArray[np.float64]:
        """Return the distribution of the byte after each prefix: (prefixes, 256)."""
        rows = np.full((len(prefixes), SYMBOLS), 1 / SYMBOLS)  # (prefixes, 256)
        for row, prefix in zip(rows, prefixes, strict=True):
            for level in self.levels:
                if level.order <= len(prefix):
                    _sharpen(row, level, prefix)
        return rows


def _sharpen(row: NDArray[np.float64], level: Level, prefix: bytes) -> None:
    """Mix what `level` saw after the end of `prefix` into `row` (256,), in place."""
    context = int.from_bytes(prefix[len(prefix) - level.order :], "big")
    low, high = np.searchsorted(level.pairs, (context * SYMBOLS, (context + 1) * SYMBOLS))
    if low == high:
        return
    counts = level.counts[low:high]
    kinds = int(high - low)
    row *= kinds
    row[level.pairs[low:high] & (SYMBOLS - 1)] += counts
    row /= int(counts.sum()) + kinds


def train(text: bytes, orders: Sequence[int]) -> NGram:
    """Count `text` for each of `orders`, ascending from 0; an order is at most 6 bytes."""
    data = np.frombuffer(text, dtype=np.uint8).astype(np.int64)  # (bytes,)
    return NGram(tuple(_count(data, order) for order in orders))


def _count(data: NDArray[np.int64], order: int) -> Level:
    size = len(data) - order
    keys = np.zeros(size, dtype=np.int64)
    for offset in range(order + 1):  # big-endian: the context, then the next byte
        keys = keys * SYMBOLS + data[offset : offset + size]
    pairs, counts = np.unique(keys, return_counts=True)
    return Level(order, pairs, counts.astype(np.int64))
