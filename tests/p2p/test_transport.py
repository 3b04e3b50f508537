"""What goes over the wire is libp2p: the library's own host talks to ours, both ways."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
# The library's annotations are incomplete.

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from libp2p import new_host
from libp2p.abc import INetStream
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.utils.varint import read_length_prefixed_protobuf
from multiaddr import Multiaddr

from p2p.addresses import parse_address
from p2p.host import IDENTIFY_PROTOCOL, PING_PROTOCOL
from p2p.transport import Transport
from p2p.yamux import Stream
from tests.p2p.nets import open_node

ECHO = "/test/echo/1"


@asynccontextmanager
async def open_library_host() -> AsyncGenerator[Any]:
    """Open a stock py-libp2p host that echoes, on loopback."""
    host = new_host(key_pair=create_new_key_pair(b"L" * 32))

    async def echo(stream: INetStream) -> None:
        try:
            while True:
                await stream.write(await stream.read(4_096))
        except Exception:  # noqa: BLE001 - the library raises a dozen kinds at the end
            await stream.reset()

    host.set_stream_handler(TProtocol(ECHO), echo)
    async with host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]):
        try:
            yield host
        finally:
            with trio.move_on_after(1, shield=True):
                await host.close()  # `run` alone leaves its sockets to the garbage collector


async def _read_exactly(stream: Stream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += await stream.read()
    return data


@pytest.mark.slow
async def test_a_stock_libp2p_host_pings_us_and_learns_who_we_are():
    async with open_node(1) as ours, open_library_host() as theirs:
        info = info_from_p2p_addr(Multiaddr(ours.addresses[0]))
        with trio.fail_after(5):
            await theirs.connect(info)
            ping = await theirs.new_stream(info.peer_id, [TProtocol(PING_PROTOCOL)])
            for number in range(3):
                await ping.write(bytes((number,)) * 32)
                assert await ping.read(32) == bytes((number,)) * 32
            identify = await theirs.new_stream(info.peer_id, [TProtocol(IDENTIFY_PROTOCOL)])
            answer = Identify()
            answer.ParseFromString(await read_length_prefixed_protobuf(identify))
            assert answer.agent_version == "neurond"
            assert "/neurond/ask/1" in answer.protocols


@pytest.mark.slow
async def test_we_talk_to_a_stock_libp2p_host_in_any_size():
    async with open_library_host() as theirs:
        place = parse_address(str(theirs.get_addrs()[0]))
        assert place.peer_id is not None
        socket = await trio.open_tcp_stream(place.host, place.port)
        channel = await Transport(b"O" * 32).secure_outbound(socket, place.peer_id)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.run)
            with trio.fail_after(10):
                stream = await channel.open(ECHO)
                for size in (1, 4_096, 300_000):
                    async with trio.open_nursery() as writing:
                        writing.start_soon(stream.write, bytes(size))
                        assert await _read_exactly(stream, size) == bytes(size)
            channel.abort()
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("segment", [100, 1_400])
async def test_records_that_come_in_small_segments_are_read_whole(segment: int):
    async with open_node(1) as ours, trio.open_nursery() as nursery:
        place = parse_address(ours.addresses[0])
        assert place.peer_id is not None
        listeners = await nursery.start(_serve_segments, place.port, segment)
        port = listeners[0].socket.getsockname()[1]
        socket = await trio.open_tcp_stream("127.0.0.1", port)
        channel = await Transport(b"O" * 32).secure_outbound(socket, place.peer_id)
        nursery.start_soon(channel.run)
        with trio.fail_after(10):
            stream = await channel.open(PING_PROTOCOL)
            async with trio.open_nursery() as writing:
                writing.start_soon(stream.write, bytes(100_000))
                assert await _read_exactly(stream, 100_000) == bytes(100_000)
        channel.abort()
        nursery.cancel_scope.cancel()


async def _serve_segments(port: int, segment: int, task_status: trio.TaskStatus[Any]) -> None:
    """Relay a TCP connection to `port`, in writes of `segment` bytes."""

    async def relay(ours: trio.SocketStream) -> None:
        ours.setsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_NODELAY, 1)
        theirs = await trio.open_tcp_stream("127.0.0.1", port)
        async with theirs, trio.open_nursery() as nursery:
            nursery.start_soon(_cut, ours, theirs, segment, nursery.cancel_scope)
            nursery.start_soon(_cut, theirs, ours, segment, nursery.cancel_scope)

    await trio.serve_tcp(relay, 0, host="127.0.0.1", task_status=task_status)


async def _cut(
    source: trio.SocketStream, sink: trio.SocketStream, segment: int, scope: trio.CancelScope
) -> None:
    try:
        async for data in source:
            for start in range(0, len(data), segment):
                await sink.send_all(data[start : start + segment])
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    scope.cancel()
