"""Weighted medians: ties, zero stakes, and the ends of the scale."""

import numpy as np

from consensus.params import Q32
from consensus.reward.medians import compute_weighted_medians

HALF = Q32 // 2


def median(scores: list[int], stakes: list[int], kappa: int) -> int:
    table = np.array([[score] for score in scores], dtype=np.int64)
    return int(compute_weighted_medians(table, stakes, kappa)[0])


def test_a_weight_that_just_reaches_the_majority_counts():
    assert median([10, 20], [1, 1], HALF - 1) == 20
    assert median([10, 20], [1, 1], HALF + 1) == 10


def test_without_any_stake_the_median_is_zero():
    assert median([10, 20], [0, 0], HALF) == 0


def test_rows_without_stake_do_not_count():
    assert median([10, 99, 20], [1, 0, 3], HALF) == 20


def test_with_no_majority_asked_the_largest_weight_wins():
    assert median([10, 30, 20], [5, 1, 5], 0) == 30


def test_when_all_must_agree_the_smallest_weight_wins():
    assert median([10, 30, 20], [5, 1, 5], Q32) == 10


def test_equal_weights_of_many_rows_are_one_weight():
    assert median([7] * 5 + [9] * 4, [1] * 9, HALF) == 7


def test_the_largest_weight_survives_packing_with_many_rows():
    assert median([Q32] * 300, [1] * 300, HALF) == Q32
