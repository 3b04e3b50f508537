"""Bonds: the two averages agree where they should, and stay within one."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from consensus.fixed import div
from consensus.params import Q32
from consensus.reward.bonds import compute_alpha, compute_bought, mix_liquid, mix_plain
from tests.consensus.reward.epochs import PLAIN

shares = st.one_of(st.sampled_from([0, 1, Q32 - 1, Q32]), st.integers(0, Q32))
tables = st.lists(shares, min_size=6, max_size=6)


@given(tables, tables, tables, st.integers(-1_000, 1_000))
def test_liquid_bonds_move_at_the_rate_of_each_cell(
    weights: list[int], bonds: list[int], consensus: list[int], steepness: int
):
    hyper = replace(PLAIN, alpha_low=6_553, alpha_high=60_000, alpha_steepness=steepness)
    low, high = div(6_553, 65_535), div(60_000, 65_535)
    want: list[int] = []
    for w, b, c in zip(weights, bonds, consensus, strict=True):
        apart = min(max(w - c if w >= b else b - w, 0), Q32)
        rate = compute_alpha(apart, low, high, steepness)
        want.append(min(Q32, ((Q32 - rate) * b >> 32) + (rate * w >> 32)))
    w, b, c = (np.array([column], dtype=np.int64) for column in (weights, bonds, consensus))
    assert mix_liquid(hyper, w, b, c[0]).tolist() == [want]


@given(tables, tables, st.integers(0, 1_000_000))
def test_plain_bonds_lie_between_the_weight_and_the_old_bond(
    weights: list[int], bonds: list[int], average: int
):
    hyper = replace(PLAIN, bonds_moving_average=average)
    w, b = (np.array([column], dtype=np.int64) for column in (weights, bonds))
    got = mix_plain(hyper, w, b, w[0]).ravel().tolist()
    pairs = list(zip(weights, bonds, strict=True))
    assert all(
        min(pair) - 2 <= figure <= max(pair) for figure, pair in zip(got, pairs, strict=True)
    )


def test_the_rate_stays_between_its_two_ends():
    rates = [compute_alpha(d, 100, 900, s) for d in (0, Q32 // 2, Q32) for s in (-1_000, 0, 1_000)]
    assert all(100 <= rate <= 900 for rate in rates)


def test_bonds_are_bought_with_clipped_weights_at_full_penalty_and_with_raw_ones_at_none():
    weights = np.array([[100, 50]], dtype=np.int64)
    clipped = np.array([[40, 50]], dtype=np.int64)
    assert compute_bought(65_535, weights, clipped).tolist() == [[40, 50]]
    assert compute_bought(0, weights, clipped).tolist() == [[100, 50]]
    assert compute_bought(32_768, weights, clipped).tolist() == [[69, 50]]
