"""The values of the chain, frozen and without behaviour: transactions, blocks, votes.

Quantities are in `consensus/quantities.py`, what a transaction may ask for in `consensus/calls/`.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

from consensus.calls.accounts import SetIdentity, Transfer
from consensus.calls.governance import CastVote, Propose
from consensus.calls.neurons import LeaveSubnet, PublishModel, RegisterNeuron, Serve
from consensus.calls.payments import CloseChannel, OpenChannel, RedeemVoucher
from consensus.calls.rotation import (
    AnnounceColdkeySwap,
    CancelColdkeySwap,
    SetConsensusKey,
    SwapColdkey,
    SwapHotkey,
)
from consensus.calls.staking import (
    MoveStake,
    SetAutoStake,
    SetChildren,
    SetTake,
    StakeAlpha,
    StakeRoot,
    SwapStake,
    TransferStake,
    UnstakeAlpha,
    UnstakeRoot,
)
from consensus.calls.subnets import (
    RegisterSubnet,
    SetHyperparameter,
    SetMechanism,
    SetSubnetIdentity,
    StartSubnet,
)
from consensus.calls.weights import CommitWeights, RevealWeights
from consensus.quantities import (
    U16,
    Amount,
    CountMax,
    Era,
    Hash32,
    Height,
    Nonce,
    PublicKey,
    Signature,
    TimeMs,
    ValidatorIndex,
    View,
)

Call = (
    Transfer
    | RegisterNeuron
    | StakeRoot
    | UnstakeRoot
    | SetTake
    | Serve
    | CommitWeights
    | RevealWeights
    | RegisterSubnet
    | StartSubnet
    | SetHyperparameter
    | SetMechanism
    | SetSubnetIdentity
    | LeaveSubnet
    | StakeAlpha
    | UnstakeAlpha
    | MoveStake
    | SwapStake
    | TransferStake
    | SetAutoStake
    | SetChildren
    | SwapHotkey
    | AnnounceColdkeySwap
    | CancelColdkeySwap
    | SwapColdkey
    | SetConsensusKey
    | SetIdentity
    | PublishModel
    | Propose
    | CastVote
    | OpenChannel
    | RedeemVoucher
    | CloseChannel
)
"""Every call; the tag of each on the wire stands in `consensus/calls/tags.py`."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """One call by one signer (a coldkey or a hotkey), valid once and for a limited time."""

    chain_id: Hash32
    signer: PublicKey
    nonce: Nonce
    valid_until: Height
    tip: Amount
    call: Call


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A transaction and the signer's signature over its domain-separated hash."""

    transaction: Transaction
    signature: Signature


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one included transaction: `code` is 0, or the `CallError.code`."""

    transaction_id: Hash32
    code: U16
    fee: Amount


# -- agreement -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MinerKey:
    """A neuron over one registration: uids are used again, (hotkey, registration) is not."""

    hotkey: PublicKey
    registered_block: Height


class VoteKind(IntEnum):
    """What a signed statement in one view says; the number is under the signature."""

    NOTARIZE = 1
    NULLIFY = 2
    FINALIZE = 3
    PROPOSE = 4


class BlockKind(IntEnum):
    """A block moves the chain one height; a seal (end of an era) does not."""

    BLOCK = 0
    SEAL = 1


@dataclass(frozen=True, slots=True)
class Header:
    """What is hashed, voted on and proved against; `docs/spec/agreement.md` 2.1.

    `state_root` and `receipts_root` are those after the PARENT block, so that executing this block
    is off the voting path.
    """

    era: Era
    view: View
    height: Height
    kind: BlockKind
    parent: Hash32
    parent_view: View
    proposer: ValidatorIndex
    time_ms: TimeMs
    reveal: Hash32
    body_root: Hash32
    justify_root: Hash32
    state_root: Hash32
    receipts_root: Hash32
    vset_hash: Hash32
    next_vset_hash: Hash32


@dataclass(frozen=True, slots=True)
class Vote:
    """One validator's signed statement; `digest` is all zero for NULLIFY."""

    kind: VoteKind
    era: Era
    view: View
    digest: Hash32
    signer: ValidatorIndex
    signature: Signature


@dataclass(frozen=True, slots=True)
class Certificate:
    """Votes of one kind, view and digest by more than two thirds of stake.

    `signers` ascending; `signatures` in the same order.
    """

    kind: VoteKind
    era: Era
    view: View
    digest: Hash32
    signers: Annotated[tuple[ValidatorIndex, ...], CountMax(1024)]
    signatures: Annotated[tuple[Signature, ...], CountMax(1024)]


@dataclass(frozen=True, slots=True)
class Block:
    """A header, its transactions, and the certificates that justify its parent."""

    header: Header
    transactions: Annotated[tuple[SignedTransaction, ...], CountMax(8192)]
    justify: Annotated[tuple[Certificate, ...], CountMax(32)]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A block and its leader's signature over (PROPOSE, era, view, header digest)."""

    block: Block
    signature: Signature


@dataclass(frozen=True, slots=True)
class Status:
    """Where a node stands, so that others can send what it lacks; unsigned, rate-limited."""

    era: Era
    final_view: View
    view: View
    missing: Annotated[tuple[View, ...], CountMax(16)]


@dataclass(frozen=True, slots=True)
class ConflictingVotes:
    """Two signed statements of one validator in one view that no honest node makes together."""

    first: Vote
    second: Vote


@dataclass(frozen=True, slots=True)
class ValidatorEntry:
    """One member of an era's set: its consensus key, the hotkey it earns for, its root stake."""

    consensus_key: PublicKey
    hotkey: PublicKey
    stake: Amount


@dataclass(frozen=True, slots=True)
class HandOff:
    """How an era ended, and who votes in the next: enough to follow the chain by sets alone.

    `certificate` makes `header` final: the era's last block, or a seal on it. `entries` are the set
    that `header.next_vset_hash` names.
    """

    certificate: Certificate
    header: Header
    entries: Annotated[tuple[ValidatorEntry, ...], CountMax(1024)]
