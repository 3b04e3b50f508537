"""Catch-up plans: every height once, in order, whatever peers do."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from p2p import sync
from p2p.sync import Batch, Planner, Range, SyncAsk

A, B, C = b"a", b"b", b"c"


def _blocks(ask: SyncAsk) -> tuple[int, ...]:
    return tuple(range(ask.range.first, ask.range.first + ask.range.count))


def _apply(planner: Planner[int]) -> list[int]:
    applied: list[int] = []
    while (batch := planner.take_ready()) is not None:
        applied += batch.blocks
        planner.on_applied(batch.blocks[-1])
    return applied


def test_nothing_is_asked_when_nobody_is_ahead():
    planner = Planner[int](10)
    planner.on_head(A, 10)
    assert not planner.is_behind
    assert planner.next_asks(0.0) == ()


def test_ranges_are_spread_over_peers_and_none_is_asked_twice():
    planner = Planner[int](0)
    planner.on_head(A, 1_000)
    planner.on_head(B, 1_000)
    asks = planner.next_asks(0.0)
    assert len(asks) == 2 * sync.ASKS_PER_PEER
    heights = [height for ask in asks for height in _blocks(ask)]
    assert len(set(heights)) == len(heights)
    assert {ask.peer for ask in asks} == {A, B}
    assert planner.next_asks(0.0) == ()


def test_no_peer_is_asked_beyond_its_head():
    planner = Planner[int](0)
    planner.on_head(A, 5)
    planner.on_head(B, 70)
    asks = planner.next_asks(0.0)
    assert all(ask.range.first + ask.range.count - 1 <= {A: 5, B: 70}[ask.peer] for ask in asks)


def test_blocks_come_out_in_order_though_replies_do_not():
    planner = Planner[int](0)
    planner.on_head(A, 128)
    planner.on_head(B, 128)
    first, second = planner.next_asks(0.0)
    planner.on_reply(second, _blocks(second), 0.0)
    assert planner.take_ready() is None
    planner.on_reply(first, _blocks(first), 0.0)
    assert _apply(planner) == list(range(1, 129))
    assert not planner.is_behind


def test_what_waits_is_bounded_by_the_window():
    planner = Planner[int](0)
    for number in range(100):
        planner.on_head(bytes((number,)), 10**6)
    asks = planner.next_asks(0.0)
    assert max(ask.range.first + ask.range.count - 1 for ask in asks) <= sync.WINDOW


def test_the_rest_of_a_short_reply_is_asked_again():
    planner = Planner[int](0)
    planner.on_head(A, 64)
    (ask,) = planner.next_asks(0.0)
    planner.on_reply(ask, (1, 2, 3), 0.0)
    assert _apply(planner) == [1, 2, 3]
    assert planner.next_asks(0.0) == (SyncAsk(A, Range(4, 61)),)


def test_an_empty_reply_lowers_the_peers_head():
    planner = Planner[int](0)
    planner.on_head(A, 64)
    (ask,) = planner.next_asks(0.0)
    planner.on_reply(ask, (), 0.0)
    assert not planner.is_behind


def test_a_failed_question_goes_to_another_peer_and_the_failing_one_waits():
    planner = Planner[int](0)
    planner.on_head(A, 64)
    (ask,) = planner.next_asks(0.0)
    planner.on_head(B, 64)
    planner.on_failed(ask, 0.0)
    assert planner.next_asks(0.0) == (SyncAsk(B, Range(1, 64)),)
    planner.on_gone(B)
    assert planner.next_asks(0.1) == ()
    assert planner.next_asks(sync.WAIT_S + 0.1) == (SyncAsk(A, Range(1, 64)),)


def test_an_invalid_block_discredits_all_its_sender_gave():
    planner = Planner[int](0)
    planner.on_head(A, 256)
    asks = planner.next_asks(0.0)
    for ask in asks:
        planner.on_reply(ask, _blocks(ask), 0.0)
    batch = planner.take_ready()
    assert isinstance(batch, Batch)
    planner.on_applied(10)
    planner.on_head(B, 256)
    planner.on_invalid(batch, 0.0)
    assert planner.take_ready() is None
    again = planner.next_asks(0.0)
    assert {ask.peer for ask in again} == {B}
    assert min(ask.range.first for ask in again) == 11


def test_blocks_that_agreement_brought_meanwhile_are_not_applied_again():
    planner = Planner[int](0)
    planner.on_head(A, 64)
    (ask,) = planner.next_asks(0.0)
    planner.on_reply(ask, _blocks(ask), 0.0)
    planner.on_applied(60)
    assert _apply(planner) == [61, 62, 63, 64]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 700))
def test_every_height_is_applied_once_whatever_the_peers_do(seed: int, target: int):
    random = Random(seed)
    planner = Planner[int](0)
    applied: list[int] = []
    open_asks: list[SyncAsk] = []
    now_s = 0.0
    for _ in range(5_000):
        for peer in (A, B, C):
            planner.on_head(peer, target)
        open_asks += planner.next_asks(now_s)
        now_s += random.choice((0.0, 1.0, 40.0))
        if open_asks:
            ask = open_asks.pop(random.randrange(len(open_asks)))
            fate = random.randrange(6)
            if fate == 0:
                planner.on_failed(ask, now_s)
            elif fate == 1:
                planner.on_gone(ask.peer)
                open_asks = [other for other in open_asks if other.peer != ask.peer]
            else:
                whole = _blocks(ask)
                planner.on_reply(ask, whole[: random.randint(0, len(whole))], now_s)
        applied += _apply(planner)
        if not planner.is_behind:
            break
    assert applied == list(range(1, target + 1))


def test_a_reply_may_go_beyond_what_was_asked():
    planner = Planner[int](0)
    planner.on_head(A, 64)
    (ask,) = planner.next_asks(0.0)
    planner.on_reply(ask, tuple(range(1, 101)), 0.0)
    assert _apply(planner) == list(range(1, 101))
    planner.on_head(A, 164)
    assert [ask.range for ask in planner.next_asks(0.0)] == [Range(101, 64)]


def test_what_a_gone_peer_was_asked_is_asked_once_more_and_not_twice():
    planner = Planner[int](0)
    planner.on_head(A, 64)
    (ask,) = planner.next_asks(0.0)
    planner.on_gone(A)
    planner.on_failed(ask, 0.0)
    planner.on_head(B, 64)
    assert planner.next_asks(0.0) == (SyncAsk(B, ask.range),)
