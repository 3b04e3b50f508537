"""Retention: does an honest majority keep its share of the emission against a cabal?

A Monte Carlo property of the epoch law, as the ancestor stated it: validators and servers fall into
an honest and a cabal part by stake. Stakes are drawn from N(1, stake_stddev) and weights from
N(1, weight_stddev), clamped at zero and normalised per group. The honest give `major_weight` of
their weight to honest servers and the rest to the cabal's; the cabal gives `minor_weight` to its
own. After one epoch the honest share of all emission should be at least their share of stake.

The *least utility* is the smallest `major_weight` for which it is, whatever `minor_weight` the
cabal chooses.
"""

import random
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from consensus.fixed import split_largest_remainder
from consensus.quantities import U16_MAX
from consensus.reward.emission import divide
from consensus.reward.epoch import EpochInput, YumaParams
from consensus.reward.rows import Rows, build_rows
from consensus.reward.yuma import run_epoch

Case = dict[str, Any]
Draws = tuple[int, ...]

SEEDS = (1, 2, 3)
TOTAL_STAKE = 21 * 10**15
POT = 10**12
CABAL_WEIGHTS = [weight * 0.1 for weight in range(11)]
"""What the cabal tries; its best answer lies near 0.8 and is flat around."""
_FINE = 10**6
"""A normal draw is read in millionths."""
_ROW_TOTAL = U16_MAX * 24
"""What a row's u16 weights sum to: large, yet no single draw exceeds u16."""


def check_retention(case: Case) -> list[str]:
    """Return the seeds for which the honest kept less than the tolerance allows."""
    least = case["input"]["major_stake"] - case["tol"]["abs"]
    kept = [(seed, play(case["input"], seed)) for seed in SEEDS]
    return [
        f"seed {seed}: kept {share:.4f} of {least:.4f}" for seed, share in kept if share < least
    ]


def check_retention_utility(case: Case) -> list[str]:
    """Return the least utility that the honest need, if it is not the expected one."""
    source = case["input"]
    scene = source["defaults"] | {source["vary"]: source["value"]}
    scene["major_stake"] = source["major_stake"]
    scene["bonds_penalty"] = round(scene["bonds_penalty"] * U16_MAX)
    scene["kappa"] = int(scene["kappa"] * U16_MAX)
    got, want = find_least_utility(scene), case["expect"]["min_honest_utility"]
    return [] if abs(got - want) <= case["tol"]["abs"] + 1e-9 else [f"{got} instead of {want}"]


def find_least_utility(source: Case) -> float:
    """Return the least utility in hundredths, between one half and one, by bisection."""
    low, high = 50, 100
    while low < high:
        middle = (low + high) // 2
        scene = source | {"major_weight": middle / 100}
        answers = (play(scene | {"minor_weight": weight}, SEEDS[0]) for weight in CABAL_WEIGHTS)
        if all(kept >= source["major_stake"] for kept in answers):
            high = middle
        else:
            low = middle + 1
    return low / 100


def play(source: Case, seed: int) -> float:
    """Return the honest share of all emission after one epoch.

    `validator_ratio` is the validators' part of the emission, one half if it is not given.
    """
    validators, size = source["validators"], source["network"]
    honest_validators = round(source["major_stake"] * validators)
    honest_servers = validators + round(source["major_stake"] * (size - validators))
    groups = [(0, honest_validators), (honest_validators, validators)]
    targets = [(validators, honest_servers), (honest_servers, size)]
    counts = tuple(stop - start for start, stop in (*groups, *targets))
    stakes, rows = _deal(seed, counts, source["stake_stddev"], source["weight_stddev"])

    whole = round(source["major_stake"] * TOTAL_STAKE)
    stake = [0] * size
    totals = (whole, TOTAL_STAKE - whole)
    for (start, stop), draws, total in zip(groups, stakes, totals, strict=True):
        stake[start:stop] = split_largest_remainder(total, draws)

    cells = np.zeros((validators, size), dtype=np.int64)
    own = (source["major_weight"], source["minor_weight"])
    for side, (start, stop) in enumerate(groups):
        for uid in range(start, stop):
            for target, (first, last) in enumerate(targets):
                part = own[side] if target == side else 1 - own[side]
                total = round(part * _ROW_TOTAL)
                cells[uid, first:last] = split_largest_remainder(total, rows[uid][target])
    terms = run_epoch(_build_epoch(source, stake, Rows(tuple(range(validators)), cells)))
    validator_pot = round(2 * POT * source.get("validator_ratio", 0.5))
    payout = divide(terms, 2 * POT - validator_pot, validator_pot)
    paid = [a + b for a, b in zip(payout.miners, payout.validators, strict=True)]
    honest = sum(paid[:honest_validators]) + sum(paid[validators:honest_servers])
    return honest / sum(paid)


@lru_cache(maxsize=8)
def _deal(
    seed: int, counts: tuple[int, ...], stake_stddev: float, weight_stddev: float
) -> tuple[Sequence[Draws], Sequence[Sequence[Draws]]]:
    """Draw each group's stakes, and per validator its weights on either group of servers."""
    rng = random.Random(seed)  # noqa: S311 - a simulation
    honest, cabal, *servers = counts
    stakes = [_draw(rng, count, stake_stddev) for count in (honest, cabal)]
    rows = [[_draw(rng, count, weight_stddev) for count in servers] for _ in range(honest + cabal)]
    return stakes, rows


def _draw(rng: random.Random, count: int, stddev: float) -> Draws:
    return tuple(max(0, round(rng.gauss(1, stddev) * _FINE)) for _ in range(count))


def _build_epoch(source: Case, stake: list[int], weights: Rows) -> EpochInput:
    size = len(stake)
    return EpochInput(
        block=2,
        last_epoch_block=0,
        tempo=1,
        stake=stake,
        active_block=[1] * size,
        commit_block=[1] * size,
        registered_block=[0] * size,
        permits=[uid < source["validators"] for uid in range(size)],
        weights=weights,
        bonds=build_rows(size, {}),
        hyper=YumaParams(
            kappa=source["kappa"],
            stake_threshold=0,
            max_validators=source["validators"],
            activity_cutoff=5_000,
            bonds_moving_average=900_000,
            bonds_penalty=source["bonds_penalty"],
            liquid_alpha=False,
            alpha_low=0,
            alpha_high=0,
            alpha_steepness=0,
        ),
    )
