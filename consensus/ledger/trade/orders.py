"""What is to be swapped at the block's end: offers to buy or sell alpha, and where the result goes.

Whoever places an order has taken the money from somewhere; until the block settles it stands under
`Family.ORDER` and in the total `ORDERED` of its coin (TAO of a purchase, alpha of a sale). Orders
of the same side, limit and destination are one, so the order of a block's transactions leaves no
trace. Settlement (`consensus/ledger/trade/pools.py`) takes all of them in the same block.

A swap between subnets sells in one block and buys in the next: its second leg is TAO that stands
under `Family.SECOND_LEG` in between.

Stake is named by the vault of its hotkey (`records.Hotkey`), which survives a swap of keys between
the order and its settlement. A coldkey that is swapped in between is paid under its old name, which
still belongs to its owner.
"""

from dataclasses import dataclass
from typing import assert_never

from consensus.ledger import keys
from consensus.ledger.keys import Family
from consensus.ledger.records import ROOT, get_vault
from consensus.ledger.state import Draft, Reading, Total
from consensus.quantities import U64_MAX, Amount, NetUid, PublicKey
from consensus.reward.clearing import Side

ANY_PRICE: dict[Side, Amount] = {Side.BUY: Amount(U64_MAX), Side.SELL: Amount(0)}
"""The limit that every price meets."""


@dataclass(frozen=True, slots=True)
class ToStake:
    """Of a purchase: alpha staked for a coldkey. TAO that buys nothing returns to its account."""

    coldkey: PublicKey
    vault: PublicKey


@dataclass(frozen=True, slots=True)
class ToAccount:
    """Of a sale: TAO to a coldkey's account. Alpha not sold returns to its stake under `vault`."""

    coldkey: PublicKey
    vault: PublicKey


@dataclass(frozen=True, slots=True)
class ToSubnet:
    """Of a sale: TAO that buys alpha of `netuid` in the next block, not above `limit`."""

    coldkey: PublicKey
    vault: PublicKey
    netuid: NetUid
    to_vault: PublicKey
    limit: Amount


@dataclass(frozen=True, slots=True)
class ToRoot:
    """Of a sale at any price: TAO that the root stake of a hotkey has earned."""

    vault: PublicKey


@dataclass(frozen=True, slots=True)
class ToNobody:
    """Of a purchase at any price: the alpha is destroyed."""


Destination = ToStake | ToAccount | ToSubnet | ToRoot | ToNobody


@dataclass(frozen=True, slots=True)
class Order:
    """What is offered in one subnet, fee included: rao for a purchase, alpha rao for a sale."""

    netuid: NetUid
    side: Side
    limit: Amount
    """Rao of TAO per 10^9 alpha rao; `ANY_PRICE` of its side for none."""
    destination: Destination
    amount: Amount


# -- for the rules --------------------------------------------------------------------------------


def buy_and_destroy(draft: Draft, netuid: NetUid, tao: int) -> None:
    """Let `tao` rao, which the caller took from somewhere or minted, buy alpha to be destroyed."""
    place(draft, Order(netuid, Side.BUY, ANY_PRICE[Side.BUY], ToNobody(), Amount(tao)))


def sell_for_root(draft: Draft, netuid: NetUid, hotkey: PublicKey, alpha: int) -> None:
    """Let `alpha` alpha rao, taken from somewhere, be sold for what root stake on `hotkey` earns.

    The TAO becomes a reward of the hotkey at root: its owner's take, the rest for its delegators.
    """
    destination = ToRoot(get_vault(draft, hotkey))
    place(draft, Order(netuid, Side.SELL, ANY_PRICE[Side.SELL], destination, Amount(alpha)))


def buy_stake(
    draft: Draft, netuid: NetUid, tao: int, limit: Amount, coldkey: PublicKey, hotkey: PublicKey
) -> None:
    """Let `tao` rao, which the caller took from the account, buy stake at `limit` at the most."""
    destination = ToStake(coldkey, get_vault(draft, hotkey))
    place(draft, Order(netuid, Side.BUY, limit, destination, Amount(tao)))


def sell_stake(
    draft: Draft, netuid: NetUid, alpha: int, limit: Amount, destination: ToAccount | ToSubnet
) -> None:
    """Let `alpha` alpha rao, which the caller took from the stake, be sold at `limit` or more."""
    place(draft, Order(netuid, Side.SELL, limit, destination, Amount(alpha)))


def place(draft: Draft, order: Order) -> None:
    """Add an order to those of the block; one of nothing leaves no trace."""
    if order.amount == 0:
        return
    parts = (keys.u16(order.netuid), bytes((order.side,)), keys.u64(order.limit))
    key = keys.of(Family.ORDER, *parts, _encode(order.destination))
    draft.put(key, keys.u64(_read(draft.get(key)) + order.amount))
    draft.add_total(_get_coin(order.netuid, order.side), Total.ORDERED, order.amount)


# -- for settlement -------------------------------------------------------------------------------


def take_orders(draft: Draft) -> list[Order]:
    """Take every order out of the Draft, by subnet, side, limit and destination, ascending.

    The caller puts their amounts somewhere.
    """
    orders: list[Order] = []
    for key, data in list(draft.scan(bytes((Family.ORDER,)))):
        netuid, side = NetUid(int.from_bytes(key[1:3], "big")), Side(key[3])
        limit, amount = Amount(_read(key[4:12])), Amount(_read(data))
        orders.append(Order(netuid, side, limit, _decode(key[12:]), amount))
        draft.delete(key)
        draft.add_total(_get_coin(netuid, side), Total.ORDERED, -amount)
    return orders


def add_second_leg(draft: Draft, leg: ToSubnet, tao: int) -> None:
    """Keep `tao` rao, which a sale brought, for the purchase in the next block."""
    parts = (keys.u16(leg.netuid), keys.u64(leg.limit), leg.coldkey, leg.to_vault)
    key = keys.of(Family.SECOND_LEG, *parts)
    draft.put(key, keys.u64(_read(draft.get(key)) + tao))
    draft.add_total(ROOT, Total.ORDERED, tao)


def take_second_legs(draft: Draft) -> list[Order]:
    """Take the purchases that the block before left, as orders of this one, ascending.

    The caller places them, or puts their TAO elsewhere.
    """
    legs: list[Order] = []
    for key, data in list(draft.scan(bytes((Family.SECOND_LEG,)))):
        netuid, limit = NetUid(int.from_bytes(key[1:3], "big")), Amount(_read(key[3:11]))
        destination = ToStake(PublicKey(key[11:43]), PublicKey(key[43:75]))
        amount = Amount(_read(data))
        legs.append(Order(netuid, Side.BUY, limit, destination, amount))
        draft.delete(key)
        draft.add_total(ROOT, Total.ORDERED, -amount)
    return legs


def count_ordered(view: Reading, netuid: NetUid) -> int:
    """Return how much of a coin stands in orders and second legs, by counting them; for audits."""
    orders = [
        (_get_coin(NetUid(int.from_bytes(key[1:3], "big")), Side(key[3])), _read(data))
        for key, data in view.scan(bytes((Family.ORDER,)))
    ]
    legs = [(ROOT, _read(data)) for _, data in view.scan(bytes((Family.SECOND_LEG,)))]
    return sum(amount for coin, amount in orders + legs if coin == netuid)


# -- bytes ----------------------------------------------------------------------------------------


def _get_coin(netuid: NetUid, side: Side) -> NetUid:
    return ROOT if side is Side.BUY else netuid


def _encode(destination: Destination) -> bytes:
    match destination:
        case ToNobody():
            return b"\x00"
        case ToRoot(vault):
            return b"\x01" + vault
        case ToStake(coldkey, vault):
            return b"\x02" + coldkey + vault
        case ToAccount(coldkey, vault):
            return b"\x03" + coldkey + vault
        case ToSubnet(coldkey, vault, netuid, to_vault, limit):
            onward = keys.u16(netuid) + to_vault + keys.u64(limit)
            return b"\x04" + coldkey + vault + onward
        case _:
            assert_never(destination)


def _decode(data: bytes) -> Destination:
    first, second = PublicKey(data[1:33]), PublicKey(data[33:65])
    match data[0]:
        case 0:
            return ToNobody()
        case 1:
            return ToRoot(first)
        case 2:
            return ToStake(first, second)
        case 3:
            return ToAccount(first, second)
        case _:
            netuid, limit = NetUid(int.from_bytes(data[65:67], "big")), _read(data[99:107])
            return ToSubnet(first, second, netuid, PublicKey(data[67:99]), Amount(limit))


def _read(data: bytes | None) -> int:
    """Return a big-endian number; nothing is zero."""
    return int.from_bytes(data or b"", "big")
