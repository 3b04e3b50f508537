"""What is in flight: replies checked, streams on credit, everybody told in the end."""

import pytest
import trio

from neurons.errors import ModelFault, WorkerFault, WorkerFull, WorkerUnavailable
from neurons.mining.batching import WaitingQuery
from neurons.worker import frames
from neurons.worker.flights import STREAMS_MAX, AnswerStream, Flights
from neurons.worker.frames import WINDOW, Frame, FrameKind


class Flying(Flights):
    """Flights whose orders can be looked at."""

    def __init__(self) -> None:
        self.orders: list[Frame] = []
        super().__init__(self.orders.append, 100)

    def count(self, kind: FrameKind) -> int:
        return sum(order.kind is kind for order in self.orders)


async def read(stream: AnswerStream) -> list[bytes]:
    return [piece async for piece in stream]


def fill(flights: Flights, pieces: int, first: int = 0, number: int = 1) -> None:
    for sequence in range(first, first + pieces):
        flights.land(frames.encode_piece(number, sequence, b"x"))


async def test_each_query_of_a_batch_is_told_of_by_itself() -> None:
    flights = Flying()
    batch = [WaitingQuery(body, 1, 0.0) for body in (b"a", b"b")]
    frame = flights.begin_batch(batch)
    assert frames.decode_batch(frame.body) == [(1, b"a"), (2, b"b")]
    flights.land(frames.encode_failed(2, "poison"))
    assert isinstance(batch[1].error, ModelFault)
    assert not batch[0].done.is_set()
    flights.land(frames.encode_tagged(FrameKind.DONE, 1, b"answer"))
    assert batch[0].result == b"answer"
    with trio.fail_after(1):
        await flights.wait_batch()


@pytest.mark.parametrize(
    "frame",
    [
        frames.encode_tagged(FrameKind.DONE, 7, b"answer"),
        frames.encode_failed(7, "why"),
        frames.encode_piece(7, 0, b"x"),
        frames.encode_piece(2, 0, b"x"),
        frames.encode_piece(1, 1, b"x"),
        frames.encode_piece(1, 0, bytes(101)),
        frames.encode_tagged(FrameKind.DONE, 2, bytes(101)),
        Frame(FrameKind.DONE, b"?"),
    ],
    ids=["done", "failed", "piece", "no stream", "not next", "too long", "too big", "no id"],
)
async def test_a_reply_to_nothing_or_out_of_bounds_is_garbage(frame: Frame) -> None:
    flights = Flying()
    flights.begin_stream(b"a")
    flights.begin_batch([WaitingQuery(b"b", 1, 0.0)])
    with pytest.raises(WorkerFault):
        flights.land(frame)


async def test_pieces_are_read_in_order_and_each_lets_one_more_come() -> None:
    flights = Flying()
    stream = flights.begin_stream(b"a")
    fill(flights, WINDOW)
    with pytest.raises(WorkerFault):
        fill(flights, 1, WINDOW)
    assert not stream.is_owed
    assert await anext(stream) == b"x"
    assert stream.is_owed
    assert flights.orders[-1] == frames.encode_tagged(FrameKind.CREDIT, 1)
    fill(flights, 1, WINDOW)
    flights.land(frames.encode_tagged(FrameKind.DONE, 1))
    assert len(await read(stream)) == WINDOW
    assert flights.count(FrameKind.CREDIT) == 1


async def test_a_stream_that_failed_gives_its_pieces_and_then_the_reason() -> None:
    flights = Flying()
    stream = flights.begin_stream(b"a")
    fill(flights, 1)
    flights.land(frames.encode_failed(1, "boom"))
    assert await anext(stream) == b"x"
    with pytest.raises(ModelFault, match="boom"):
        await anext(stream)


async def test_a_stream_given_up_keeps_its_place_until_the_worker_ends_it() -> None:
    flights = Flying()
    streams = [flights.begin_stream(b"a") for _ in range(STREAMS_MAX)]
    for _ in range(2):
        streams[0].give_up()
    assert flights.count(FrameKind.CANCEL) == 1
    fill(flights, 1)  # it was under way
    with pytest.raises(WorkerFull):
        flights.begin_stream(b"a")
    flights.land(frames.encode_tagged(FrameKind.DONE, 1))
    flights.begin_stream(b"a")
    assert await read(streams[0]) == []


async def test_the_end_of_the_worker_is_told_to_everybody() -> None:
    flights = Flying()
    query = WaitingQuery(b"b", 1, 0.0)
    flights.begin_batch([query])
    stream = flights.begin_stream(b"a")
    flights.fail_all(WorkerUnavailable("gone"))
    assert str(query.error) == "gone"
    with pytest.raises(WorkerUnavailable, match="gone"):
        await anext(stream)
    assert not flights.is_stream_owed
    stream.give_up()
    assert flights.count(FrameKind.CANCEL) == 0
