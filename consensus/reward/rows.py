"""Rows: some uids' rows of an n-column table, as one int64 matrix.

Weights and bonds are tables of n x n cells of which only the validators' rows can be non-zero: at
most `max_validators` of up to 4,096. A row that is missing is a row of zeros.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from consensus.fixed import Matrix

SparseRow = tuple[Sequence[int], Sequence[int]]
"""Column numbers and their values, in the same order; a column not named is zero."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Row k of `cells` belongs to `uids[k]`; uids ascend. Never write to `cells`."""

    uids: tuple[int, ...]
    cells: Matrix  # (len(uids), n)

    def __post_init__(self) -> None:
        """Assert the shape; code that builds one from a stranger's data has checked it before."""
        assert self.cells.dtype == np.int64
        assert self.cells.ndim == 2  # noqa: PLR2004 - a table
        assert self.cells.shape[0] == len(self.uids)
        assert all(a < b for a, b in zip(self.uids, self.uids[1:], strict=False))


def build_rows(size: int, rows: Mapping[int, SparseRow]) -> Rows:
    """Return `rows` (by uid) as a table of `size` columns."""
    uids = tuple(sorted(rows))
    cells = np.zeros((len(uids), size), dtype=np.int64)
    for index, uid in enumerate(uids):
        columns, values = rows[uid]
        cells[index, np.asarray(columns, dtype=np.int64)] = np.asarray(values, dtype=np.int64)
    return Rows(uids, cells)


def get_sparse_row(rows: Rows, uid: int) -> tuple[list[int], list[int]]:
    """Return the columns and values of `uid`'s row that are not zero; columns ascend."""
    if uid not in rows.uids:
        return [], []
    row = rows.cells[rows.uids.index(uid)]
    columns = np.flatnonzero(row)
    return columns.tolist(), row[columns].tolist()


def get_cell(rows: Rows, uid: int, column: int) -> int:
    """Return one cell; 0 where `uid` has no row."""
    return int(rows.cells[rows.uids.index(uid), column]) if uid in rows.uids else 0


def select_rows(rows: Rows, uids: Iterable[int]) -> Rows:
    """Return the rows of those `uids` that have one."""
    wanted = set(uids)
    keep = [index for index, uid in enumerate(rows.uids) if uid in wanted]
    return Rows(tuple(rows.uids[index] for index in keep), rows.cells[keep])
