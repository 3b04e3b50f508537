"""How far quantiles were from what came, and the quantiles that no skill achieves; integers only.

The loss of one quantile q of level i / 10 is i * (y - q) when y is above it and (10 - i) * (q - y)
when it is not. Its sum over all levels is, up to a factor, the continuous ranked probability score
(CRPS) of the forecast: proper, so that the honest belief is expected to lose least. Everything is
summed exactly; nothing here divides into a float.

The baseline says what a glance at the last season says: the value of the same phase one season
earlier, plus the quantiles of how much values have differed from those of a season earlier. While
the history is shorter than a season and `SPREAD_MIN` blocks, it does the same with a season of one
block: the last value, and the spread of steps from block to block.

Source: Gneiting and Raftery, "Strictly Proper Scoring Rules" (2007), sections 4.2 and 6.
"""

from collections.abc import Sequence

from neurons.tasks.forecast.query import LEVELS, VALUE_MAX, ForecastQuery, Quantiles

SPREAD_MIN = 8
"""Fewest differences that count as a spread."""


def compute_loss(quantiles: Quantiles, value: int) -> int:
    """Return the summed pinball loss of one target's quantiles, in tenths of the value's unit."""
    return sum(
        level * (value - each) if value > each else (LEVELS + 1 - level) * (each - value)
        for level, each in enumerate(quantiles, 1)
    )


def compute_quantiles(values: Sequence[int]) -> Quantiles:
    """Return the empirical quantiles of `values`, 1 or more: each is one of them."""
    ordered = sorted(values)
    count = len(ordered)
    # The smallest value with at least level / 10 of all values at or below it.
    return tuple(ordered[-(-count * level // (LEVELS + 1)) - 1] for level in range(1, LEVELS + 1))


def compute_baseline(query: ForecastQuery) -> tuple[Quantiles, ...]:
    """Return the baseline's quantiles of each target."""
    values, count = query.values, len(query.values)
    lag = query.season if count >= query.season + SPREAD_MIN else 1
    spread = compute_quantiles([values[at] - values[at - lag] for at in range(lag, count)])
    rows: list[Quantiles] = []
    for target in query.targets:
        ahead = target - query.last
        centre = values[count - 1 + ahead - lag * -(-ahead // lag)]
        rows.append(tuple(min(max(centre + each, 0), VALUE_MAX) for each in spread))
    return tuple(rows)
