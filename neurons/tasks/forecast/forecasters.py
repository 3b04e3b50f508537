"""What the reference miner knows of series: simple forecasters, weighed by how they did of late.

Each forecaster turns a history and steps ahead into quantiles (steps, `LEVELS`):

- *level*: the quantiles of the last values, for two lengths of "last", and of all;
- *phase*: the quantiles of earlier values at the target's phase, for each period;
- *profiles*: what stands out at each phase of one or two periods, added to the level of the rest.

Periods are the query's season and the lags at which the history repeats itself most. All of them
forecast a few past stretches just as far ahead as is asked now; each then counts by its summed
pinball loss there to the power -`SHARPNESS`, and the answer is the weighted mean of their quantiles
(Vincent's average, so ascending quantiles stay so). Numpy only; about 20 ms a query.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from neurons.tasks.forecast.query import LEVELS, VALUE_MAX, ForecastQuery, Quantiles

SKILLS = ("mixed", "naive")
"""`mixed` is all of the above; `naive` answers the history's own quantiles, whatever the phase."""
SHARPNESS = 10
"""High: the best forecasters decide, the others steady them a little."""
ORIGINS = 12
"""Past stretches that forecasters are judged on."""
PERIODS_FOUND = 2
"""Beside the season."""
REPEAT_MIN = 0.2
"""Least correlation with a period earlier that counts as repeating."""
LATE = 0.2
"""What a lag as long as the history must repeat better by, so that half of a period wins of two."""
EVEN = 1e-9
"""Variance below which nothing is left to repeat."""
ROUNDS = 3
CLEAR = 3.0

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]
Forecaster = Callable[[Floats, Steps], Floats]
"""From a history (blocks,) and steps ahead (steps,), 1 or more, to quantiles (steps, LEVELS)."""
_LEVELS = np.arange(1, LEVELS + 1) / (LEVELS + 1)


@dataclass(frozen=True, slots=True)
class Skill:
    """How a reference miner forecasts: see `neurons.tasks.forecast.options`."""

    kind: str = "mixed"
    window: int = 64


def forecast(query: ForecastQuery, skill: Skill) -> tuple[Quantiles, ...]:
    """Return the quantiles of each target of `query`."""
    values = np.array(query.values, dtype=np.float64)
    steps = np.array([target - query.last for target in query.targets], dtype=np.int64)
    if skill.kind == "naive":
        rows = forecast_level(values, steps, len(values))
    else:
        rows = mix(values, steps, make_forecasters(values, query.season, skill.window))
    # A mean of ascending floats can fall by a rounding error.
    bounded = np.maximum.accumulate(np.clip(np.rint(rows), 0, VALUE_MAX), axis=1)
    return tuple(tuple(min(int(each), VALUE_MAX) for each in row) for row in bounded)


# -- forecasters ----------------------------------------------------------------------------------


def forecast_level(values: Floats, steps: Steps, window: int) -> Floats:
    """Return the quantiles of the last `window` values, the same for every step."""
    return np.tile(_quantiles(values[-window:]), (len(steps), 1))


def forecast_phase(values: Floats, steps: Steps, period: int) -> Floats:
    """Return the quantiles of the values whole periods before each step's block."""
    rows: list[Floats] = []
    for step in steps:
        back = -(-int(step) // period) * period - int(step)  # to the latest block of that phase
        rows.append(_quantiles(values[len(values) - 1 - back :: -period]))
    return np.array(rows)


def forecast_profiles(
    values: Floats, steps: Steps, periods: tuple[int, ...], window: int
) -> Floats:
    """Return the sum of one profile by phase a period, and around it the spread of what is left.

    Each profile is made of what the others leave, `ROUNDS` times over; the spread is that of the
    last `window` values.
    """
    places = np.arange(len(values))
    profiles = {period: np.zeros(period) for period in periods}

    def add_up(at: Steps, periods: Iterable[int]) -> Floats:
        return sum((profiles[each][at % each] for each in periods), np.zeros(len(at)))

    level = np.median(values)
    for _ in range(ROUNDS if len(periods) > 1 else 1):
        for period in periods:
            others = [each for each in periods if each != period]
            profiles[period] = _make_profile(values - level - add_up(places, others), period)
    left = values - add_up(places, periods)
    centre = add_up(len(values) - 1 + steps, periods)
    return np.add.outer(centre, _quantiles(left[-window:]))


def make_forecasters(values: Floats, season: int, window: int) -> list[Forecaster]:
    """Return the forecasters that `values` are long enough for."""
    periods = find_periods(values, season)
    made: list[Forecaster] = [
        partial(forecast_level, window=size)
        for size in (max(window // 8, 2), max(window // 2, 4), len(values))
    ]
    made += [partial(forecast_phase, period=period) for period in periods]
    groups = [(period,) for period in periods] + list(combinations(periods, 2))
    made += [
        partial(forecast_profiles, periods=group, window=size)
        for group in groups
        for size in (window, len(values))
    ]
    return made


def find_periods(values: Floats, season: int) -> tuple[int, ...]:
    """Return the season, if two of it are known, and the lags at which `values` repeat most.

    One after the other: each is looked for in what the profiles of those before it leave.
    """
    left = values - np.median(values)
    found: list[int] = []
    period = season if len(values) >= 2 * season else _find_repeat(left)
    while period is not None and period not in found:
        found.append(period)
        if len(found) > PERIODS_FOUND:
            break
        left = left - _make_profile(left, period)[np.arange(len(values)) % period]
        period = _find_repeat(left)
    return tuple(found)


def _find_repeat(values: Floats) -> int | None:
    """Return the lag at which `values` repeat most: a peak of the autocorrelation, or None."""
    count = len(values)
    lifted = values - values.mean()
    size = 1 << (2 * count - 1).bit_length()
    spectrum = np.fft.rfft(lifted, size)
    power = np.fft.irfft(spectrum * spectrum.conj(), size)[:count]
    if power[0] <= count * EVEN:
        return None
    lags = np.arange(count)
    repeats = power / power[0] * count / np.maximum(count - lags, 1)
    peaks = [
        lag
        for lag in range(2, count // 2)
        if repeats[lag] >= REPEAT_MIN and repeats[lag - 1] < repeats[lag] >= repeats[lag + 1]
    ]
    return min(peaks, key=lambda lag: LATE * lag / count - repeats[lag], default=None)


# -- the mixture ----------------------------------------------------------------------------------


def mix(values: Floats, steps: Steps, forecasters: Sequence[Forecaster]) -> Floats:
    """Return the mean of the forecasters' quantiles, weighted by how they did on past stretches.

    Where a stretch reaches beyond the history, what is within it counts. A history too short for
    any stretch weighs all forecasters alike.
    """
    count = len(values)
    losses = np.zeros(len(forecasters))
    earliest, latest = count // 2, count - int(steps[0])
    last = ORIGINS - 1
    origins = {earliest + (latest - earliest) * at // last for at in range(ORIGINS)}
    for origin in sorted(origins) if earliest <= latest else ():
        known = steps[origin + steps <= count]
        past, truth = values[:origin], values[origin - 1 + known]
        losses += [_loss(each(past, known), truth) for each in forecasters]
    scaled = losses / max(losses.max(), 1e-9)
    weights = np.maximum(scaled, 1e-3) ** -SHARPNESS
    rows = np.array([each(values, steps) for each in forecasters])  # (forecasters, steps, LEVELS)
    return (weights[:, None, None] * rows).sum(axis=0) / weights.sum()


def _quantiles(values: Floats) -> Floats:
    return np.quantile(values, _LEVELS, method="hazen")


def _make_profile(values: Floats, period: int) -> Floats:
    """Return the mean of `values` at each phase of `period`: (period,).

    A phase counts as 0 unless it stands out: by `CLEAR` standard errors, as the scatter within
    phases says, and in two values at least.
    """
    phases = np.arange(len(values)) % period
    counts = np.bincount(phases, minlength=period)
    means = np.bincount(phases, weights=values, minlength=period) / np.maximum(counts, 1)
    freedom = max(len(values) - period, 1)
    scatter = np.square(values - means[phases]).sum() / freedom
    is_clear = (counts > 1) & (np.square(means) * counts > CLEAR**2 * scatter)
    return np.where(is_clear, means, 0.0)


def _loss(rows: Floats, truth: Floats) -> float:
    """Return the summed pinball loss of quantiles (steps, LEVELS) on values (steps,)."""
    over = truth[:, None] - rows
    return float(np.maximum(_LEVELS * over, (_LEVELS - 1) * over).sum())
