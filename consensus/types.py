"""The words of the chain, frozen and without behaviour: heights, keys, blocks, transactions, votes.

Quantities are `NewType`s whose range the codec enforces (`consensus/codec.py`, table `BOUNDS`).
A value of these types made by our own code is trusted; one that came over a wire went through
`codec.decode`, which checks every bound. `Annotated[tuple[X, ...], CountMax(n)]` bounds a list.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, NewType

# -- quantities ------------------------------------------------------------------------------

Height = NewType("Height", int)
"""Number of a block in the chain, u64; genesis is 0. The clock of tempos, windows and eras."""
View = NewType("View", int)
"""One attempt at a block, u64; starts at 1 in every era, 0 is the era's genesis."""
Era = NewType("Era", int)
"""The term of one validator set, u64; the first is 1."""
Epoch = NewType("Epoch", int)
"""One tempo of one subnet's Yuma consensus: height // tempo, u64."""
NetUid = NewType("NetUid", int)
"""Number of a subnet, u16; 0 is root."""
Uid = NewType("Uid", int)
"""A neuron's slot in its subnet, u16; never a key by itself (slots are reused)."""
Amount = NewType("Amount", int)
"""Money in rao (TAO) or its alpha equal: 10^9 to the coin, u64."""
Weight = NewType("Weight", int)
"""A validator's weight for one miner, u16; the largest of a row is 65535."""
Ratio16 = NewType("Ratio16", int)
"""A proportion as u16, value / 65535."""
Nonce = NewType("Nonce", int)
"""How many transactions the signer has had included, u64."""
TimeMs = NewType("TimeMs", int)
"""Milliseconds since 1970-01-01 UTC, u64."""
ValidatorIndex = NewType("ValidatorIndex", int)
"""Place in an era's ordered validator set, u16."""
U16 = NewType("U16", int)
U32 = NewType("U32", int)
U64 = NewType("U64", int)

Hash32 = NewType("Hash32", bytes)
"""A BLAKE2b-256 digest, exactly 32 bytes."""
PublicKey = NewType("PublicKey", bytes)
"""An ed25519 public key, exactly 32 bytes."""
Signature = NewType("Signature", bytes)
"""An ed25519 signature, exactly 64 bytes."""
Salt = NewType("Salt", bytes)
"""What hides a weight commitment until its reveal, exactly 32 bytes."""
Bytes16 = NewType("Bytes16", bytes)
"""A random name, exactly 16 bytes."""
Bytes256 = NewType("Bytes256", bytes)
"""At most 256 bytes."""
Bytes64K = NewType("Bytes64K", bytes)
"""At most 65,536 bytes."""
ShortText = NewType("ShortText", str)
"""At most 128 bytes of UTF-8."""
TaskParams = NewType("TaskParams", bytes)
"""What a subnet's task wants to know, canonical CBOR of at most 4 KiB."""

ZERO_HASH = Hash32(bytes(32))
RAO_PER_TAO = 1_000_000_000
U16_MAX = 65_535
U64_MAX = 2**64 - 1


@dataclass(frozen=True, slots=True)
class CountMax:
    """Bound of a list in an `Annotated` field: at most `count` items."""

    count: int


# -- calls: what a transaction may ask for ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Transfer:
    """Move `amount` rao from the signer to `to`."""

    to: PublicKey
    amount: Amount


@dataclass(frozen=True, slots=True)
class RegisterNeuron:
    """Give `hotkey` a uid in `netuid` for the current burn, refused above `max_price` rao."""

    netuid: NetUid
    hotkey: PublicKey
    max_price: Amount


@dataclass(frozen=True, slots=True)
class StakeRoot:
    """Stake `amount` rao of the signing coldkey on `hotkey` at root."""

    hotkey: PublicKey
    amount: Amount


@dataclass(frozen=True, slots=True)
class UnstakeRoot:
    """Begin to unbond `amount` rao of the signing coldkey's root stake on `hotkey`."""

    hotkey: PublicKey
    amount: Amount


@dataclass(frozen=True, slots=True)
class SetTake:
    """Set the part of delegators' rewards that `hotkey` keeps; its owner coldkey signs."""

    hotkey: PublicKey
    take: Ratio16


@dataclass(frozen=True, slots=True)
class Serve:
    """Announce where and at what price the signing hotkey answers queries of `netuid`.

    No address goes on chain: the peer id follows from `node_key`, whose `node_signature` over
    (chain id, netuid, hotkey) proves the node's consent (`crypto.serve_message`).
    """

    netuid: NetUid
    node_key: PublicKey
    node_signature: Signature
    protocols: Annotated[tuple[ShortText, ...], CountMax(8)]
    price: Amount
    capacity: U32
    model_hash: Hash32


@dataclass(frozen=True, slots=True)
class CommitWeights:
    """Bind the signing hotkey to the digest of its weights for `epoch` of `netuid`."""

    netuid: NetUid
    epoch: Epoch
    digest: Hash32


@dataclass(frozen=True, slots=True)
class RevealWeights:
    """Open the signing hotkey's commitment of `epoch`: uids ascending, largest value 65535."""

    netuid: NetUid
    epoch: Epoch
    salt: Salt
    version: U64
    uids: Annotated[tuple[Uid, ...], CountMax(4096)]
    values: Annotated[tuple[Weight, ...], CountMax(4096)]


Call = (
    Transfer
    | RegisterNeuron
    | StakeRoot
    | UnstakeRoot
    | SetTake
    | Serve
    | CommitWeights
    | RevealWeights
)
"""Every call; the tag of each on the wire stands in `consensus/codec.py`."""


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
    """What is hashed, voted on and proved against; `agreement.md` 2.1.

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
