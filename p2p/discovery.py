"""Find peers and keep enough of them.

The peer book (`peers.py`) says whom to dial; this loop dials them, several at once, until the node
has the connections it wants. What feeds the book: the operator's bootstrap list, earlier runs, the
addresses neighbours tell, and, if asked for, mDNS on the local network.
"""

import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import psutil
import trio

from p2p.addresses import Address, BadAddress, parse_address
from p2p.errors import NetworkError
from p2p.gossip import Gossip
from p2p.peers import PeerBook, Source
from p2p.sessions import Sessions

logger = logging.getLogger("neurond.p2p")

LOOK_S = 0.25
"""How often the loop looks for a peer that is due: dials answer in milliseconds to seconds."""
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
        """Note addresses to dial that a neighbour told; loopback only from a loopback neighbour."""
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
        # Half of the target are peers we chose ourselves: whoever comes to us may be one attacker.
        chosen = len(self._dialling) + sum(link.connection.is_outbound for link in links.values())
        wanted = max(self._target - len(connected), self._target // 2 - chosen)
        wanted = min(wanted, DIALS_MAX - len(self._dialling))
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
    """Announce the first of `addresses` on the local network; add what others announce there.

    `network_name` is the chain id in hex: nodes of other networks are not even dialled. Where mDNS
    cannot run (no multicast), say so and go on without.
    """
    import zeroconf as mdns  # noqa: PLC0415 - only with mDNS on

    token = trio.lowlevel.current_trio_token()

    def on_change(
        zeroconf: mdns.Zeroconf, service_type: str, name: str, state_change: mdns.ServiceStateChange
    ) -> None:
        # Runs on zeroconf's own thread: only values cross to ours.
        if state_change is mdns.ServiceStateChange.Removed:
            return
        found = zeroconf.get_service_info(service_type, name, timeout=1000)
        if found is not None:
            token.run_sync_soon(
                _on_service, book, network_name, dict(found.properties), found.parsed_addresses()
            )

    def start() -> mdns.Zeroconf | None:
        place = parse_address(addresses[0])
        info = mdns.ServiceInfo(
            MDNS_TYPE,
            f"{addresses[0][-20:]}-{place.port}.{MDNS_TYPE}",  # the end of a peer id will do
            port=place.port,
            parsed_addresses=_get_local_hosts() if place.is_wildcard else [place.host],
            properties={"network": network_name, "address": addresses[0]},
        )
        try:
            zeroconf = mdns.Zeroconf()
            zeroconf.register_service(info, allow_name_change=True)
            mdns.ServiceBrowser(zeroconf, MDNS_TYPE, handlers=[on_change])
        except (OSError, mdns.Error) as error:
            logger.warning("no mDNS here, going on without: %s", error)
            return None
        return zeroconf

    zeroconf = await trio.to_thread.run_sync(start)
    try:
        yield
    finally:
        if zeroconf is not None:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(zeroconf.close)


def _get_local_hosts() -> list[str]:
    """Return the IPv4 addresses of this machine's interfaces, loopback last."""
    hosts = [
        address.address
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family == socket.AF_INET
    ]
    return sorted(hosts, key=lambda host: host.startswith("127."))


def _on_service(
    book: PeerBook, network_name: str, properties: dict[bytes, bytes | None], hosts: list[str]
) -> None:
    if (properties.get(b"network") or b"").decode(errors="replace") != network_name:
        return
    text = (properties.get(b"address") or b"").decode(errors="replace")
    with suppress(BadAddress):
        place = parse_address(text)
        if place.is_wildcard and hosts:
            place = replace(place, host=hosts[0])
        book.add(place, Source.MET)
