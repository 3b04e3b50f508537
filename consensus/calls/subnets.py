"""Markets: open one, start it, and change its rules."""

from dataclasses import dataclass

from consensus.quantities import (
    I64,
    U64,
    Amount,
    Consent,
    Hash32,
    Height,
    Identity,
    NetUid,
    PublicKey,
    ShortText,
    TaskParams,
)


@dataclass(frozen=True, slots=True)
class RegisterSubnet:
    """Open a market for `task`; the lock, at most `max_cost` rao, becomes its pool.

    `hotkey` becomes its owner and gets uid 0. `scorer_hash` all zero: any evaluation code counts.
    """

    hotkey: PublicKey
    task: ShortText
    task_params: TaskParams
    scorer_version: U64
    scorer_hash: Hash32
    max_cost: Amount
    consent: Consent


@dataclass(frozen=True, slots=True)
class StartSubnet:
    """Let emission flow in `netuid`, once its start delay is over; its owner's coldkey signs."""

    netuid: NetUid


@dataclass(frozen=True, slots=True)
class SetHyperparameter:
    """Change one rule of `netuid` after a delay; its owner's coldkey signs."""

    netuid: NetUid
    name: ShortText
    value: I64


@dataclass(frozen=True, slots=True)
class SetMechanism:
    """Change the task or its evaluation code from `activation` on; the owner's coldkey signs."""

    netuid: NetUid
    task: ShortText
    task_params: TaskParams
    scorer_version: U64
    scorer_hash: Hash32
    activation: Height


@dataclass(frozen=True, slots=True)
class SetSubnetIdentity:
    """Say what `netuid` is; the owner's coldkey signs."""

    netuid: NetUid
    identity: Identity
