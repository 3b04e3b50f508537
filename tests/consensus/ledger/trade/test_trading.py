"""What people may order: whose money it is, what is refused, and that nothing else happens."""

import pytest

from consensus.calls.staking import MoveStake, StakeAlpha, SwapStake, UnstakeAlpha
from consensus.errors import CallError
from consensus.ledger.calls import process_call
from consensus.ledger.records import ROOT, get_pool, mint
from consensus.ledger.stake.shares import raise_pool
from consensus.ledger.state import Draft
from consensus.ledger.supply import check_invariants
from consensus.ledger.trade.orders import ToAccount, ToStake, ToSubnet, take_orders
from consensus.quantities import U64_MAX, Amount, NetUid
from consensus.refusals import (
    AmountTooSmall,
    LimitOutOfReach,
    NotEnoughFunds,
    NotEnoughStake,
    SameSubnet,
    UnknownHotkey,
    UnknownSubnet,
)
from consensus.reward.clearing import Side
from consensus.types import Call
from tests.builders import TAO, key_of
from tests.consensus.ledger.markets import (
    ANY,
    HOT,
    ONE,
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

LEAST = 2_000_000
KEY, STRANGER = key_of(HOT), key_of("nobody")
ALICE = key_of("alice")


def test_a_purchase_takes_the_tao_at_once_and_leaves_an_order() -> None:
    draft = Draft(make_market())
    process_call(draft, ALICE, buy(TAO, limit=9))
    assert free_of(draft, "alice") == 99 * TAO
    (order,) = take_orders(draft)
    assert (order.side, order.amount, order.limit) == (Side.BUY, TAO, 9)
    assert order.destination == ToStake(ALICE, KEY)


def test_a_sale_takes_the_stake_at_once_and_leaves_an_order() -> None:
    draft = Draft(make_market())
    process_call(draft, ALICE, sell(TAO, limit=9))
    assert stake_of(draft, "alice") == STAKE - TAO
    (order,) = take_orders(draft)
    assert (order.side, order.amount, order.limit) == (Side.SELL, TAO, 9)
    assert order.destination == ToAccount(ALICE, KEY)


def test_a_swap_is_a_sale_that_goes_on_to_the_other_subnet() -> None:
    draft = Draft(make_market())
    process_call(draft, ALICE, swap(TAO, limit=9, to_limit=10))
    (order,) = take_orders(draft)
    assert (order.netuid, order.side, order.limit) == (ONE, Side.SELL, 9)
    assert order.destination == ToSubnet(ALICE, KEY, TWO, KEY, Amount(10))


def test_what_would_remain_below_the_least_stake_is_sold_with_it() -> None:
    draft = Draft(make_market())
    process_call(draft, ALICE, sell(STAKE - LEAST + 1))
    assert stake_of(draft, "alice") == 0
    assert [order.amount for order in take_orders(draft)] == [STAKE]


def test_the_least_stake_may_remain() -> None:
    draft = Draft(make_market())
    process_call(draft, ALICE, sell(STAKE - LEAST))
    assert stake_of(draft, "alice") == LEAST


def test_the_last_holder_leaves_an_empty_pool() -> None:
    state = make_market()
    for name in ("alice", "bob", "carol"):
        state = trade(state, (name, sell(STAKE))).state
        check_invariants(state)
    pool = get_pool(state, ONE, KEY)
    assert (pool.amount, pool.shares) == (0, 0)


def test_a_stake_that_was_sold_out_can_be_bought_anew() -> None:
    state = trade(make_market(), *((name, sell(STAKE)) for name in ("alice", "bob", "carol"))).state
    state = trade(state, ("alice", buy(TAO))).state
    assert stake_of(state, "alice") > 0
    check_invariants(state)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (buy(TAO, netuid=NetUid(3)), UnknownSubnet),
        (buy(TAO, netuid=ROOT), UnknownSubnet),
        (buy(TAO, netuid=NetUid(65_535)), UnknownSubnet),
        (StakeAlpha(ONE, STRANGER, Amount(TAO), ANY), UnknownHotkey),
        (buy(TAO, limit=0), LimitOutOfReach),
        (buy(0), AmountTooSmall),
        (buy(LEAST - 1), AmountTooSmall),
        (buy(100 * TAO + 1), NotEnoughFunds),
        (buy(U64_MAX), NotEnoughFunds),
        (sell(TAO, netuid=NetUid(3)), UnknownSubnet),
        (sell(TAO, netuid=ROOT), UnknownSubnet),
        (UnstakeAlpha(ONE, STRANGER, Amount(TAO), Amount(0)), UnknownHotkey),
        (sell(0), AmountTooSmall),
        (sell(LEAST - 1), AmountTooSmall),
        (sell(STAKE + 1), NotEnoughStake),
        (sell(U64_MAX), NotEnoughStake),
        (sell(TAO, hotkey="hot1"), NotEnoughStake),
        (SwapStake(NetUid(3), KEY, TWO, KEY, Amount(TAO), Amount(0), ANY), UnknownSubnet),
        (SwapStake(ONE, KEY, NetUid(3), KEY, Amount(TAO), Amount(0), ANY), UnknownSubnet),
        (SwapStake(ONE, KEY, ROOT, KEY, Amount(TAO), Amount(0), ANY), UnknownSubnet),
        (SwapStake(ONE, KEY, ONE, KEY, Amount(TAO), Amount(0), ANY), SameSubnet),
        (SwapStake(ONE, STRANGER, TWO, KEY, Amount(TAO), Amount(0), ANY), UnknownHotkey),
        (SwapStake(ONE, KEY, TWO, STRANGER, Amount(TAO), Amount(0), ANY), UnknownHotkey),
        (swap(TAO, to_limit=0), LimitOutOfReach),
        (swap(0), AmountTooSmall),
        (swap(LEAST - 1), AmountTooSmall),
        (swap(STAKE + 1), NotEnoughStake),
    ],
)
def test_a_bad_order_is_refused(call: Call, error: type[CallError]) -> None:
    with pytest.raises(error):
        process_call(Draft(make_market()), ALICE, call)


@pytest.mark.parametrize("call", [buy(2 * TAO, limit=0), sell(STAKE + 1), swap(TAO, to_limit=0)])
def test_a_refused_order_costs_its_fee_and_leaves_its_code(call: Call) -> None:
    state = make_market({"fee_base": Amount(1_000)})
    applied = trade(state, ("alice", call))
    assert applied.receipts[0].code != 0
    assert free_of(applied.state, "alice") == 100 * TAO - 1_000
    assert stake_of(applied.state, "alice") == STAKE
    check_invariants(applied.state)


def test_a_stranger_to_a_hotkey_has_nothing_to_sell_of_it() -> None:
    with pytest.raises(NotEnoughStake):
        process_call(Draft(make_market()), key_of("dave"), sell(TAO))


def test_stake_that_emptied_its_pool_and_returned_is_sold_at_its_whole_worth() -> None:
    state = trade(make_market(), *((name, sell(STAKE)) for name in ("bob", "carol"))).state
    draft = Draft(state, state.height)
    mint(draft, ONE, STAKE // 2)
    raise_pool(draft, ONE, KEY, STAKE // 2)
    draft = Draft(draft.freeze())
    away, back = key_of("hot1"), KEY
    process_call(draft, ALICE, MoveStake(ONE, back, away, Amount(STAKE * 3 // 2)))
    process_call(draft, ALICE, MoveStake(ONE, away, back, Amount(STAKE * 3 // 2)))
    process_call(draft, ALICE, sell(STAKE * 3 // 2))
    assert [order.amount for order in take_orders(draft)] == [STAKE * 3 // 2]
