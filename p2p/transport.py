"""The library's layers we use: multistream-select and Noise; every libp2p import is here.

py-libp2p's own host and swarm are left out, on purpose: they cost 250 ms a dial, never give back an
inbound slot, bind with SO_REUSEPORT (so a second daemon on one port goes unnoticed), run parts as
system tasks and, in many ways, let a remote peer end the process. Its Yamux is replaced by
`p2p/yamux.py`, which says why. What goes over the wire is the same.

`read_exactly` of the library gives up after 100 partial reads, so a record that came in small TCP
segments ended the connection; `SocketBuffer.read(n)` returns n bytes or the end, never fewer.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# The library's own annotations are incomplete.

import logging

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
from libp2p.security.noise.io import NoiseTransportReadWriter
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE_ID
from libp2p.security.noise.transport import Transport as NoiseTransport
from libp2p.security.secure_session import SecureSession
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX_ID
from libp2p.stream_muxer.yamux.yamux import Yamux
from libp2p.transport.upgrader import TransportUpgrader
from libp2p.utils import encode_varint_prefixed

from p2p.errors import PeerGone
from p2p.yamux import RECEIVE_BYTES, WINDOW_BYTES, Mux, Stream

NEGOTIATE_S = 10
"""How long protocol negotiation may take; a slow WAN peer needs three round trips."""


class SocketBuffer(ReadWriteCloser):
    """A TCP stream whose `read(n)` gives exactly n bytes, or what is left at the end."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
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
        self._stream.socket.close()
        await trio.lowlevel.checkpoint()

    def take_rest(self) -> bytes:
        """Return what has come and nobody has read; nothing is read here after it."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def get_remote_address(self) -> tuple[str, int] | None:
        """Return (host, port) of the other end, None when it is gone."""
        try:
            host, port = self._stream.socket.getpeername()[:2]
        except OSError:
            return None
        return str(host), int(port)


class SecureChannel:
    """One secured, multiplexed connection to an authenticated peer."""

    def __init__(self, peer: bytes, mux: Mux, sealed: bytes, plain: bytes) -> None:
        self.peer = peer
        self._mux = mux
        self._sealed, self._plain = sealed, plain

    async def run(self) -> None:
        """Move frames until the connection ends; raises whatever the peer provokes."""
        await self._mux.run(self._sealed, self._plain)

    async def accept(self) -> Stream:
        """Return the next stream the peer opens.

        Raises:
            PeerGone: the connection ended.
        """
        return await self._mux.accept()

    async def open(self, protocol: str) -> Stream:
        """Return a new stream on which the peer agreed to speak `protocol`.

        Raises:
            PeerGone: it did not agree, or the connection ended.
        """
        stream = self._mux.open()
        try:
            await MultiselectClient().select_one_of(
                [TProtocol(protocol)], MultiselectCommunicator(_Talk(stream)), NEGOTIATE_S
            )
        except Exception as error:  # the library raises a dozen unrelated kinds
            await stream.reset()
            raise PeerGone(f"the peer does not speak {protocol}") from error
        except BaseException:
            stream.drop()  # whoever wanted it was cancelled; the peer must not keep it
            raise
        return stream

    def abort(self) -> None:
        """Close the socket now; every reader and writer of the connection wakes."""
        self._mux.abort()

    @property
    def stream_count(self) -> int:
        """Return how many streams are open."""
        return len(self._mux.streams)


class _Talk(ReadWriteCloser):
    """A stream as the library's negotiation wants it: reads of a given size."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def read(self, n: int | None = None) -> bytes:
        """Return at most `n` bytes."""
        return await self._stream.read(WINDOW_BYTES if n is None else n)

    async def write(self, data: bytes) -> None:
        """Write all of `data`."""
        await self._stream.write(data)

    async def close(self) -> None:
        """Say that no more comes."""
        await self._stream.close()

    def get_remote_address(self) -> tuple[str, int] | None:
        """Return None: negotiation does not ask."""
        return None


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

    async def secure_inbound(self, stream: trio.SocketStream) -> SecureChannel:
        """Return the channel of an accepted socket.

        Raises:
            PeerGone: the other end does not speak Noise and Yamux, or left.
        """
        return await self._secure(stream, None)

    async def secure_outbound(self, stream: trio.SocketStream, peer: bytes) -> SecureChannel:
        """Return the channel of a dialled socket whose other end proved to be `peer`.

        Raises:
            PeerGone: it is someone else, does not speak Noise and Yamux, or left.
        """
        return await self._secure(stream, peer)

    async def negotiate(self, stream: Stream, protocols: frozenset[str]) -> str:
        """Return which of `protocols` the peer wants to speak on a stream it opened.

        Raises:
            PeerGone: it wants none of them, or speaks nonsense.
        """
        choices = Multiselect({TProtocol(protocol): None for protocol in protocols})  # type: ignore[dict-item]  # we only need the name
        try:
            talk = MultiselectCommunicator(_Talk(stream))
            chosen, _ = await choices.negotiate(talk, NEGOTIATE_S)
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

    async def _secure(self, stream: trio.SocketStream, peer: bytes | None) -> SecureChannel:
        socket = SocketBuffer(stream)
        is_initiator = peer is not None
        try:
            expected = None if peer is None else ID(peer)
            raw = RawConnection(socket, is_initiator)
            secured = await self._upgrader.upgrade_security(raw, is_initiator, expected)
            await self._upgrader.muxer_multistream.select_transport(secured)
        except Exception as error:  # the library raises a dozen unrelated kinds
            stream.socket.close()
            raise PeerGone(f"no secure connection: {_find_cause(error)}") from error
        assert isinstance(secured, SecureSession)
        assert isinstance(secured.conn, NoiseTransportReadWriter)
        noise = secured.conn.noise_state
        mux = Mux(stream, noise.encrypt, noise.decrypt, is_initiator=is_initiator)
        plain = secured.buf.getvalue()[secured.low_watermark : secured.high_watermark]
        return SecureChannel(secured.get_remote_peer().to_bytes(), mux, socket.take_rest(), plain)


def _find_cause(error: BaseException) -> str:
    """Return what the innermost of nested library errors says."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__
