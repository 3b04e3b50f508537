"""Own the listeners and connections for as long as a block runs; reopen what breaks.

A connection's task catches whatever escapes it, counts it and closes that connection alone. What
escapes even that (a listener that dies, a fault of our own) ends this run of the host:
every connection is closed, and the host opens again on the same ports with the same identity while
callers go on and get `PeerGone` until then. Only the first opening may raise to the owner.
"""

import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from p2p.addresses import Address, compute_site, parse_address
from p2p.errors import AddressInUse, LocalFault, PeerGone
from p2p.quota import Limit, TokenBucket
from p2p.yamux import Stream

if TYPE_CHECKING:
    from p2p.transport import SecureChannel, Transport

logger = logging.getLogger("neurond.p2p")

UPGRADE_S = 10
"""How long a stranger may take to prove its identity."""
STREAMS_MAX = 32
"""Streams a peer may hold open on one connection; ours uses three: gossip, and asks each way."""
LINGER_S = 1.0
"""How long a stream may take to end after we closed our side."""
HANDSHAKES_MAX = 32
"""Strangers that may be proving their identity at once; for one more, the oldest must go: an honest
one needs a fraction of a second, so whoever holds a place for long does not mean to finish."""
KNOCKS, SITES_MAX = Limit(2, 16), 4_096
"""How often one site may connect to us, and for how many sites that is remembered: a handshake
costs us milliseconds, and every new identity begins with a fresh quota."""
REOPEN_S_MIN, REOPEN_S_MAX = 0.05, 5.0
"""Wait before the host reopens, doubling: at once the first time, never in a tight loop."""
IDENTIFY_PROTOCOL, PING_PROTOCOL = "/ipfs/id/1.0.0", "/ipfs/ping/1.0.0"
AGENT = "neurond"

StreamHandler = Callable[["Connection", Stream], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class HostLimits:
    """How many connections: in all, of strangers that came to us, and from one site.

    A site is an IPv4 address or the /64 of an IPv6 one (`compute_site`).

    `inbound_max` below `total_max` keeps room for the peers we choose ourselves.
    """

    total_max: int = 64
    inbound_max: int = 48
    per_ip_max: int = 8


class Connection:
    """One live connection to an authenticated peer."""

    __slots__ = ("address", "began_s", "channel", "closed", "is_outbound", "peer")

    def __init__(self, channel: "SecureChannel", address: Address, *, is_outbound: bool) -> None:
        self.peer = channel.peer
        self.channel = channel
        self.address = address
        self.is_outbound = is_outbound
        self.began_s = trio.current_time()
        self.closed = trio.Event()

    async def open_stream(self, protocol: str) -> Stream:
        """Return a new stream that speaks `protocol`.

        Raises:
            PeerGone: the peer does not speak it, or is gone.
        """
        return await self.channel.open(protocol)

    def abort(self) -> None:
        """Close the connection now."""
        self.channel.abort()
        self.closed.set()


class Host:
    """Listens, dials and serves streams; made by `bind_host`."""

    def __init__(
        self, transport: "Transport", listen: tuple[Address, ...], limits: HostLimits
    ) -> None:
        self.peer_id = transport.peer_id
        self.listen = listen
        self.counts: Counter[str] = Counter()
        self.connections: set[Connection] = set()
        self._transport = transport
        self._handlers: dict[str, StreamHandler] = {}
        self._protocols: frozenset[str] = frozenset()
        self._listeners: list[trio.SocketListener] = []
        self._limits = limits
        self._strangers: dict[trio.SocketStream, Address] = {}
        self._knocks: dict[str, TokenBucket] = {}
        self._nursery: trio.Nursery | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return where this host listens, with its peer id."""
        return tuple(str(place.with_peer(self.peer_id)) for place in self.listen)

    async def dial(self, address: Address) -> Connection:
        """Return a connection to the peer at `address`, proven to be the peer it names.

        Raises:
            PeerGone: nobody answers there, or somebody else.
            LocalFault: the address names no peer, or us.
        """
        if address.peer_id is None or address.peer_id == self.peer_id:
            raise LocalFault(f"{address} names no peer but us" if address.peer_id else "no peer id")
        if len(self.connections) >= self._limits.total_max:
            raise PeerGone(f"we already hold {self._limits.total_max} connections")
        nursery = self._nursery
        if nursery is None:
            raise PeerGone("the host is reopening")
        try:
            with trio.fail_after(UPGRADE_S):
                stream = await trio.open_tcp_stream(address.host, address.port)
        except (OSError, ValueError, trio.TooSlowError) as error:  # ValueError: no host name
            raise PeerGone(f"{address} does not answer") from error
        channel = await self._secure(stream, address.peer_id)
        return await self._adopt(nursery, Connection(channel, address, is_outbound=True))

    async def _adopt(self, nursery: trio.Nursery, connection: Connection) -> Connection:
        if nursery is not self._nursery:
            connection.abort()
            raise PeerGone("the host is reopening")
        try:
            await nursery.start(self._run_connection, connection)
        except RuntimeError as error:  # the task ended before it started: trio says so this way
            raise PeerGone("the connection ended at once") from error
        return connection

    async def run(
        self, handlers: Mapping[str, StreamHandler], task_status: trio.TaskStatus[None]
    ) -> None:
        """Serve `handlers` until cancelled, opening again after whatever breaks."""
        self._handlers = dict(handlers)
        self._protocols = frozenset({*handlers, IDENTIFY_PROTOCOL, PING_PROTOCOL})
        delay_s = REOPEN_S_MIN
        while True:
            began_s = trio.current_time()
            try:
                await self._run_once(task_status)
            except Exception:
                # The supervisor of the whole host: a remote crash must not end the node.
                logger.exception("the network host broke and is reopening")
            self.counts["host_reopened"] += 1
            if trio.current_time() - began_s > REOPEN_S_MAX:
                delay_s = REOPEN_S_MIN
            while True:
                await trio.sleep(delay_s)
                delay_s = min(2 * delay_s, REOPEN_S_MAX)
                try:
                    await self.bind()
                except LocalFault as error:
                    logger.warning("cannot reopen yet: %s", error)
                else:
                    break

    async def bind(self) -> None:
        """Open the listeners; a port 0 becomes a real one, kept from then on.

        Raises:
            AddressInUse: an address is taken or not of this machine.
        """
        bound: list[Address] = []
        for place in self.listen:
            try:
                opened = await trio.open_tcp_listeners(place.port, host=place.host)
            except OSError as error:
                self.close_listeners()
                raise AddressInUse(str(place), error.strerror or str(error)) from error
            self._listeners += opened
            bound.append(Address(place.scheme, place.host, opened[0].socket.getsockname()[1]))
        self.listen = tuple(bound)

    def close_listeners(self) -> None:
        """Close the listening sockets now."""
        for listener in self._listeners:
            listener.socket.close()
        self._listeners.clear()

    async def _run_once(self, task_status: trio.TaskStatus[None]) -> None:
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                nursery.start_soon(self._listen, nursery)
                if self.counts["host_opened"] == 0:
                    task_status.started()
                self.counts["host_opened"] += 1
        finally:
            self._nursery = None
            for connection in tuple(self.connections):
                connection.abort()
            self.connections.clear()
            self.close_listeners()

    async def _listen(self, nursery: trio.Nursery) -> None:
        await trio.serve_listeners(self._serve_socket, self._listeners, handler_nursery=nursery)

    async def _serve_socket(self, stream: trio.SocketStream) -> None:
        """Take in one stranger; whatever it does ends its own connection only."""
        nursery, remote = self._nursery, _remote_of(stream)
        if (
            nursery is None
            or remote is None
            or not self._has_room(remote)
            or not self._may_knock(remote)
        ):
            self.counts["inbound_refused"] += 1
            stream.socket.close()
            return
        if len(self._strangers) >= HANDSHAKES_MAX:
            self.counts["strangers_dropped"] += 1
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.socket.close()
        self._strangers[stream] = remote
        try:
            channel = await self._secure(stream, None)
        except PeerGone:
            self.counts["handshakes_failed"] += 1
            return
        finally:
            self._strangers.pop(stream, None)
        if not self._has_room(remote):
            channel.abort()
            return
        await self._run_connection(Connection(channel, remote, is_outbound=False))

    async def _secure(self, stream: trio.SocketStream, peer: bytes | None) -> "SecureChannel":
        """Return the channel of a socket: of a stranger (None), or proven to lead to `peer`."""
        try:
            with trio.move_on_after(UPGRADE_S):
                if peer is None:
                    return await self._transport.secure_inbound(stream)
                return await self._transport.secure_outbound(stream, peer)
        except BaseException:
            stream.socket.close()
            raise
        stream.socket.close()
        raise PeerGone(f"no proof of identity within {UPGRADE_S} s")

    def _has_room(self, remote: Address) -> bool:
        inbound = [known for known in self.connections if not known.is_outbound]
        if len(self.connections) >= self._limits.total_max:
            return False
        if len(inbound) >= self._limits.inbound_max:
            return False
        site = compute_site(remote.host)
        places = [known.address for known in inbound] + list(self._strangers.values())
        same = sum(compute_site(place.host) == site for place in places)
        return remote.is_loopback or same < self._limits.per_ip_max

    def _may_knock(self, remote: Address) -> bool:
        """Return whether the site of `remote` connects no more often than an honest one would."""
        if remote.is_loopback:
            return True
        site, now_s = compute_site(remote.host), trio.current_time()
        bucket = self._knocks.pop(site, None) or TokenBucket(KNOCKS, now_s)
        self._knocks[site] = bucket  # the latest stands last
        if len(self._knocks) > SITES_MAX:
            del self._knocks[next(iter(self._knocks))]
        return bucket.take(1, now_s)

    async def _run_connection(
        self, connection: Connection, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        self.connections.add(connection)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pump, connection, nursery.cancel_scope)
                task_status.started()
                await self._accept_streams(connection, nursery)
                nursery.cancel_scope.cancel()
        except Exception:
            # The supervisor of one connection: what a peer provokes in the library (a dozen kinds
            # of exception, whole groups of them) ends this connection and nothing else.
            self.counts["connections_crashed"] += 1
            logger.debug("a connection crashed", exc_info=True)
        finally:
            self.connections.discard(connection)
            connection.abort()

    async def _pump(self, connection: Connection, scope: trio.CancelScope) -> None:
        await connection.channel.run()
        scope.cancel()

    async def _accept_streams(self, connection: Connection, nursery: trio.Nursery) -> None:
        while True:
            try:
                stream = await connection.channel.accept()
            except PeerGone:
                return
            if connection.channel.stream_count > STREAMS_MAX:
                self.counts["stream_floods"] += 1
                return
            nursery.start_soon(self._serve_stream, connection, stream)

    async def _serve_stream(self, connection: Connection, stream: Stream) -> None:
        try:
            protocol = await self._transport.negotiate(stream, self._protocols)
            if protocol == IDENTIFY_PROTOCOL:
                await stream.write(self._transport.write_identify(self._protocols, AGENT))
                await stream.close()
                with trio.move_on_after(LINGER_S):
                    await stream.read()
            elif protocol == PING_PROTOCOL:
                while True:
                    await stream.write(await stream.read())
            else:
                await self._handlers[protocol](connection, stream)
        except PeerGone:
            pass
        except Exception:
            # The supervisor of one stream: a handler's bug must not let a peer end the node.
            self.counts["handlers_crashed"] += 1
            logger.exception("a stream handler crashed")
        with trio.move_on_after(LINGER_S):
            await stream.reset()


@asynccontextmanager
async def bind_host(
    seed: bytes, listen: tuple[str, ...], limits: HostLimits
) -> AsyncGenerator[Host]:
    """Make a host of the identity `seed` (32 bytes) whose ports are bound; `Host.run` serves them.

    Raises:
        AddressInUse: a listen address is taken.
        BadAddress: one is not a multiaddr.
    """
    from p2p.transport import Transport  # noqa: PLC0415 - importing libp2p takes a second

    places = tuple(parse_address(text) for text in listen)
    host = Host(Transport(seed), places, limits)
    await host.bind()
    try:
        yield host
    finally:
        host.close_listeners()


def _remote_of(stream: trio.SocketStream) -> Address | None:
    try:
        host, port = stream.socket.getpeername()[:2]
    except OSError:
        return None
    return Address("ip6" if ":" in host else "ip4", host, port)
