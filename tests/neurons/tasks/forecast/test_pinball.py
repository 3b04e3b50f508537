"""The loss of quantiles and the baseline's quantiles."""

from random import Random

from consensus.quantities import U16, U64, U64_MAX, Height, ShortText
from neurons.tasks.forecast.pinball import (
    SPREAD_MIN,
    compute_baseline,
    compute_loss,
    compute_quantiles,
)
from neurons.tasks.forecast.query import LEVELS, ForecastQuery


def make_query(values: list[int], targets: list[int], season: int) -> ForecastQuery:
    """Return a query whose last value stands at height 100."""
    return ForecastQuery(
        ShortText("fees_rao"),
        Height(101 - len(values)),
        U16(season),
        tuple(map(U64, values)),
        tuple(map(Height, targets)),
    )


def test_each_quantile_loses_by_its_level_and_its_distance():
    assert compute_loss((10,) * LEVELS, 10) == 0
    assert compute_loss((10,) * LEVELS, 12) == 2 * sum(range(1, 10))
    assert compute_loss((10,) * LEVELS, 7) == 3 * sum(range(1, 10))
    assert compute_loss((0, *[10] * 8), 10) == 1 * 10, "the lowest quantile may be far below"
    assert compute_loss((*[10] * 8, 20), 10) == 1 * 10, "and the highest far above"
    assert compute_loss((10, *[20] * 8), 20) < compute_loss((*[10] * 8, 20), 20)


def test_the_loss_is_exact_where_floats_are_not():
    wide = (0,) * LEVELS
    assert compute_loss(wide, U64_MAX) - compute_loss(wide, U64_MAX - 1) == sum(range(1, 10))


def test_the_honest_quantiles_are_expected_to_lose_least():
    dice = Random(7)
    draws = [round(dice.gauss(1_000, 100)) for _ in range(4_000)]
    honest = compute_quantiles(draws)
    others = {
        "bold": tuple(1_000 + (each - 1_000) // 2 for each in honest),
        "wide": tuple(1_000 + (each - 1_000) * 2 for each in honest),
        "low": tuple(each - 40 for each in honest),
        "a point": (1_000,) * LEVELS,
    }
    best = sum(compute_loss(honest, draw) for draw in draws)
    for name, row in others.items():
        assert sum(compute_loss(row, draw) for draw in draws) > best, name


def test_quantiles_are_values_that_were_seen():
    assert compute_quantiles([5]) == (5,) * LEVELS
    assert compute_quantiles(range(10)) == tuple(range(9))
    assert compute_quantiles([3, 1, 2]) == (1, 1, 1, 2, 2, 2, 3, 3, 3)


def test_the_baseline_repeats_the_season_and_adds_its_spread():
    season = 10
    values = [100 * (at % season) for at in range(3 * season)]
    rows = compute_baseline(make_query(values, [101, 105, 110, 111, 123], season))
    assert [row[0] for row in rows] == [0, 400, 900, 0, 200]
    assert all(len(set(row)) == 1 for row in rows), "no season differed from the one before"


def test_the_baselines_spread_is_that_of_a_seasons_difference():
    season = 10
    values = [50] * season + [50 + at for at in range(10)]
    row = compute_baseline(make_query(values, [101], season))[0]
    assert row == tuple(values[season] + each for each in compute_quantiles(range(10)))


def test_without_a_whole_season_the_baseline_is_the_last_value_and_its_steps():
    season = 10
    values = [5, 7] * 8 + [9]
    assert len(values) < season + SPREAD_MIN
    row = compute_baseline(make_query(values, [120], season))[0]
    assert row == (7, 7, 7, 7, 11, 11, 11, 11, 11)


def test_the_baseline_stays_within_what_a_value_can_be():
    values = [U64_MAX, 0] * 8
    low, high = compute_baseline(make_query(values, [101, 102], 3))
    assert min(*low, *high) == 0
    assert max(*low, *high) == U64_MAX
