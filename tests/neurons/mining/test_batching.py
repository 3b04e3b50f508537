"""Who leaves with whom, and when."""

import pytest
import trio
import trio.testing

from neurons.errors import WorkerFull, WorkerUnavailable
from neurons.mining.batching import BATCH_BYTES_MAX, BatchQueue, WaitingQuery


def make_queue(batch_max: int = 8, queue_max: int = 32) -> BatchQueue:
    return BatchQueue(batch_wait_ms=100, batch_max=batch_max, queue_max=queue_max)


async def _ask(queue: BatchQueue, body: bytes, units: int = 1) -> None:
    assert await queue.ask(body, units) == body


def finish(batch: list[WaitingQuery]) -> list[bytes]:
    for query in batch:
        query.answer(query.body)
    return [query.body for query in batch]


async def test_batch_leaves_after_its_wait_with_all_that_came(
    autojump_clock: trio.testing.MockClock,
) -> None:
    queue = make_queue()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_ask, queue, b"a")
        await trio.sleep(0.05)
        nursery.start_soon(_ask, queue, b"b", 2)
        batch = await queue.take()
        assert trio.current_time() == pytest.approx(0.1, abs=0.001)
        assert finish(batch) == [b"a", b"b"]


async def test_full_batch_leaves_at_once_and_splits_no_request(
    autojump_clock: trio.testing.MockClock,
) -> None:
    queue = make_queue(batch_max=4)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(_ask, queue, b"a", 2)
        start = trio.current_time()
        assert len(finish(await queue.take())) == 2
        assert trio.current_time() == start
        assert len(finish(await queue.take())) == 1


async def test_request_larger_than_a_batch_leaves_alone(
    autojump_clock: trio.testing.MockClock,
) -> None:
    queue = make_queue(batch_max=2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_ask, queue, b"a", 5)
        nursery.start_soon(_ask, queue, b"b", 1)
        assert [len(finish(await queue.take())) for _ in range(2)] == [1, 1]


async def test_batch_has_no_more_bytes_than_a_frame(
    autojump_clock: trio.testing.MockClock,
) -> None:
    queue = make_queue()
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(_ask, queue, bytes(BATCH_BYTES_MAX // 2))
        assert [len(finish(await queue.take())) for _ in range(2)] == [2, 1]


async def test_what_waited_while_the_worker_was_busy_leaves_at_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    queue = make_queue()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_ask, queue, b"a")
        await trio.sleep(1)
        start = trio.current_time()
        finish(await queue.take())
        assert trio.current_time() == start


async def test_full_queue_refuses_at_once(autojump_clock: trio.testing.MockClock) -> None:
    queue = make_queue(queue_max=3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_ask, queue, b"a", 2)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(WorkerFull):
            await queue.ask(b"b", 2)
        finish(await queue.take())


async def test_cancelled_waiter_leaves_the_queue(autojump_clock: trio.testing.MockClock) -> None:
    queue = make_queue()
    with trio.move_on_after(0.05):
        await queue.ask(b"a", 2)
    assert queue.units == 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_ask, queue, b"c")
        assert finish(await queue.take()) == [b"c"]


async def test_waiter_cancelled_while_its_batch_collects_does_not_empty_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    queue = make_queue()
    async with trio.open_nursery() as nursery:

        async def give_up() -> None:
            with trio.move_on_after(0.05):
                await queue.ask(b"a", 1)
            await trio.sleep(1)
            await queue.ask(b"b", 1)

        nursery.start_soon(give_up)
        assert finish(await queue.take()) == [b"b"]


async def test_failing_the_queue_tells_everybody(autojump_clock: trio.testing.MockClock) -> None:
    queue = make_queue()
    told: list[str] = []

    async def ask() -> None:
        try:
            await queue.ask(b"a", 1)
        except WorkerUnavailable as error:
            told.append(str(error))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        queue.fail_all(WorkerUnavailable("gone"))
    assert told == ["gone", "gone"]
    assert queue.units == 0
