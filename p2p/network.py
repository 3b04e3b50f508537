"""The door of this room: open a network, publish, ask, answer, see who is there.

`open_network` owns the host, the gossip, the asks and the peer manager for as long as its block
runs. Everything a peer sends is bounded and judged before it reaches `judge` or an answer handler;
whatever a peer provokes ends at most its own connection.
"""

import logging
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import trio

from consensus.quantities import U16, U64, Hash32, ShortText
from consensus.verdict import Ignore, Verdict
from p2p import wire
from p2p.addresses import Address, parse_address
from p2p.answers import Answer
from p2p.ask_wire import AskFault
from p2p.discovery import Discovery, open_mdns
from p2p.errors import LocalFault, NetworkError, Refuse, TooLarge
from p2p.gossip import Gossip, Judge
from p2p.host import Host, HostLimits, bind_host
from p2p.peers import Deed, PeerBook, Source
from p2p.quota import ASK_QUOTA, GOSSIP_QUOTA, Quota
from p2p.requests import Items
from p2p.sessions import BODY_KIND, PeerDown, PeerEvent, PeerUp, Sessions, Terms
from p2p.wire import Hello, MessageId, Topic

__all__ = [
    "Answer",
    "Judge",
    "Network",
    "NetworkSettings",
    "PeerDown",
    "PeerEvent",
    "PeerInfo",
    "PeerUp",
    "Topic",
    "open_network",
]

logger = logging.getLogger("neurond.p2p")

FIND_KIND = "net/find"
"""The question where a peer is: its id in, addresses out."""
FIND_S = 3.0


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """How one node takes part.

    `listen`, `announce`, `bootstrap`: multiaddrs; `announce` replaces what is told to others (a
    public address behind NAT). `target_peers` is how many connections the node seeks by itself,
    `max_peers` how many it holds, of which a quarter is kept for those it chose.
    `known_peers` is what `Network.dump_peers` gave an earlier run.
    """

    listen: tuple[str, ...] = ("/ip4/127.0.0.1/tcp/0",)
    announce: tuple[str, ...] = ()
    bootstrap: tuple[str, ...] = ()
    mdns: bool = False
    max_peers: int = 64
    target_peers: int = 12
    per_ip_max: int = 8
    known_peers: bytes = b""
    protocol_version: int = wire.PROTOCOL_VERSION
    agent: str = "neurond"
    gossip_quota: Quota = field(default=GOSSIP_QUOTA)
    ask_quota: Quota = field(default=ASK_QUOTA)


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """One connected peer; `rtt_ms` is None until the first pong, `topics` are those it follows."""

    peer_id: bytes
    address: str
    direction: str
    score: float
    rtt_ms: float | None
    topics: tuple[Topic, ...]
    agent: str
    connected_s: float


class Network:
    """A running network; made by `open_network`."""

    def __init__(self, host: Host, gossip: Gossip, sessions: Sessions, book: PeerBook) -> None:
        self.peer_id = host.peer_id
        self.events = sessions.events
        self._host = host
        self._gossip = gossip
        self._sessions = sessions
        self._book = book

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return the multiaddrs this node listens on, with its peer id and real ports."""
        return self._host.addresses

    def publish(self, topic: Topic, payload: bytes) -> None:
        """Tell the network; never blocks. STATUS goes to the neighbours only.

        Raises:
            TooLarge: more than 1 MiB.
        """
        if len(payload) > wire.BODY_MAX:
            raise TooLarge(wire.BODY_MAX)
        self._gossip.publish(topic, payload)

    def send(self, peer: bytes, topic: Topic, payload: bytes) -> bool:
        """Tell one connected peer, whose judge gets it (even twice) and which does not forward it.

        Return False, having done nothing, if it is not connected.

        Raises:
            TooLarge: more than 1 MiB.
        """
        if len(payload) > wire.BODY_MAX:
            raise TooLarge(wire.BODY_MAX)
        return self._gossip.send(peer, topic, payload)

    async def ask(self, peer: bytes, kind: str, payload: bytes, size_max: int) -> bytes:
        """Return the answer of `peer`, at most `size_max` bytes; your scope is the deadline.

        Raises:
            PeerGone: not connected, or the connection broke.
            PeerBusy: it has as much work as it takes.
            TooLarge: the question is over 1 MiB or the answer over `size_max`.
            Refused: its handler said no, with code and message.
            RemoteFault: it failed or broke the protocol.
        """
        return await self._sessions.asker(peer).ask(kind, payload, size_max)

    def ask_stream(
        self, peer: bytes, kind: str, payload: bytes, item_max: int
    ) -> AbstractAsyncContextManager[Items]:
        """Return a block whose value iterates over the items of `peer`'s answer.

        At most 16 items wait for a slow reader; leaving the block cancels the answer.

        Raises:
            PeerGone, PeerBusy, TooLarge, Refused, RemoteFault: as `ask`, at once or when iterating.
        """
        return self._sessions.asker(peer).ask_stream(kind, payload, item_max)

    def peers(self) -> tuple[PeerInfo, ...]:
        """Return the connected peers."""
        now_s = trio.current_time()
        return tuple(
            PeerInfo(
                peer_id=link.peer,
                address=str(link.connection.address.with_peer(link.peer)),
                direction="outbound" if link.connection.is_outbound else "inbound",
                score=self._book.score(link.peer, now_s),
                rtt_ms=link.rtt_ms,
                topics=wire.TOPICS,
                agent=link.hello.agent,
                connected_s=now_s - link.began_s,
            )
            for link in self._gossip.links.values()
        )

    async def connect(self, address: str) -> bytes:
        """Connect to the peer at a multiaddr and return its peer id; at once if already connected.

        The address is remembered as chosen by the operator: redialled for ever.

        Raises:
            LocalFault: it is not the address of a peer.
            PeerGone: it does not answer there.
            ForeignNetwork: it belongs to another network.
        """
        place = parse_address(address)
        if place.peer_id is None:
            raise LocalFault(f"{address} does not name a peer: add /p2p/ID")
        self._book.add(place, Source.CHOSEN)
        return await self._sessions.dial(place)

    def disconnect(self, peer: bytes, reason: str = "disconnected by the operator") -> None:
        """Hang up on a peer, telling it why; it may be dialled again later."""
        link = self._gossip.links.get(peer)
        if link is not None:
            link.close(reason)

    def blame(self, peer: bytes, reason: str) -> None:
        """Count a false answer of `peer` as a broken protocol, and hang up, telling it why."""
        self._book.judge(peer, Deed.BROKE_PROTOCOL, trio.current_time())
        self.disconnect(peer, reason)

    async def find_peer(self, peer: bytes) -> bool:
        """Connect to a peer of which only the id is known; return whether it is connected now.

        Best effort: the addresses we know, then those our neighbours know.
        """
        if peer in self._gossip.links:
            return True
        for place in self._book.addresses_of(peer):
            if await self._try(place):
                return True
        for neighbour in tuple(self._gossip.links):
            with trio.move_on_after(FIND_S):
                for place in await self._ask_where(neighbour, peer):
                    if await self._try(place):
                        return True
        return False

    def dump_peers(self) -> bytes:
        """Return what is known of peers' addresses, opaque, for `NetworkSettings.known_peers`."""
        return self._book.dump()

    def stats(self) -> dict[str, int]:
        """Return the counters of this room, with the number of peers and connections."""
        counts = Counter(self._gossip.counts)
        counts.update(self._host.counts)
        counts.update(self._sessions.counts)
        links = self._gossip.links.values()
        counts["peers"] = len(links)
        counts["mesh_peers"] = sum(link.is_eager for link in links)
        counts["connections"] = len(self._host.connections)
        counts["outbox_dropped"] += sum(link.outbox.dropped for link in links)
        return dict(counts)

    async def _try(self, place: Address) -> bool:
        try:
            await self._sessions.dial(place)
        except NetworkError:
            return False
        return True

    async def _ask_where(self, neighbour: bytes, peer: bytes) -> list[Address]:
        try:
            answer = await self.ask(neighbour, FIND_KIND, peer, wire.FRAME_MAX)
            texts = wire.read_addresses(answer)
            return [place for text in texts if (place := parse_address(text)).peer_id == peer]
        except NetworkError:
            return []


@asynccontextmanager
async def open_network(
    settings: NetworkSettings,
    node_seed: bytes,
    chain_id: Hash32,
    judge: Judge,
    answer: Mapping[str, Answer],
) -> AsyncGenerator[Network]:
    """Open the network of `chain_id` under the identity `node_seed` (32 bytes, ed25519).

    Closed, with every task and socket, when the block ends.

    Raises:
        AddressInUse: a listen address is taken.
        LocalFault: a setting is not a multiaddr.
    """
    assert not any(kind.startswith("net/") for kind in answer), "net/ kinds are this room's"
    random = Random(node_seed)  # noqa: S311 - jitter and sampling, not secrets
    limits = HostLimits(settings.max_peers, settings.max_peers * 3 // 4, settings.per_ip_max)
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(bind_host(node_seed, settings.listen, limits))
        _check_announced(settings, host)
        book = _open_book(settings, host.peer_id, random)
        gossip = Gossip(_Guard(judge), book, random)
        boot = secrets.randbits(64)
        nursery = await stack.enter_async_context(_open_services())
        terms = Terms(
            lambda: _hello(settings, chain_id, boot, host),
            {**answer, **_own_answers(gossip, book)},
            settings.gossip_quota,
            settings.ask_quota,
        )
        sessions = Sessions(host, gossip, book, terms, nursery)
        discovery = Discovery(book, gossip, sessions, settings.target_peers)
        await nursery.start(gossip.run, sessions.pull, discovery.on_addresses)
        await nursery.start(host.run, sessions.handlers)
        nursery.start_soon(discovery.run)
        if settings.mdns:
            await stack.enter_async_context(open_mdns(host.addresses, chain_id.hex(), book))
        yield Network(host, gossip, sessions, book)


@asynccontextmanager
async def _open_services() -> AsyncGenerator[trio.Nursery]:
    """Own the room's tasks, cancelled with the block, whose own exception leaves unwrapped."""
    own: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            try:
                yield nursery
            except BaseException as error:
                own = error
                raise
            finally:
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        if own is not None and group.exceptions == (own,):
            raise own from own.__cause__
        raise


def _check_announced(settings: NetworkSettings, host: Host) -> None:
    """Refuse to announce an address that no peer could remember or pass on."""
    for text in settings.announce:
        parse_address(str(parse_address(text).with_peer(host.peer_id)))


def _open_book(settings: NetworkSettings, me: bytes, random: Random) -> PeerBook:
    book = PeerBook(me, random)
    book.load(settings.known_peers)
    for text in settings.bootstrap:
        place = parse_address(text)
        if place.peer_id is None:
            raise LocalFault(f"bootstrap {text} does not name a peer: add /p2p/ID")
        book.add(place, Source.CHOSEN)
    return book


def _hello(settings: NetworkSettings, chain_id: Hash32, boot: int, host: Host) -> Hello:
    places = settings.announce or tuple(str(place) for place in host.listen)
    return Hello(
        U16(settings.protocol_version),
        chain_id,
        U64(boot),
        ShortText(settings.agent),
        tuple(ShortText(place) for place in places[:8]),
    )


class _Guard:
    """The supervisor of the judge: a stranger's bytes must not end the node through a bug."""

    __slots__ = ("_judge",)

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    async def __call__(self, topic: Topic, peer: bytes, payload: bytes) -> Verdict:
        try:
            return await self._judge(topic, peer, payload)
        except Exception:
            logger.exception("the judge of %s crashed on %d bytes", topic, len(payload))
            return Ignore("the judge crashed")


def _own_answers(gossip: Gossip, book: PeerBook) -> dict[str, Answer]:
    async def give_body(_: bytes, payload: bytes) -> bytes:
        body = gossip.bodies.get(MessageId(payload))
        if body is None:
            raise Refuse(AskFault.REFUSE_MIN, "no longer held")
        return body.payload

    async def tell_where(_: bytes, payload: bytes) -> bytes:
        return wire.encode_addresses([str(place) for place in book.addresses_of(payload)])

    return {BODY_KIND: give_body, FIND_KIND: tell_where}
