"""The market's figures: what they move by, what they sum to, and that no rounding stops them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.params import Q32
from consensus.quantities import U16_MAX, NetUid, Ratio16
from consensus.reward.market import (
    PRICE_ONE,
    Burn,
    Candidate,
    SubnetFigures,
    approach,
    cap_demand_share,
    choose_dissolved,
    compute_injection,
    compute_lock_cost,
    compute_median_price,
    compute_price,
    compute_rate,
    shrink_interval,
    slow_rate,
    split_tao_emission,
    update_demand_ema,
    update_price_ema,
)

MONTH = 216_000
"""30 days of 12 s."""
SUPPLY = 21 * 10**15
reserves = st.integers(1, SUPPLY)
averages = st.integers(0, PRICE_ONE)


# -- averages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("half_life", [1, 2, 360, 1_000])
def test_a_distance_halves_in_a_half_life(half_life: int):
    ema = 0
    for _ in range(half_life):
        ema = approach(ema, PRICE_ONE, compute_rate(half_life))
    assert abs(ema - PRICE_ONE // 2) <= half_life


def test_a_month_s_rate_is_ln_2_over_its_blocks():
    assert compute_rate(MONTH) == 59_195_778_377_307


@pytest.mark.parametrize("price", [PRICE_ONE, PRICE_ONE // 2, PRICE_ONE // 10**9])
@pytest.mark.parametrize("distance", [10**6, -(10**6)])
def test_a_month_s_average_moves_while_it_is_a_tenth_of_a_trillionth_away(
    price: int, distance: int
):
    after = approach(price - distance, price, compute_rate(MONTH))
    assert abs(price - after) < 10**6


@given(averages, reserves, reserves, st.integers(0, 10**8), st.integers(1, 10**7))
def test_an_average_moves_toward_the_price_and_never_past_it(
    ema: int, tao: int, alpha: int, age: int, half_life: int
):
    after = update_price_ema(ema, tao, alpha, age, half_life)
    price = compute_price(tao, alpha)
    assert min(ema, price) <= after <= max(ema, price) <= PRICE_ONE


def test_the_price_counts_as_at_most_one():
    assert compute_price(2, 1) == compute_price(1, 1) == PRICE_ONE
    assert compute_price(1, 2) == PRICE_ONE // 2


def test_a_young_subnet_s_average_follows_slowly():
    assert update_price_ema(0, 1, 1, 0, MONTH) == 0
    half = slow_rate(compute_rate(MONTH), MONTH, MONTH)
    assert half == compute_rate(MONTH) // 2
    assert update_price_ema(0, 1, 1, MONTH, MONTH) == pytest.approx(half // 2, abs=1)


def test_one_rao_of_demand_counts_and_is_forgotten_in_the_end():
    ema = update_demand_ema(0, 1, MONTH)
    assert ema == 1
    assert update_demand_ema(ema, 0, MONTH) == 0


def test_a_payment_counts_half_after_a_half_life():
    ema = update_demand_ema(0, 10**9, 360)
    for _ in range(360):
        ema = update_demand_ema(ema, 0, 360)
    assert abs(ema - 5 * 10**8) < 360


@given(st.integers(0, SUPPLY), st.integers(0, SUPPLY), st.integers(1, 10**7))
def test_demand_stays_within_u64(ema: int, paid: int, half_life: int):
    assert paid <= update_demand_ema(ema, paid, half_life) <= ema + paid
    assert update_demand_ema(2**64 - 1, 2**64 - 1, half_life) == 2**64 - 1


# -- a block's TAO ---------------------------------------------------------------------------------

NONE = Ratio16(0)
FIVE = Ratio16(3_277)
TWENTY = Ratio16(13_107)
PLAIN = SubnetFigures(
    is_eligible=True, is_young=False, price_ema=PRICE_ONE // 2, demand_ema=0, miner_burned=0
)
figures = st.builds(
    SubnetFigures,
    st.booleans(),
    st.booleans(),
    st.one_of(st.just(0), averages),
    st.one_of(st.just(0), st.integers(0, 2**64 - 1)),
    st.one_of(st.sampled_from([0, Q32]), st.integers(0, Q32)),
)
ratios = st.builds(Ratio16, st.integers(0, U16_MAX))


@given(st.integers(0, 10**10), st.lists(figures, max_size=12), ratios, ratios)
def test_the_parts_sum_to_the_amount_and_the_ineligible_get_nothing(
    amount: int, subnets: list[SubnetFigures], bootstrap: Ratio16, demand: Ratio16
):
    parts = split_tao_emission(amount, subnets, bootstrap, demand)
    eligible = [one for one in subnets if one.is_eligible]
    by_price = any(one.price_ema for one in eligible)
    if by_price or (demand and any(one.demand_ema for one in eligible)):
        assert sum(parts) == amount
    elif any(one.is_young for one in eligible):
        assert sum(parts) == amount * bootstrap // U16_MAX
    else:
        assert sum(parts) == 0
    assert all(part >= 0 for part in parts)
    assert all(part == 0 or one.is_eligible for part, one in zip(parts, subnets, strict=True))


def test_the_rest_follows_the_price():
    subnets = [PLAIN, replace(PLAIN, price_ema=PRICE_ONE)]
    assert split_tao_emission(300, subnets, FIVE, TWENTY) == [100, 200]


def test_a_fifth_of_the_rest_follows_demand_once_there_is_any():
    subnets = [PLAIN, replace(PLAIN, demand_ema=1)]
    assert split_tao_emission(1_000, subnets, NONE, TWENTY) == [400, 600]


def test_burned_miner_pay_counts_against_a_subnet():
    subnets = [PLAIN, replace(PLAIN, miner_burned=Q32 // 2), replace(PLAIN, miner_burned=Q32)]
    assert split_tao_emission(300, subnets, NONE, TWENTY) == [200, 100, 0]


def test_burned_miner_pay_counts_for_nobody_if_all_burned_all_of_it():
    subnets = [replace(PLAIN, miner_burned=Q32)] * 2
    assert split_tao_emission(300, subnets, NONE, TWENTY) == [150, 150]


def test_the_young_share_the_bootstrap_part_equally_beside_their_own():
    young = replace(PLAIN, is_young=True, price_ema=0)
    assert split_tao_emission(65_535, [PLAIN, young, young], Ratio16(6_554), NONE) == [
        58_981,
        3_277,
        3_277,
    ]


def test_without_a_price_only_the_bootstrap_part_is_issued():
    fresh = replace(PLAIN, is_young=True, price_ema=0)
    assert split_tao_emission(65_535, [fresh, fresh], Ratio16(6_554), TWENTY) == [3_277, 3_277]
    assert split_tao_emission(65_535, [replace(fresh, is_young=False)], FIVE, TWENTY) == [0]


def test_without_a_price_the_rest_follows_demand_alone():
    subnets = [replace(PLAIN, price_ema=0, demand_ema=demand) for demand in (1, 3)]
    assert split_tao_emission(400, subnets, NONE, TWENTY) == [100, 300]


def test_nobody_eligible_gets_nothing():
    closed = replace(PLAIN, is_eligible=False, is_young=True)
    assert split_tao_emission(1_000, [closed, closed], FIVE, TWENTY) == [0, 0]
    assert split_tao_emission(1_000, [], FIVE, TWENTY) == []


@given(st.integers(0, 10**10), reserves, reserves, st.integers(0, 10**10))
def test_injected_tao_and_excess_are_the_share_and_alpha_keeps_the_cap(
    share: int, tao: int, alpha: int, cap: int
):
    done = compute_injection(share, tao, alpha, cap)
    assert done.tao_in + done.excess_tao == share
    assert min(done.tao_in, done.excess_tao, done.alpha_in) >= 0
    assert done.alpha_in <= cap
    assert abs(done.alpha_in * tao - done.tao_in * alpha) < max(tao, alpha), "not at the price"


# -- subnets come and go ---------------------------------------------------------------------------


def test_the_lock_costs_twice_the_last_and_falls_by_one_of_it_per_interval():
    costs = [compute_lock_cost(1_000, 100, 50, 50 + age, 200) for age in (0, 200, 400, 10_000)]
    assert costs == [2_000, 1_000, 100, 100]


def test_the_first_lock_is_not_doubled():
    assert compute_lock_cost(1_000, 100, 0, 1, 10_000) == 1_000


def test_the_interval_shrinks_with_the_emission_and_never_to_nothing():
    assert shrink_interval(100_800, 5 * 10**8, 10**9) == 50_400
    assert shrink_interval(100_800, 0, 10**9) == 1


def test_the_median_price_is_a_fraction_and_one_without_pools():
    assert compute_median_price([]) == (1, 1)
    assert compute_median_price([(0, 7), (7, 0)]) == (1, 1)
    assert compute_median_price([(9, 3), (1, 3), (2, 3)]) == (2, 3)
    assert compute_median_price([(9, 3), (1, 3), (2, 3), (10, 1)]) == (11, 6)


CANDIDATES = [
    Candidate(NetUid(4), 7, 10),
    Candidate(NetUid(3), 7, 5),
    Candidate(NetUid(2), 7, 5),
    Candidate(NetUid(1), 0, 90),
]


def test_the_cheapest_grown_subnet_makes_way_the_oldest_of_equals_and_then_the_lowest_netuid():
    assert choose_dissolved(CANDIDATES, 100, 20) == 2
    assert choose_dissolved(CANDIDATES[:2], 100, 20) == 3
    assert choose_dissolved(CANDIDATES, 110, 20) == 1


def test_nobody_makes_way_while_all_are_immune():
    assert choose_dissolved(CANDIDATES, 24, 20) is None
    assert choose_dissolved([], 24, 20) is None


# -- what demand may move -------------------------------------------------------------------------


def test_demand_moves_no_more_than_it_burns() -> None:
    burn = Burn(100_000, 1_000)
    for paid in (0, 1, 10**6, 10**9, 10**12):
        demand = 0
        for _ in range(20_000):
            demand = update_demand_ema(demand, paid, 1_000)
        share = cap_demand_share(Ratio16(13_107), 10**10, [demand], burn)
        assert share * 10**10 // 65_535 <= paid // 10
        assert share <= 13_107


def test_demand_that_burns_enough_has_its_whole_share() -> None:
    assert cap_demand_share(Ratio16(13_107), 10**9, [10**18], Burn(100_000, 1_000)) == 13_107
    assert cap_demand_share(Ratio16(13_107), 0, [10**18], Burn(100_000, 1_000)) == 0
