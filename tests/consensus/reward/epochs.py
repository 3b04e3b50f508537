"""Epochs to test with: the smallest valid one, and random ones that reach for the edges."""

import random
from collections.abc import Mapping

from consensus.params import Q32
from consensus.reward.epoch import EpochInput, YumaParams
from consensus.reward.rows import SparseRow, build_rows

PLAIN = YumaParams(
    kappa=32_767,
    stake_threshold=0,
    max_validators=64,
    activity_cutoff=5_000,
    bonds_moving_average=900_000,
    bonds_penalty=65_535,
    liquid_alpha=False,
    alpha_low=45_875,
    alpha_high=58_982,
    alpha_steepness=1_000,
)


def make_epoch(
    stake: list[int],
    weights: Mapping[int, SparseRow],
    hyper: YumaParams = PLAIN,
    bonds: Mapping[int, SparseRow] | None = None,
    forfeits: frozenset[int] = frozenset(),
) -> EpochInput:
    """Return an epoch in which whoever has stake has a permit, all were long registered."""
    size = len(stake)
    return EpochInput(
        block=380,
        last_epoch_block=20,
        tempo=360,
        stake=stake,
        active_block=[370] * size,
        commit_block=[350] * size,
        registered_block=[1] * size,
        permits=[value > 0 for value in stake],
        weights=build_rows(size, weights),
        bonds=build_rows(size, bonds or {}),
        hyper=hyper,
        forfeits=forfeits,
    )


def make_random_epoch(seed: int) -> EpochInput:
    """Return an epoch whose every column is drawn from values that matter."""
    rng = random.Random(seed)
    size = rng.randint(1, 24)
    rows = [uid for uid in range(size) if rng.random() < 0.6]
    stake = [rng.choice([0, 1, 5, 10**9, rng.randrange(2**50), 2**64 - 1]) for _ in range(size)]
    hyper = YumaParams(
        kappa=rng.choice([0, 1, 32_767, 32_768, 49_151, 65_534, 65_535]),
        stake_threshold=rng.choice([0, 0, 2, 10**9]),
        max_validators=rng.randint(1, size),
        activity_cutoff=rng.choice([0, 10, 5_000]),
        bonds_moving_average=rng.choice([0, 500_000, 900_000, 1_000_000]),
        bonds_penalty=rng.choice([0, 1, 32_767, 32_768, 65_534, 65_535]),
        liquid_alpha=rng.random() < 0.5,
        alpha_low=rng.choice([0, 6_553, 32_767]),
        alpha_high=rng.choice([32_768, 58_982, 65_535]),
        alpha_steepness=rng.choice([-1_000, -333, 0, 7, 250, 1_000]),
    )
    return EpochInput(
        block=400,
        last_epoch_block=rng.choice([0, 300, 399]),
        tempo=rng.choice([1, 100, 500]),
        stake=stake,
        active_block=[rng.choice([0, 390, 400]) for _ in range(size)],
        commit_block=[rng.choice([0, 300, 390]) for _ in range(size)],
        registered_block=[rng.choice([0, 0, 299, 300, 301, 390, 391]) for _ in range(size)],
        permits=[rng.random() < 0.7 for _ in range(size)],
        weights=build_rows(size, {uid: _draw_row(rng, size, 65_535) for uid in rows}),
        bonds=build_rows(size, {uid: _draw_row(rng, size, Q32) for uid in rows[::2]}),
        hyper=hyper,
        forfeits=frozenset(uid for uid in rows if rng.random() < 0.1),
    )


def _draw_row(rng: random.Random, size: int, top: int) -> SparseRow:
    values = [
        rng.choice([0, 0, 1, top // 2, top - 1, top, rng.randrange(top)]) for _ in range(size)
    ]
    return list(range(size)), values
