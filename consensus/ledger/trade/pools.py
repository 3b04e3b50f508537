"""The liquidity pools: one price per block for all that its rules and people swap, and quotes.

Settlement takes every order of the block (`orders.py`) and, subnet by subnet, trades them against
the pool at one price (`reward/clearing.py`). The fee of people's swaps is a part of what they offer
and is burned; the protocol's own pay none. What drops out pays no fee and goes back: TAO to the
account, alpha to the stake. So does everything offered in a subnet that has been closed, as can
happen between the two legs of a swap between subnets.

Everything is done in ascending order of subnet, side, limit and destination, so nothing depends on
the sequence of the block's transactions.

Source: `docs/spec/ledger.md` 8.
"""

from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

from consensus.errors import CallError
from consensus.ledger.events import LedgerEvent, OrderDropped, StakeBought, StakeSold
from consensus.ledger.records import ROOT, credit, destroy, get_network, get_vault_hotkey
from consensus.ledger.stake.shares import credit_stake, reward
from consensus.ledger.state import Draft, Reading
from consensus.ledger.subnet.records import Market, get_market, get_subnet, put_market
from consensus.ledger.trade.orders import (
    ANY_PRICE,
    Order,
    ToAccount,
    ToNobody,
    ToRoot,
    ToStake,
    ToSubnet,
    add_second_leg,
    place,
    take_orders,
    take_second_legs,
)
from consensus.params import Params
from consensus.quantities import U64_MAX, Amount, NetUid
from consensus.reward.clearing import (
    BUY_AT_ANY,
    PRICE_UNIT,
    SELL_AT_ANY,
    Offer,
    Side,
    compute_fee,
    quote,
    settle,
)

_PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class TradeQuote:
    """What a swap would do if it were the only one of the next block.

    Prices are rao of TAO per 10^9 alpha rao, rounded down.
    """

    fee: Amount
    """In what is offered; burned."""
    output: Amount
    """Alpha rao for a purchase, rao for a sale."""
    price_before: Amount
    price: Amount
    """What the swap pays, its fee aside."""
    price_after: Amount
    impact_ppm: int
    """How far `price` is from `price_before`, in millionths of it, rounded down."""


def get_price(view: Reading, netuid: NetUid) -> Amount:
    """Return the price of a subnet's alpha: rao of TAO per 10^9 alpha rao, rounded down.

    Raises:
        UnknownSubnet: there is no such subnet.
    """
    get_subnet(view, netuid)
    market = get_market(view, netuid)
    return _compute_price(market.tao, market.alpha)


def quote_trade(view: Reading, netuid: NetUid, side: Side, amount: int) -> TradeQuote:
    """Return what offering `amount` (rao to buy, alpha rao to sell) would bring by itself.

    Raises:
        UnknownSubnet: there is no such subnet.
    """
    get_subnet(view, netuid)
    market = get_market(view, netuid)
    fee = compute_fee(amount, get_network(view).params.swap_fee_ppm)
    net = amount - fee
    output = quote(market.tao, market.alpha, side, net)
    paid, sold = (net, 0) if side is Side.BUY else (0, net)
    before = _compute_price(market.tao, market.alpha)
    price = _compute_price(market.tao + paid, market.alpha + sold)
    if side is Side.BUY:
        after = _compute_price(market.tao + net, market.alpha - output)
    else:
        after = _compute_price(market.tao - output, market.alpha + net)
    impact = abs(price - before) * _PPM // before if before else 0
    return TradeQuote(Amount(fee), Amount(output), before, price, after, impact)


def process_settlement(draft: Draft, params: Params) -> list[LedgerEvent]:
    """Settle every order of the block, and the second legs of the one before."""
    events: list[LedgerEvent] = []
    for leg in take_second_legs(draft):
        place(draft, leg)
    for netuid, orders in groupby(take_orders(draft), key=attrgetter("netuid")):
        events += _settle_subnet(draft, params, netuid, list(orders))
    return events


def _settle_subnet(
    draft: Draft, params: Params, netuid: NetUid, orders: list[Order]
) -> list[LedgerEvent]:
    market = _find_open_market(draft, netuid)
    if market is None:
        return _give_all_back(draft, orders)
    if len(orders) == 1 and isinstance(orders[0].destination, ToNobody):
        _buy_alone(draft, market, orders[0])
        return []
    offered = [(order, _compute_fee(order, params)) for order in orders]
    traders = [pair for pair in offered if pair[0].amount > pair[1]]
    events = _give_all_back(draft, [order for order, fee in offered if order.amount == fee])
    settlement = settle(market.tao, market.alpha, [_make_offer(*pair) for pair in traders])
    tao, alpha = Amount(settlement.tao), Amount(settlement.alpha)
    put_market(draft, netuid, replace(market, tao=tao, alpha=alpha))
    price = _compute_price(settlement.price_tao, settlement.price_alpha)
    for (order, fee), output in zip(traders, settlement.outputs, strict=True):
        if output is None:
            events += _give_back(draft, order)
            continue
        if fee:
            destroy(draft, ROOT if order.side is Side.BUY else netuid, fee)
        events += _deliver(draft, order, Amount(output), price)
    return events


def _buy_alone(draft: Draft, market: Market, order: Order) -> None:
    """Destroy the alpha of a block's only order; what most blocks do in most subnets."""
    bought = quote(market.tao, market.alpha, Side.BUY, order.amount)
    tao, alpha = Amount(market.tao + order.amount), Amount(market.alpha - bought)
    put_market(draft, order.netuid, replace(market, tao=tao, alpha=alpha))
    destroy(draft, order.netuid, bought)


def _find_open_market(view: Reading, netuid: NetUid) -> Market | None:
    """Return the figures of a subnet whose pool can trade, or None."""
    try:
        get_subnet(view, netuid)
    except CallError:
        return None
    market = get_market(view, netuid)
    return market if market.tao and market.alpha else None


def _compute_fee(order: Order, params: Params) -> int:
    """Return what an order pays if it trades; the protocol's own pay nothing."""
    if isinstance(order.destination, ToNobody | ToRoot):
        return 0
    return compute_fee(order.amount, params.swap_fee_ppm)


def _make_offer(order: Order, fee: int) -> Offer:
    limit = int(order.limit)
    if limit == ANY_PRICE[order.side]:
        limit = BUY_AT_ANY if order.side is Side.BUY else SELL_AT_ANY
    return Offer(order.side, order.amount - fee, limit)


def _compute_price(tao: int, alpha: int) -> Amount:
    """Return a price in rao per 10^9 alpha rao, rounded down; a higher one than u64 is u64's."""
    return Amount(min(U64_MAX, tao * PRICE_UNIT // alpha))


# -- where it goes --------------------------------------------------------------------------------


def _deliver(draft: Draft, order: Order, output: Amount, price: Amount) -> list[LedgerEvent]:
    """Give the result of an order that traded to its destination."""
    netuid, amount = order.netuid, order.amount
    match order.destination:
        case ToNobody():
            destroy(draft, netuid, output)
            return []
        case ToRoot(vault):
            reward(draft, ROOT, get_vault_hotkey(draft, vault), output)
            return []
        case ToStake(coldkey, vault):
            hotkey = get_vault_hotkey(draft, vault)
            credit_stake(draft, netuid, hotkey, coldkey, output)
            return [StakeBought(netuid, coldkey, hotkey, amount, output, price)]
        case ToAccount(coldkey, vault):
            credit(draft, coldkey, output)
        case ToSubnet(coldkey, vault):
            if output:
                add_second_leg(draft, order.destination, output)
    hotkey = get_vault_hotkey(draft, vault)
    return [StakeSold(netuid, coldkey, hotkey, amount, output, price)]


def _give_all_back(draft: Draft, orders: list[Order]) -> list[LedgerEvent]:
    return [event for order in orders for event in _give_back(draft, order)]


def _give_back(draft: Draft, order: Order) -> list[LedgerEvent]:
    """Return what an order offered; what the protocol offered in a pool that is gone is burned."""
    netuid, amount = order.netuid, order.amount
    match order.destination:
        case ToNobody():
            destroy(draft, ROOT, amount)
            return []
        case ToRoot():
            destroy(draft, netuid, amount)
            return []
        case ToStake(coldkey, vault):
            credit(draft, coldkey, amount)
        case ToAccount(coldkey, vault) | ToSubnet(coldkey, vault):
            hotkey = get_vault_hotkey(draft, vault)
            credit_stake(draft, netuid, hotkey, coldkey, amount)
    hotkey = get_vault_hotkey(draft, vault)
    is_purchase = order.side is Side.BUY
    return [OrderDropped(netuid, coldkey, hotkey, is_purchase, amount, order.limit)]
