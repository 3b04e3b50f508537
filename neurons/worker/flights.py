"""What a worker was asked and has not answered yet; every reply is checked against it.

Requests are numbered within one life of a worker. A batch's queries are told of by DONE or FAILED
each; a stream brings numbered pieces, on credit, before that. The worker may end a stream at any
time, also one that its reader has given up: until then the stream keeps its place among
`STREAMS_MAX`, so that all that can ever wait to be written to the worker is bounded.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Self

import trio

from neurons.errors import ModelFault, NeurondError, WorkerFault, WorkerFull
from neurons.mining.batching import WaitingQuery
from neurons.worker import frames
from neurons.worker.frames import WINDOW, Frame, FrameKind

STREAMS_MAX = 16
"""Streams at once; one more is refused. The model makes their pieces in turn."""
ORDERS_MAX = STREAMS_MAX * (WINDOW + 2)
"""Frames about streams that can wait to be written: each one's query, credits and cancellation."""


class AnswerStream:
    """The pieces of one answer as they come: iterate over it; each piece taken lets one more come.

    Raises while iterated:
        ModelFault: the model failed on this query.
        WorkerUnavailable: the worker died.
    """

    def __init__(self, number: int, order: Callable[[Frame], None], answer_bytes_max: int) -> None:
        self._number = number
        self._order = order
        self._room_bytes = answer_bytes_max
        self._pieces: deque[bytes] = deque()
        self._changed = trio.Event()
        self._sequence: int = 0
        self._credit = WINDOW
        self._is_ended = False
        self._is_given_up = False
        self._error: NeurondError | None = None

    @property
    def is_owed(self) -> bool:
        """Whether it is the worker's turn to do something about it."""
        return not self._is_ended and (self._credit > 0 or self._is_given_up)

    def __aiter__(self) -> Self:
        """Return itself: pieces can be taken once."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece, waiting for it; see the class for what it raises."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._is_ended:
                raise StopAsyncIteration
            await self._changed.wait()
        piece = self._pieces.popleft()
        if not self._is_ended:
            self._credit += 1
            self._order(frames.encode_tagged(FrameKind.CREDIT, self._number))
        return piece

    def take_in(self, sequence: int, piece: bytes) -> None:
        """Keep a piece for the reader.

        Raises:
            WorkerFault: not the next one, not on credit, or more than an answer may have.
        """
        if sequence != self._sequence or self._credit == 0:
            raise WorkerFault(f"piece {sequence} where {self._sequence} may come at most")
        self._room_bytes -= len(piece)
        if self._room_bytes < 0:
            raise WorkerFault("a stream longer than an answer may be")
        self._sequence += 1
        self._credit -= 1
        if not self._is_given_up:
            self._pieces.append(piece)
            self._tell()

    def end(self, error: NeurondError | None = None) -> None:
        """Let the reader have what came, then the end, or `error`."""
        self._is_ended, self._error = True, error
        self._tell()

    def give_up(self) -> None:
        """Order the worker to make no more of it."""
        if not self._is_ended and not self._is_given_up:
            self._is_given_up = True
            self._pieces.clear()
            self._order(frames.encode_tagged(FrameKind.CANCEL, self._number))

    def _tell(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


class Flights:
    """The requests of one worker's life; `order` queues a frame for the worker."""

    def __init__(self, order: Callable[[Frame], None], answer_bytes_max: int) -> None:
        self._order = order
        self._answer_bytes_max = answer_bytes_max
        self._number = 0
        self._queries: dict[int, WaitingQuery] = {}
        self._streams: dict[int, AnswerStream] = {}
        self._landed = trio.Event()

    @property
    def is_stream_owed(self) -> bool:
        """Whether a stream waits for the worker."""
        return any(stream.is_owed for stream in self._streams.values())

    def begin_batch(self, batch: Sequence[WaitingQuery]) -> Frame:
        """Number the queries of `batch` and return the frame that asks for their answers."""
        numbered = {self._take_number(): query for query in batch}
        self._queries |= numbered
        return frames.encode_batch([(number, query.body) for number, query in numbered.items()])

    async def wait_batch(self) -> None:
        """Return once every query of the batch was told of."""
        while self._queries:
            await self._landed.wait()

    def begin_stream(self, body: bytes) -> AnswerStream:
        """Order the answer to `body` in pieces.

        Raises:
            WorkerFull: there are `STREAMS_MAX` already.
        """
        if len(self._streams) >= STREAMS_MAX:
            raise WorkerFull(f"{STREAMS_MAX} answers are being streamed", retry_ms=1_000)
        number = self._take_number()
        stream = AnswerStream(number, self._order, self._answer_bytes_max)
        self._streams[number] = stream
        self._order(frames.encode_tagged(FrameKind.STREAM, number, body))
        return stream

    def land(self, frame: Frame) -> None:
        """Take in a PIECE, DONE or FAILED.

        Raises:
            WorkerFault: about a request that is not in flight, malformed, or over its bounds.
        """
        number, rest = frames.decode_tagged(frame.body)
        if frame.kind is FrameKind.PIECE:
            stream = self._streams.get(number)
            if stream is None:
                raise WorkerFault(f"a piece of request {number}, which is no stream in flight")
            stream.take_in(*frames.decode_piece(rest))
            return
        failure = None
        if frame.kind is FrameKind.FAILED:
            failure = ModelFault(frames.decode_reason(rest))
        elif len(rest) > self._answer_bytes_max:
            raise WorkerFault(f"an answer of {len(rest)} bytes: {self._answer_bytes_max} may come")
        stream = self._streams.pop(number, None)
        if stream is not None:
            stream.end(failure)
            return
        query = self._queries.pop(number, None)
        if query is None:
            raise WorkerFault(f"an answer to request {number}, which is not in flight")
        if failure is None:
            query.answer(rest)
        else:
            query.fail(failure)
        if not self._queries:
            self._landed.set()
            self._landed = trio.Event()

    def fail_all(self, error: NeurondError) -> None:
        """Hand everybody who waits `error`: the worker is gone."""
        for query in self._queries.values():
            query.fail(error)
        for stream in self._streams.values():
            stream.end(error)
        self._queries.clear()
        self._streams.clear()

    def _take_number(self) -> int:
        self._number = (self._number + 1) % 2**32
        return self._number
