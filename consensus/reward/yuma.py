"""Yuma consensus: stake, weights and bonds in, EpochTerms out, integers all the way.

Validators weigh miners. What a majority of stake does not support is clipped (`consensus`), the
clipped weights weighted by stake pay miners (`incentive`), and a moving average of the same weights
(`bonds`) pays the validators who recognised good miners early (`dividends`). Shares are Q32.

Only rows that can be non-zero are computed: uids with stake in force, with a permit and weights, or
with bonds. Matrices are cut into blocks of columns that stay in the processor's cache; no figure
depends on where, since every rounding is per cell and every sum exact.

Source: `docs/spec/ledger.md` 6, whose letters the comments use; subtensor `epoch/run_epoch.rs`.

A withheld reveal (`forfeits`) is a zero row that keeps its stake in the median and earns nothing
(`docs/spec/ledger.md` 5).
"""

from dataclasses import dataclass

import numpy as np

from consensus.fixed import (
    Matrix,
    div,
    div_table,
    mul,
    mul_columns_sum,
    mul_rows,
    share,
)
from consensus.params import Q32
from consensus.quantities import U16_MAX
from consensus.reward.bonds import compute_bought, mix_liquid, mix_plain
from consensus.reward.epoch import EpochInput, EpochTerms, EpochTrace, YumaParams
from consensus.reward.medians import compute_weighted_medians, cut_columns
from consensus.reward.rows import Rows, select_rows

ROWS_MAX = 1 << 14
"""Most rows of one epoch: keeps column sums of bonds (2^32 each) within `div_table`'s 2^46."""


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
    in_force = np.array([active[uid] for uid in uids], dtype=np.int64)
    kappa = div(hyper.kappa, U16_MAX)
    consensus = compute_weighted_medians(weights, in_force.tolist(), kappa)  # C
    old = _get_live_bonds(epoch, uids)  # B
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
    return EpochTrace(epoch, terms, uids, weights, bonds, bond_sums)


def select_top(values: list[int], count: int) -> list[bool]:
    """Mark the `count` largest values that are not zero; ties go to the higher index."""
    chosen = [index for index, value in enumerate(values) if value]
    chosen.sort(key=values.__getitem__)  # stable: of equal values the higher index is later
    marks = [False] * len(values)
    for index in chosen[max(0, len(chosen) - count) :]:
        marks[index] = True
    return marks


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
    for block in cut_columns(tables.weights):
        weights, consensus = tables.weights[:, block], tables.consensus[block]
        clipped = np.minimum(weights, consensus)  # Wc
        trust += clipped.sum(axis=1)
        incentive[block] = mul_rows(tables.active, clipped).sum(axis=0)
        bought = compute_bought(tables.hyper.bonds_penalty, weights, clipped)  # Wb
        mix = mix_liquid if is_liquid else mix_plain
        fresh = mix(tables.hyper, bought, tables.bonds[:, block], consensus)  # E
        bonds[:, block] = fresh
        sums[block] = fresh.sum(axis=0)
    return trust, incentive.tolist(), bonds, sums


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
    for block in cut_columns(chosen):
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
