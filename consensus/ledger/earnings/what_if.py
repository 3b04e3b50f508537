"""What the last epoch would have paid with other weights, stakes or numbers of the law.

The record of the epoch step (`history.py`) is run through the law once as it was
and once edited. An edited row counts as if its validator had committed it at the end of the epoch
and revealed it in time; a validator's permit can't be edited. Pots are as they were.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from consensus.errors import NeurondError
from consensus.ledger.earnings.history import EpochRecord
from consensus.quantities import U16_MAX, U64_MAX, PublicKey
from consensus.reward.emission import divide
from consensus.reward.epoch import STEEPNESS_MAX, EpochInput, YumaParams
from consensus.reward.rows import SparseRow, build_rows, get_sparse_row
from consensus.reward.yuma import run_epoch

HYPER_BOUNDS: Mapping[str, tuple[int, int]] = {
    "kappa": (0, U16_MAX),
    "stake_threshold": (0, U64_MAX),
    "max_validators": (1, 4_096),
    "activity_cutoff": (0, 1 << 32),
    "bonds_moving_average": (0, 1_000_000),
    "bonds_penalty": (0, U16_MAX),
    "liquid_alpha": (0, 1),
    "alpha_low": (0, U16_MAX),
    "alpha_high": (0, U16_MAX),
    "alpha_steepness": (-STEEPNESS_MAX, STEEPNESS_MAX),
}
"""The numbers of the law that may be edited: those of `YumaParams`, in its units."""


class InvalidEdit(NeurondError):
    """An edit that contradicts the record or the bounds of the law."""


@dataclass(frozen=True, slots=True)
class RowEdit:
    """The weights a validator might have revealed: u16 for ascending uids; empty for none."""

    uid: int
    uids: tuple[int, ...]
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Edits:
    """What is to be different."""

    rows: tuple[RowEdit, ...] = ()
    stakes: tuple[tuple[int, int], ...] = ()
    """Uids and their stake weight, rao."""
    hyper: tuple[tuple[str, int], ...] = ()
    """Names of `YumaParams` and their values; a yes is 1."""


@dataclass(frozen=True, slots=True)
class Earned:
    """What one neuron got; shares Q32, `emission` alpha rao (miner's and validator's part)."""

    incentive: int
    dividends: int
    emission: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """One neuron as it was paid, and as it would have been."""

    uid: int
    hotkey: PublicKey
    before: Earned
    after: Earned


def replay(record: EpochRecord, edits: Edits) -> tuple[Outcome, ...]:
    """Return what each neuron of the recorded epoch earned, and would have earned, by uid.

    Raises:
        InvalidEdit: an unknown uid or name, one named twice, or a value out of its bounds.
    """
    edited = _edit(record.inputs, edits)
    before, after = _pay(record, record.inputs), _pay(record, edited)
    rows = zip(record.hotkeys, before, after, strict=True)
    return tuple(Outcome(uid, *row) for uid, row in enumerate(rows))


def _pay(record: EpochRecord, inputs: EpochInput) -> list[Earned]:
    terms = run_epoch(inputs)
    payout = divide(terms, record.miner_pot, record.validator_pot)
    columns = (terms.incentive, terms.dividends, payout.miners, payout.validators)
    return [Earned(i, d, mined + earned) for i, d, mined, earned in zip(*columns, strict=True)]


def _edit(inputs: EpochInput, edits: Edits) -> EpochInput:
    size = len(inputs.stake)
    rows: dict[int, SparseRow] = {
        uid: get_sparse_row(inputs.weights, uid) for uid in inputs.weights.uids
    }
    active, committed, stake = inputs.active_block[:], inputs.commit_block[:], inputs.stake[:]
    _check_uids([row.uid for row in edits.rows], size)
    for row in edits.rows:
        _check_row(row, inputs.permits)
        rows[row.uid] = (row.uids, row.values)
        active[row.uid] = committed[row.uid] = inputs.block
    _check_uids([uid for uid, _ in edits.stakes], size)
    for uid, amount in edits.stakes:
        _check_bounds(f"the stake of uid {uid}", amount, (0, U64_MAX))
        stake[uid] = amount
    return replace(
        inputs,
        weights=build_rows(size, rows),
        active_block=active,
        commit_block=committed,
        stake=stake,
        hyper=_edit_hyper(inputs.hyper, edits.hyper),
        forfeits=inputs.forfeits.difference(row.uid for row in edits.rows),
    )


def _edit_hyper(hyper: YumaParams, changes: Sequence[tuple[str, int]]) -> YumaParams:
    numbers: dict[str, int] = asdict(hyper)
    for name, value in changes:
        if name not in HYPER_BOUNDS:
            raise InvalidEdit(f"{name!r} is none of {', '.join(HYPER_BOUNDS)}")
        _check_bounds(name, value, HYPER_BOUNDS[name])
        numbers[name] = value
    if numbers["alpha_low"] > numbers["alpha_high"]:
        raise InvalidEdit("alpha_low is above alpha_high")
    is_liquid = bool(numbers.pop("liquid_alpha"))
    return YumaParams(**numbers, liquid_alpha=is_liquid)


def _check_uids(uids: list[int], size: int) -> None:
    for uid in uids:
        if not 0 <= uid < size:
            raise InvalidEdit(f"uid {uid} where the epoch had 0 to {size - 1}")
    if len(set(uids)) != len(uids):
        raise InvalidEdit("a uid is edited twice")


def _check_row(row: RowEdit, permits: list[bool]) -> None:
    if not permits[row.uid]:
        raise InvalidEdit(f"uid {row.uid} had no permit: its weights would not count")
    if len(row.uids) != len(row.values):
        raise InvalidEdit(f"row of uid {row.uid}: {len(row.uids)} uids, {len(row.values)} values")
    _check_uids(list(row.uids), len(permits))
    if list(row.uids) != sorted(row.uids):
        raise InvalidEdit(f"row of uid {row.uid}: uids must ascend")
    for value in row.values:
        _check_bounds(f"a weight of uid {row.uid}", value, (0, U16_MAX))


def _check_bounds(what: str, value: int, bounds: tuple[int, int]) -> None:
    if not bounds[0] <= value <= bounds[1]:
        raise InvalidEdit(f"{what} is {value} where {bounds[0]} to {bounds[1]} are allowed")
