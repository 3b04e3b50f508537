"""Yuma consensus: stake, weights and bonds in, EpochTerms out, integers all the way.

Validators weigh miners. What a majority of stake does not support is clipped (`consensus`), the
clipped weights weighted by stake pay miners (`incentive`), and a moving average of the same weights
(`bonds`) pays the validators who recognised good miners early (`dividends`). Shares are Q32.

Only rows that can be non-zero are computed: uids with stake in force, with a permit and weights, or
with bonds. Matrices are cut into blocks of columns that stay in the processor's cache; no figure
depends on where, since every rounding is per cell and every sum exact.

Source: `ledger.md` section 6, whose letters stand in the comments; subtensor `epoch/run_epoch.rs`.

Deviations: the weighted median takes the first weight, in ascending order, at which the running
share exceeds the limit; rows of equal weight need no grouping, since the first of them to exceed it
names the same weight. A withheld reveal (`forfeits`) is a zero row and earns nothing (section 5).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from consensus.fixed import (
    Matrix,
    compute_exp,
    compute_exp_array,
    div,
    div_table,
    invert_table,
    mul,
    mul_columns_sum,
    mul_rows,
    mul_scalar,
    mul_table,
    share,
)
from consensus.params import Q32, Hyperparameters, Params
from consensus.reward.rows import Rows, select_rows
from consensus.types import U16_MAX

ROWS_MAX = 1 << 14
"""Most rows of one epoch: keeps column sums of bonds (2^32 each) within `div_table`'s 2^46."""
STEEPNESS_MAX = 1_000
"""Largest |alpha_steepness|: keeps the sigmoid's exponent within ±5."""
_BLOCK_CELLS = 1 << 15
"""Cells of one block of columns: 256 KiB, so that a few temporaries fit the second-level cache."""


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
    """Stake weight (`ledger.md` section 7), rao."""
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

    terms: EpochTerms
    uids: tuple[int, ...]
    weights: Matrix  # (rows, n) W: each row's shares, before the clip
    bonds: Matrix  # (rows, n) E: the new bonds of all rows
    bond_sums: Matrix  # (n,) sum of E over rows


def run_epoch(epoch: EpochInput) -> EpochTerms:
    """Return what the epoch decides. Exact: every node gets the same integers."""
    return trace_epoch(epoch).terms


def trace_epoch(epoch: EpochInput) -> EpochTrace:
    """Run the epoch and keep its tables."""
    hyper = epoch.hyper
    stake_share = share([s if s >= hyper.stake_threshold else 0 for s in epoch.stake])  # S
    active = _compute_active_stake(epoch, stake_share)  # act
    permits_next = select_top(stake_share, hyper.max_validators)
    uids = _select_uids(epoch, active)
    weights = _compute_weight_shares(epoch, uids)  # W
    consensus = _compute_consensus(weights, [active[uid] for uid in uids], hyper.kappa)  # C
    old = _get_live_bonds(epoch, uids)  # B
    in_force = np.array([active[uid] for uid in uids], dtype=np.int64)
    tables = _Tables(hyper, in_force, weights, consensus, old)
    trust, raw_incentive, bonds, bond_sums = _compute_bonds(tables)
    incentive = share(raw_incentive)  # I
    dividends = _compute_dividends(epoch, (uids, in_force), bonds, bond_sums, incentive)  # D
    terms = EpochTerms(
        stake_share=stake_share,
        active_stake=active,
        permits_next=permits_next,
        consensus=consensus.tolist(),
        validator_trust=_spread(uids, trust, len(epoch.stake)),
        incentive=incentive,
        dividends=dividends,
        validator_basis=_compute_basis(epoch, dividends, active, stake_share),
        bonds=_keep_bonds(uids, bonds, permits_next),
    )
    return EpochTrace(terms, uids, weights, bonds, bond_sums)


def select_top(values: list[int], count: int) -> list[bool]:
    """Mark the `count` largest values that are not zero; ties go to the higher index."""
    order = sorted(range(len(values)), key=lambda i: (values[i], i), reverse=True)
    marks = [False] * len(values)
    for index in order[:count]:
        marks[index] = values[index] > 0
    return marks


def compute_weighted_medians(scores: Matrix, stakes: list[int], kappa: int) -> Matrix:
    """Return, per column, the largest score that at least `kappa` of stake supports.

    Args:
        scores: (rows, n), in 0..2^32.
        stakes: one per row; rows with zero stake don't count. Their shares are taken anew.
        kappa: Q32.

    Going up the scores, it is the first at which the share of rows so far exceeds (sum - kappa),
    else the largest; zero without any stake.
    """
    rows = [index for index, stake in enumerate(stakes) if stake > 0]
    columns = scores.shape[1]
    medians = np.zeros(columns, dtype=np.int64)
    if not rows:
        return medians
    shares = share([stakes[index] for index in rows])
    limit = sum(shares) - kappa
    chosen = scores if len(rows) == len(stakes) else scores[rows]
    for block in _column_blocks(chosen):
        medians[block] = _compute_block_medians(chosen[:, block], np.array(shares), limit)
    return medians


def compute_alpha(difference: int, low: int, high: int, steepness: int) -> int:
    """Return the liquid-alpha rate of one pair, Q32, in low..high.

    Args:
        difference: how far the weight is above consensus, or the bond above the weight; 0..2^32.
        low: smallest rate, Q32.
        high: largest rate, Q32.
        steepness: of the sigmoid, in hundredths.
    """
    slope = steepness * Q32 // 100
    exponent = -mul(slope, difference - (Q32 >> 1))
    sigmoid = div(Q32, Q32 + compute_exp(exponent))
    return min(max(low + mul(sigmoid, high - low), low), high)


# -- stake and rows --------------------------------------------------------------------------------


def _compute_active_stake(epoch: EpochInput, stake_share: list[int]) -> list[int]:
    oldest = epoch.block - epoch.hyper.activity_cutoff
    columns = zip(stake_share, epoch.permits, epoch.active_block, strict=True)
    return share([s if permit and seen >= oldest else 0 for s, permit, seen in columns])


def _select_uids(epoch: EpochInput, active: list[int]) -> tuple[int, ...]:
    """Return the uids whose rows can matter, ascending."""
    uids = {uid for uid, stake in enumerate(active) if stake}
    uids.update(uid for uid in epoch.weights.uids if epoch.permits[uid])
    uids.update(epoch.bonds.uids)
    assert len(uids) <= ROWS_MAX
    return tuple(sorted(uids))


def _compute_weight_shares(epoch: EpochInput, uids: tuple[int, ...]) -> Matrix:
    """Return W: per row the share of each weight that counts."""
    registered = np.array(epoch.registered_block, dtype=np.int64)
    newest = max(epoch.registered_block, default=0)
    place = {uid: index for index, uid in enumerate(epoch.weights.uids)}
    table = np.zeros((len(uids), len(epoch.stake)), dtype=np.int64)
    for row, uid in zip(table, uids, strict=True):
        if uid not in place or not epoch.permits[uid] or uid in epoch.forfeits:
            continue
        row[:] = epoch.weights.cells[place[uid]]
        assert 0 <= int(row.min()) <= int(row.max()) <= U16_MAX
        row[uid] = 0
        if epoch.commit_block[uid] <= newest:
            row[registered >= epoch.commit_block[uid]] = 0
        np.floor_divide(row << 32, max(1, int(row.sum())), out=row)  # numerator below 2^48
    return table


def _get_live_bonds(epoch: EpochInput, uids: tuple[int, ...]) -> Matrix:
    """Return B: the stored bonds without those to neurons registered since the last epoch."""
    last = epoch.last_epoch_block
    limit = last + 1 if last else epoch.block - epoch.tempo
    fresh = [uid for uid, block in enumerate(epoch.registered_block) if block >= limit]
    table = np.zeros((len(uids), len(epoch.stake)), dtype=np.int64)
    rows = np.searchsorted(np.array(uids, dtype=np.int64), epoch.bonds.uids)
    table[rows] = epoch.bonds.cells
    table[:, fresh] = 0
    assert table.size == 0 or (int(table.min()) >= 0 and int(table.max()) <= Q32)
    return table


def _spread(uids: tuple[int, ...], values: Matrix, size: int) -> list[int]:
    out = [0] * size
    for uid, value in zip(uids, values.tolist(), strict=True):
        out[uid] = value
    return out


def _column_blocks(table: Matrix) -> Iterator[slice]:
    """Cut the columns so that a block has about `_BLOCK_CELLS` cells."""
    rows, columns = table.shape
    width = max(16, _BLOCK_CELLS // max(1, rows))
    for start in range(0, columns, width):
        yield slice(start, min(start + width, columns))


# -- consensus -------------------------------------------------------------------------------------


def _compute_consensus(weights: Matrix, active: list[int], kappa: int) -> Matrix:
    return compute_weighted_medians(weights, active, div(kappa, U16_MAX))


def _compute_block_medians(scores: Matrix, shares: Matrix, limit: int) -> Matrix:
    """Sort each column by (score, row), packed into one integer below 2^33 * 2^14."""
    rows, columns = scores.shape
    bits = max(1, (rows - 1).bit_length())
    keys = np.empty((columns, rows), dtype=np.int64)
    np.left_shift(scores.T, bits, out=keys)
    np.bitwise_or(keys, np.arange(rows, dtype=np.int64), out=keys)
    keys.sort(axis=1)
    running = shares[keys & ((1 << bits) - 1)].cumsum(axis=1)
    exceeds = running > limit
    first = exceeds.argmax(axis=1)
    first[~exceeds[:, -1]] = rows - 1
    return keys[np.arange(columns), first] >> bits


# -- bonds, incentive, dividends ----------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Tables:
    hyper: YumaParams
    active: Matrix  # (rows,) act
    weights: Matrix  # (rows, n) W
    consensus: Matrix  # (n,) C
    bonds: Matrix  # (rows, n) B


def _compute_bonds(tables: _Tables) -> tuple[Matrix, list[int], Matrix, Matrix]:
    """Return validator trust per row, the unscaled incentive, E, and E's column sums."""
    rows, columns = tables.weights.shape
    trust = np.zeros(rows, dtype=np.int64)
    incentive = np.zeros(columns, dtype=np.int64)
    bonds = np.empty_like(tables.weights)
    sums = np.zeros(columns, dtype=np.int64)
    is_liquid = tables.hyper.liquid_alpha and bool(tables.consensus.any())
    for block in _column_blocks(tables.weights):
        weights, consensus = tables.weights[:, block], tables.consensus[block]
        clipped = np.minimum(weights, consensus)  # Wc
        trust += clipped.sum(axis=1)
        incentive[block] = mul_rows(tables.active, clipped).sum(axis=0)
        bought = _compute_bought(tables.hyper.bonds_penalty, weights, clipped)  # Wb
        mix = _mix_liquid if is_liquid else _mix_plain
        fresh = mix(tables.hyper, bought, tables.bonds[:, block], consensus)  # E
        bonds[:, block] = fresh
        sums[block] = fresh.sum(axis=0)
    return trust, incentive.tolist(), bonds, sums


def _compute_bought(penalty: int, weights: Matrix, clipped: Matrix) -> Matrix:
    """Return Wb, between the weights (penalty 0) and the clipped weights (penalty 65535)."""
    if penalty == U16_MAX:
        return clipped
    if penalty == 0:
        return weights
    return weights + mul_scalar(div(penalty, U16_MAX), clipped - weights)


def _mix_plain(hyper: YumaParams, bought: Matrix, old: Matrix, _consensus: Matrix) -> Matrix:
    """Return mul(a, Wb) + mul(1 - a, B); at most one, since both products round down."""
    rate = Q32 - div(hyper.bonds_moving_average, 1_000_000)
    fresh = mul_scalar(rate, bought)
    fresh += mul_scalar(Q32 - rate, old)
    return fresh


def _mix_liquid(hyper: YumaParams, bought: Matrix, old: Matrix, consensus: Matrix) -> Matrix:
    """Return the bonds with a rate of its own for each cell where a weight or a bond is."""
    used = np.flatnonzero(bought | old)
    b, w = old.ravel()[used], bought.ravel()[used]
    c = np.broadcast_to(consensus, bought.shape).ravel()[used]
    difference = np.where(w >= b, w - c, b - w)
    np.clip(difference, 0, Q32, out=difference)
    rate = _compute_alphas(difference, hyper)
    fresh = np.zeros(bought.size, dtype=np.int64)
    fresh[used] = np.minimum(mul_table(Q32 - rate, b) + mul_table(rate, w), Q32)
    return fresh.reshape(bought.shape)


def _compute_alphas(difference: Matrix, hyper: YumaParams) -> Matrix:
    """Return `compute_alpha` of each; the many cells without a difference share one figure."""
    low, high = div(hyper.alpha_low, U16_MAX), div(hyper.alpha_high, U16_MAX)
    none = compute_alpha(0, low, high, hyper.alpha_steepness)
    rates = np.full(difference.shape, none, dtype=np.int64)
    apart = np.flatnonzero(difference)
    slope = hyper.alpha_steepness * Q32 // 100  # |slope| <= 10 * 2^32
    centred = difference[apart] - (Q32 >> 1)
    size = np.full(centred.shape, abs(slope), dtype=np.int64)
    exponent = -mul_table(size, centred if slope >= 0 else -centred)  # within ±5
    sigmoid = invert_table(compute_exp_array(exponent) + Q32)
    rates[apart] = np.clip(mul_scalar(high - low, sigmoid) + low, low, high)
    return rates


def _compute_dividends(
    epoch: EpochInput,
    owners: tuple[tuple[int, ...], Matrix],
    bonds: Matrix,
    sums: Matrix,
    incentive: list[int],
) -> list[int]:
    """Return D: each row's share of bonds in what miners earned, times its stake."""
    uids, active = owners
    live = np.flatnonzero(active)
    earned = np.array(incentive, dtype=np.int64)
    total = np.zeros(len(live), dtype=np.int64)
    divisors = np.maximum(sums, 1)  # a column that sums to zero is zero
    chosen = bonds if len(live) == len(uids) else bonds[live]
    for block in _column_blocks(chosen):
        if earned[block].any():
            owned = div_table(chosen[:, block], divisors[block])
            total += mul_columns_sum(owned, earned[block])
    raw = [0] * len(epoch.stake)
    for index, amount in zip(live.tolist(), total.tolist(), strict=True):
        if uids[index] not in epoch.forfeits:
            raw[uids[index]] = mul(amount, int(active[index]))
    return share(raw)


def _compute_basis(
    epoch: EpochInput, dividends: list[int], active: list[int], stake_share: list[int]
) -> list[int]:
    """Return the first of dividends, active stake, stake that is not all zero without forfeits."""
    for column in (dividends, active, stake_share):
        basis = [0 if uid in epoch.forfeits else value for uid, value in enumerate(column)]
        if any(basis):
            return basis
    return [0] * len(dividends)


def _keep_bonds(uids: tuple[int, ...], bonds: Matrix, permits_next: list[bool]) -> Rows:
    return select_rows(Rows(uids, bonds), [uid for uid in uids if permits_next[uid]])
