"""A peer that proves an identity and then says whatever a test wants."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import trio

from consensus.quantities import U16, U64, ShortText
from p2p import wire
from p2p.addresses import parse_address
from p2p.errors import PeerGone
from p2p.transport import SecureChannel, Transport
from p2p.wire import Hello
from p2p.yamux import Stream
from tests.p2p.nets import CHAIN, Network

HELLO = Hello(U16(1), CHAIN, U64(666), ShortText("hostile"), ())


class Villain:
    """One authenticated connection to a victim."""

    def __init__(self, peer_id: bytes, channel: SecureChannel) -> None:
        self.peer_id = peer_id
        self.channel = channel

    async def open_gossip(self) -> Stream:
        """Open a gossip stream and exchange honest hellos."""
        stream = await self.channel.open(wire.GOSSIP_PROTOCOL)
        await stream.write(wire.write_hello(HELLO))
        await stream.read()
        return stream

    async def is_hung_up_on(self, stream: Stream, limit_s: float = 5.0) -> bool:
        """Return whether the victim ends the stream within `limit_s`."""
        with trio.move_on_after(limit_s):
            try:
                while True:
                    await stream.read()
            except PeerGone:
                return True
        return False


@asynccontextmanager
async def open_villain(
    victim: Network, number: int = 99, *, is_mute: bool = False
) -> AsyncGenerator[Villain]:
    """Connect a villain of the identity `number` to `victim`.

    It refuses the streams the victim opens; a mute one takes them and never answers.
    """
    place = parse_address(victim.addresses[0])
    transport = Transport(number.to_bytes(32, "big"))
    stream = await trio.open_tcp_stream(place.host, place.port)
    channel = await transport.secure_outbound(stream, victim.peer_id)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(channel.run)
        nursery.start_soon(_stay_mute if is_mute else _refuse_streams, channel)
        try:
            yield Villain(transport.peer_id, channel)
        finally:
            nursery.cancel_scope.cancel()
            channel.abort()


async def _refuse_streams(channel: SecureChannel) -> None:
    while True:
        try:
            await (await channel.accept()).reset()
        except PeerGone:
            return


async def _stay_mute(channel: SecureChannel) -> None:
    transport = Transport(bytes(32))
    async with trio.open_nursery() as nursery:
        while True:
            try:
                stream = await channel.accept()
            except PeerGone:
                return
            nursery.start_soon(transport.negotiate, stream, frozenset({wire.ASK_PROTOCOL}))
