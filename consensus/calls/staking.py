"""Stake at root and in subnets, where it goes and what a hotkey keeps of its rewards."""

from dataclasses import dataclass
from typing import Annotated

from consensus.quantities import Amount, CountMax, NetUid, PublicKey, Ratio16


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
class StakeAlpha:
    """Buy alpha of `netuid` for `amount` rao at the end of this block and stake it on `hotkey`.

    Not done above `limit` (rao of TAO for 10^9 alpha rao).
    """

    netuid: NetUid
    hotkey: PublicKey
    amount: Amount
    limit: Amount


@dataclass(frozen=True, slots=True)
class UnstakeAlpha:
    """Sell `amount` alpha rao staked on `hotkey` at the end of this block, not below `limit`."""

    netuid: NetUid
    hotkey: PublicKey
    amount: Amount
    limit: Amount


@dataclass(frozen=True, slots=True)
class MoveStake:
    """Move `amount` alpha rao of the signer from one hotkey to another within `netuid`."""

    netuid: NetUid
    hotkey: PublicKey
    to_hotkey: PublicKey
    amount: Amount


@dataclass(frozen=True, slots=True)
class SwapStake:
    """Sell alpha of `netuid` now and buy alpha of `to_netuid` with the proceeds a block later.

    `limit` is the lowest price of the sale, `to_limit` the highest of the purchase.
    """

    netuid: NetUid
    hotkey: PublicKey
    to_netuid: NetUid
    to_hotkey: PublicKey
    amount: Amount
    limit: Amount
    to_limit: Amount


@dataclass(frozen=True, slots=True)
class TransferStake:
    """Give `amount` of the signer's stake on `hotkey` to the coldkey `to`; netuid 0 is root."""

    netuid: NetUid
    hotkey: PublicKey
    to: PublicKey
    amount: Amount


@dataclass(frozen=True, slots=True)
class SetAutoStake:
    """Stake what the signing coldkey's miners earn in `netuid` on `hotkey`."""

    netuid: NetUid
    hotkey: PublicKey


@dataclass(frozen=True, slots=True)
class SetTake:
    """Set the part of delegators' rewards that `hotkey` keeps; its owner coldkey signs."""

    hotkey: PublicKey
    take: Ratio16


@dataclass(frozen=True, slots=True)
class Child:
    """A hotkey and the part of its parent's stake weight it gets."""

    hotkey: PublicKey
    share: Ratio16


@dataclass(frozen=True, slots=True)
class SetChildren:
    """Lend parts of `hotkey`'s stake weight in `netuid`; its owner coldkey signs."""

    netuid: NetUid
    hotkey: PublicKey
    children: Annotated[tuple[Child, ...], CountMax(5)]
