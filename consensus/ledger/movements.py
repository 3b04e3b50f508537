"""Events of stake and keys: what changed hands or places (part of `consensus/ledger/events.py`)."""

from dataclasses import dataclass

from consensus.quantities import U32, Amount, Height, NetUid, PublicKey, Ratio16


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
