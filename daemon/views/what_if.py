"""The last epoch with other weights, stakes or numbers of the law: what is asked, what is told."""

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import ConfigDict, Field, with_config

from config.address import format_address
from consensus.ledger.earnings.history import EpochRecord
from consensus.ledger.earnings.what_if import Earned, Edits, Outcome, RowEdit
from consensus.params import Q32
from consensus.quantities import NetUid
from daemon import unit

WHAT_IF_PATH = "/chain/subnets/{netuid}/what-if"
_Uid = Annotated[int, Field(ge=0, le=65_535)]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class WeightsEdit:
    """The weights a validator might have revealed: u16 for ascending uids; none: no weights."""

    uid: _Uid
    uids: Annotated[tuple[_Uid, ...], Field(max_length=4_096)]
    values: Annotated[tuple[_Uid, ...], Field(max_length=4_096)]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class StakeEdit:
    """The stake weight a neuron might have had."""

    uid: _Uid
    stake: Annotated[int, unit.alpha("Its stake weight.")]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class WhatIfEdits:
    """What is to be different in the last epoch."""

    weights: Annotated[tuple[WeightsEdit, ...], Field(max_length=4_096)] = ()
    stakes: Annotated[tuple[StakeEdit, ...], Field(max_length=4_096)] = ()
    hyperparameters: Annotated[dict[str, int], Field(max_length=16)] = field(
        default_factory=dict[str, int]
    )
    """Numbers of the law in its own units: kappa, stake_threshold, max_validators,
    activity_cutoff, bonds_moving_average, bonds_penalty, liquid_alpha (0 or 1), alpha_low,
    alpha_high, alpha_steepness."""


@dataclass(frozen=True, slots=True)
class EarnedPart:
    """What one neuron got."""

    incentive: Annotated[float, unit.share("Of the miners' pot.")]
    dividends: Annotated[float, unit.share("Of the validators' pot.")]
    emission: Annotated[int, unit.alpha("As a miner and as a validator.")]


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """One neuron as it was paid, and as it would have been."""

    uid: Annotated[int, unit.uid("The neuron.")]
    hotkey: Annotated[str, unit.address("Its name then.")]
    before: Annotated[EarnedPart, unit.part("As it was.")]
    after: Annotated[EarnedPart, unit.part("As it would have been.")]


@dataclass(frozen=True, slots=True)
class WhatIfAnswer:
    """The last epoch of a subnet, as it was and edited."""

    netuid: Annotated[int, unit.netuid("Where.")]
    height: Annotated[int, unit.height("The block before which the epoch closed last.")]
    epoch: Annotated[int, unit.number("Which.")]
    neurons: Annotated[tuple[OutcomeRow, ...], unit.part("By uid.")]


def read_edits(edits: WhatIfEdits) -> Edits:
    """Return what a client wants to be different, in the ledger's terms."""
    return Edits(
        rows=tuple(RowEdit(row.uid, row.uids, row.values) for row in edits.weights),
        stakes=tuple((edit.uid, edit.stake) for edit in edits.stakes),
        hyper=tuple(sorted(edits.hyperparameters.items())),
    )


def present_outcomes(
    netuid: NetUid, height: int, record: EpochRecord, outcomes: tuple[Outcome, ...]
) -> WhatIfAnswer:
    """Return the recorded epoch as it was and edited."""
    neurons = tuple(
        OutcomeRow(
            outcome.uid,
            format_address(outcome.hotkey),
            _present_earned(outcome.before),
            _present_earned(outcome.after),
        )
        for outcome in outcomes
    )
    return WhatIfAnswer(netuid, height, record.epoch, neurons)


def _present_earned(earned: Earned) -> EarnedPart:
    return EarnedPart(earned.incentive / Q32, earned.dividends / Q32, earned.emission)
