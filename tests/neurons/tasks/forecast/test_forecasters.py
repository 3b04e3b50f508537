"""The reference miner's forecasters: each finds what it is for, and together they find it best."""

from random import Random

import numpy as np
import pytest

from consensus.quantities import U16, U64, U64_MAX, Height, ShortText
from neurons.tasks.forecast.forecasters import (
    Skill,
    find_periods,
    forecast,
    forecast_level,
    forecast_phase,
    forecast_profiles,
)
from neurons.tasks.forecast.pinball import compute_baseline, compute_loss
from neurons.tasks.forecast.query import LEVELS, ForecastQuery, Quantiles

MIXED, NAIVE = Skill("mixed"), Skill("naive")


def make_chain(length: int, noise: int = 0) -> list[int]:
    """Return what transactions per block are on a devnet: two subnets' commits and reveals."""
    dice = Random(5)
    return [
        2 * (height % 25 in (0, 20)) + (height % 29 in (0, 24)) + dice.randint(0, noise)
        for height in range(length)
    ]


def make_query(values: list[int], season: int, targets: range) -> ForecastQuery:
    first = targets[0] - 5 - len(values)
    return ForecastQuery(
        ShortText("transactions"),
        Height(first),
        U16(season),
        tuple(map(U64, values)),
        tuple(map(Height, targets)),
    )


def measure(rows: tuple[Quantiles, ...], truth: list[int]) -> int:
    return sum(map(compute_loss, rows, truth))


def compute_quality(skill: Skill, chain: list[int], season: int) -> float:
    """Return 1 - loss / the baseline's, over queries 16 blocks ahead along `chain`."""
    loss, mark = 0, 0
    for now in range(4 * season, len(chain) - 21, 7):
        query = make_query(chain[now - 4 * season : now], season, range(now + 5, now + 21))
        truth = chain[now + 5 : now + 21]
        loss += measure(forecast(query, skill), truth)
        mark += measure(compute_baseline(query), truth)
    return 1 - loss / mark


def test_the_mixture_sees_two_periods_where_the_baseline_sees_one():
    chain = make_chain(400)
    assert compute_quality(MIXED, chain, season=29) > 0.6
    assert compute_quality(MIXED, chain, season=25) > 0.6


def test_the_mixture_beats_the_naive_miner_and_both_the_baseline():
    chain = make_chain(400, noise=1)
    mixed, naive = (compute_quality(skill, chain, season=29) for skill in (MIXED, NAIVE))
    assert mixed > naive + 0.05
    assert naive > 0.1


def test_the_mixture_is_no_worse_than_the_naive_miner_where_nothing_repeats():
    dice = Random(9)
    chain = [1_000 + round(dice.expovariate(0.2)) for _ in range(300)]
    mixed, naive = (compute_quality(skill, chain, season=24) for skill in (MIXED, NAIVE))
    assert naive > 0.2
    assert mixed > naive - 0.05


def test_the_mixture_follows_a_level_that_moved():
    chain = [100] * 60 + [500] * 60
    query = make_query(chain, 40, range(205, 210))
    assert all(row[LEVELS // 2] == pytest.approx(500, abs=20) for row in forecast(query, MIXED))
    assert forecast(query, NAIVE)[0][0] == 100


def test_periods_are_the_season_and_what_repeats():
    values = np.array(make_chain(116), dtype=np.float64)
    assert find_periods(values, 29)[:2] == (29, 25)
    assert find_periods(values, 25)[:2] == (25, 29)
    assert find_periods(np.ones(100), 25) == (25,)
    assert find_periods(np.ones(10), 25) == ()


def test_a_phase_is_that_of_the_target():
    values = np.tile(np.arange(6.0), 4)
    rows = forecast_phase(values, np.array([1, 2, 6, 7]), 6)
    assert rows[:, 0].tolist() == [0, 1, 5, 0]


def test_profiles_add_what_stands_out_of_each_period():
    chain = np.array(make_chain(25 * 8), dtype=np.float64)
    ahead = np.arange(1, 60)
    truth = np.array(make_chain(25 * 8 + 60))[25 * 8 + ahead - 1]
    both = forecast_profiles(chain, ahead, (25, 29), 200)[:, LEVELS // 2]
    assert np.abs(both - truth).max() < 0.2
    one = forecast_profiles(chain, ahead, (25,), 200)[:, LEVELS // 2]
    assert np.abs(one - truth).max() > 0.5


def test_a_profile_holds_what_is_clear_and_not_the_noise():
    dice = Random(1)
    noisy = np.array([dice.gauss(0, 1) for _ in range(120)])
    rows = forecast_profiles(noisy, np.arange(1, 25), (24,), 120)
    assert len(set(rows[:, 0].round(9))) <= 3, "nearly all phases are the level"
    noisy[7::24] += 20
    rows = forecast_profiles(noisy, np.arange(1, 25), (24,), 120)
    assert np.argmax(rows[:, 0]) == 7
    assert rows[7, LEVELS // 2] > 15


def test_a_level_forgets_what_was_before_its_window():
    values = np.array([9.0] * 10 + [1.0] * 5)
    assert set(forecast_level(values, np.array([1, 2]), 5).ravel()) == {1.0}


@pytest.mark.parametrize("skill", [MIXED, NAIVE], ids=["mixed", "naive"])
@pytest.mark.parametrize(
    "values",
    [[0, U64_MAX] * 5, [0] * 9, [U64_MAX] * 200, [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ids=["extremes", "zeros", "tops", "rise"],
)
def test_whatever_the_history_the_quantiles_are_ascending_and_in_bounds(
    skill: Skill, values: list[int]
):
    rows = forecast(make_query(values, 4, range(1_005, 1_012)), skill)
    assert len(rows) == 7
    for row in rows:
        assert len(row) == LEVELS
        assert list(row) == sorted(row)
        assert 0 <= row[0] <= row[-1] <= U64_MAX
