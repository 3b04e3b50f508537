"""Orders: where offers wait until the block settles, and that the sequence leaves no trace."""

import pytest

from consensus.ledger.records import ROOT
from consensus.ledger.state import Draft, Total
from consensus.ledger.trade.orders import (
    ANY_PRICE,
    Destination,
    Order,
    ToAccount,
    ToNobody,
    ToRoot,
    ToStake,
    ToSubnet,
    add_second_leg,
    buy_and_destroy,
    buy_stake,
    count_ordered,
    place,
    sell_for_root,
    sell_stake,
    take_orders,
    take_second_legs,
)
from consensus.quantities import Amount, NetUid
from consensus.reward.clearing import Side
from tests.builders import SUBNET, key_of, make_state

ALICE, BOB, HOT0, HOT1 = (key_of(name) for name in ("alice", "bob", "hot0", "hot1"))
LIMIT = Amount(7)
LEG = ToSubnet(ALICE, HOT0, NetUid(2), HOT1, LIMIT)


@pytest.mark.parametrize(
    "destination",
    [ToNobody(), ToRoot(HOT0), ToStake(ALICE, HOT0), ToAccount(ALICE, HOT0), LEG],
)
def test_an_order_comes_back_as_it_was_placed(destination: Destination) -> None:
    draft = Draft(make_state())
    order = Order(NetUid(258), Side.SELL, Amount(2**64 - 1), destination, Amount(5))
    place(draft, order)
    assert take_orders(draft) == [order]
    assert take_orders(draft) == []


def test_equal_orders_are_one_in_whatever_sequence_they_come() -> None:
    def place_all(numbers: list[int]) -> list[Order]:
        draft = Draft(make_state())
        for number in numbers:
            buy_stake(draft, SUBNET, 10 + number, LIMIT, (ALICE, BOB)[number % 2], HOT0)
        return take_orders(draft)

    orders = place_all([0, 1, 2, 3])
    assert orders == place_all([3, 1, 0, 2])
    assert [order.amount for order in orders] in ([22, 24], [24, 22])


def test_orders_count_in_the_total_of_their_coin_until_they_are_taken() -> None:
    draft = Draft(make_state())
    buy_and_destroy(draft, SUBNET, 3)
    sell_for_root(draft, SUBNET, HOT0, 5)
    sell_stake(draft, SUBNET, 7, LIMIT, LEG)
    add_second_leg(draft, LEG, 11)
    for coin, amount in ((ROOT, 14), (SUBNET, 12)):
        assert draft.get_total(coin, Total.ORDERED) == amount
        assert count_ordered(draft, coin) == amount
    assert len(take_orders(draft)) == 3
    assert len(take_second_legs(draft)) == 1
    for coin in (ROOT, SUBNET):
        assert draft.get_total(coin, Total.ORDERED) == count_ordered(draft, coin) == 0


def test_an_order_of_nothing_leaves_no_trace() -> None:
    draft = Draft(make_state())
    buy_and_destroy(draft, SUBNET, 0)
    sell_for_root(draft, SUBNET, HOT0, 0)
    assert draft.changes == {}


def test_undo_takes_an_order_back() -> None:
    draft = Draft(make_state())
    buy_and_destroy(draft, SUBNET, 3)
    draft.mark()
    buy_and_destroy(draft, SUBNET, 4)
    add_second_leg(draft, LEG, 11)
    draft.undo()
    assert [order.amount for order in take_orders(draft)] == [3]
    assert draft.get_total(ROOT, Total.ORDERED) == 0


def test_a_second_leg_is_a_purchase_for_the_same_coldkey() -> None:
    draft = Draft(make_state())
    add_second_leg(draft, LEG, 11)
    add_second_leg(draft, LEG, 2)
    legs = take_second_legs(draft)
    assert legs == [Order(NetUid(2), Side.BUY, LIMIT, ToStake(ALICE, HOT1), Amount(13))]


def test_orders_of_any_price_carry_a_limit_that_every_price_meets() -> None:
    draft = Draft(make_state())
    buy_and_destroy(draft, SUBNET, 1)
    sell_for_root(draft, SUBNET, HOT0, 1)
    limits = {order.side: order.limit for order in take_orders(draft)}
    assert limits == ANY_PRICE
