"""Asking a real peer: answers, deadlines, refusals, streams."""

import math
from collections.abc import AsyncGenerator

import pytest
import trio

from p2p import answers, requests
from p2p.errors import PeerBusy, PeerGone, Refuse, Refused, RemoteFault, TooLarge
from p2p.wire import BODY_MAX
from tests.p2p.nets import open_node, open_pair, wait_peers, wait_until


async def echo(_: bytes, payload: bytes) -> bytes:
    return payload


class Slow:
    """An answer that ends only when cancelled, and says so."""

    def __init__(self) -> None:
        self.began = 0
        self.cancelled = 0

    async def __call__(self, _: bytes, __: bytes) -> bytes:
        self.began += 1
        try:
            await trio.sleep_forever()
        finally:
            self.cancelled += 1
        return b""


@pytest.mark.parametrize("size", [0, 1, 200, 16_000, 16_001, 300_000, BODY_MAX])
async def test_an_answer_is_what_the_peer_gave_whatever_its_size(size: int):
    async with open_pair(answers={"echo": echo}) as (one, two):
        payload = bytes(size)
        with trio.fail_after(5):
            assert await one.ask(two.peer_id, "echo", payload, BODY_MAX) == payload


async def test_many_questions_share_one_stream_and_keep_their_answers():
    async with open_pair(answers={"echo": echo}) as (one, two):
        wrong: list[int] = []

        async def ask(number: int) -> None:
            payload = str(number).encode() * (number % 50 * 100)
            if await one.ask(two.peer_id, "echo", payload, BODY_MAX) != payload:
                wrong.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(150):
                nursery.start_soon(ask, number)
        assert wrong == []


async def test_both_sides_may_ask_each_other():
    async with (
        open_node(1, answers={"echo": echo}) as one,
        open_node(2, answers={"echo": echo}) as two,
    ):
        await one.connect(two.addresses[0])
        await wait_peers(two, 1)
        assert await one.ask(two.peer_id, "echo", b"a", 9) == b"a"
        assert await two.ask(one.peer_id, "echo", b"b", 9) == b"b"


async def test_a_handler_knows_who_asked():
    async def who(peer: bytes, _: bytes) -> bytes:
        return peer

    async with open_pair(answers={"who": who}) as (one, two):
        assert await one.ask(two.peer_id, "who", b"", 99) == one.peer_id


async def test_the_callers_deadline_ends_the_handler_as_well():
    slow = Slow()
    async with open_pair(answers={"slow": slow}) as (one, two):
        with pytest.raises(trio.TooSlowError), trio.fail_after(0.2):
            await one.ask(two.peer_id, "slow", b"", 9)
        await wait_until(lambda: slow.cancelled == 1)


@pytest.mark.parametrize(
    ("left_s", "deadline_ms"),
    [
        (math.inf, 0),
        (-math.inf, 1),
        (0.0, 1),
        (0.001, 1),
        (0.0011, 2),
        (0.2, 200),
        (1e9, 2**32 - 1),
    ],
)
def test_a_peer_is_never_given_less_time_than_the_caller_has(left_s: float, deadline_ms: int):
    assert requests.compute_deadline_ms(left_s) == deadline_ms


async def test_a_cancelled_question_cancels_its_handler():
    slow = Slow()
    async with (
        open_pair(answers={"slow": slow, "echo": echo}) as (one, two),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(one.ask, two.peer_id, "slow", b"", 9)
        await wait_until(lambda: slow.began == 1)
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await wait_until(lambda: slow.cancelled == 1)
            assert await one.ask(two.peer_id, "echo", b"still here", 99) == b"still here"


@pytest.mark.parametrize("deadline_s", [0.0, 0.000_1, 0.001, 0.002])
async def test_a_deadline_while_the_first_question_opens_its_stream_ends_nothing(deadline_s: float):
    async with open_pair(answers={"echo": echo}) as (one, two):
        for _ in range(40):
            with trio.move_on_after(deadline_s):
                await one.ask(two.peer_id, "echo", b"late", 9)
        with trio.fail_after(2):
            assert await one.ask(two.peer_id, "echo", b"in time", 9) == b"in time"
        assert two.stats().get("links_replaced", 0) == 0
        assert one.stats()["dials"] == 1


async def test_an_answer_over_the_askers_bound_is_too_large():
    async with open_pair(answers={"echo": echo}) as (one, two):
        with pytest.raises(TooLarge):
            await one.ask(two.peer_id, "echo", bytes(1_000), 999)
        assert await one.ask(two.peer_id, "echo", bytes(999), 999) == bytes(999)


async def test_a_question_over_a_mebibyte_is_refused_here():
    async with open_pair(answers={"echo": echo}) as (one, two):
        with pytest.raises(TooLarge):
            await one.ask(two.peer_id, "echo", bytes(BODY_MAX + 1), BODY_MAX)


async def test_a_refusal_keeps_its_code_and_message():
    async def refuse(_: bytes, __: bytes) -> bytes:
        raise Refuse(70, "not for you")

    async with open_pair(answers={"refuse": refuse}) as (one, two):
        with pytest.raises(Refused, match="not for you") as caught:
            await one.ask(two.peer_id, "refuse", b"", 9)
        assert caught.value.code == 70


async def test_a_handler_that_crashes_is_the_peers_fault_and_not_its_end():
    async def crash(_: bytes, __: bytes) -> bytes:
        raise RuntimeError("a bug")

    async with open_pair(answers={"crash": crash, "echo": echo}) as (one, two):
        with pytest.raises(RemoteFault, match="the answer failed"):
            await one.ask(two.peer_id, "crash", b"", 9)
        assert await one.ask(two.peer_id, "echo", b"alive", 9) == b"alive"
        assert two.stats()["answers_crashed"] == 1


async def test_an_unknown_kind_is_a_remote_fault():
    async with open_pair() as (one, two):
        with pytest.raises(RemoteFault, match="nothing"):
            await one.ask(two.peer_id, "nothing", b"", 9)


async def test_a_stranger_cannot_be_asked():
    async with open_node(1) as one:
        with pytest.raises(PeerGone):
            await one.ask(b"\0" * 38, "echo", b"", 9)


async def test_questions_beyond_the_running_and_the_waiting_are_refused_as_busy(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(answers, "RUNNING_MAX", 2)
    monkeypatch.setattr(answers, "WAITING_MAX", 3)
    slow = Slow()
    async with open_pair(answers={"slow": slow}) as (one, two), trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(one.ask, two.peer_id, "slow", b"", 9)
        await wait_until(lambda: slow.began == 2)
        await trio.sleep(0.05)
        with pytest.raises(PeerBusy) as caught:
            await one.ask(two.peer_id, "slow", b"", 9)
        assert caught.value.retry_ms == answers.BUSY_MS
        assert slow.began == 2
        nursery.cancel_scope.cancel()


async def test_questions_fail_when_the_connection_breaks():
    slow = Slow()
    async with open_pair(answers={"slow": slow}) as (one, two):
        errors: list[Exception] = []

        async def ask() -> None:
            try:
                await one.ask(two.peer_id, "slow", b"", 9)
            except PeerGone as error:
                errors.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await wait_until(lambda: slow.began == 1)
            one.disconnect(two.peer_id)
        assert len(errors) == 1


class Counting:
    """A stream of numbers that counts what it made."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.made = 0
        self.is_closed = False

    async def __call__(self, _: bytes, payload: bytes) -> AsyncGenerator[bytes]:
        try:
            for number in range(self.count):
                self.made += 1
                yield str(number).encode() + payload
        finally:
            self.is_closed = True


def _stream(source: Counting) -> dict[str, answers.Answer]:
    def begin(peer: bytes, payload: bytes) -> AsyncGenerator[bytes]:
        return source.__call__(peer, payload)

    return {"count": begin}


async def test_a_stream_gives_every_item_in_order():
    async with open_pair(answers=_stream(Counting(200))) as (one, two):
        async with one.ask_stream(two.peer_id, "count", b"!", 100) as items:
            got = [item async for item in items]
        assert got == [f"{number}!".encode() for number in range(200)]


async def test_a_stream_of_large_items_arrives_whole():
    async with (
        open_pair(answers=_stream(Counting(8))) as (one, two),
        one.ask_stream(two.peer_id, "count", bytes(100_000), 200_000) as items,
    ):
        assert [len(item) async for item in items] == [100_001] * 8


async def test_a_stream_runs_ahead_of_its_reader_by_its_credits_only():
    source = Counting(1_000)
    async with open_pair(answers=_stream(source)) as (one, two):
        async with one.ask_stream(two.peer_id, "count", b"", 100) as items:
            assert await items.__anext__() == b"0"
            await trio.sleep(0.1)
            assert source.made <= requests.CREDITS + 1
        await wait_until(lambda: source.is_closed)
        assert source.made < 1_000


async def test_a_stream_that_fails_in_the_middle_gives_its_items_and_then_its_error():
    async def fail(_: bytes, __: bytes) -> AsyncGenerator[bytes]:
        yield b"first"
        raise Refuse(99, "enough")

    async with (
        open_pair(answers={"fail": fail}) as (one, two),
        one.ask_stream(two.peer_id, "fail", b"", 100) as items,
    ):
        assert await items.__anext__() == b"first"
        with pytest.raises(Refused, match="enough"):
            await items.__anext__()


async def test_a_stream_is_no_answer_and_an_answer_no_stream():
    async with open_pair(answers={"echo": echo, **_stream(Counting(3))}) as (one, two):
        with pytest.raises(RemoteFault, match="ask for a stream"):
            await one.ask(two.peer_id, "count", b"", 100)
        with pytest.raises(RemoteFault, match="not a stream"):
            async with one.ask_stream(two.peer_id, "echo", b"", 100) as items:
                await items.__anext__()


async def test_an_item_over_the_askers_bound_is_too_large():
    async with open_pair(answers=_stream(Counting(3))) as (one, two):
        with pytest.raises(TooLarge):
            async with one.ask_stream(two.peer_id, "count", bytes(100), 50) as items:
                await items.__anext__()


async def test_an_asker_that_is_cancelled_already_is_cancelled_and_no_more():
    async with open_pair(answers={"echo": echo}) as (one, two):
        with trio.CancelScope() as scope:
            scope.cancel()
            await one.ask(two.peer_id, "echo", b"", 100)
        assert scope.cancelled_caught
        assert await one.ask(two.peer_id, "echo", b"later", 100) == b"later"


async def test_a_handler_that_is_busy_says_when_to_come_back():
    async def be_busy(_: bytes, __: bytes) -> bytes:
        raise PeerBusy(retry_ms=1_234)

    async with open_pair(answers={"busy": be_busy}) as (one, two):
        with pytest.raises(PeerBusy) as caught:
            await one.ask(two.peer_id, "busy", b"", 100)
        assert caught.value.retry_ms == 1_234
        assert two.stats().get("answers_crashed", 0) == 0


async def test_blame_hangs_up_and_counts():
    async with open_pair() as (one, two):
        score = one.peers()[0].score
        one.blame(two.peer_id, "a false answer")
        await wait_peers(one, 0)
        await wait_peers(one, 1)  # dialled again, and less liked
        assert one.peers()[0].score < score - 20
