"""A peer from hello to goodbye: its link, our questions to it, its questions to us.

Every connection has one gossip link; the end of the link is the end of the connection. Each side
opens its own ask stream when it first asks. A second connection to the same peer is settled by
`link.is_kept`.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import trio

from p2p import wire
from p2p.addresses import Address, BadAddress, parse_address
from p2p.answers import Answer, Responder
from p2p.errors import ForeignNetwork, LocalFault, PeerGone, RemoteFault
from p2p.gossip import Gossip
from p2p.host import Connection, Host, StreamHandler
from p2p.link import Link, accept_link, is_kept, open_link
from p2p.peers import Deed, PeerBook, PeerStanding, Source
from p2p.pipe import Pipe
from p2p.quota import PeerQuota, Quota
from p2p.requests import Asker, Opening
from p2p.wire import Announcement, Hello
from p2p.yamux import Stream

logger = logging.getLogger("neurond.p2p")

BODY_KIND = "net/body"
"""The question for an announced body: its id in, the payload out."""
EVENTS_MAX = 1_024
"""Peer events that may wait; a reader that missed some asks `Network.peers`."""
LINK_WAIT_S = 5.0
"""How long a peer's ask stream may precede its hello."""
UNLINKED_S = 20.0
"""How long a connection may live without a link: `ping` and `identify` need less."""
PARTING_S = 0.3
"""How long the reason of a refusal may take to arrive before we hang up."""
RETIRE_S = 2.0
"""How long one of two connections to a peer lingers: questions asked on it are answered first."""
ASK_STREAMS_MAX = 4
"""Streams one peer may ask on: one, twice while another connection or stream replaces it. Each has
bounds of its own (`answers.py`), which many streams would multiply."""
TELL_COUNT = 8
"""Addresses of other peers told to a neighbour at a time."""


@dataclass(frozen=True, slots=True)
class PeerUp:
    """A peer is connected and of our network."""

    peer_id: bytes


@dataclass(frozen=True, slots=True)
class PeerDown:
    """A peer's last connection ended."""

    peer_id: bytes
    reason: str


PeerEvent = PeerUp | PeerDown


@dataclass(frozen=True, slots=True)
class Terms:
    """What we say to a peer, what we answer it, and how much we let it send."""

    hello: Callable[[], Hello]
    answers: Mapping[str, Answer]
    gossip_quota: Quota
    ask_quota: Quota


@dataclass(frozen=True, slots=True)
class Session:
    """One linked peer: its gossip link, our questions, the quota of its questions."""

    link: Link
    asker: Asker
    ask_quota: PeerQuota


class Sessions:
    """Every linked peer."""

    def __init__(
        self, host: Host, gossip: Gossip, book: PeerBook, terms: Terms, nursery: trio.Nursery
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._events, self.events = trio.open_memory_channel[PeerEvent](EVENTS_MAX)
        self._host = host
        self._gossip = gossip
        self._book = book
        self._terms = terms
        self._nursery = nursery
        self._sessions: dict[bytes, Session] = {}
        self._dialling: dict[bytes, trio.Event] = {}
        self._answering: Counter[bytes] = Counter()
        self._joined = trio.Event()

    @property
    def handlers(self) -> dict[str, StreamHandler]:
        """Return what serves the streams that peers open."""
        return {
            wire.GOSSIP_PROTOCOL: self._on_gossip_stream,
            wire.ASK_PROTOCOL: self._on_ask_stream,
        }

    def asker(self, peer: bytes) -> Asker:
        """Return what asks `peer`.

        Raises:
            PeerGone: it is not connected.
        """
        session = self._sessions.get(peer)
        if session is None:
            raise PeerGone("not connected")
        return session.asker

    async def pull(self, peer: bytes, announcement: Announcement) -> bytes:
        """Return the body `peer` announced; raises NetworkError."""
        asker = self.asker(peer)
        return await asker.ask(BODY_KIND, announcement.message_id, announcement.size)

    async def dial(self, address: Address) -> bytes:
        """Return the id of the peer at `address` once it is linked; at once if it already is.

        Raises:
            PeerGone, ForeignNetwork, RemoteFault, LocalFault: why it is not.
        """
        peer = address.peer_id
        if peer is None:
            raise LocalFault(f"{address} names no peer")
        while peer in self._dialling:
            await self._dialling[peer].wait()
        if peer in self._sessions:
            return peer
        if self._book.standing(peer, trio.current_time()) is PeerStanding.BANNED:
            raise PeerGone("the peer is banned")
        done = self._dialling[peer] = trio.Event()
        try:
            await self._nursery.start(self._live_guarded, await self._dial(address))
        finally:
            del self._dialling[peer]
            done.set()
        return peer

    async def _dial(self, address: Address) -> Link:
        self.counts["dials"] += 1
        connection = await self._host.dial(address)
        try:
            return await open_link(connection, self._terms.hello(), self._terms.gossip_quota)
        except BaseException as error:
            connection.abort()
            if isinstance(error, ForeignNetwork):
                self.counts["foreign_peers"] += 1
            raise

    def drop_unlinked(self) -> None:
        """Close connections that never said hello."""
        now_s = trio.current_time()
        linked = {session.link.connection for session in self._sessions.values()}
        for connection in tuple(self._host.connections):
            if connection not in linked and now_s - connection.began_s > UNLINKED_S:
                connection.abort()

    # -- a link's life ---------------------------------------------------------------------------

    async def _on_gossip_stream(self, connection: Connection, stream: Stream) -> None:
        now_s = trio.current_time()
        if self._book.standing(connection.peer, now_s) is PeerStanding.BANNED:
            self.counts["banned_refused"] += 1
            connection.abort()
            return
        try:
            link = await accept_link(
                connection, stream, self._terms.hello(), self._terms.gossip_quota
            )
        except (PeerGone, RemoteFault) as error:
            self.counts["foreign_peers"] += isinstance(error, ForeignNetwork)
            logger.info("refused %s: %s", connection.address, error)
            await trio.sleep(PARTING_S)
            connection.abort()
            return
        await self._live(link)

    async def _live_guarded(self, link: Link, task_status: trio.TaskStatus[None]) -> None:
        try:
            await self._live(link, task_status)
        except Exception:
            # The supervisor of a link we opened: a bug that a peer can provoke ends its link only.
            self.counts["links_crashed"] += 1
            logger.exception("the link with %s crashed", link.connection.address)

    async def _live(
        self, link: Link, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Run a link that said hello, from joining the gossip to the end of its connection."""
        peer = link.peer
        old = self._gossip.links.get(peer)
        if old is not None and is_kept(self._host.peer_id, old, link):
            task_status.started()
            self.counts["doubles_closed"] += 1
            await self._run_out(link)
            return
        session = self._join(link)
        task_status.started()
        if old is None:
            self._tell(PeerUp(peer))
        elif old.hello.boot == link.hello.boot:
            self.counts["links_replaced"] += 1
            self._nursery.start_soon(self._retire, old)
        else:
            old.connection.abort()
        reason = "the connection ended"
        try:
            reason = await link.run(self._gossip.on_frame)
        except RemoteFault as fault:
            reason = f"it broke the protocol: {fault}"
            self._blame(link)
        finally:
            link.connection.abort()
            session.asker.close(reason)
            if self._gossip.mesh.leave(link):
                del self._sessions[peer]
                now_s = trio.current_time()
                self._book.on_lost(peer, now_s, now_s - link.began_s)
                self._tell(PeerDown(peer, reason))

    async def _run_out(self, link: Link) -> None:
        """Serve a doubled link as long as its peer may still use it, then close it."""
        try:
            with trio.move_on_after(RETIRE_S):
                await link.run(self._gossip.on_frame)
        except RemoteFault:
            self._blame(link)
        finally:
            link.connection.abort()

    async def _retire(self, link: Link) -> None:
        """Close a link that another has replaced, once what was asked on it is answered."""
        await trio.sleep(RETIRE_S)
        link.connection.abort()

    def _join(self, link: Link) -> Session:
        def start_pipe(opening: Opening) -> None:
            self._nursery.start_soon(self._open_pipe, link.connection, asker, opening)

        asker = Asker(start_pipe, self.counts)
        quota = PeerQuota(self._terms.ask_quota, trio.current_time())
        session = self._sessions[link.peer] = Session(link, asker, quota)
        self._gossip.mesh.join(link)
        self._learn(link)
        self.tell_addresses(link)
        self._joined.set()
        self._joined = trio.Event()
        return session

    def _blame(self, link: Link) -> None:
        self.counts["protocol_broken"] += 1
        self._book.judge(link.peer, Deed.BROKE_PROTOCOL, trio.current_time())

    def _tell(self, event: PeerEvent) -> None:
        try:
            self._events.send_nowait(event)
        except trio.WouldBlock:
            self.counts["events_dropped"] += 1

    # -- addresses -------------------------------------------------------------------------------

    def _learn(self, link: Link) -> None:
        """Remember where the peer says it listens; a wildcard means where we see it."""
        seen = link.connection.address
        for text in link.hello.listen:
            try:
                place = parse_address(text)
            except BadAddress:
                continue
            if place.is_wildcard:
                place = Address(seen.scheme, seen.host, place.port)
            if not place.is_loopback or seen.is_loopback:
                self._book.add(place.with_peer(link.peer), Source.MET)
        if link.connection.is_outbound:
            self._book.add(seen.with_peer(link.peer), Source.MET)
        self._book.on_connected(link.peer, is_dialled=link.connection.is_outbound)

    def tell_addresses(self, link: Link) -> None:
        """Tell a neighbour where some peers we have met are."""
        addresses = [str(address) for address in self._book.sample(TELL_COUNT, link.peer)]
        if addresses:
            link.put_control(wire.write_addresses(addresses))

    # -- asks ------------------------------------------------------------------------------------

    async def _open_pipe(self, connection: Connection, asker: Asker, opening: Opening) -> None:
        try:
            opening.pipe = Pipe(await connection.open_stream(wire.ASK_PROTOCOL))
        except PeerGone:
            return
        finally:
            opening.done.set()
        await self._run_asker(connection, asker, opening.pipe)

    async def _run_asker(self, connection: Connection, asker: Asker, pipe: Pipe) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pipe.run)
            try:
                await asker.run(pipe)
            except RemoteFault as fault:
                logger.info("%s broke the ask protocol: %s", connection.address, fault)
                self._book.judge(connection.peer, Deed.BROKE_PROTOCOL, trio.current_time())
                connection.abort()
            except Exception:
                # The supervisor of an ask stream we opened, as of a link.
                self.counts["links_crashed"] += 1
                logger.exception("the asks to %s crashed", connection.address)
                connection.abort()
            nursery.cancel_scope.cancel()

    async def _on_ask_stream(self, connection: Connection, stream: Stream) -> None:
        peer = connection.peer
        if self._answering[peer] >= ASK_STREAMS_MAX:
            self.counts["ask_streams_refused"] += 1
            return
        self._answering[peer] += 1
        try:
            await self._answer(connection, stream)
        finally:
            self._answering[peer] -= 1
            if not self._answering[peer]:
                del self._answering[peer]

    async def _answer(self, connection: Connection, stream: Stream) -> None:
        with trio.move_on_after(LINK_WAIT_S):
            while connection.peer not in self._sessions:
                await self._joined.wait()
        session = self._sessions.get(connection.peer)
        if session is None:
            return
        counts, quota = self.counts, session.ask_quota
        try:
            await Responder(connection.peer, Pipe(stream), self._terms.answers, quota, counts).run()
        except RemoteFault as fault:
            logger.info("%s broke the ask protocol: %s", connection.address, fault)
            self._blame(session.link)
            connection.abort()
