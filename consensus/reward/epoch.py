"""What one epoch step reads and decides, as frozen values.

Stake and amounts are in rao, shares in Q32, blocks are heights. Lists have one entry per uid.
"""

from dataclasses import dataclass

from consensus.fixed import Matrix
from consensus.params import Hyperparameters, Params
from consensus.quantities import U16_MAX
from consensus.reward.rows import Rows

STEEPNESS_MAX = 1_000
"""Largest |alpha_steepness|: keeps the sigmoid's exponent within ±5."""


@dataclass(frozen=True, slots=True)
class YumaParams:
    """The numbers of the epoch law; units as in `Params` and `Hyperparameters`."""

    kappa: int
    stake_threshold: int
    max_validators: int
    activity_cutoff: int
    bonds_moving_average: int
    bonds_penalty: int
    liquid_alpha: bool
    alpha_low: int
    alpha_high: int
    alpha_steepness: int
    """In hundredths; may be negative."""

    def __post_init__(self) -> None:
        """Assert the ranges that the bounds of the arithmetic rest on."""
        for ratio in (self.kappa, self.bonds_penalty, self.alpha_low, self.alpha_high):
            assert 0 <= ratio <= U16_MAX
        assert self.alpha_low <= self.alpha_high
        assert 0 <= self.bonds_moving_average <= 1_000_000  # noqa: PLR2004 - millionths
        assert abs(self.alpha_steepness) <= STEEPNESS_MAX


def select_params(params: Params, hyper: Hyperparameters) -> YumaParams:
    """Gather what the epoch law needs from a network's and a subnet's parameters."""
    return YumaParams(
        kappa=params.kappa,
        stake_threshold=hyper.stake_threshold,
        max_validators=hyper.max_validators,
        activity_cutoff=hyper.activity_cutoff,
        bonds_moving_average=hyper.bonds_moving_average,
        bonds_penalty=hyper.bonds_penalty,
        liquid_alpha=hyper.liquid_alpha,
        alpha_low=hyper.alpha_low,
        alpha_high=hyper.alpha_high,
        alpha_steepness=hyper.alpha_steepness,
    )


@dataclass(frozen=True, slots=True, eq=False)
class EpochInput:
    """What one epoch step reads. Lists have one entry per uid; heights are plain integers."""

    block: int
    """Height of this epoch step."""
    last_epoch_block: int
    """Height of the epoch step before; 0 for none."""
    tempo: int
    stake: list[int]
    """Stake weight (`docs/spec/ledger.md` 7), rao."""
    active_block: list[int]
    """Height of the last valid reveal."""
    commit_block: list[int]
    """Height of the commit of the weights used: what they may know."""
    registered_block: list[int]
    permits: list[bool]
    weights: Rows
    """u16 as revealed; rows of uids without a permit don't count."""
    bonds: Rows
    """Q32, as the last epoch stored them."""
    hyper: YumaParams
    forfeits: frozenset[int] = frozenset()
    """Uids that committed and did not reveal."""


@dataclass(frozen=True, slots=True, eq=False)
class EpochTerms:
    """What one epoch decides, Q32. Lists have one entry per uid."""

    stake_share: list[int]
    active_stake: list[int]
    permits_next: list[bool]
    consensus: list[int]
    validator_trust: list[int]
    incentive: list[int]
    dividends: list[int]
    validator_basis: list[int]
    """What the validators' pot is split by: dividends, or if all zero active stake, or stake."""
    bonds: Rows
    """The rows to store: those of uids with a permit from now on."""


@dataclass(frozen=True, slots=True, eq=False)
class EpochTrace:
    """An epoch with the tables that led to it, for `explain`; row k belongs to `uids[k]`."""

    epoch: EpochInput
    terms: EpochTerms
    uids: tuple[int, ...]
    weights: Matrix  # (rows, n) W: each row's shares, before the clip
    bonds: Matrix  # (rows, n) E: the new bonds of all rows
    bond_sums: Matrix  # (n,) sum of E over rows
