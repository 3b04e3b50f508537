"""Ask one peer one question under a deadline; long-lived, multiplexed, pipelined.

Each side opens one ask stream to a peer when it first asks, and keeps it: opening costs five times
a question. The caller's cancel scope is the deadline: it travels with the question, so that the
peer stops when nobody listens any more, and a scope that ends first sends a CANCEL.
"""

import math
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import trio

from p2p import ask_wire
from p2p.ask_wire import AskFault, AskKind, Request
from p2p.errors import PeerBusy, PeerGone, Refused, RemoteFault, TooLarge
from p2p.pipe import Pipe
from p2p.wire import BODY_MAX, FrameBuffer

StartPipe = Callable[["Opening"], None]
"""Begins to open a stream to the peer, in a task that no asker's deadline cancels."""
CREDITS = 16
"""Items a streaming answer may be ahead of its reader."""
WAITING_BYTES = 8 << 20
"""Bytes of questions that may wait for a peer that does not take them."""
CALLS_MAX = 4_096
"""Questions in flight to one peer; more is a leak on our side."""


class Call:
    """One question in flight: its answer, or its items, or its error."""

    __slots__ = ("_parts", "_size", "done", "error", "is_stream", "items", "size_max", "wake")

    def __init__(self, size_max: int, *, is_stream: bool) -> None:
        self.size_max = size_max
        self.is_stream = is_stream
        self.done = False
        self.error: Exception | None = None
        self.items: deque[bytes] = deque()
        self.wake = trio.lowlevel.ParkingLot()
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes, *, is_last: bool) -> None:
        """Take in a piece of an answer or item; over-size ends the call."""
        self._size += len(piece)
        if self._size > self.size_max:
            self.fail(TooLarge(self.size_max))
            return
        if not is_last:
            self._parts.append(piece)
            return
        if self._parts:
            self._parts.append(piece)
            piece = b"".join(self._parts)
            self._parts.clear()
        self._size = 0
        self.items.append(piece)
        if not self.is_stream:
            self.done = True
        self.wake.unpark_all()

    def end(self) -> None:
        """No more items come."""
        self.done = True
        self.wake.unpark_all()

    def fail(self, error: Exception) -> None:
        """End the call with `error`."""
        if not self.done:
            self.done, self.error = True, error
            self.wake.unpark_all()


class Items:
    """The items of a streaming answer, in order; granting credit as they are taken."""

    __slots__ = ("_call", "_number", "_pipe", "_used")

    def __init__(self, pipe: Pipe, number: int, call: Call) -> None:
        self._pipe = pipe
        self._number = number
        self._call = call
        self._used = 0

    def __aiter__(self) -> "Items":
        return self

    async def __anext__(self) -> bytes:
        call = self._call
        while not call.items:
            if call.error is not None:
                raise call.error
            if call.done:
                raise StopAsyncIteration
            await call.wake.park()
        self._used += 1
        if self._used >= CREDITS // 2:
            self._pipe.put(ask_wire.write_credit(self._number, self._used))
            self._used = 0
        return call.items.popleft()


class Opening:
    """A stream that is being opened; `done` is set when there is a pipe, or none will come."""

    __slots__ = ("done", "pipe")

    def __init__(self) -> None:
        self.done = trio.Event()
        self.pipe: Pipe | None = None


class Asker:
    """Our questions to one peer, over one stream that is opened when first needed."""

    def __init__(self, start_pipe: StartPipe, counts: Counter[str]) -> None:
        self._start_pipe = start_pipe
        self._counts = counts
        self._calls: dict[int, Call] = {}
        self._next = 0
        self._pipe: Pipe | None = None
        self._opening: Opening | None = None
        self._closed: str | None = None

    async def ask(self, kind: str, payload: bytes, size_max: int) -> bytes:
        """Return the peer's answer to one question.

        Raises:
            PeerGone, PeerBusy, TooLarge, Refused, RemoteFault: as `p2p/errors.py` tells.
        """
        pipe = self._pipe
        if pipe is None or pipe.is_closed:
            pipe = await self._connect()
        number, call = self._begin(pipe, kind, payload, size_max, is_stream=False)
        try:
            while not call.done:
                await call.wake.park()
        finally:
            self._finish(pipe, number, call)
        if call.error is not None:
            raise call.error
        return call.items[0]

    @asynccontextmanager
    async def ask_stream(self, kind: str, payload: bytes, item_max: int) -> AsyncGenerator[Items]:
        """Yield an iterator over the items of the peer's answer; leaving the block cancels it.

        Raises:
            PeerGone, PeerBusy, TooLarge, Refused, RemoteFault: here or from the iterator.
        """
        pipe = self._pipe
        if pipe is None or pipe.is_closed:
            pipe = await self._connect()
        number, call = self._begin(pipe, kind, payload, item_max, is_stream=True)
        try:
            yield Items(pipe, number, call)
        finally:
            self._finish(pipe, number, call)

    def close(self, reason: str) -> None:
        """Fail every question in flight and every later one."""
        self._closed = reason
        for call in tuple(self._calls.values()):
            call.fail(PeerGone(reason))

    async def run(self, pipe: Pipe) -> None:
        """Read answers from `pipe` until it ends.

        Raises:
            RemoteFault: the peer broke the protocol.
        """
        frames = FrameBuffer()
        try:
            while True:
                for frame in frames.feed(await pipe.stream.read()):
                    self._on_frame(frame)
        except PeerGone:
            pass
        finally:
            pipe.is_closed = True
            for call in tuple(self._calls.values()):
                call.fail(PeerGone("the connection broke before the answer was complete"))

    async def _connect(self) -> Pipe:
        if self._closed is not None:
            raise PeerGone(self._closed)
        opening = self._opening
        if opening is None or opening.done.is_set():
            opening = self._opening = Opening()
            self._start_pipe(opening)
        await opening.done.wait()
        if opening.pipe is None:
            raise PeerGone(self._closed or "the peer answers no questions")
        self._pipe = opening.pipe
        return opening.pipe

    def _begin(
        self, pipe: Pipe, kind: str, payload: bytes, size_max: int, *, is_stream: bool
    ) -> tuple[int, Call]:
        if len(payload) > BODY_MAX:
            raise TooLarge(BODY_MAX)
        if pipe.is_closed:
            raise PeerGone("the connection broke before the question was asked")
        if len(self._calls) >= CALLS_MAX or pipe.waiting > WAITING_BYTES:
            raise PeerBusy
        self._counts["asked"] += 1
        number = self._next = (self._next + 1) & 0xFFFF_FFFF
        call = self._calls[number] = Call(size_max, is_stream=is_stream)
        left_s = trio.current_effective_deadline() - trio.current_time()
        request = Request(kind, size_max, compute_deadline_ms(left_s))
        flags = ask_wire.STREAM if is_stream else 0
        for frame in ask_wire.write_request(number, request, payload, flags):
            pipe.put(frame)
        if is_stream:
            pipe.put(ask_wire.write_credit(number, CREDITS))
        return number, call

    def _finish(self, pipe: Pipe, number: int, call: Call) -> None:
        del self._calls[number]
        is_answered = call.done and not isinstance(call.error, TooLarge)
        if not is_answered and not pipe.is_closed:
            pipe.put(ask_wire.write_ask(AskKind.CANCEL, number))

    def _on_frame(self, frame: bytes) -> None:
        kind, flags, number = ask_wire.read_ask(frame)
        call = self._calls.get(number)
        if call is None or call.done:
            return  # an answer that crossed our CANCEL
        if kind in (AskKind.ANSWER, AskKind.ITEM):
            if (kind == AskKind.ITEM) is not call.is_stream:
                raise RemoteFault("an item for a question, or an answer to a stream")
            if len(call.items) > 2 * CREDITS:
                raise RemoteFault("items beyond the credit")
            call.add(frame[ask_wire.HEAD_SIZE :], is_last=not flags & ask_wire.MORE)
        elif kind == AskKind.END:
            call.end()
        elif kind == AskKind.ERROR:
            call.fail(_read_fault(frame[ask_wire.HEAD_SIZE :], call.size_max))
        else:
            raise RemoteFault(f"ask frame kind {kind} where an answer belongs")


def compute_deadline_ms(left_s: float) -> int:
    """Return what a question says of the seconds left to it, whole ms from 1 on; 0 for no end.

    Rounded up: a peer that gave up a moment before us would look as if it had failed. Of a scope
    that is cancelled already nothing is left (-inf); the caller's next checkpoint ends it.
    """
    if left_s == math.inf:
        return 0
    return math.ceil(min(max(1.0, left_s * 1000), 0xFFFF_FFFF))


def _read_fault(body: bytes, size_max: int) -> Exception:
    code, message = ask_wire.read_error(body)
    if code >= AskFault.REFUSE_MIN:
        return Refused(code, message)
    if code == AskFault.BUSY:
        return PeerBusy(int(message) if message.isdecimal() else 0)
    if code == AskFault.TOO_LARGE:
        return TooLarge(size_max)
    return RemoteFault(f"the peer failed ({code}): {message}")
