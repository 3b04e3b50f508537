"""Who is let in, and how many at once."""
# pyright: reportPrivateUsage=false
# Strangers of other sites cannot be made on loopback: their addresses are put in place.

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

import trio

from p2p import host
from p2p.addresses import Address, parse_address
from p2p.host import Host, HostLimits, bind_host
from p2p.peers import Source
from tests.p2p.hostile import open_villain
from tests.p2p.nets import NetworkSettings, open_node, wait_until


@asynccontextmanager
async def _open_host() -> AsyncGenerator[Host]:
    async with bind_host(bytes(32), ("/ip4/127.0.0.1/tcp/0",), HostLimits()) as opened:
        yield opened


def _admit_strangers(opened: Host, *hosts: str) -> None:
    for place in hosts:
        scheme = "ip6" if ":" in place else "ip4"
        opened._strangers[cast("trio.SocketStream", object())] = Address(scheme, place, 1)


async def test_silent_sockets_keep_no_honest_peer_waiting():
    async with open_node(1) as victim, open_node(2) as honest:
        place = parse_address(victim.addresses[0])
        silent = [
            await trio.open_tcp_stream(place.host, place.port)
            for _ in range(3 * host.HANDSHAKES_MAX)
        ]
        with trio.fail_after(2):
            await honest.connect(victim.addresses[0])
        for stream in silent:
            await stream.aclose()


async def test_strangers_who_prove_nothing_yet_count_for_their_site():
    async with _open_host() as opened:
        _admit_strangers(opened, *["10.0.0.1"] * 8)
        assert not opened._has_room(Address("ip4", "10.0.0.1", 2))
        assert opened._has_room(Address("ip4", "10.0.0.2", 2))


async def test_all_of_an_ipv6_network_of_64_bits_is_one_site():
    async with _open_host() as opened:
        _admit_strangers(opened, *[f"2001:db8::{number:x}" for number in range(8)])
        assert not opened._has_room(Address("ip6", "2001:db8::ffff", 2))
        assert opened._has_room(Address("ip6", "2001:db8:0:1::1", 2))


async def test_a_site_may_knock_only_so_often(autojump_clock: trio.testing.MockClock):
    async with _open_host() as opened:
        place = Address("ip4", "10.0.0.1", 1)
        knocks = [opened._may_knock(place) for _ in range(100)]
        assert knocks.count(True) == host.KNOCKS.burst
        assert opened._may_knock(Address("ip4", "10.0.0.2", 1))
        await trio.sleep(1)
        assert opened._may_knock(place)


async def test_the_sites_that_knocked_are_remembered_within_bounds():
    async with _open_host() as opened:
        for number in range(host.SITES_MAX + 100):
            opened._may_knock(Address("ip4", f"10.1.{number >> 8}.{number & 255}", 1))
        assert len(opened._knocks) == host.SITES_MAX


async def test_a_node_full_of_those_who_came_still_looks_for_peers_itself():
    async with (
        open_node(1, settings=NetworkSettings(target_peers=2)) as victim,
        open_node(2) as honest,
        open_villain(victim, 98) as one,
        open_villain(victim, 99) as two,
    ):
        await one.open_gossip()
        await two.open_gossip()
        await wait_until(lambda: len(victim.peers()) == 2)
        victim._book.add(parse_address(honest.addresses[0]), Source.MET)
        await wait_until(lambda: len(victim.peers()) == 3)
