"""Rows: in, out, and what a missing row is."""

import numpy as np
import pytest

from consensus.reward.rows import Rows, build_rows, get_cell, get_sparse_row, select_rows


def test_sparse_rows_survive_the_table():
    rows = build_rows(6, {4: ([1, 5], [10, 20]), 2: ([0], [7])})
    assert rows.uids == (2, 4)
    assert get_sparse_row(rows, 4) == ([1, 5], [10, 20])
    assert get_sparse_row(rows, 2) == ([0], [7])


def test_a_missing_row_is_zeros():
    rows = build_rows(6, {})
    assert get_sparse_row(rows, 3) == ([], [])
    assert get_cell(rows, 3, 5) == 0


def test_selecting_rows_keeps_their_owners():
    rows = build_rows(3, {uid: ([uid], [uid + 1]) for uid in range(3)})
    assert get_sparse_row(select_rows(rows, [2, 9]), 2) == ([2], [3])
    assert select_rows(rows, []).cells.shape == (0, 3)


def test_owners_out_of_order_are_a_bug():
    with pytest.raises(AssertionError):
        Rows((2, 1), np.zeros((2, 3), dtype=np.int64))
