"""Answers about channels, proposals, identities, models, loans of stake weight and supplies.

As in `daemon/http/view.py`: frozen values whose fields are the JSON's. Amounts are rao.
"""

from dataclasses import dataclass
from typing import Literal

from daemon.http.values import ProofView


@dataclass(frozen=True, slots=True)
class IdentityView:
    """What somebody says of themselves; nobody checks it."""

    name: str
    url: str
    contact: str
    about: str


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """One channel: from a buyer to a miner."""

    id: str
    payer: str
    opener: str
    """The coldkey that opened it: its vouchers stay good when the payer's key is swapped."""
    payee: str
    netuid: int
    deposit: int
    redeemed: int
    left: int
    opened_at: int
    end: int
    """The first block in which no voucher is redeemed."""
    is_closing: bool
    """Whether the payer has asked for the end."""


@dataclass(frozen=True, slots=True)
class ChannelAnswer:
    """One open channel."""

    height: int
    channel: ChannelRow
    proof: ProofView | None = None


@dataclass(frozen=True, slots=True)
class ChannelsAnswer:
    """The open channels of a key: those it pays for as a coldkey, those it is paid by as a hotkey.

    At most `count` of each.
    """

    height: int
    address: str
    count: int
    pays: tuple[ChannelRow, ...]
    earns: tuple[ChannelRow, ...]
    proof: ProofView | None = None


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """One proposal; while votes are cast, the stakes are those of now."""

    number: int
    what: str
    """In words."""
    standing: Literal["open", "passed", "rejected", "enacted", "failed"]
    proposer: str
    """A hotkey."""
    opened_at: int
    closes_at: int
    """The last block with votes."""
    activation: int
    """The height asked for."""
    effect_at: int
    """Once passed: the first block under it."""
    ballots: int
    yes: int
    no: int
    stake: int
    """All root stake."""


@dataclass(frozen=True, slots=True)
class ProposalAnswer:
    """One proposal."""

    height: int
    proposal: ProposalRow
    proof: ProofView | None = None


@dataclass(frozen=True, slots=True)
class UpgradeRow:
    """A decided protocol version, and the first block it is needed for."""

    version: int
    height: int


@dataclass(frozen=True, slots=True)
class ProposalsAnswer:
    """Proposals, newest first, and the protocol versions that are decided."""

    height: int
    proposals: tuple[ProposalRow, ...]
    upgrades: tuple[UpgradeRow, ...]
    proof: ProofView | None = None


@dataclass(frozen=True, slots=True)
class AutoStakeRow:
    """Where what a coldkey's miners earn in a subnet is staked."""

    netuid: int
    hotkey: str


@dataclass(frozen=True, slots=True)
class ColdkeyAnswer:
    """What a coldkey says of itself, where it is going, and where its miners' pay is staked."""

    height: int
    address: str
    identity: IdentityView | None
    next_coldkey: str | None
    """The announced swap."""
    swap_from: int | None
    """The first block in which it can be done."""
    auto_stake: tuple[AutoStakeRow, ...]
    hotkeys: tuple[str, ...]
    """Those that belong to it, at most 256."""
    proof: ProofView | None = None


@dataclass(frozen=True, slots=True)
class SwapRow:
    """An announced coldkey swap."""

    coldkey: str
    new_coldkey: str
    due_at: int


@dataclass(frozen=True, slots=True)
class SwapsAnswer:
    """Announced coldkey swaps, by coldkey."""

    height: int
    swaps: tuple[SwapRow, ...]
    proof: ProofView | None = None


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A hotkey's published model, and who published the same content first."""

    hotkey: str
    content: str
    uri: str
    height: int
    """When this hotkey published this content first."""
    first_hotkey: str
    first_height: int


@dataclass(frozen=True, slots=True)
class ModelsAnswer:
    """The models of a subnet."""

    netuid: int
    height: int
    models: tuple[ModelRow, ...]
    proof: ProofView | None = None


@dataclass(frozen=True, slots=True)
class RowOfWeights:
    """What a validator weighs miners at, and its bonds in them: its row of W and of B."""

    uid: int
    hotkey: str
    miners: tuple[int, ...]
    weights: tuple[int, ...]
    """In force, 65535 the largest, one per uid in `miners`. A weight to a uid that was registered
    after it was committed counts for nothing."""
    bonded: tuple[int, ...]
    bonds: tuple[float, ...]
    """As the last epoch step left them, one per uid in `bonded`."""


@dataclass(frozen=True, slots=True)
class WeightsAnswer:
    """The rows of some of a subnet's uids; those with neither weights nor bonds are left out."""

    netuid: int
    height: int
    first: int
    neurons: int
    """How many uids the subnet has: ask again from `first` and `count` on until all are seen."""
    rows: tuple[RowOfWeights, ...]
    proof: ProofView | None = None


@dataclass(frozen=True, slots=True)
class LoanRow:
    """The other side of a loan of stake weight."""

    hotkey: str
    share: float
    """Of the parent's stake weight."""


@dataclass(frozen=True, slots=True)
class ChildrenAnswer:
    """A hotkey's loans in a subnet, and what it has announced."""

    netuid: int
    height: int
    hotkey: str
    children: tuple[LoanRow, ...]
    parents: tuple[LoanRow, ...]
    announced: tuple[LoanRow, ...]
    effect_at: int | None
    """When `announced` replaces `children`; None: nothing is announced."""
    proof: ProofView | None = None


@dataclass(frozen=True, slots=True)
class SupplyAnswer:
    """Where a coin is: TAO (netuid 0), or a subnet's alpha."""

    netuid: int
    height: int
    cap: int
    issued: int
    """The sum of all below but `burned`, which is no more."""
    free: int
    staked: int
    unbonding: int
    pending: int
    pooled: int
    locked: int
    ordered: int
    burned: int
    proof: ProofView | None = None


FamilyAnswer = (
    ChannelAnswer
    | ChannelsAnswer
    | ProposalAnswer
    | ProposalsAnswer
    | ColdkeyAnswer
    | SwapsAnswer
    | ModelsAnswer
    | ChildrenAnswer
    | WeightsAnswer
    | SupplyAnswer
)
"""What is asked of the state about them."""
