"""One gossip stream with one peer: the hellos, a reader, a writer that joins what waits.

Whoever dialled opens the stream and speaks first; both say who they are (`wire.Hello`) before
anything else. Two nodes that dial each other at once end with one link: of two links of the same
boot opened from different sides, the one opened by the smaller peer id stays; otherwise (the peer
restarted, or opened again) the newer.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from p2p import wire
from p2p.errors import ForeignNetwork, PeerGone, RemoteFault
from p2p.outbox import SendQueue
from p2p.quota import PeerQuota, Quota
from p2p.wire import GossipKind, Hello, MessageId, Topic
from p2p.yamux import Stream

if TYPE_CHECKING:
    from p2p.host import Connection

HELLO_S = 10
"""How long the peer may take to say hello."""


class Link:
    """A live gossip stream; `run` ends when it does."""

    def __init__(
        self, connection: "Connection", stream: Stream, greeting: "Greeting", quota: Quota
    ) -> None:
        now_s = trio.current_time()
        self.peer = connection.peer
        self.connection = connection
        self.hello = greeting.hello
        self.quota = PeerQuota(quota, now_s)
        self.outbox = SendQueue()
        self.is_eager = False
        self.pruned_until_s = 0.0
        self.began_s = now_s
        self.heard_s = now_s
        self.writing_since_s = math.inf
        self.addresses_due_s = now_s
        self.rtt_ms: float | None = None
        self.lazy_ids: list[MessageId] = []
        self._stream = stream
        self._greeting = greeting
        self._idle = trio.lowlevel.ParkingLot()
        self._closing: str | None = None

    def put(self, topic: Topic, frame: bytes) -> None:
        """Queue a frame of `topic`; never blocks."""
        self.outbox.put(topic, frame)
        if self._idle:
            self._idle.unpark_all()

    def put_held(self, topic: Topic, frame: bytes, message_id: MessageId, until_s: float) -> None:
        """Queue a frame that may wait for others to join it until `until_s`; never blocks."""
        outbox = self.outbox
        was_due_s = outbox.due_s
        outbox.put_held(topic, frame, message_id, until_s)
        if until_s < was_due_s and self._idle:
            self._idle.unpark_all()

    def put_control(self, frame: bytes) -> None:
        """Queue a control frame; never blocks."""
        self.outbox.put_control(frame)
        if self._idle:
            self._idle.unpark_all()

    def close(self, reason: str) -> bool:
        """End the link after telling the peer why; False: it is ending already."""
        if self._closing is not None:
            return False
        self._closing = reason
        self.put_control(wire.write_goodbye(reason))
        return True

    async def run(self, on_frame: Callable[["Link", bytes, float], None]) -> str:
        """Read and write until the link ends; return why. `on_frame` must not block.

        Raises:
            RemoteFault: the peer broke the protocol.
        """
        reason = "the connection ended"
        fault: RemoteFault | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, nursery.cancel_scope)
            try:
                await self._read(on_frame)
            except PeerGone:
                pass
            except _Goodbye as goodbye:
                reason = goodbye.reason
            except RemoteFault as error:
                fault = error  # raised outside the nursery, which would wrap it
            nursery.cancel_scope.cancel()
        if fault is not None:
            raise fault
        return self._closing or reason

    async def _read(self, on_frame: Callable[["Link", bytes, float], None]) -> None:
        frames, waiting = self._greeting.frames, self._greeting.rest
        while True:
            self.heard_s = now_s = trio.current_time()
            for frame in waiting:
                if frame[0] == GossipKind.GOODBYE:
                    raise _Goodbye(wire.read_goodbye(frame[1:]))
                on_frame(self, frame, now_s)
            waiting = frames.feed(await self._stream.read())

    async def _write(self, scope: trio.CancelScope) -> None:
        outbox = self.outbox
        while outbox or self._closing is None:
            if outbox.due_s > trio.current_time():
                with trio.move_on_at(outbox.due_s):
                    await self._idle.park()
                continue
            self.writing_since_s = trio.current_time()
            try:
                await self._stream.write(outbox.take())
            except PeerGone:
                break
            self.writing_since_s = math.inf
        scope.cancel()


@dataclass(frozen=True, slots=True)
class Greeting:
    """The peer's hello, and what came with it: the frames after it and the buffer of the next."""

    hello: Hello
    rest: list[bytes]
    frames: wire.FrameBuffer


class _Goodbye(Exception):
    """The peer hung up and said why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def open_link(connection: "Connection", mine: Hello, quota: Quota) -> Link:
    """Open the gossip stream of a connection we dialled, say hello, hear theirs.

    Raises:
        PeerGone: the peer left or does not speak gossip.
        ForeignNetwork: it belongs to another network, by its hello or its goodbye.
        RemoteFault: it said anything else first.
    """
    with trio.move_on_after(HELLO_S):
        stream = await connection.open_stream(wire.GOSSIP_PROTOCOL)
        await stream.write(wire.write_hello(mine))
        greeting = await _read_hello(stream)
        _check(mine, greeting.hello)
        return Link(connection, stream, greeting, quota)
    raise PeerGone(f"no hello within {HELLO_S} s")


async def accept_link(connection: "Connection", stream: Stream, mine: Hello, quota: Quota) -> Link:
    """Answer the hello of a peer that opened a gossip stream to us.

    Raises:
        PeerGone, ForeignNetwork, RemoteFault: as `open_link`; a foreigner is told why.
    """
    with trio.move_on_after(HELLO_S):
        greeting = await _read_hello(stream)
        try:
            _check(mine, greeting.hello)
        except ForeignNetwork as error:
            await stream.write(wire.write_goodbye(error.reason))
            raise
        await stream.write(wire.write_hello(mine))
        return Link(connection, stream, greeting, quota)
    raise PeerGone(f"no hello within {HELLO_S} s")


def is_kept(me: bytes, old: Link, new: Link) -> bool:
    """Return whether `old` stays when `new` to the same peer and of the same boot appears."""
    if old.hello.boot != new.hello.boot or old.connection.closed.is_set():
        return False
    if old.connection.is_outbound == new.connection.is_outbound:
        return False
    return old.connection.is_outbound == (me < old.peer)


async def _read_hello(stream: Stream) -> Greeting:
    frames = wire.FrameBuffer()
    while True:
        got = frames.feed(await stream.read())
        if not got:
            continue
        if got[0][0] == GossipKind.GOODBYE:
            raise ForeignNetwork(f"the peer refused us: {wire.read_goodbye(got[0][1:])}")
        if got[0][0] != GossipKind.HELLO:
            raise RemoteFault(f"frame kind {got[0][0]} before any hello")
        return Greeting(wire.read_hello(got[0][1:]), got[1:], frames)


def _check(mine: Hello, theirs: Hello) -> None:
    if theirs.chain_id != mine.chain_id:
        theirs_text, mine_text = theirs.chain_id.hex()[:16], mine.chain_id.hex()[:16]
        raise ForeignNetwork(f"another network: chain {theirs_text}, ours is {mine_text}")
    if theirs.version != mine.version:
        raise ForeignNetwork(f"protocol version {theirs.version}, ours is {mine.version}")
