"""Retention: does an honest majority keep its share of the emission against a cabal?

A Monte Carlo property of the epoch law, as the ancestor stated it: validators and servers fall into
an honest and a cabal part by stake. Stakes are drawn from N(1, stake_stddev) and weights from
N(1, weight_stddev), clamped at zero and normalised per group. The honest give `major_weight` of
their weight to honest servers and the rest to the cabal's; the cabal gives `minor_weight` to its
own. After one epoch the honest share of all emission should be at least their share of stake.
"""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from consensus.fixed import split_largest_remainder
from consensus.reward.emission import divide
from consensus.reward.epoch import EpochInput, YumaParams
from consensus.reward.rows import Rows, build_rows
from consensus.reward.yuma import run_epoch

Case = dict[str, Any]

SEEDS = (1, 2, 3)
TOTAL_STAKE = 21 * 10**15
POT = 10**12
_FINE = 10**6
"""A normal draw is read in millionths."""
_ROW_TOTAL = 65_535 * 24
"""What a row's u16 weights sum to: large, yet no single draw exceeds u16."""


def check_retention(case: Case) -> list[str]:
    """Return the seeds for which the honest kept less than the tolerance allows."""
    least = case["input"]["major_stake"] - case["tol"]["abs"]
    kept = [(seed, play(case["input"], seed)) for seed in SEEDS]
    return [
        f"seed {seed}: kept {share:.4f} of {least:.4f}" for seed, share in kept if share < least
    ]


def play(source: Case, seed: int) -> float:
    """Return the honest share of all emission after one epoch."""
    rng = random.Random(seed)  # noqa: S311 - a simulation
    validators, size = source["validators"], source["network"]
    honest_validators = round(source["major_stake"] * validators)
    honest_servers = validators + round(source["major_stake"] * (size - validators))
    groups = [(0, honest_validators), (honest_validators, validators)]
    targets = [(validators, honest_servers), (honest_servers, size)]

    whole = round(source["major_stake"] * TOTAL_STAKE)
    stake = [0] * size
    for (start, stop), total in zip(groups, (whole, TOTAL_STAKE - whole), strict=True):
        stake[start:stop] = _draw(rng, stop - start, source["stake_stddev"], total)

    cells = np.zeros((validators, size), dtype=np.int64)
    own = (source["major_weight"], source["minor_weight"])
    for side, (start, stop) in enumerate(groups):
        for uid in range(start, stop):
            for target, (first, last) in enumerate(targets):
                part = own[side] if target == side else 1 - own[side]
                total = round(part * _ROW_TOTAL)
                cells[uid, first:last] = _draw(rng, last - first, source["weight_stddev"], total)
    terms = run_epoch(_build_epoch(source, stake, Rows(tuple(range(validators)), cells)))
    payout = divide(terms, POT, POT)
    paid = [a + b for a, b in zip(payout.miners, payout.validators, strict=True)]
    honest = sum(paid[:honest_validators]) + sum(paid[validators:honest_servers])
    return honest / sum(paid)


def _draw(rng: random.Random, count: int, stddev: float, total: int) -> Sequence[int]:
    draws = [max(0, round(rng.gauss(1, stddev) * _FINE)) for _ in range(count)]
    return split_largest_remainder(total, draws)


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
