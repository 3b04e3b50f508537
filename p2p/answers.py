"""Answer peers' questions: quota first, then a bounded number at once, each under its deadline.

The bounds protect this node from any one peer: `RUNNING_MAX` handlers at once, `WAITING_MAX` more
questions waiting, both refused as busy beyond that; a queue of answers and refusals that must drain
before the next question is read or begun; and, of what arrives in pieces, `ASSEMBLY_BYTES` at most.
"""

import logging
from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

import trio

from p2p import ask_wire
from p2p.ask_wire import AskFault, AskKind, Request
from p2p.errors import PeerBusy, PeerGone, Refuse, RemoteFault
from p2p.pipe import Pipe
from p2p.quota import PeerQuota
from p2p.wire import BODY_MAX, PIECE_MAX, FrameBuffer

logger = logging.getLogger("neurond.p2p")

RUNNING_MAX, WAITING_MAX = 64, 256
IDLE_WORKERS = 2
"""Worker tasks kept for the next question; starting one costs as much as a short answer."""
ASSEMBLY_BYTES = 4 << 20
PIECE_BYTES = 128
"""Added to the bytes of each piece of an unfinished question: what Python spends on keeping it."""
GIVEN_BYTES = 5 << 20
"""Bytes that all answers in work may come to, each counted as the largest its asker accepts: all
`RUNNING_MAX` at once if they are short, five if they are the longest."""
READ_BYTES = 1 << 15
"""Bytes of questions taken in at once: then others get their turn, and the answers to these must
have left before more is read."""
KIND_SHOWN_MAX = 32
"""Characters of an unknown kind that a refusal repeats."""
ANSWER_S_MAX = 300.0
"""No answer is worked on longer than this, whatever deadline the asker gave: 5 minutes."""
BUSY_MS = 50
"""How long a refused asker is told to wait: about what 256 short answers take to go out."""

Answer = Callable[[bytes, bytes], Awaitable[bytes] | AsyncGenerator[bytes]]
"""A handler: peer id and payload in; bytes, or an async generator of items, out.

It may raise `Refuse` (the asker gets `Refused`) or `PeerBusy` (the asker gets the same)."""


@dataclass(slots=True)
class _Question:
    number: int
    request: Request
    payload: bytes
    is_stream: bool
    received_s: float
    credits: int = 0
    credited: trio.lowlevel.ParkingLot | None = None
    scope: trio.CancelScope | None = None
    is_cancelled: bool = False

    @property
    def given(self) -> int:
        """Return what its answer may take of `GIVEN_BYTES`; 0 if short: 64 such are a megabyte."""
        size_max = self.request.size_max
        return 0 if size_max <= PIECE_MAX else min(size_max, BODY_MAX)


@dataclass(slots=True)
class _Begun:
    """A question whose last piece has not come; `request` is None if it is refused already."""

    request: Request | None
    is_stream: bool
    pieces: list[bytes] = field(default_factory=list[bytes])
    cost: int = PIECE_BYTES


class Responder:
    """One peer's ask stream to us."""

    def __init__(
        self,
        peer: bytes,
        pipe: Pipe,
        handlers: Mapping[str, Answer],
        quota: PeerQuota,
        counts: Counter[str],
    ) -> None:
        self._peer = peer
        self._pipe = pipe
        self._handlers = handlers
        self._quota = quota
        self._counts = counts
        self._open: dict[int, _Question] = {}
        self._parts: dict[int, _Begun] = {}
        self._assembled = 0
        self._given = 0
        self._waiting: deque[_Question] = deque()
        self._waiting_long: deque[_Question] = deque()
        self._idle = trio.lowlevel.ParkingLot()
        self._workers = 0

    async def run(self) -> None:
        """Answer until the stream ends.

        Raises:
            RemoteFault: the peer broke the protocol.
        """
        fault: RemoteFault | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pipe.run)
            try:
                await self._read(nursery)
            except PeerGone:
                pass
            except RemoteFault as error:
                fault = error  # raised outside the nursery, which would wrap it
            nursery.cancel_scope.cancel()
        if fault is not None:
            raise fault

    async def _read(self, nursery: trio.Nursery) -> None:
        frames = FrameBuffer()
        while True:
            await self._pipe.wait_room()  # a peer that takes no answers gets to ask no more
            data = await self._pipe.stream.read(READ_BYTES)
            now_s = trio.current_time()
            for frame in frames.feed(data):
                self._on_frame(frame, now_s, nursery)

    def _on_frame(self, frame: bytes, now_s: float, nursery: trio.Nursery) -> None:
        kind, flags, number = ask_wire.read_ask(frame)
        if not self._quota.take(len(frame), now_s):
            self._counts["asks_over_quota"] += 1
            if kind == AskKind.REQUEST:
                self._drop(number, flags)
            return
        if kind == AskKind.REQUEST:
            question = self._assemble(number, flags, frame[ask_wire.HEAD_SIZE :], now_s)
            if question is not None:
                self._take_in(question, nursery)
        elif kind == AskKind.CANCEL:
            self._cancel(number)
        elif kind == AskKind.CREDIT:
            question = self._open.get(number)
            if question is not None and question.credited is not None:
                question.credits += ask_wire.read_credit(frame[ask_wire.HEAD_SIZE :])
                question.credited.unpark_all()
        else:
            raise RemoteFault(f"ask frame kind {kind} where a question belongs")

    # -- taking in -------------------------------------------------------------------------------

    def _assemble(self, number: int, flags: int, body: bytes, now_s: float) -> _Question | None:
        """Return the question that is complete with this frame, None if more pieces come."""
        begun = self._take_begun(number)
        if begun is None:
            request, body = ask_wire.read_request(body)
            is_stream = bool(flags & ask_wire.STREAM)
            if not flags & ask_wire.MORE:
                return _Question(number, request, body, is_stream, now_s)
            begun = _Begun(request, is_stream)
        if begun.request is not None:
            begun.pieces.append(body)
            begun.cost += len(body) + PIECE_BYTES
        if flags & ask_wire.MORE:
            self._keep_begun(number, begun)
            return None
        payload = b"".join(begun.pieces)
        if len(payload) > BODY_MAX:
            raise RemoteFault(f"a question of {len(payload)} bytes")
        if begun.request is None:
            return None
        return _Question(number, begun.request, payload, begun.is_stream, now_s)

    def _drop(self, number: int, flags: int) -> None:
        """Refuse a question beyond the quota, and ignore the pieces of it that still come."""
        begun = self._take_begun(number)
        if begun is None or begun.request is not None:
            self._refuse(number, AskFault.BUSY, "1000")
        if flags & ask_wire.MORE:
            self._keep_begun(number, _Begun(None, is_stream=False))

    def _take_begun(self, number: int) -> _Begun | None:
        begun = self._parts.pop(number, None) if self._parts else None
        if begun is not None:
            self._assembled -= begun.cost
        return begun

    def _keep_begun(self, number: int, begun: _Begun) -> None:
        self._parts[number] = begun
        self._assembled += begun.cost
        if self._assembled > ASSEMBLY_BYTES:
            raise RemoteFault(f"unfinished questions of more than {ASSEMBLY_BYTES} bytes")

    def _take_in(self, question: _Question, nursery: trio.Nursery) -> None:
        number = question.number
        if number in self._open:
            raise RemoteFault(f"call {number} asked twice at once")
        if question.request.kind not in self._handlers:
            self._refuse(number, AskFault.UNKNOWN_KIND, question.request.kind[:KIND_SHOWN_MAX])
            return
        if len(self._open) >= RUNNING_MAX + WAITING_MAX:
            self._counts["asks_refused_busy"] += 1
            self._refuse(number, AskFault.BUSY, str(BUSY_MS))
            return
        if question.is_stream:
            question.credited = trio.lowlevel.ParkingLot()
        self._open[number] = question
        (self._waiting_long if question.given else self._waiting).append(question)
        self._wake_worker(nursery)

    def _wake_worker(self, nursery: trio.Nursery) -> None:
        if self._idle:
            self._idle.unpark()
        elif self._workers < RUNNING_MAX:
            self._workers += 1
            nursery.start_soon(self._work, nursery)

    def _cancel(self, number: int) -> None:
        question = self._open.get(number)
        if question is not None:
            question.is_cancelled = True
            if question.scope is not None:
                question.scope.cancel()
        self._take_begun(number)

    def _refuse(self, number: int, code: int, message: str) -> None:
        self._pipe.put(ask_wire.write_error(number, code, message))

    # -- answering -------------------------------------------------------------------------------

    async def _work(self, nursery: trio.Nursery) -> None:
        """Answer what waits; go when enough others idle."""
        while True:
            while (question := self._take_next()) is not None:
                if self._waiting or self._waiting_long:
                    self._wake_worker(nursery)  # if this one blocks, another goes on
                if not question.is_cancelled:
                    await self._answer(question)
                self._given -= question.given
                self._open.pop(question.number, None)
            if len(self._idle) >= IDLE_WORKERS:
                self._workers -= 1
                return
            await self._idle.park()

    def _take_next(self) -> _Question | None:
        """Return what to answer next: a long answer if there is room for it, else a short one."""
        long = self._waiting_long
        if long and self._given + long[0].given <= GIVEN_BYTES:
            self._given += long[0].given
            return long.popleft()
        return self._waiting.popleft() if self._waiting else None

    async def _answer(self, question: _Question) -> None:
        self._counts["asks_answered"] += 1
        limit_s = ANSWER_S_MAX
        if question.request.deadline_ms:
            limit_s = min(limit_s, question.request.deadline_ms / 1000)
        with trio.move_on_at(question.received_s + limit_s) as scope:
            question.scope = scope
            try:
                await self._pipe.wait_room()
                await self._run_handler(question)
            except Refuse as refusal:
                self._refuse(question.number, refusal.code, str(refusal))
            except PeerBusy as busy:
                self._counts["asks_refused_busy"] += 1
                self._refuse(question.number, AskFault.BUSY, str(busy.retry_ms))
            except PeerGone:
                if not self._pipe.is_closed:
                    self._refuse(question.number, AskFault.BROKE, "a peer it needs is gone")
            except Exception:
                # The supervisor of one answer: a handler's bug fails the question, not the node.
                self._counts["answers_crashed"] += 1
                logger.exception("the answer to a %r question crashed", question.request.kind)
                self._refuse(question.number, AskFault.BROKE, "the answer failed")
        if scope.cancelled_caught and not question.is_cancelled:
            self._refuse(question.number, AskFault.DEADLINE, "the deadline passed")

    async def _run_handler(self, question: _Question) -> None:
        result = self._handlers[question.request.kind](self._peer, question.payload)
        if isinstance(result, AsyncGenerator):
            async with aclosing(result) as items:
                if not question.is_stream:
                    self._refuse(question.number, AskFault.UNKNOWN_KIND, "ask for a stream")
                    return
                await self._send_items(question, items)
            return
        answer = await result
        if question.is_stream:
            self._refuse(question.number, AskFault.UNKNOWN_KIND, "this kind is not a stream")
        elif len(answer) > question.request.size_max:
            self._refuse(question.number, AskFault.TOO_LARGE, str(len(answer)))
        else:
            for frame in ask_wire.write_pieces(AskKind.ANSWER, question.number, answer):
                self._pipe.put(frame)

    async def _send_items(self, question: _Question, items: AsyncGenerator[bytes]) -> None:
        assert question.credited is not None
        async for item in items:
            if len(item) > question.request.size_max:
                self._refuse(question.number, AskFault.TOO_LARGE, str(len(item)))
                return
            while question.credits < 1:
                await question.credited.park()
            question.credits -= 1
            await self._pipe.wait_room()
            for frame in ask_wire.write_pieces(AskKind.ITEM, question.number, item):
                self._pipe.put(frame)
        self._pipe.put(ask_wire.write_ask(AskKind.END, question.number))
