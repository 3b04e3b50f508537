"""What a block did that is worth telling people; no rule reads them and no root covers them."""

from dataclasses import dataclass

from consensus.quantities import (
    I64,
    U32,
    U64,
    Amount,
    Epoch,
    Hash32,
    Height,
    LongText,
    NetUid,
    PublicKey,
    Ratio16,
    ShortText,
    Uid,
)


@dataclass(frozen=True, slots=True)
class NeuronRegistered:
    """A hotkey got a uid; `replaced` is whose it was (empty: nobody's)."""

    netuid: NetUid
    uid: Uid
    hotkey: PublicKey
    replaced: tuple[PublicKey, ...]
    price: Amount


@dataclass(frozen=True, slots=True)
class WeightsRevealed:
    """A validator opened its commitment of `epoch`; masked: made by a scorer that doesn't count."""

    netuid: NetUid
    epoch: Epoch
    uid: Uid
    hotkey: PublicKey
    is_masked: bool


@dataclass(frozen=True, slots=True)
class WeightsForfeited:
    """A validator withheld its reveal; `slashed` rao of root stake were burned."""

    netuid: NetUid
    epoch: Epoch
    uid: Uid
    hotkey: PublicKey
    slashed: Amount


@dataclass(frozen=True, slots=True)
class EpochClosed:
    """An epoch step paid out its pots; alpha rao."""

    netuid: NetUid
    epoch: Epoch
    owner: Amount
    miners: Amount
    validators: Amount
    recycled: Amount


# -- payments -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChannelOpened:
    """A buyer locked `deposit` rao for vouchers to the hotkey `payee`, until block `end`."""

    channel: Hash32
    netuid: NetUid
    payer: PublicKey
    payee: PublicKey
    deposit: Amount
    end: Height


@dataclass(frozen=True, slots=True)
class VoucherRedeemed:
    """A miner was paid: `paid` rao left the deposit, `burned` of them were burned."""

    channel: Hash32
    netuid: NetUid
    payee: PublicKey
    paid: Amount
    burned: Amount
    receipts_root: Hash32


@dataclass(frozen=True, slots=True)
class ChannelClosing:
    """The payer asked for the end: vouchers must be redeemed before block `end`."""

    channel: Hash32
    netuid: NetUid
    payee: PublicKey
    end: Height


@dataclass(frozen=True, slots=True)
class ChannelClosed:
    """A channel is gone: `redeemed` rao were paid from it, `returned` went back to the payer."""

    channel: Hash32
    netuid: NetUid
    payer: PublicKey
    payee: PublicKey
    redeemed: Amount
    returned: Amount


# -- governance -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProposalOpened:
    """A hotkey put something to the vote, until after block `closes_at`."""

    proposal: U32
    hotkey: PublicKey
    change: LongText
    closes_at: Height


@dataclass(frozen=True, slots=True)
class ProposalPassed:
    """A vote was won; `effect_at` is the first block under it. Rao of root stake, of `stake`."""

    proposal: U32
    yes: Amount
    no: Amount
    stake: Amount
    effect_at: Height


@dataclass(frozen=True, slots=True)
class ProposalRejected:
    """A vote was lost, or too few voted. Rao of root stake, of `stake` in all."""

    proposal: U32
    yes: Amount
    no: Amount
    stake: Amount


@dataclass(frozen=True, slots=True)
class ProposalEnacted:
    """What was decided holds from the next block on."""

    proposal: U32
    change: LongText


@dataclass(frozen=True, slots=True)
class ProposalFailed:
    """A vote was won, and something else has made its change impossible meanwhile."""

    proposal: U32
    reason: ShortText


# -- subnets --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NeuronLeft:
    """A hotkey gave up its uid."""

    netuid: NetUid
    uid: Uid
    hotkey: PublicKey


@dataclass(frozen=True, slots=True)
class SubnetFounded:
    """A subnet exists; its pool holds `lock` rao and `alpha` alpha rao."""

    netuid: NetUid
    owner: PublicKey
    lock: Amount
    alpha: Amount


@dataclass(frozen=True, slots=True)
class SubnetStarted:
    """Emission flows into a subnet from the next block on."""

    netuid: NetUid


@dataclass(frozen=True, slots=True)
class SubnetNoticed:
    """A subnet must make way for another, whose owner will be `successor`, at block `ends_at`."""

    netuid: NetUid
    successor: PublicKey
    ends_at: Height


@dataclass(frozen=True, slots=True)
class SubnetEnded:
    """A subnet has ended; `tao` rao of its pool go to the holders of `alpha` alpha rao."""

    netuid: NetUid
    tao: Amount
    alpha: Amount


@dataclass(frozen=True, slots=True)
class SubnetDissolved:
    """Nothing of a subnet is left; its netuid is free."""

    netuid: NetUid


@dataclass(frozen=True, slots=True)
class HyperparameterAnnounced:
    """A rule of a subnet will change at its first epoch step at or after block `due`."""

    netuid: NetUid
    name: ShortText
    value: I64
    due: Height


@dataclass(frozen=True, slots=True)
class HyperparameterChanged:
    """A changed rule of a subnet holds from the next block on."""

    netuid: NetUid
    name: ShortText
    value: I64


@dataclass(frozen=True, slots=True)
class MechanismAnnounced:
    """A subnet's task or scorer will change at its first epoch step at or after `activation`."""

    netuid: NetUid
    task: ShortText
    scorer_version: U64
    scorer_hash: Hash32
    activation: Height


@dataclass(frozen=True, slots=True)
class MechanismChanged:
    """A subnet's task or scorer is another from the next block on."""

    netuid: NetUid
    task: ShortText
    scorer_version: U64
    scorer_hash: Hash32


@dataclass(frozen=True, slots=True)
class StakeBought:
    """TAO, the burned fee included, bought stake; `price` in rao per 10^9 alpha rao, fee aside."""

    netuid: NetUid
    coldkey: PublicKey
    hotkey: PublicKey
    tao: Amount
    alpha: Amount
    price: Amount


@dataclass(frozen=True, slots=True)
class StakeSold:
    """Stake, the burned fee included, was sold for TAO; `price` in rao per 10^9 alpha rao."""

    netuid: NetUid
    coldkey: PublicKey
    hotkey: PublicKey
    alpha: Amount
    tao: Amount
    price: Amount


@dataclass(frozen=True, slots=True)
class OrderDropped:
    """A swap did not meet its limit, or its subnet is closed; what it offered went back.

    `amount` in rao for a purchase, in alpha rao for a sale.
    """

    netuid: NetUid
    coldkey: PublicKey
    hotkey: PublicKey
    is_purchase: bool
    amount: Amount
    limit: Amount


@dataclass(frozen=True, slots=True)
class StakeMoved:
    """Alpha went from one hotkey to another of its subnet; alpha rao."""

    netuid: NetUid
    coldkey: PublicKey
    hotkey: PublicKey
    to_hotkey: PublicKey
    amount: Amount


@dataclass(frozen=True, slots=True)
class StakeTransferred:
    """Stake on a hotkey became another coldkey's; netuid 0 is root."""

    netuid: NetUid
    hotkey: PublicKey
    coldkey: PublicKey
    to: PublicKey
    amount: Amount


@dataclass(frozen=True, slots=True)
class ChildrenAnnounced:
    """A hotkey will lend stake weight in a subnet from the end of block `effect_at` on."""

    netuid: NetUid
    hotkey: PublicKey
    children: tuple[PublicKey, ...]
    shares: tuple[Ratio16, ...]
    effect_at: Height


@dataclass(frozen=True, slots=True)
class ChildrenChanged:
    """A hotkey lends these shares of its stake weight in a subnet now, over 65535."""

    netuid: NetUid
    hotkey: PublicKey
    children: tuple[PublicKey, ...]
    shares: tuple[Ratio16, ...]


@dataclass(frozen=True, slots=True)
class HotkeySwapped:
    """A hotkey stands in the place of another, everywhere."""

    hotkey: PublicKey
    new_hotkey: PublicKey
    coldkey: PublicKey


@dataclass(frozen=True, slots=True)
class ColdkeySwapAnnounced:
    """All that a coldkey has may go to another from block `due_at` on."""

    coldkey: PublicKey
    new_coldkey: PublicKey
    due_at: Height


@dataclass(frozen=True, slots=True)
class ColdkeySwapCancelled:
    """An announced swap is off."""

    coldkey: PublicKey
    new_coldkey: PublicKey


@dataclass(frozen=True, slots=True)
class ColdkeySwapped:
    """All that a coldkey had is another's; `entries` of stake, hotkeys and channels were moved."""

    coldkey: PublicKey
    new_coldkey: PublicKey
    entries: U32


LedgerEvent = (
    NeuronRegistered
    | WeightsRevealed
    | WeightsForfeited
    | EpochClosed
    | StakeBought
    | StakeSold
    | OrderDropped
    | StakeMoved
    | StakeTransferred
    | ChildrenAnnounced
    | ChildrenChanged
    | HotkeySwapped
    | ColdkeySwapAnnounced
    | ColdkeySwapCancelled
    | ColdkeySwapped
    | ChannelOpened
    | VoucherRedeemed
    | ChannelClosing
    | ChannelClosed
    | ProposalOpened
    | ProposalPassed
    | ProposalRejected
    | ProposalEnacted
    | ProposalFailed
    | NeuronLeft
    | SubnetFounded
    | SubnetStarted
    | SubnetNoticed
    | SubnetEnded
    | SubnetDissolved
    | HyperparameterAnnounced
    | HyperparameterChanged
    | MechanismAnnounced
    | MechanismChanged
)
"""Every event."""
