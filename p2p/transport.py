"""The library's layers we use: Noise and Yamux over a TCP socket; every libp2p import is here.

py-libp2p's own host and swarm are left out, on purpose: they cost 250 ms a dial, never give back an
inbound slot, bind with SO_REUSEPORT (so a second daemon on one port goes unnoticed), run parts as
system tasks and, in many ways, let a remote peer end the process. What is left, and used, speaks
the same wire protocol: multistream-select, Noise XX, Yamux.

Two costs and one bug of the layers below are met here:

- A Noise record is read as two tiny reads of the socket: `SocketBuffer` reads once, in big chunks.
- `read_exactly` gives up after 100 partial reads, so a record that arrives in small TCP segments
  killed the connection; `SocketBuffer.read(n)` returns n bytes or the end, never fewer.
- `YamuxStream.read` answers every read with an encrypted window update; `Stream.read` does so once
  per half window.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# The library's own annotations are incomplete.

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.io.abc import ReadWriteCloser
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.peer.id import ID
from libp2p.protocol_muxer.multiselect import Multiselect
from libp2p.protocol_muxer.multiselect_client import MultiselectClient
from libp2p.protocol_muxer.multiselect_communicator import MultiselectCommunicator
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE_ID
from libp2p.security.noise.transport import Transport as NoiseTransport
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX_ID
from libp2p.stream_muxer.yamux.yamux import Yamux, YamuxStream
from libp2p.transport.upgrader import TransportUpgrader
from libp2p.utils import encode_varint_prefixed

from p2p.errors import PeerGone
from p2p.wire import PIECE_MAX

RECEIVE_BYTES = 1 << 16
"""Bytes asked of the socket at once."""
WINDOW_BYTES = 1 << 18
"""Yamux receive window of a stream, its initial 256 KiB; we never let it grow, so that a peer makes
us hold at most this much per stream."""
BUFFERED_MAX = 1 << 22
"""Unread bytes of one connection beyond which the peer has broken its windows: the library does not
enforce them, we do."""
NEGOTIATE_S = 10
"""How long protocol negotiation may take; a slow WAN peer needs three round trips."""
HEADROOM = 64


class SocketBuffer(ReadWriteCloser):
    """A TCP stream whose `read(n)` gives exactly n bytes, or what is left at the end."""

    def __init__(self, stream: trio.SocketStream, on_bytes: Callable[[int], None]) -> None:
        self._stream = stream
        self._on_bytes = on_bytes
        self._buffer = bytearray()

    async def read(self, n: int | None = None) -> bytes:
        """Return exactly `n` bytes, or fewer when the stream ends first."""
        wanted = 1 if n is None else n
        buffer = self._buffer
        while len(buffer) < wanted:
            try:
                chunk = await self._stream.receive_some(RECEIVE_BYTES)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                chunk = b""
            if not chunk:
                break
            self._on_bytes(len(chunk))
            buffer += chunk
        taken = bytes(buffer) if n is None else bytes(buffer[:n])
        del buffer[: len(taken)]
        return taken

    async def write(self, data: bytes) -> None:
        """Write all of `data`.

        Raises:
            OSError: the connection is gone.
        """
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ConnectionResetError("the connection is gone") from error

    async def close(self) -> None:
        """Close the socket."""
        self.abort()
        await trio.lowlevel.checkpoint()

    def abort(self) -> None:
        """Close the socket now; every task waiting on it wakes."""
        self._stream.socket.close()

    def get_remote_address(self) -> tuple[str, int] | None:
        """Return (host, port) of the other end, None when it is gone."""
        try:
            host, port = self._stream.socket.getpeername()[:2]
        except OSError:
            return None
        return str(host), int(port)


class Channel:
    """One secured, multiplexed connection to an authenticated peer."""

    def __init__(self, mux: Yamux, peer: bytes, socket: SocketBuffer) -> None:
        self.peer = peer
        self._mux = mux
        self._socket = socket

    async def run(self) -> None:
        """Move frames until the connection ends."""
        await self._mux.start()

    async def wait_started(self) -> None:
        """Return when streams may be opened."""
        await self._mux.event_started.wait()

    async def accept(self) -> "Stream":
        """Return the next stream the peer opens.

        Raises:
            PeerGone: the connection ended.
        """
        try:
            return Stream(await self._mux.accept_stream())  # type: ignore[arg-type]  # Yamux makes YamuxStreams
        except Exception as error:  # the library raises a dozen unrelated kinds
            raise PeerGone("the connection ended") from error

    async def open(self, protocol: str) -> "Stream":
        """Return a new stream on which the peer agreed to speak `protocol`.

        Raises:
            PeerGone: it did not agree, or the connection ended.
        """
        try:
            stream = await self._mux.open_stream()
        except Exception as error:  # as above
            raise PeerGone("the connection ended") from error
        try:
            await MultiselectClient().select_one_of(
                [TProtocol(protocol)],
                MultiselectCommunicator(stream),  # type: ignore[arg-type]  # it only reads and writes
                NEGOTIATE_S,
            )
        except Exception as error:  # as above
            with trio.move_on_after(1, shield=True):
                await Stream(stream).reset()
            raise PeerGone(f"the peer does not speak {protocol}") from error
        return Stream(stream)

    def abort(self) -> None:
        """Close the socket now; every reader and writer of the connection wakes."""
        self._socket.abort()

    @property
    def stream_count(self) -> int:
        """Return how many streams are open."""
        return len(self._mux.streams)

    @property
    def buffered_bytes(self) -> int:
        """Return how many received bytes no reader has taken yet."""
        return sum(map(len, self._mux.stream_buffers.values()))


class Stream:
    """One Yamux stream: `read` gives what has come, `write` takes all; any failure is PeerGone."""

    __slots__ = ("_unacknowledged", "inner")

    def __init__(self, stream: YamuxStream) -> None:
        self.inner = stream
        self._unacknowledged = 0

    async def read(self) -> bytes:
        """Return the bytes that have come, at least one.

        Raises:
            PeerGone: the stream ended, in whatever way: EOF is never success here.
        """
        stream, mux = self.inner, self.inner.conn
        number = stream.stream_id
        while True:
            buffer = mux.stream_buffers.get(number)
            if buffer:
                data = bytes(buffer)
                buffer.clear()
                await self._acknowledge(len(data))
                return data
            event = mux.stream_events.get(number)
            if buffer is None or event is None or stream.recv_closed or stream.closed:
                raise PeerGone("the stream ended")
            await event.wait()
            if number in mux.stream_events:
                mux.stream_events[number] = trio.Event()

    async def write(self, data: bytes) -> None:
        """Write all of `data`, at most a piece (`PIECE_MAX` and a frame's head) a time.

        Raises:
            PeerGone: the stream or its connection ended, or its window stayed shut for 5 s.
        """
        try:
            if len(data) <= PIECE_MAX + HEADROOM:
                await self.inner.write(data)
                return
            for start in range(0, len(data), PIECE_MAX):
                await self.inner.write(data[start : start + PIECE_MAX])
        except Exception as error:  # the library raises a dozen unrelated kinds
            raise PeerGone("the stream ended") from error

    async def close(self) -> None:
        """Say that no more comes from us; what was written still arrives."""
        with suppress(Exception):  # it is already gone, in one of many ways
            await self.inner.close()

    async def reset(self) -> None:
        """End the stream at once, in both directions."""
        with suppress(Exception):  # it is already gone, in one of many ways
            await self.inner.reset()

    async def _acknowledge(self, size: int) -> None:
        self._unacknowledged += size
        if self._unacknowledged < WINDOW_BYTES // 2:
            return
        size, self._unacknowledged = self._unacknowledged, 0
        self.inner.recv_window += size
        try:
            await self.inner.send_window_update(size)
        except Exception as error:  # as in write
            raise PeerGone("the stream ended") from error


Handler = Callable[[Stream], Awaitable[None]]


class Transport:
    """Secures and multiplexes TCP streams under one identity; answers identify and ping."""

    def __init__(self, seed: bytes) -> None:
        logging.getLogger("libp2p").setLevel(logging.CRITICAL)  # it reports what we handle
        self._keys = create_new_key_pair(seed)
        self.peer_id: bytes = ID.from_pubkey(self._keys.public_key).to_bytes()
        noise = NoiseTransport(self._keys, noise_privkey=create_noise_key_pair().private_key)
        self._upgrader = TransportUpgrader(
            {TProtocol(NOISE_ID): noise}, {TProtocol(YAMUX_ID): Yamux}, NEGOTIATE_S
        )

    async def secure_inbound(self, stream: trio.SocketStream) -> Channel:
        """Return the channel of an accepted socket.

        Raises:
            PeerGone: the other end does not speak Noise and Yamux, or left.
        """
        return await self._secure(stream, None)

    async def secure_outbound(self, stream: trio.SocketStream, peer: bytes) -> Channel:
        """Return the channel of a dialled socket whose other end proved to be `peer`.

        Raises:
            PeerGone: it is someone else, does not speak Noise and Yamux, or left.
        """
        return await self._secure(stream, peer)

    async def negotiate(self, stream: Stream, protocols: frozenset[str]) -> str:
        """Return which of `protocols` the peer wants to speak on a stream it opened.

        Raises:
            PeerGone: none of them, or nonsense.
        """
        choices = Multiselect({TProtocol(protocol): None for protocol in protocols})  # type: ignore[dict-item]  # we only need the name
        inner = stream.inner
        try:
            chosen, _ = await choices.negotiate(MultiselectCommunicator(inner), NEGOTIATE_S)  # type: ignore[arg-type]  # it only reads and writes
        except Exception as error:  # the library raises a dozen unrelated kinds
            raise PeerGone("no protocol in common") from error
        return str(chosen)

    def write_identify(self, protocols: frozenset[str], agent: str) -> bytes:
        """Return the answer to `/ipfs/id/1.0.0`, so that other libp2p programs know us."""
        answer = Identify(
            protocol_version="neurond/1",
            agent_version=agent,
            public_key=self._keys.public_key.serialize(),
            protocols=sorted(protocols),
        )
        return encode_varint_prefixed(answer.SerializeToString())

    async def _secure(self, stream: trio.SocketStream, peer: bytes | None) -> Channel:
        mux: Yamux | None = None

        def on_bytes(_: int) -> None:
            if mux is not None and sum(map(len, mux.stream_buffers.values())) > BUFFERED_MAX:
                socket.abort()

        socket = SocketBuffer(stream, on_bytes)
        raw = RawConnection(socket, initiator=peer is not None)
        try:
            expected = None if peer is None else ID(peer)
            secured = await self._upgrader.upgrade_security(raw, peer is not None, expected)
            remote = secured.get_remote_peer()
            mux = await self._upgrader.upgrade_connection(secured, remote)  # type: ignore[assignment]  # Yamux is all we offer
        except Exception as error:  # as above
            socket.abort()
            raise PeerGone(f"no secure connection: {_find_cause(error)}") from error
        assert mux is not None
        return Channel(mux, remote.to_bytes(), socket)


def _find_cause(error: BaseException) -> str:
    """Return what the innermost of nested library errors says."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__
