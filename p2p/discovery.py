"""Find peers and keep enough of them.

The peer book (`peers.py`) says whom to dial; this loop dials them, several at once, until the node
has the connections it wants. What feeds the book: the operator's bootstrap list, earlier runs, the
addresses neighbours tell, and, if asked for, mDNS on the local network.
"""

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import trio

from p2p.addresses import Address, BadAddress, parse_address
from p2p.errors import NetworkError
from p2p.gossip import Gossip
from p2p.peers import PeerBook, Source
from p2p.sessions import Sessions

logger = logging.getLogger("neurond.p2p")

LOOK_S = 0.25
"""How often the loop looks whether a peer is due: dials answer in milliseconds to seconds."""
DIALS_MAX = 8
TELL_S = 30.0
"""How often neighbours are told addresses of peers we have met."""
HEARSAY_MAX = 16
"""Addresses believed from one telling."""
MDNS_TYPE = "_neurond._udp.local."


class Discovery:
    """Dials until `target` peers are connected; learns of more from neighbours."""

    def __init__(self, book: PeerBook, gossip: Gossip, sessions: Sessions, target: int) -> None:
        self._book = book
        self._gossip = gossip
        self._sessions = sessions
        self._target = target
        self._dialling: set[bytes] = set()

    async def run(self) -> None:
        """Keep looking and telling until cancelled."""
        told_s = trio.current_time()
        async with trio.open_nursery() as nursery:
            while True:
                now_s = trio.current_time()
                self._look(nursery, now_s)
                if now_s - told_s > TELL_S:
                    told_s = now_s
                    self._sessions.drop_unlinked()
                    for link in self._gossip.links.values():
                        self._sessions.tell_addresses(link)
                await trio.sleep(LOOK_S)

    def on_addresses(self, peer: bytes, texts: tuple[str, ...]) -> None:
        """Believe, for dialling, what a neighbour told; loopback only from a loopback neighbour."""
        link = self._gossip.links.get(peer)
        if link is None:
            return
        for text in texts[:HEARSAY_MAX]:
            try:
                address = parse_address(text)
            except BadAddress:
                continue
            if not address.is_loopback or link.connection.address.is_loopback:
                self._book.add(address, Source.HEARSAY)

    def _look(self, nursery: trio.Nursery, now_s: float) -> None:
        links = self._gossip.links
        connected = {peer: link.connection.address.host for peer, link in links.items()}
        for peer in self._dialling:
            connected.setdefault(peer, "127.0.0.1")
        wanted = min(self._target - len(connected), DIALS_MAX - len(self._dialling))
        if wanted <= 0:
            return
        for address in self._book.choose(now_s, wanted, connected):
            assert address.peer_id is not None
            self._dialling.add(address.peer_id)
            self._book.on_dialling(address.peer_id, now_s)
            nursery.start_soon(self._try, address, address.peer_id)

    async def _try(self, address: Address, peer: bytes) -> None:
        try:
            await self._sessions.dial(address)
        except NetworkError as error:
            logger.debug("dialling %s: %s", address, error)
            self._book.on_failed(peer, trio.current_time())
        finally:
            self._dialling.discard(peer)


@asynccontextmanager
async def open_mdns(
    addresses: tuple[str, ...], network_name: str, book: PeerBook
) -> AsyncGenerator[None]:
    """Announce `addresses` on the local network and add what others of the same network announce.

    `network_name` is the chain id in hex: nodes of other networks are not even dialled.
    """
    from zeroconf import ServiceBrowser, ServiceInfo, ServiceStateChange, Zeroconf  # noqa: PLC0415 - only with mDNS on

    token = trio.lowlevel.current_trio_token()
    first = parse_address(addresses[0])
    name = f"{first.port}-{network_name[:12]}.{MDNS_TYPE}"
    info = ServiceInfo(
        MDNS_TYPE,
        f"{addresses[0].rsplit('/', 1)[-1][-20:]}-{name}",
        port=first.port,
        properties={"network": network_name, "addresses": " ".join(addresses)[:250]},
    )

    def on_change(
        zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        # Runs on zeroconf's own thread: only bytes cross to ours.
        if state_change is ServiceStateChange.Removed:
            return
        found = zeroconf.get_service_info(service_type, name, timeout=1000)
        if found is not None:
            properties = {**found.properties}
            token.run_sync_soon(_on_service, book, network_name, properties)

    def start() -> tuple[Zeroconf, ServiceBrowser]:
        zeroconf = Zeroconf()
        zeroconf.register_service(info)
        return zeroconf, ServiceBrowser(zeroconf, MDNS_TYPE, handlers=[on_change])

    zeroconf, _ = await trio.to_thread.run_sync(start)
    try:
        yield
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(zeroconf.close)


def _on_service(
    book: PeerBook, network_name: str, properties: Mapping[bytes, bytes | None]
) -> None:
    if (properties.get(b"network") or b"").decode(errors="replace") != network_name:
        return
    for text in (properties.get(b"addresses") or b"").decode(errors="replace").split():
        try:
            book.add(parse_address(text), Source.MET)
        except BadAddress:
            continue
