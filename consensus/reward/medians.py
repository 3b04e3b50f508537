"""Weighted medians: the largest weight that a majority of stake supports, column by column.

Going up the weights of a column, it is the first at which the running share exceeds the limit.
Rows of equal weight need no grouping: the first of them to exceed it names the same weight.
"""

from collections.abc import Iterator

import numpy as np

from consensus.fixed import Matrix, share

_BLOCK_CELLS = 1 << 15
"""Cells of one block of columns: 256 KiB, so that a few temporaries fit the second-level cache."""


def compute_weighted_medians(scores: Matrix, stakes: list[int], kappa: int) -> Matrix:
    """Return, per column, the largest score that at least `kappa` of stake supports.

    Args:
        scores: (rows, n), in 0..2^32.
        stakes: one per row; rows with zero stake don't count. Their shares are taken anew.
        kappa: Q32.

    Going up the scores, it is the first at which the share of rows so far exceeds (sum - kappa),
    else the largest; zero without any stake.
    """
    rows = [index for index, stake in enumerate(stakes) if stake > 0]
    columns = scores.shape[1]
    medians = np.zeros(columns, dtype=np.int64)
    if not rows:
        return medians
    shares = share([stakes[index] for index in rows])
    limit = sum(shares) - kappa
    chosen = scores if len(rows) == len(stakes) else scores[rows]
    for block in cut_columns(chosen):
        medians[block] = _compute_block_medians(chosen[:, block], np.array(shares), limit)
    return medians


def cut_columns(table: Matrix) -> Iterator[slice]:
    """Cut the columns so that a block has about `_BLOCK_CELLS` cells."""
    rows, columns = table.shape
    width = max(16, _BLOCK_CELLS // max(1, rows))
    for start in range(0, columns, width):
        yield slice(start, min(start + width, columns))


def _compute_block_medians(scores: Matrix, shares: Matrix, limit: int) -> Matrix:
    """Sort each column by (score, row), packed into one integer below 2^33 * 2^14."""
    rows, columns = scores.shape
    bits = max(1, (rows - 1).bit_length())
    keys = np.empty((columns, rows), dtype=np.int64)
    np.left_shift(scores.T, bits, out=keys)
    np.bitwise_or(keys, np.arange(rows, dtype=np.int64), out=keys)
    keys.sort(axis=1)
    running = shares[keys & ((1 << bits) - 1)].cumsum(axis=1)
    exceeds = running > limit
    first = exceeds.argmax(axis=1)
    first[~exceeds[:, -1]] = rows - 1
    return keys[np.arange(columns), first] >> bits
