"""Fixed point: every rounding, and the array forms against Python integers at their bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus import fixed
from consensus.fixed import Matrix
from consensus.params import Q32

EDGES = [0, 1, 2, Q32 // 2 - 1, Q32 // 2, Q32 // 2 + 1, Q32 - 2, Q32 - 1, Q32]
shares = st.one_of(st.sampled_from(EDGES), st.integers(0, Q32))
signed_shares = st.one_of(shares, shares.map(lambda value: -value))
amounts = st.integers(0, 2**64 - 1)


def table(rows: list[list[int]]) -> Matrix:
    return np.array(rows, dtype=np.int64)


def test_mul_rounds_toward_minus_infinity():
    assert fixed.mul(1, Q32 - 1) == 0
    assert fixed.mul(-1, Q32 - 1) == -1


def test_div_rounds_down_and_gives_zero_for_a_zero_divisor():
    assert fixed.div(2, 3) == (2 << 32) // 3
    assert fixed.div(5, 0) == 0


@given(st.lists(amounts, max_size=40))
def test_shares_lose_less_than_one_unit_each(values: list[int]):
    got = fixed.share(values)
    assert sum(got) <= Q32
    assert not any(values) or sum(got) > Q32 - len(values)


@given(amounts, st.lists(amounts, min_size=1, max_size=40).filter(any))
def test_parts_of_a_split_sum_to_the_whole_and_miss_their_quota_by_less_than_one(
    total: int, weights: list[int]
):
    parts = fixed.split_largest_remainder(total, weights)
    whole = sum(weights)
    assert sum(parts) == total
    assert all(
        abs(part * whole - total * weight) < whole
        for part, weight in zip(parts, weights, strict=True)
    )


def test_equal_remainders_go_to_the_lowest_index():
    assert fixed.split_largest_remainder(5, [1, 1, 1]) == [2, 2, 1]


def test_a_zero_weight_is_never_paid():
    assert fixed.split_largest_remainder(10**9 + 7, [0, 3, 0, 7, 11])[::2][:2] == [0, 0]


def test_splitting_something_by_nothing_is_a_bug():
    with pytest.raises(AssertionError):
        fixed.split_largest_remainder(1, [0, 0])
    assert fixed.split_largest_remainder(0, [0, 0]) == [0, 0]


def test_upscaling_rounds_half_up_and_keeps_zeros():
    assert fixed.upscale_u16([43_690, 21_845, 0]) == [65_535, 32_768, 0]
    assert fixed.upscale_u16([]) == []
    assert fixed.upscale_u16([0, 0]) == [0, 0]


def test_a_share_exactly_at_the_limit_is_within_it():
    assert fixed.is_limited([0, 65_535, 65_535, 65_535], 21_845)
    assert not fixed.is_limited([0, 65_535, 65_535, 65_534], 21_845)
    assert fixed.is_limited([], 0)


# -- the exponential ------------------------------------------------------------------------------


def test_exp_of_zero_is_one_and_of_one_is_e():
    assert fixed.compute_exp(0) == Q32
    assert abs(fixed.compute_exp(Q32) - round(2.718281828459045 * Q32)) < 40


def test_exp_is_clamped_at_twenty():
    assert fixed.compute_exp(21 * Q32) == fixed.compute_exp(20 * Q32)
    assert fixed.compute_exp(-(2**60)) == fixed.compute_exp(-20 * Q32)


@given(st.integers(0, 5 * Q32))
def test_up_to_five_the_law_s_31_terms_are_all_there_are(x: int):
    total, term = Q32 + x, x
    for k in range(2, 32):
        term = ((term * x) >> 32) // k
        total += term
    assert fixed.compute_exp(x) == total


@given(st.lists(st.integers(-5 * Q32, 5 * Q32), max_size=20))
def test_the_array_exponential_is_the_scalar_one(values: list[int]):
    got = fixed.compute_exp_array(np.array(values, dtype=np.int64)).tolist()
    assert got == [fixed.compute_exp(value) for value in values]


# -- arrays against Python integers ---------------------------------------------------------------


@given(shares, st.lists(signed_shares, max_size=8))
def test_one_factor_times_an_array_is_exact(factor: int, values: list[int]):
    got = fixed.mul_scalar(factor, np.array(values, dtype=np.int64)).tolist()
    assert got == [fixed.mul(factor, value) for value in values]


@given(st.lists(st.tuples(shares, shares, shares), min_size=1, max_size=8))
def test_rows_times_factors_are_exact(rows: list[tuple[int, int, int]]):
    factors = np.array([row[0] for row in rows], dtype=np.int64)
    got = fixed.mul_rows(factors, table([[*row[1:]] for row in rows])).tolist()
    assert got == [[fixed.mul(f, a), fixed.mul(f, b)] for f, a, b in rows]


@given(st.lists(st.tuples(shares, shares, shares), min_size=1, max_size=8))
def test_sums_over_columns_are_exact(columns: list[tuple[int, int, int]]):
    factors = np.array([column[0] for column in columns], dtype=np.int64)
    cells = table([[column[i] for column in columns] for i in (1, 2)])
    want = [sum(fixed.mul(column[0], column[i]) for column in columns) for i in (1, 2)]
    assert fixed.mul_columns_sum(cells, factors).tolist() == want


@given(st.lists(st.tuples(st.integers(0, 2**40 - 1), st.integers(-(2**36), 2**36)), max_size=8))
def test_tables_multiply_exactly_within_their_bounds(pairs: list[tuple[int, int]]):
    a = np.array([pair[0] for pair in pairs], dtype=np.int64)
    b = np.array([pair[1] for pair in pairs], dtype=np.int64)
    assert fixed.mul_table(a, b).tolist() == [fixed.mul(x, y) for x, y in pairs]


@given(st.lists(st.tuples(shares, st.one_of(st.just(0), st.integers(0, 2**45))), max_size=8))
def test_parts_of_a_whole_divide_exactly(pairs: list[tuple[int, int]]):
    a = np.array([part for part, _ in pairs], dtype=np.int64)
    b = np.array([max(1, part + rest) for part, rest in pairs], dtype=np.int64)
    want = [fixed.div(part, max(1, part + rest)) for part, rest in pairs]
    assert fixed.div_table(a, b).tolist() == want


@given(st.lists(st.integers(Q32, 2**48), max_size=8))
def test_reciprocals_are_exact(values: list[int]):
    got = fixed.invert_table(np.array(values, dtype=np.int64)).tolist()
    assert got == [2**64 // value for value in values]


def test_array_forms_leave_their_arguments_alone():
    cells, factors = table([[5, Q32], [7, 0]]), np.array([Q32, 3], dtype=np.int64)
    before = cells.copy()
    fixed.mul_scalar(Q32, cells)[0, 0] = 99
    fixed.mul_rows(factors, cells)
    fixed.mul_columns_sum(cells, factors)
    fixed.mul_table(cells, cells)
    fixed.div_table(cells, cells + 1)
    assert (cells == before).all()
    assert factors.tolist() == [Q32, 3]


# -- the registration price -----------------------------------------------------------------------


@pytest.mark.parametrize("half_life", [1, 2, 64, 360, 4_096, 65_535])
def test_the_decay_factor_is_the_largest_that_halves_in_time(half_life: int):
    factor = fixed.compute_decay_factor(half_life)
    assert fixed.compute_power(factor, half_life) <= Q32 // 2
    assert fixed.compute_power(factor + 1, half_life) > Q32 // 2


@given(st.integers(0, 10**12), st.integers(0, 50), st.integers(0, 50))
def test_decay_over_some_blocks_is_decay_block_by_block(amount: int, first: int, second: int):
    factor = fixed.compute_decay_factor(360)
    halfway = fixed.decay(amount, factor, first, 500, 10**11)
    split = fixed.decay(halfway, factor, second, 500, 10**11)
    assert split == fixed.decay(amount, factor, first + second, 500, 10**11)


def test_a_price_never_leaves_its_bounds():
    assert fixed.decay(1_000, 0, 3, 400, 900) == 400
    assert fixed.bump(1_000, 1_260_000, 0, 1_100) == 1_100
    assert fixed.bump(1_000, 1_260_000, 0, 10**9) == 1_260
    assert fixed.bump(0, 1_260_000, 7, 10**9) == 7
