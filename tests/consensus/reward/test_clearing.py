"""Clearing: one price for all, to the rao, and what an offer that drops out may expect."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.reward.clearing import (
    BUY_AT_ANY,
    PRICE_UNIT,
    SELL_AT_ANY,
    Offer,
    Settlement,
    Side,
    compute_fee,
    quote,
    settle,
)

ROUGH = st.sampled_from([1, 2, 5, 10, 50, 100, 300, 1_000])
"""Amounts that meet often, against small pools: ties and rounding show."""
reserves = st.one_of(st.integers(1, 2_000), st.integers(1, 21 * 10**15))
amounts = st.one_of(ROUGH, st.integers(1, 21 * 10**15))
limits = st.one_of(
    st.sampled_from([0, PRICE_UNIT // 2, PRICE_UNIT, PRICE_UNIT * 2, 2**64 - 1]),
    st.integers(PRICE_UNIT * 7 // 10, PRICE_UNIT * 14 // 10),
)
offers_any = st.builds(Offer, st.sampled_from(Side), amounts, limits)
batches = st.lists(offers_any, max_size=10)
tight = st.lists(st.builds(Offer, st.sampled_from(Side), ROUGH, limits), max_size=10)
"""Batches for a pool of 1,000 and 1,000, where limits break all the time."""


def is_within(offer: Offer, price_tao: int, price_alpha: int) -> bool:
    if offer.side is Side.BUY:
        return price_tao * PRICE_UNIT <= offer.limit * price_alpha
    return price_tao * PRICE_UNIT >= offer.limit * price_alpha


def traders(offers: list[Offer], done: Settlement) -> list[Offer]:
    pairs = zip(offers, done.outputs, strict=True)
    return [offer for offer, output in pairs if output is not None]


def is_fair(tao: int, alpha: int, offers: list[Offer]) -> bool:
    """Say whether all these could trade together."""
    tao += sum(offer.amount for offer in offers if offer.side is Side.BUY)
    alpha += sum(offer.amount for offer in offers if offer.side is Side.SELL)
    return all(is_within(offer, tao, alpha) for offer in offers)


def buy(amount: int, limit: int = BUY_AT_ANY) -> Offer:
    return Offer(Side.BUY, amount, limit)


def sell(amount: int, limit: int = SELL_AT_ANY) -> Offer:
    return Offer(Side.SELL, amount, limit)


# -- money -----------------------------------------------------------------------------------------


@given(reserves, reserves, batches)
def test_every_rao_of_both_coins_is_where_it_came_from_or_with_a_trader(
    tao: int, alpha: int, offers: list[Offer]
):
    done = settle(tao, alpha, offers)
    pairs = zip(offers, done.outputs, strict=True)
    for offer, output in pairs:
        if output is not None:
            tao += offer.amount if offer.side is Side.BUY else -output
            alpha += offer.amount if offer.side is Side.SELL else -output
    assert (done.tao, done.alpha) == (tao, alpha)


@given(reserves, reserves, batches)
def test_the_product_never_falls_and_no_reserve_is_emptied(
    tao: int, alpha: int, offers: list[Offer]
):
    done = settle(tao, alpha, offers)
    assert done.tao * done.alpha >= tao * alpha
    assert min(done.tao, done.alpha) > 0


@given(reserves, reserves, batches)
def test_nobody_gets_two_units_less_or_one_more_than_the_price_pays(
    tao: int, alpha: int, offers: list[Offer]
):
    done = settle(tao, alpha, offers)
    for offer, output in zip(offers, done.outputs, strict=True):
        if output is not None:
            over, under = done.price_alpha, done.price_tao
            if offer.side is Side.SELL:
                over, under = under, over
            assert -2 * under < output * under - offer.amount * over < under


@given(reserves, reserves, st.sampled_from(Side), amounts)
def test_a_lone_swap_pays_the_constant_product_price_of_its_size(
    tao: int, alpha: int, side: Side, amount: int
):
    limit = BUY_AT_ANY if side is Side.BUY else SELL_AT_ANY
    (output,) = settle(tao, alpha, [Offer(side, amount, limit)]).outputs
    assert output == quote(tao, alpha, side, amount)
    if side is Side.BUY:
        assert output == alpha * amount // (tao + amount)
    else:
        assert output == tao * amount // (alpha + amount)


def test_equal_money_against_equal_alpha_leaves_the_price_where_it_was():
    done = settle(1_000_000, 2_000_000, [buy(500), sell(1_000)])
    assert done.outputs == (1_000, 500)
    assert (done.tao, done.alpha) == (1_000_000, 2_000_000)


def test_the_fee_is_rounded_down():
    assert compute_fee(123_456, 500) == 61
    assert compute_fee(1_999, 500) == 0
    assert compute_fee(10**9, 0) == 0


moves = st.lists(st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 100)), max_size=4))


@given(reserves, reserves, moves)
def test_no_trading_with_oneself_in_or_across_blocks_makes_money(
    tao: int, alpha: int, blocks: list[list[tuple[Side, int]]]
):
    """A party alone spends parts of what it holds, outputs included; the product says it all."""
    start = (tao, alpha)
    held = [10**15, 10**15]
    for block in blocks:
        offers: list[Offer] = []
        for side, percent in block:
            amount = held[side] * percent // 100
            if amount:
                held[side] -= amount
                offers.append(buy(amount) if side is Side.BUY else sell(amount))
        done = settle(tao, alpha, offers)
        tao, alpha = done.tao, done.alpha
        for offer, output in zip(offers, done.outputs, strict=True):
            held[1 - offer.side] += output or 0
        assert not (held[0] > 10**15 and held[1] >= 10**15)
        assert not (held[0] >= 10**15 and held[1] > 10**15)
    whole = (start[0] + 10**15, start[1] + 10**15)
    assert (held[0] + tao, held[1] + alpha) == whole, "nothing is made and nothing lost"


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.permutations(range(3)))
def test_whoever_surrounds_a_buy_within_its_block_gains_nothing(
    victim: int, size: int, order: list[int]
):
    """Buying before and selling after someone is one price for all three."""
    offers = [buy(size), buy(victim), sell(size)]
    done = settle(10**9, 10**9, [offers[index] for index in order])
    outputs = dict(zip(order, done.outputs, strict=True))
    got_alpha, got_tao = outputs[0] or 0, outputs[2] or 0
    assert got_tao * done.price_alpha <= size * done.price_tao + done.price_alpha
    assert got_alpha * done.price_tao <= size * done.price_alpha + done.price_tao


# -- who trades ------------------------------------------------------------------------------------


@given(tight)
def test_nobody_trades_beyond_his_limit(offers: list[Offer]):
    done = settle(1_000, 1_000, offers)
    assert is_fair(1_000, 1_000, traders(offers, done))


@given(tight)
def test_whoever_stays_out_could_not_have_been_let_in(offers: list[Offer]):
    done = settle(1_000, 1_000, offers)
    inside = traders(offers, done)
    for offer, output in zip(offers, done.outputs, strict=True):
        if output is None:
            assert not is_fair(1_000, 1_000, [*inside, offer])


@given(tight, ROUGH, st.sampled_from(Side))
def test_an_offer_without_a_limit_always_trades(offers: list[Offer], amount: int, side: Side):
    free = buy(amount) if side is Side.BUY else sell(amount)
    assert settle(1_000, 1_000, [*offers, free]).outputs[-1] is not None


@given(tight, st.randoms(use_true_random=False))
def test_the_order_of_the_offers_changes_nothing(offers: list[Offer], dice: random.Random):
    """Identical offers may exchange what they get."""
    done = settle(1_000, 1_000, offers)
    order = list(range(len(offers)))
    dice.shuffle(order)
    other = settle(1_000, 1_000, [offers[index] for index in order])
    got = Counter(zip(offers, done.outputs, strict=True))
    assert got == Counter((offers[i], out) for i, out in zip(order, other.outputs, strict=True))
    assert replace(done, outputs=()) == replace(other, outputs=())


one_side = st.sampled_from(Side).flatmap(
    lambda side: st.lists(st.builds(Offer, st.just(side), ROUGH, limits), max_size=8)
)


@given(one_side)
def test_on_one_side_whoever_drops_out_changes_nothing_for_the_others(offers: list[Offer]):
    done = settle(1_000, 1_000, offers)
    for index, output in enumerate(done.outputs):
        if output is None:
            others = offers[:index] + offers[index + 1 :]
            expected = done.outputs[:index] + done.outputs[index + 1 :]
            assert settle(1_000, 1_000, others).outputs == expected


def test_a_huge_buy_that_breaks_its_own_limit_takes_nobody_with_it():
    honest = [buy(10, PRICE_UNIT * 105 // 100), sell(10, PRICE_UNIT * 95 // 100)]
    huge = buy(10**6, PRICE_UNIT * 500)
    alone = settle(1_000, 1_000, honest)
    assert None not in alone.outputs
    assert settle(1_000, 1_000, [huge, *honest]).outputs == (None, *alone.outputs)


def test_a_huge_buy_at_somebody_s_own_limit_drops_before_him():
    limit = PRICE_UNIT * 105 // 100
    assert settle(1_000, 1_000, [buy(100, limit), buy(10, limit)]).outputs == (None, 9)


def test_a_buy_pushed_out_by_two_that_drop_too_is_let_in_again():
    """`bait` and `pusher` agree only while the victim is away, and then with nobody."""
    victim = buy(10, PRICE_UNIT * 105 // 100)
    pusher = buy(1_098, PRICE_UNIT * 106 // 100)
    bait = sell(1_000, PRICE_UNIT * 1_0499 // 10_000)
    assert is_fair(1_000, 1_000, [pusher, bait]) is False
    assert settle(1_000, 1_000, [pusher, bait, victim]).outputs == (None, None, 9)


def test_two_offers_that_fit_only_together_trade():
    """Each alone would move the price by a tenth, beyond its limit."""
    pair = [buy(100, PRICE_UNIT * 102 // 100), sell(100, PRICE_UNIT * 98 // 100)]
    assert settle(1_000, 1_000, pair).outputs == (100, 100)
    assert settle(1_000, 1_000, pair[:1]).outputs == (None,)
    assert settle(1_000, 1_000, pair[1:]).outputs == (None,)


def test_a_limit_that_the_price_meets_exactly_is_met():
    assert settle(1_000, 1_000, [buy(100, PRICE_UNIT * 11 // 10)]).outputs == (90,)
    assert settle(1_000, 1_000, [buy(100, PRICE_UNIT * 11 // 10 - 1)]).outputs == (None,)
    assert settle(1_000, 1_000, [sell(1_000, PRICE_UNIT // 2)]).outputs == (500,)
    assert settle(1_000, 1_000, [sell(1_000, PRICE_UNIT // 2 + 1)]).outputs == (None,)


def test_the_better_limit_goes_first():
    offers = [buy(60, PRICE_UNIT * (100 + percent) // 100) for percent in (6, 8, 10, 12, 14)]
    assert settle(1_000, 1_000, offers).outputs == (None, None, None, 53, 54)


def test_an_empty_block_leaves_the_pool_and_names_its_price():
    assert settle(7, 3, []) == Settlement(7, 3, (), 7, 3)


@pytest.mark.slow
@settings(max_examples=2_000)
@given(st.lists(st.builds(Offer, st.sampled_from(Side), ROUGH, limits), max_size=40))
def test_with_many_offers_too_no_limit_breaks_and_nobody_who_fits_stays_out(offers: list[Offer]):
    done = settle(1_000, 1_000, offers)
    inside = traders(offers, done)
    assert is_fair(1_000, 1_000, inside)
    for offer, output in zip(offers, done.outputs, strict=True):
        assert output is not None or not is_fair(1_000, 1_000, [*inside, offer])


def test_a_thousand_buys_too_big_for_the_pool_leave_it_alone():
    dice = random.Random(1)
    offers = [buy(10**6, PRICE_UNIT + dice.randint(1, 10**7)) for _ in range(1_000)]
    assert settle(1_000, 1_000, offers) == Settlement(1_000, 1_000, (None,) * 1_000, 1_000, 1_000)
