"""Yamux over sealed records of a socket: many streams on one connection, all bounded.

The library's own Yamux takes some ten scheduler passes a message, answers every read with a frame,
enforces no window and reads frames of up to 16 MiB into memory. This one parses every record that
one `receive_some` brought in one go, hands bytes to streams and wakes their readers; what a peer
can make it hold is `WINDOW_BYTES` a stream and `HELD_MAX` in all. Whoever writes seals and sends
under one lock; what must be answered while reading (acknowledgements, pongs, credit) goes through a
short queue and a task of its own, so that reading never waits for writing.

A write cancelled half-way would leave the other end with half a record, so it ends the connection.

Source: https://github.com/hashicorp/yamux/blob/master/spec.md and the Noise spec's 2-byte lengths.
"""

import struct
from collections import deque
from collections.abc import Callable

import trio

from p2p.errors import PeerGone
from p2p.wire import PIECE_MAX

RECEIVE_BYTES = 1 << 16
"""Bytes asked of the socket at once."""
WINDOW_BYTES = 1 << 18
"""Receive window of a stream, Yamux's initial 256 KiB; it never grows."""
WRITE_MAX = PIECE_MAX + 64
"""Payload of one frame and record: a piece with the heads of ours around it."""
CONTROL_MAX = 256
"""Answers that may wait to be written; more means a peer that asks and does not read."""
HELD_MAX = 1 << 20
"""Unread bytes of one connection, 1 MiB: four streams that nobody reads; ours opens three."""
UNTAKEN_MAX = 64
"""Streams a peer may have opened that nobody has accepted yet."""
STALL_S = 30.0
"""How long a peer may take to let in one piece before the stream counts as dead."""
CREDIT_MAX = 1 << 26
"""The most a peer may let us send ahead, 64 MiB: more is nonsense, and counters stay small."""

_HEAD = struct.Struct("!BBHII")
_SIZE = struct.Struct("!H")
_DATA, _WINDOW, _PING, _GO_AWAY = range(4)
_SYN, _ACK, _FIN, _RST = 1, 2, 4, 8


class ProtocolError(Exception):
    """The peer broke Yamux; its connection ends."""


class Stream:
    """One stream: `read` gives what has come, `write` takes all; any failure is PeerGone."""

    __slots__ = (
        "_arrived", "_buffer", "_mux", "_room",
        "is_ended", "is_finished", "number", "taken", "window",
    )  # fmt: skip

    def __init__(self, mux: "Mux", number: int) -> None:
        self.number = number
        self.window = WINDOW_BYTES
        self.taken = 0
        self.is_ended = False
        self.is_finished = False
        self._mux = mux
        self._buffer = bytearray()
        self._arrived = trio.lowlevel.ParkingLot()
        self._room = trio.lowlevel.ParkingLot()

    async def read(self, size_max: int = WINDOW_BYTES) -> bytes:
        """Return the bytes that have come, at least one and at most `size_max`.

        Raises:
            PeerGone: the stream ended, in whatever way: EOF is never success here.
        """
        buffer = self._buffer
        while not buffer:
            if self.is_ended:
                raise PeerGone("the stream ended")
            await self._arrived.park()
        data = bytes(buffer) if len(buffer) <= size_max else bytes(buffer[:size_max])
        del buffer[: len(data)]
        self.taken += len(data)
        self._mux.held -= len(data)
        if self.taken >= WINDOW_BYTES // 2 and not self.is_ended:
            self._mux.answer(_WINDOW, 0, self.number, self.taken)
            self.taken = 0
        return data

    async def write(self, data: bytes) -> None:
        """Write all of `data`, a piece at a time.

        Raises:
            PeerGone: the stream or its connection ended, or its window stayed shut.
        """
        if len(data) <= WRITE_MAX and len(data) <= self.window and not self.is_finished:
            self.window -= len(data)
            await self._mux.send(_DATA, 0, self.number, data)
            return
        start = paid = 0
        due_s = trio.current_time() + STALL_S
        while start < len(data):
            if start - paid >= WRITE_MAX:
                paid, due_s = start, trio.current_time() + STALL_S
            await self._wait_window(due_s)
            piece = data[start : start + min(WRITE_MAX, self.window)]
            start += len(piece)
            self.window -= len(piece)
            await self._mux.send(_DATA, 0, self.number, piece)

    async def close(self) -> None:
        """Say that no more comes from us; what was written still arrives."""
        if not self.is_finished:
            self.is_finished = True
            self._mux.answer(_WINDOW, _FIN, self.number, 0)
            if self.is_ended:
                self._mux.forget(self)
        await trio.lowlevel.checkpoint()

    async def reset(self) -> None:
        """End the stream at once, in both directions."""
        self.drop()
        await trio.lowlevel.checkpoint()

    def drop(self) -> None:
        """Do what `reset` does, for a caller that has been cancelled."""
        if self._mux.forget(self):
            self._mux.answer(_WINDOW, _RST, self.number, 0)
        self._mux.held -= len(self._buffer)
        self._buffer.clear()
        self.end()
        self.finish()

    def arrive(self, data: bytes) -> None:
        """Take in bytes of the peer; the connection has checked that the window allows them."""
        if self.is_ended:
            return  # it was reset while a frame for it was on its way
        self._buffer += data
        self._mux.held += len(data)
        self._arrived.unpark_all()

    def allow(self, size: int) -> None:
        """Note that the peer lets us send `size` more bytes."""
        self.window += size
        self._room.unpark_all()

    def end(self) -> None:
        """Nothing more comes."""
        self.is_ended = True
        self._arrived.unpark_all()

    def finish(self) -> None:
        """Nothing more may be sent."""
        self.is_finished = True
        self._room.unpark_all()

    @property
    def buffered(self) -> int:
        """Return how many bytes have come and are not read."""
        return len(self._buffer)

    async def _wait_window(self, due_s: float) -> None:
        with trio.move_on_at(due_s):
            while self.window <= 0 and not self.is_finished:
                await self._room.park()
        if self.window <= 0 or self.is_finished:
            raise PeerGone("the stream ended" if self.is_finished else "the peer reads no more")


class Mux:
    """The streams of one connection."""

    def __init__(
        self,
        socket: trio.SocketStream,
        seal: Callable[[bytes], bytes],
        unseal: Callable[[bytes], bytes],
        *,
        is_initiator: bool,
    ) -> None:
        self.streams: dict[int, Stream] = {}
        self.held = 0
        self._socket = socket
        self._seal = seal
        self._unseal = unseal
        self._next = 1 if is_initiator else 2
        self._last_theirs = 0
        self._sending = trio.Lock()
        self._answers: deque[bytes] = deque()
        self._to_answer = trio.lowlevel.ParkingLot()
        self._untaken: deque[Stream] = deque()
        self._opened = trio.lowlevel.ParkingLot()
        self._is_closed = False
        self._plain = b""
        self._body: Stream | None = None
        self._body_left = 0
        self._body_end = 0

    async def run(self, sealed: bytes, plain: bytes) -> None:
        """Read until the connection ends; `sealed` and `plain` are what came with the handshake.

        Raises:
            ProtocolError: the peer broke Yamux.
            Exception: a record did not unseal.
        """
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write_answers)
                await self._read(sealed, plain)
                nursery.cancel_scope.cancel()
        finally:
            self.abort()

    def abort(self) -> None:
        """Close the socket now; every reader and writer wakes."""
        self._is_closed = True
        self._socket.socket.close()
        for stream in self.streams.values():
            stream.end()
            stream.finish()
        self.streams.clear()
        self._opened.unpark_all()

    def open(self) -> Stream:
        """Return a new stream.

        Raises:
            PeerGone: the connection ended.
        """
        if self._is_closed:
            raise PeerGone("the connection ended")
        stream = self.streams[self._next] = Stream(self, self._next)
        self._next += 2
        self.answer(_WINDOW, _SYN, stream.number, 0)
        return stream

    async def accept(self) -> Stream:
        """Return the next stream the peer opens.

        Raises:
            PeerGone: the connection ended.
        """
        while not self._untaken:
            if self._is_closed:
                raise PeerGone("the connection ended")
            await self._opened.park()
        return self._untaken.popleft()

    def forget(self, stream: Stream) -> bool:
        """Drop a stream; False: it was dropped before."""
        return self.streams.pop(stream.number, None) is not None

    def answer(self, kind: int, flags: int, number: int, length: int) -> None:
        """Queue a frame without a body; never blocks."""
        if self._is_closed:
            return
        if len(self._answers) >= CONTROL_MAX:
            self.abort()
            return
        self._answers.append(_HEAD.pack(0, kind, flags, number, length))
        self._to_answer.unpark_all()

    async def send(self, kind: int, flags: int, number: int, body: bytes) -> None:
        """Write one frame, and before it what waits to be answered, in one record.

        Raises:
            PeerGone: the connection ended.
        """
        await self._write(_HEAD.pack(0, kind, flags, number, len(body)) + body)

    # -- out -------------------------------------------------------------------------------------

    async def _write(self, frame: bytes) -> None:
        lock = self._sending
        if lock.locked():
            await lock.acquire()
        else:
            lock.acquire_nowait()
        try:
            if self._answers:
                frame = b"".join(self._answers) + frame
                self._answers.clear()
            sealed = self._seal(frame)
            await self._socket.send_all(_SIZE.pack(len(sealed)) + sealed)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self.abort()
            raise PeerGone("the connection ended") from error
        except BaseException:
            self.abort()
            raise
        finally:
            lock.release()

    async def _write_answers(self) -> None:
        while True:
            if self._answers:
                try:
                    await self._write(b"")
                except PeerGone:
                    return
            else:
                await self._to_answer.park()

    # -- in --------------------------------------------------------------------------------------

    async def _read(self, sealed: bytes, plain: bytes) -> None:
        if plain:
            self._take(plain)
        while True:
            sealed = self._take_records(sealed)
            try:
                chunk = await self._socket.receive_some(RECEIVE_BYTES)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return
            if not chunk:
                return
            sealed = sealed + chunk if sealed else bytes(chunk)

    def _take_records(self, sealed: bytes) -> bytes:
        """Take in every whole record; return the beginning of the next."""
        offset, end = 0, len(sealed)
        while end - offset >= _SIZE.size:
            (size,) = _SIZE.unpack_from(sealed, offset)
            start = offset + _SIZE.size
            if end - start < size:
                break
            offset = start + size
            self._take(self._unseal(sealed[start:offset]))
        return sealed[offset:]

    def _take(self, plain: bytes) -> None:
        """Take in frames, which may begin and end anywhere in records."""
        if self._plain:
            plain, self._plain = self._plain + plain, b""
        offset, end = 0, len(plain)
        while offset < end:
            if self._body_left:
                piece = plain[offset : offset + self._body_left]
                offset += len(piece)
                self._body_left -= len(piece)
                if self._body is not None:
                    self._body.arrive(piece)
                    if self._body_end and not self._body_left:
                        self._on_end(self._body, self._body_end)
            elif end - offset < _HEAD.size:
                self._plain = plain[offset:]
                return
            else:
                self._on_frame(*_HEAD.unpack_from(plain, offset))
                offset += _HEAD.size

    def _on_frame(self, version: int, kind: int, flags: int, number: int, length: int) -> None:
        if version != 0 or kind > _GO_AWAY:
            raise ProtocolError(f"version {version}, kind {kind}")
        if kind == _PING:
            if flags & _SYN:
                self.answer(_PING, _ACK, 0, length)
            return
        if kind == _GO_AWAY:
            raise ProtocolError("the peer goes away")
        stream = self._open_theirs(number) if flags & _SYN else self.streams.get(number)
        end = flags & (_FIN | _RST)
        if kind == _DATA and length:
            self._begin_body(stream, length, end)
            return
        if stream is None:
            return
        if kind == _WINDOW:
            if stream.window + length > CREDIT_MAX:
                raise ProtocolError(f"leave to send {length} more bytes")
            stream.allow(length)
        if end:
            self._on_end(stream, end)

    def _open_theirs(self, number: int) -> Stream:
        if number % 2 == self._next % 2 or number <= self._last_theirs:
            raise ProtocolError(f"stream {number} opened out of turn")
        if len(self._untaken) >= UNTAKEN_MAX:
            raise ProtocolError("streams opened faster than taken")
        self._last_theirs = number
        stream = self.streams[number] = Stream(self, number)
        self._untaken.append(stream)
        self._opened.unpark_all()
        self.answer(_WINDOW, _ACK, number, 0)
        return stream

    def _begin_body(self, stream: Stream | None, length: int, end: int) -> None:
        held = 0 if stream is None else stream.buffered + stream.taken
        allowed = min(WINDOW_BYTES - held, HELD_MAX - self.held)
        if length > allowed:
            raise ProtocolError(f"{length} bytes where {allowed} are allowed")
        self._body, self._body_left, self._body_end = stream, length, end

    def _on_end(self, stream: Stream, flags: int) -> None:
        if flags & _RST or stream.is_finished:
            self.forget(stream)
        if flags & _RST:
            stream.finish()
        stream.end()
