"""Settlement: what swaps get, who drops out, where everything goes, and what a quote promises."""

from dataclasses import replace

import pytest

from consensus.calls.staking import StakeRoot
from consensus.ledger.events import LedgerEvent, OrderDropped, StakeBought, StakeSold
from consensus.ledger.keys import Family
from consensus.ledger.records import ROOT, get_network, get_pool, mint
from consensus.ledger.stake.shares import slash
from consensus.ledger.state import Draft, State, Total
from consensus.ledger.subnet.records import find_subnet, get_market, put_subnet
from consensus.ledger.supply import check_invariants, get_supply
from consensus.ledger.trade.orders import buy_and_destroy, sell_for_root
from consensus.ledger.trade.pools import get_price, process_settlement, quote_trade
from consensus.ledger.transition import Applied
from consensus.quantities import U32, Amount
from consensus.refusals import UnknownSubnet
from consensus.reward.clearing import Side
from consensus.types import Call
from tests.builders import TAO, advance, apply, key_of
from tests.consensus.ledger.markets import (
    HOT,
    ONE,
    POOL_ALPHA,
    POOL_TAO,
    STAKE,
    TWO,
    buy,
    free_of,
    make_market,
    sell,
    stake_of,
    swap,
    trade,
)

ALICE, KEY = key_of("alice"), key_of(HOT)
PPM = 500


def pool_of(state: State) -> tuple[int, int]:
    market = get_market(state, ONE)
    return market.tao, market.alpha


def dropped(applied: Applied) -> list[OrderDropped]:
    return [event for event in applied.events if isinstance(event, OrderDropped)]


# -- a swap by itself -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tao", "alpha", "amount"),
    [
        (10**9, 4 * 10**9, 2_123_456),  # of the vectors pool_swap, in rao that may be staked
        (1_500, 1_000, 10_000_000),
        (10**6, 1, 10_000_000),
        (1, 10**6, 10**9),
        (POOL_TAO, POOL_ALPHA, 99 * TAO),
    ],
)
def test_a_lone_swap_pays_the_constant_product_price_of_its_size(
    tao: int, alpha: int, amount: int
) -> None:
    state = make_market(pool_tao=Amount(tao), pool_alpha=Amount(alpha))
    net = amount - amount * PPM // 10**6
    quoted = quote_trade(state, ONE, Side.BUY, amount)
    bought = trade(state, ("alice", buy(amount))).state
    assert stake_of(bought, "alice") - STAKE == alpha * net // (tao + net) == quoted.output
    amount = min(amount, STAKE)
    net = amount - amount * PPM // 10**6
    quoted = quote_trade(state, ONE, Side.SELL, amount)
    sold = trade(state, ("alice", sell(amount))).state
    assert free_of(sold, "alice") - 100 * TAO == tao * net // (alpha + net) == quoted.output


def test_the_fee_of_a_purchase_is_burned_tao() -> None:
    before = make_market()
    after = trade(before, ("alice", buy(10 * TAO))).state
    burned = get_supply(after).burned - get_supply(before).burned
    assert burned == 10 * TAO * PPM // 10**6
    assert pool_of(after)[0] == POOL_TAO + 10 * TAO - burned


def test_the_fee_of_a_sale_is_burned_alpha() -> None:
    before = make_market()
    after = trade(before, ("alice", sell(10 * TAO))).state
    burned = get_supply(after, ONE).burned - get_supply(before, ONE).burned
    assert burned == 10 * TAO * PPM // 10**6
    assert pool_of(after)[1] == POOL_ALPHA + 10 * TAO - burned


def test_a_quote_tells_the_prices_before_of_and_after_the_swap() -> None:
    state = make_market({"swap_fee_ppm": U32(0)})
    quoted = quote_trade(state, ONE, Side.BUY, 100 * TAO)
    assert quoted.fee == 0
    assert quoted.price_before == get_price(state, ONE) == 250_000_000
    assert quoted.price == 275_000_000
    assert quoted.impact_ppm == 100_000
    after = trade(state, ("alice", buy(100 * TAO))).state
    assert quoted.price_after == get_price(after, ONE) == 302_499_999  # rounded against the buyer


def test_a_quote_of_a_sale_tells_a_falling_price() -> None:
    state = make_market()
    quoted = quote_trade(state, ONE, Side.SELL, STAKE)
    assert quoted.price_after < quoted.price < quoted.price_before
    after = trade(state, ("alice", sell(STAKE))).state
    assert quoted.price_after == get_price(after, ONE)


def test_a_price_of_an_unknown_subnet_is_refused() -> None:
    with pytest.raises(UnknownSubnet):
        get_price(make_market(), ROOT)
    with pytest.raises(UnknownSubnet):
        quote_trade(make_market(), ROOT, Side.BUY, 1)


# -- together -------------------------------------------------------------------------------------


def test_all_swaps_of_a_block_get_one_price() -> None:
    state = make_market()
    calls: list[tuple[str, Call]] = [
        ("alice", buy(60 * TAO)),
        ("bob", buy(30 * TAO)),
        ("carol", sell(STAKE)),
    ]
    applied = trade(state, *calls)
    got = [stake_of(applied.state, name) - STAKE for name in ("alice", "bob")]
    assert abs(got[0] - 2 * got[1]) <= 1
    trades = [event for event in applied.events if isinstance(event, StakeBought | StakeSold)]
    prices = {event.price for event in trades}
    assert len(applied.events) == 3
    assert len(prices) == 1
    check_invariants(applied.state)


def test_events_tell_what_was_paid_and_got() -> None:
    applied = trade(make_market(), ("alice", buy(10 * TAO)), ("bob", sell(TAO)))
    bought, sold = applied.events
    assert isinstance(bought, StakeBought)
    assert (bought.coldkey, bought.hotkey, bought.tao) == (ALICE, KEY, 10 * TAO)
    assert bought.alpha == stake_of(applied.state, "alice") - STAKE
    assert isinstance(sold, StakeSold)
    assert (sold.coldkey, sold.alpha) == (key_of("bob"), TAO)
    assert sold.tao == free_of(applied.state, "bob") - 100 * TAO


def test_a_purchase_above_its_limit_returns_whole_to_the_account() -> None:
    applied = trade(make_market(), ("alice", buy(10 * TAO, limit=250_000_000)))
    assert free_of(applied.state, "alice") == 100 * TAO
    assert pool_of(applied.state) == (POOL_TAO, POOL_ALPHA)
    assert dropped(applied) == [
        OrderDropped(
            ONE, ALICE, KEY, is_purchase=True, amount=Amount(10 * TAO), limit=Amount(250_000_000)
        )
    ]
    check_invariants(applied.state)


def test_a_sale_below_its_limit_returns_whole_to_its_stake() -> None:
    applied = trade(make_market(), ("alice", sell(TAO, limit=250_000_000)))
    assert stake_of(applied.state, "alice") == STAKE
    assert [event.is_purchase for event in dropped(applied)] == [False]
    check_invariants(applied.state)


def test_a_sole_holder_whose_sale_drops_has_all_of_it_again() -> None:
    state = trade(make_market(), *((name, sell(STAKE)) for name in ("bob", "carol"))).state
    applied = trade(state, ("alice", sell(STAKE, limit=2 * TAO)))
    assert stake_of(applied.state, "alice") == STAKE
    check_invariants(applied.state)


def test_a_limit_that_only_the_fee_would_break_is_met() -> None:
    state = make_market({"swap_fee_ppm": U32(100_000)})
    applied = trade(state, ("alice", buy(TAO, limit=250_225_001)))
    assert dropped(applied) == []


def test_a_fee_of_everything_lets_nobody_trade_and_takes_nothing() -> None:
    state = make_market({"swap_fee_ppm": U32(1_000_000)})
    applied = trade(state, ("alice", buy(TAO)), ("bob", sell(TAO)))
    assert len(dropped(applied)) == 2
    assert free_of(applied.state, "alice") == 100 * TAO
    assert stake_of(applied.state, "bob") == STAKE
    check_invariants(applied.state)


# -- from subnet to subnet ------------------------------------------------------------------------


def test_a_swap_between_subnets_buys_in_the_next_block() -> None:
    first = trade(make_market(), ("alice", swap(STAKE)))
    assert [type(event) for event in first.events] == [StakeSold]
    assert stake_of(first.state, "alice", TWO) == STAKE
    waiting = get_supply(first.state).ordered
    assert waiting > 0
    check_invariants(first.state)
    second = apply(first.state)
    assert [type(event) for event in second.events] == [StakeBought]
    assert get_supply(second.state).ordered == 0
    quoted = quote_trade(first.state, TWO, Side.BUY, waiting)
    assert stake_of(second.state, "alice", TWO) - STAKE == quoted.output
    assert free_of(second.state, "alice") == 100 * TAO
    check_invariants(second.state)


def test_a_second_leg_above_its_limit_ends_as_tao() -> None:
    first = trade(make_market(), ("alice", swap(STAKE, to_limit=1))).state
    waiting = get_supply(first).ordered
    second = apply(first)
    assert free_of(second.state, "alice") == 100 * TAO + waiting
    assert len(dropped(second)) == 1
    check_invariants(second.state)


def test_a_first_leg_below_its_limit_leaves_no_second() -> None:
    first = trade(make_market(), ("alice", swap(STAKE, limit=2 * TAO)))
    assert stake_of(first.state, "alice") == STAKE
    assert get_supply(first.state).ordered == 0
    assert apply(first.state).events == ()


def test_a_second_leg_competes_with_the_purchases_of_its_block() -> None:
    first = trade(make_market(), ("alice", swap(STAKE))).state
    second = trade(first, ("bob", buy(TAO, netuid=TWO)))
    prices = {event.price for event in second.events if isinstance(event, StakeBought)}
    assert len(second.events) == 2
    assert len(prices) == 1


def test_a_second_leg_into_a_subnet_that_closed_ends_as_tao() -> None:
    first = trade(make_market(), ("alice", swap(STAKE))).state
    waiting = get_supply(first).ordered
    draft = Draft(first)
    _close(draft)
    events = process_settlement(draft, get_network(first).params)
    assert [type(event) for event in events] == [OrderDropped]
    assert free_of(draft, "alice") == 100 * TAO + waiting
    check_invariants(draft.freeze())


def _close(draft: Draft) -> None:
    subnet = find_subnet(draft, TWO)
    assert subnet is not None
    put_subnet(draft, TWO, replace(subnet, is_closed=True, is_started=False))


# -- the protocol's own ---------------------------------------------------------------------------


def _settle(draft: Draft) -> list[LedgerEvent]:
    return process_settlement(draft, get_network(draft).params)


def test_alpha_that_is_bought_to_be_destroyed_is_gone_and_its_tao_is_in_the_pool() -> None:
    draft = Draft(make_market())
    mint(draft, ROOT, TAO)
    buy_and_destroy(draft, ONE, TAO)
    issued = draft.get_total(ONE, Total.ISSUED)
    assert _settle(draft) == []
    bought = POOL_ALPHA * TAO // (POOL_TAO + TAO)
    assert draft.get_total(ONE, Total.ISSUED) == issued - bought
    after = draft.freeze()
    assert pool_of(after) == (POOL_TAO + TAO, POOL_ALPHA - bought)
    check_invariants(after)


def test_alpha_sold_for_root_raises_the_root_pool_without_a_fee() -> None:
    draft = Draft(make_market())
    slash(draft, ONE, KEY, TAO)
    sell_for_root(draft, ONE, KEY, TAO)
    before = get_pool(draft, ROOT, KEY).amount
    assert _settle(draft) == []
    brought = POOL_TAO * TAO // (POOL_ALPHA + TAO)
    assert get_pool(draft, ROOT, KEY).amount == before + brought
    check_invariants(draft.freeze())


def test_the_protocols_orders_in_a_pool_that_closed_are_burned() -> None:
    draft = Draft(make_market())
    mint(draft, ROOT, TAO)
    buy_and_destroy(draft, TWO, TAO)
    slash(draft, TWO, KEY, TAO)
    sell_for_root(draft, TWO, KEY, TAO)
    issued = draft.get_total(ROOT, Total.ISSUED), draft.get_total(TWO, Total.ISSUED)
    _close(draft)
    assert _settle(draft) == []
    assert draft.get_total(ROOT, Total.ISSUED) == issued[0] - TAO
    assert draft.get_total(TWO, Total.ISSUED) == issued[1] - TAO
    check_invariants(draft.freeze())


def test_a_block_leaves_no_order_behind() -> None:
    state = trade(make_market(), ("alice", buy(TAO)), ("bob", sell(TAO))).state
    state = advance(state, state.height + 1)
    for family in (Family.ORDER, Family.SECOND_LEG):
        assert list(state.scan(bytes((family,)))) == []


def test_settlement_and_other_calls_share_a_block() -> None:
    calls: list[tuple[str, Call]] = [
        ("alice", StakeRoot(KEY, Amount(TAO))),
        ("alice", buy(TAO)),
        ("alice", sell(TAO)),
        ("alice", swap(TAO)),
    ]
    applied = trade(make_market(), *calls)
    assert [receipt.code for receipt in applied.receipts] == [0, 0, 0, 0]
    check_invariants(apply(applied.state).state)


def test_the_money_of_a_failed_call_after_an_order_is_not_lost() -> None:
    applied = trade(make_market(), ("alice", buy(TAO)), ("alice", buy(100 * TAO)))
    assert [receipt.code for receipt in applied.receipts] == [0, 2]
    assert free_of(applied.state, "alice") == 99 * TAO
    check_invariants(applied.state)
