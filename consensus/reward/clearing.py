"""One price per block: settle all swaps of one pool together.

A pool holds y TAO and x alpha. With T TAO offered by buyers and A alpha by sellers the price is
`(y + T) / (x + A)`; buyers get `T (x+A) / (y+T)` alpha, sellers `A (y+T) / (x+A)` TAO, both rounded
down in the pool's favour and divided by largest remainder. So x'y' >= xy, neither reserve reaches
zero, order in the block means nothing, and a lone swap pays the constant-product price of its size.

Limits. An offer trades whole or not at all, at a price within its limit. The rule, two steps:

1. *Cross.* The better limits enter first on both sides, up to the one price at which those inside
   are exactly those whose limits it meets. If an offer stands on that price (with it the price
   breaks its limit, without it not), it drops out, the largest of equal limits first, and the
   price is sought again.
2. *Fill.* Whoever stayed out is let in if with it no limit is broken: buys by falling, sells by
   rising limit, smaller first, in rounds until none fits.

What this guarantees: nobody trades at a price beyond his limit; an offer without a limit
always trades; any order of the offers gives each the same (identical ones up to exchange); no offer
that stayed out could be let in without breaking a limit (up to `ROUNDS_MAX`), so if any offer fits
alone, somebody trades. Where only one side has offers, one that drops out changes nothing for the
others. What it does not promise: the most trade, or the sets that fit only together, since finding
those is a knapsack problem. A limit binds the price; rounding takes less than two units from what
an offer gets.

Source: `docs/spec/ledger.md` 8.

Deviations: the ledger's "swaps whose limit the price violates drop out, furthest first" lets one
huge buy, at the price of its fee, throw every limited buy out of the block before it drops itself.
Here it is the huge buy that stands on the crossing and drops first. Equal limits don't drop
together for the same reason: a copy of somebody's limit must not take him along.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from consensus.fixed import split_largest_remainder

PRICE_UNIT = 1_000_000_000
"""Limits are in rao of TAO per this many units of alpha, one whole coin."""
BUY_AT_ANY = 1 << 96
"""A limit above every price that two u64 reserves can have."""
SELL_AT_ANY = 0
ROUNDS_MAX = 16
"""Of step 2. Each lets somebody in; the bound keeps a block's work near n log n."""
_PPM = 1_000_000


class Side(IntEnum):
    """What is offered: TAO to buy alpha, or alpha to sell for TAO."""

    BUY = 0
    SELL = 1


@dataclass(frozen=True, slots=True)
class Offer:
    """A swap: `amount` > 0 net of the fee, rao of TAO for a buy, alpha rao for a sell."""

    side: Side
    amount: int
    limit: int
    """Rao of TAO per 10^9 alpha rao: the highest price a buy, the lowest a sell accepts."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """A pool after a block's swaps, and what each offer received, in the order of the offers."""

    tao: int
    alpha: int
    outputs: tuple[int | None, ...]
    """Alpha rao for a buy, rao for a sell; None: the offer dropped out and keeps its amount."""
    price_tao: int
    """The price is the fraction price_tao / price_alpha, exactly."""
    price_alpha: int


def settle(tao: int, alpha: int, offers: Sequence[Offer]) -> Settlement:
    """Settle `offers` against a pool of `tao` and `alpha`, both positive, at one price."""
    assert tao > 0
    assert alpha > 0
    assert all(offer.amount > 0 for offer in offers)
    traders = _choose_traders(tao, alpha, offers)
    buyers = _order(offers, traders, Side.BUY)
    sellers = _order(offers, traders, Side.SELL)
    price_tao = tao + sum(offers[index].amount for index in buyers)
    price_alpha = alpha + sum(offers[index].amount for index in sellers)
    bought = (price_tao - tao) * price_alpha // price_tao
    sold = (price_alpha - alpha) * price_tao // price_alpha
    outputs: list[int | None] = [None] * len(offers)
    for total, indices in ((bought, buyers), (sold, sellers)):
        parts = split_largest_remainder(total, [offers[index].amount for index in indices])
        for index, part in zip(indices, parts, strict=True):
            outputs[index] = part
    return Settlement(
        price_tao - sold, price_alpha - bought, tuple(outputs), price_tao, price_alpha
    )


def quote(tao: int, alpha: int, side: Side, amount: int) -> int:
    """Return what a swap of `amount` net of the fee receives if it is its block's only one."""
    if side is Side.BUY:
        return alpha * amount // (tao + amount)
    return tao * amount // (alpha + amount)


def compute_fee(amount: int, ppm: int) -> int:
    """Return the fee on an offered `amount`, in millionths, rounded down; burned by the caller."""
    return amount * ppm // _PPM


# -- who trades -----------------------------------------------------------------------------------


def _choose_traders(tao: int, alpha: int, offers: Sequence[Offer]) -> Iterable[int]:
    """Return the indices of the offers that trade, in any order."""
    everyone = _Trade(tao, alpha)
    for offer in offers:
        everyone.admit(offer)
    if everyone.is_fair():
        return range(len(offers))
    book = _Book(tao, alpha, offers)
    has_dropped = False
    while book.drop_marginal():
        has_dropped = True
    chosen = book.get_traders()
    if has_dropped:  # otherwise the price itself keeps the rest out
        chosen += _fill(tao, alpha, offers, chosen)
    return chosen


def _fill(tao: int, alpha: int, offers: Sequence[Offer], chosen: list[int]) -> list[int]:
    """Return the indices that fit in beside the chosen ones."""
    trade = _Trade(tao, alpha)
    for index in chosen:
        trade.admit(offers[index])
    inside = set(chosen)
    waiting = [index for index in range(len(offers)) if index not in inside]
    waiting.sort(key=lambda index: _rank(offers[index]))  # stable
    found: list[int] = []
    for _ in range(ROUNDS_MAX):
        rest: list[int] = []
        for index in waiting:
            if trade.is_fitting(offers[index]):
                trade.admit(offers[index])
                found.append(index)
            else:
                rest.append(index)
        if len(rest) == len(waiting):
            break
        waiting = rest
    return found


def _rank(offer: Offer) -> tuple[int, int, int]:
    """Return what to sort by: buys before sells, the keenest limit, then the smallest amount."""
    is_buy = offer.side is Side.BUY
    return offer.side, -offer.limit if is_buy else offer.limit, offer.amount


def _order(offers: Sequence[Offer], traders: Iterable[int], side: Side) -> list[int]:
    """Return one side's traders, largest first, for ties of remainders that no order can change."""
    chosen = [index for index in traders if offers[index].side is side]
    chosen.sort(key=lambda index: (-offers[index].amount, _rank(offers[index]), index))
    return chosen


class _Trade:
    """A set of offers that trade together, and the tightest limits among them."""

    __slots__ = ("_alpha", "_ceiling", "_floor", "_tao")

    def __init__(self, tao: int, alpha: int) -> None:
        self._tao = tao
        self._alpha = alpha
        self._ceiling = BUY_AT_ANY
        self._floor = SELL_AT_ANY

    def admit(self, offer: Offer) -> None:
        if offer.side is Side.BUY:
            self._tao += offer.amount
            self._ceiling = min(self._ceiling, offer.limit)
        else:
            self._alpha += offer.amount
            self._floor = max(self._floor, offer.limit)

    def is_fair(self) -> bool:
        """Tell whether the price breaks nobody's limit."""
        price = self._tao * PRICE_UNIT
        return self._floor * self._alpha <= price <= self._ceiling * self._alpha

    def is_fitting(self, offer: Offer) -> bool:
        """Tell whether the price still breaks nobody's limit when `offer` joins."""
        if offer.side is Side.BUY:  # the price rises: only buys can mind
            ceiling = min(self._ceiling, offer.limit)
            return (self._tao + offer.amount) * PRICE_UNIT <= ceiling * self._alpha
        floor = max(self._floor, offer.limit)
        return self._tao * PRICE_UNIT >= floor * (self._alpha + offer.amount)


class _Sums:
    """Amounts by level, and their sums in a Fenwick tree; `nodes[0]` is not used."""

    __slots__ = ("amounts", "nodes", "total")

    def __init__(self, amounts: list[int]) -> None:
        self.amounts = amounts
        self.total = sum(amounts)
        self.nodes = [0, *amounts]
        for node in range(1, len(self.nodes)):
            above = node + (node & -node)
            if above < len(self.nodes):
                self.nodes[above] += self.nodes[node]

    def subtract(self, level: int, amount: int) -> None:
        self.amounts[level] -= amount
        self.total -= amount
        node = level + 1
        while node < len(self.nodes):
            self.nodes[node] -= amount
            node += node & -node


class _Book:
    """The offers by limit, and the search for the crossing among those that have not dropped out.

    Level k is the k-th lowest limit. Let f(k) be the price if the buys of level k and above and the
    sells of level k and below trade. It never rises with k while the limits do, so the last k with
    f(k) >= limit(k) is found by bisection; the nodes of the Fenwick trees are its steps. The buys
    stand one place higher in theirs, since f(k) lacks the buys *below* k and has the sells *up to*
    k.
    """

    __slots__ = ("_alpha", "_buys", "_demand", "_limits", "_offers", "_sells", "_supply", "_tao")

    def __init__(self, tao: int, alpha: int, offers: Sequence[Offer]) -> None:
        self._tao = tao
        self._alpha = alpha
        self._offers = offers
        self._limits = sorted({offer.limit for offer in offers})
        levels = {limit: level for level, limit in enumerate(self._limits)}
        self._buys: list[list[int]] = [[] for _ in levels]
        self._sells: list[list[int]] = [[] for _ in levels]
        for index in sorted(range(len(offers)), key=lambda index: offers[index].amount):  # stable
            side = self._buys if offers[index].side is Side.BUY else self._sells
            side[levels[offers[index].limit]].append(index)
        self._demand = _Sums([0, *self._sum(self._buys)])
        self._supply = _Sums(self._sum(self._sells))

    def _sum(self, side: list[list[int]]) -> list[int]:
        return [sum([self._offers[index].amount for index in level]) for level in side]

    def drop_marginal(self) -> bool:
        """Drop the largest offer of the limit that stands on the crossing; tell if there is one."""
        level, price_tao, price_alpha = self._bisect()
        if level >= 0:
            bound = self._limits[level] * price_alpha
            if price_tao * PRICE_UNIT == bound:
                return False
            price_tao -= self._demand.amounts[level + 1]
            if price_tao * PRICE_UNIT < bound:  # its buys break their limit, without them it holds
                self._demand.subtract(level + 1, self._pop(self._buys[level]))
                return True
        above = level + 1
        if above < len(self._limits) and price_tao * PRICE_UNIT > self._limits[above] * price_alpha:
            self._supply.subtract(above, self._pop(self._sells[above]))
            return True
        return False

    def get_traders(self) -> list[int]:
        """Return the indices of those whose limit the crossing meets, when nobody stands on it."""
        level, price_tao, price_alpha = self._bisect()
        is_on_limit = level >= 0 and price_tao * PRICE_UNIT == self._limits[level] * price_alpha
        inside = self._sells[: level + 1] + self._buys[level if is_on_limit else level + 1 :]
        return [index for offers in inside for index in offers]

    def _pop(self, level: list[int]) -> int:
        return self._offers[level.pop()].amount

    def _bisect(self) -> tuple[int, int, int]:
        """Return the last level k with f(k) >= limit(k), or -1, and the two terms of f(k)."""
        demand, supply = self._demand, self._supply
        price_tao, price_alpha = self._tao + demand.total, self._alpha
        found, step = 0, 1 << len(self._limits).bit_length()
        while step := step >> 1:
            node = found + step
            if node <= len(self._limits):
                tao = price_tao - demand.nodes[node]
                alpha = price_alpha + supply.nodes[node]
                if tao * PRICE_UNIT >= self._limits[node - 1] * alpha:
                    found, price_tao, price_alpha = node, tao, alpha
        return found - 1, price_tao, price_alpha
