"""More answers of the HTTP door: proofs, delegates, concentration, receipts, what-if.

As in `daemon/http/view.py`: frozen values whose fields are the JSON's. Bytes are hexadecimal.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, with_config


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """What happened, under a code that never changes, and what to do."""

    code: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ValidatorView:
    """A member of a validator set; `stake` in rao."""

    consensus_key: str
    hotkey: str
    stake: int


@dataclass(frozen=True, slots=True)
class ProofView:
    """What shows that an answer was computed from the state after block `height`.

    Check it with `consensus.agreement.light.check_proof` and the validator set of genesis, then
    compute the answer again from the entries.
    """

    height: int
    complete: bool
    """False: the answer needed a scan. Every entry is proven, but not that there are no more."""
    entries: tuple[tuple[str, str | None], ...]
    """State keys and their values; null where the state has no such key."""
    tree: str
    """The Merkle tree with all that was not read cut off (`consensus.merkle.prove_keys`)."""
    headers: tuple[str, ...]
    """Canonical CBOR, oldest first: that of `height` + 1, which has the state root, and so on."""
    certificate: str
    """Canonical CBOR; makes the last of the headers final."""
    validators: tuple[ValidatorView, ...]
    """Whose certificate it is; the header has their hash. Don't trust it: compare it."""


@dataclass(frozen=True, slots=True)
class EntryView:
    """One entry of the state."""

    key: str
    value: str | None


@dataclass(frozen=True, slots=True)
class EntriesView:
    """Entries of the state after block `height`."""

    height: int
    entries: tuple[EntryView, ...]
    proof: ProofView | None = None


@dataclass(frozen=True, slots=True)
class DelegateView:
    """A hotkey one may stake on at root."""

    hotkey: str
    owner: str
    take: float
    """What the owner keeps of its delegators' rewards, as a fraction."""
    stake: int
    """At root, rao."""
    neurons: tuple[tuple[int, int], ...]
    """(netuid, uid) where it is registered."""


@dataclass(frozen=True, slots=True)
class DelegatesAnswer:
    """The delegates with the most root stake; `count` and `stake` are of all there are."""

    height: int
    count: int
    stake: int
    delegates: tuple[DelegateView, ...]
    proof: ProofView | None = None


@dataclass(frozen=True, slots=True)
class DelegateAnswer:
    """One delegate, and how many coldkeys have root stake on it."""

    height: int
    delegate: DelegateView
    delegators: int
    """At most 10,000: that many or more."""
    proof: ProofView | None = None


@dataclass(frozen=True, slots=True)
class SpreadView:
    """How an amount is spread over its holders."""

    holders: int
    total: int
    gini: float
    """0: all have the same; near 1: one has everything."""
    nakamoto_third: int
    """The least number of holders with more than a third: at root, who can stop finality."""
    nakamoto_half: int
    """The same for a half: in a subnet, who decides the consensus of weights."""


@dataclass(frozen=True, slots=True)
class SubnetSpreadView:
    """How stake weight is spread over the validators of a subnet."""

    netuid: int
    validators: SpreadView


@dataclass(frozen=True, slots=True)
class ConcentrationView:
    """How concentrated stake is: root stake over hotkeys, and each subnet's validators."""

    height: int
    root: SpreadView
    subnets: tuple[SubnetSpreadView, ...]
    proof: ProofView | None = None


@dataclass(frozen=True, slots=True)
class ValidatorsAnswer:
    """The validator set that signs blocks, in its order."""

    height: int
    validators: tuple[ValidatorView, ...]
    proof: ProofView | None = None


# -- transactions ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SubmitAnswer:
    """A transaction the mempool took."""

    id: str


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """What became of one transaction of many: its id, or why it was refused."""

    id: str | None
    error: ErrorDetail | None = None


@dataclass(frozen=True, slots=True)
class SubmitManyAnswer:
    """One result for each transaction, in the order they came."""

    accepted: int
    results: tuple[SubmitResult, ...]


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """What became of a transaction; pending: it waits in this node's mempool."""

    id: str
    status: Literal["pending", "final"]
    height: int | None = None
    """Of its block."""
    index: int | None = None
    """Its place in the block, from 0."""
    fee: int | None = None
    code: int | None = None
    """0: it was done; else why its call failed."""
    error: str | None = None
    """The name of that code."""
    remedy: str | None = None


# -- what if -------------------------------------------------------------------------------------

_Uid = Annotated[int, Field(ge=0, le=65_535)]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class RowEdit:
    """The weights a validator might have revealed: u16 for ascending uids; none: no weights."""

    uid: _Uid
    uids: Annotated[tuple[_Uid, ...], Field(max_length=4_096)]
    values: Annotated[tuple[_Uid, ...], Field(max_length=4_096)]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class StakeEdit:
    """The stake weight a neuron might have had, rao."""

    uid: _Uid
    stake: int


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class WhatIfEdits:
    """What is to be different in the last epoch."""

    weights: Annotated[tuple[RowEdit, ...], Field(max_length=4_096)] = ()
    stakes: Annotated[tuple[StakeEdit, ...], Field(max_length=4_096)] = ()
    hyperparameters: Annotated[dict[str, int], Field(max_length=16)] = field(
        default_factory=dict[str, int]
    )
    """Numbers of the law in its own units: kappa, stake_threshold, max_validators,
    activity_cutoff, bonds_moving_average, bonds_penalty, liquid_alpha (0 or 1), alpha_low,
    alpha_high, alpha_steepness."""


@dataclass(frozen=True, slots=True)
class EarnedView:
    """What one neuron got; `emission` in alpha rao, miner's and validator's part."""

    incentive: float
    dividends: float
    emission: int


@dataclass(frozen=True, slots=True)
class OutcomeView:
    """One neuron as it was paid, and as it would have been."""

    uid: int
    hotkey: str
    before: EarnedView
    after: EarnedView


@dataclass(frozen=True, slots=True)
class WhatIfView:
    """The last epoch of a subnet, as it was and edited."""

    netuid: int
    height: int
    epoch: int
    neurons: tuple[OutcomeView, ...]


ERAS_MAX = 64
"""Hand-offs in one answer: 1.3 MB of hex with 256 validators each."""


@dataclass(frozen=True, slots=True)
class ErasAnswer:
    """How eras ended: a `HandOff` each, hex of its canonical CBOR, oldest first."""

    hand_offs: tuple[str, ...]
