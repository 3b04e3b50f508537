"""Emission: the halving's edges, and no rao lost in any division."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.params import SUPPLY_CAP, Params
from consensus.quantities import RAO_PER_TAO, Ratio16
from consensus.reward.emission import (
    compute_block_emission,
    divide,
    split_block_emission,
    split_dividend,
    split_subnet_emission,
    split_take,
)
from consensus.reward.yuma import run_epoch
from tests.consensus.reward.epochs import make_epoch

amounts = st.integers(0, 2**64 - 1)


@pytest.mark.parametrize(
    ("issued", "emission"),
    [
        (0, 1_000_000_000),
        (SUPPLY_CAP // 2 - 1, 1_000_000_000),
        (SUPPLY_CAP // 2, 500_000_000),
        (SUPPLY_CAP // 4 * 3, 250_000_000),
        (SUPPLY_CAP - 1, 1),
        (SUPPLY_CAP, 0),
    ],
)
def test_emission_halves_whenever_half_of_the_rest_is_issued(issued: int, emission: int):
    assert compute_block_emission(issued, RAO_PER_TAO) <= emission
    if issued != SUPPLY_CAP - 1:
        assert compute_block_emission(issued, RAO_PER_TAO) == emission


@given(st.integers(0, SUPPLY_CAP), amounts)
def test_the_cap_is_never_passed(issued: int, reward: int):
    assert issued + compute_block_emission(issued, reward) <= SUPPLY_CAP


@given(amounts)
def test_a_block_s_and_a_subnet_s_parts_sum_to_the_whole(emission: int):
    block = split_block_emission(emission, Params())
    subnet = split_subnet_emission(emission, Params())
    assert block.security + block.subnets == emission
    assert subnet.owner + subnet.miners + subnet.validators == emission


def test_the_shares_are_those_of_the_network():
    params = replace(Params(), security_share=Ratio16(0), owner_share=Ratio16(0))
    assert split_block_emission(1_000, params).security == 0
    assert split_subnet_emission(1_000, params).owner == 0
    default = split_subnet_emission(10**9, Params())
    assert [round(part, -7) for part in (default.owner, default.miners, default.validators)] == [
        180_000_000,
        410_000_000,
        410_000_000,
    ]


@given(amounts, st.integers(0, 65_535))
def test_take_and_rest_sum_to_the_reward(amount: int, take: int):
    assert sum(split_take(amount, take)) == amount


@given(amounts, amounts, amounts, st.integers(0, 2**32))
def test_what_alpha_and_root_stake_earned_sums_to_the_dividend(
    amount: int, alpha: int, root: int, weight: int
):
    assert sum(split_dividend(amount, alpha, root, weight)) == amount


def test_a_dividend_follows_the_stake_weight():
    half = 2**31
    assert split_dividend(300, 100, 400, half) == (100, 200)
    assert split_dividend(300, 0, 1, half) == (0, 300)
    assert split_dividend(300, 0, 0, half) == (300, 0)


def test_without_incentive_the_miners_pot_is_recycled():
    paid = divide(run_epoch(make_epoch([3, 1], {})), 1_000, 1_000)
    assert paid.recycled == 1_000
    assert paid.miners == [0, 0]
    assert paid.validators == [750, 250]


def test_without_stake_both_pots_are_recycled():
    paid = divide(run_epoch(make_epoch([0, 0], {})), 1_000, 1_001)
    assert paid.recycled == 2_001
    assert sum(paid.miners) + sum(paid.validators) == 0


def test_every_rao_is_paid_or_recycled():
    terms = run_epoch(make_epoch([3, 4, 0, 0], {0: ([2, 3], [65_535, 7]), 1: ([3], [65_535])}))
    paid = divide(terms, 10**9 + 7, 10**9 + 9)
    assert sum(paid.miners) == 10**9 + 7
    assert sum(paid.validators) == 10**9 + 9
    assert paid.recycled == 0
