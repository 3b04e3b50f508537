"""A network's life: meeting, parting, meeting again, and who is let in."""

import math
import socket
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
import trio

from consensus.quantities import Hash32
from p2p import mesh, sessions
from p2p.addresses import BadAddress, parse_address
from p2p.errors import AddressInUse, ForeignNetwork, LocalFault, PeerGone
from p2p.network import NetworkSettings, PeerDown, PeerUp, Topic
from tests.p2p.nets import (
    CHAIN,
    SETTINGS,
    Recorder,
    bootstrapped,
    open_node,
    open_pair,
    wait_peers,
    wait_until,
)


async def echo(_: bytes, payload: bytes) -> bytes:
    return payload


async def test_a_bootstrap_peer_is_found_and_both_sides_are_told():
    async with open_node(1) as one, open_node(2, settings=bootstrapped(one)) as two:
        with trio.fail_after(3):
            assert await one.events.receive() == PeerUp(two.peer_id)
            assert await two.events.receive() == PeerUp(one.peer_id)
        (info,) = one.peers()
        assert (info.peer_id, info.direction, info.agent) == (two.peer_id, "inbound", "neurond")
        assert two.peers()[0].direction == "outbound"
        assert parse_address(two.peers()[0].address) == parse_address(one.addresses[0])


async def test_a_node_lists_the_real_port_and_its_peer_id():
    async with open_node(1) as one:
        place = parse_address(one.addresses[0])
        assert place.port != 0
        assert place.peer_id == one.peer_id


async def test_a_bootstrap_peer_that_comes_late_is_still_found():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    listen = f"/ip4/127.0.0.1/tcp/{port}"
    async with open_node(1) as known:
        late = str(parse_address(listen).with_peer(known.peer_id))
    async with open_node(2, settings=replace(SETTINGS, bootstrap=(late,))) as two:
        await trio.sleep(0.5)
        async with open_node(1, settings=replace(SETTINGS, listen=(listen,))):
            await wait_peers(two, 1)


async def test_closing_leaves_nothing_behind_and_is_prompt():
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(open_node(number)) for number in range(4)]
        for node in nodes[1:]:
            await node.connect(nodes[0].addresses[0])
        start = trio.current_time()
    assert trio.current_time() - start < 0.5
    assert len(trio.lowlevel.current_task().parent_nursery.child_tasks) <= 2  # type: ignore[union-attr]


async def test_a_peer_that_restarts_with_its_identity_is_met_again():
    listen: tuple[str, ...] = SETTINGS.listen
    async with open_node(1, answers={"echo": echo}) as one:
        for _ in range(3):
            settings = replace(bootstrapped(one), listen=listen)
            async with open_node(2, settings=settings) as two:
                await wait_peers(one, 1)
                await wait_peers(two, 1)
                assert await two.ask(one.peer_id, "echo", b"hi", 9) == b"hi"
                listen = tuple(address.rsplit("/p2p/", 1)[0] for address in two.addresses)
            await wait_peers(one, 0)
        events = [one.events.receive_nowait() for _ in range(6)]
        assert [type(event) for event in events] == [PeerUp, PeerDown] * 3


async def test_a_lost_peer_is_redialled_by_who_chose_it():
    async with open_node(1) as one, open_node(2, settings=bootstrapped(one)) as two:
        await wait_peers(one, 1)
        await trio.sleep(0.05)
        one.disconnect(two.peer_id)
        await wait_peers(two, 0)
        await wait_peers(two, 1)
        await wait_peers(one, 1)


async def test_nodes_that_dial_each_other_at_once_end_with_one_usable_link(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(sessions, "RETIRE_S", 0.1)
    async with AsyncExitStack() as stack:
        judges = [Recorder(), Recorder()]
        one = await stack.enter_async_context(open_node(1, judges[0], {"echo": echo}))
        two = await stack.enter_async_context(open_node(2, judges[1], {"echo": echo}))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.connect, two.addresses[0])
            nursery.start_soon(two.connect, one.addresses[0])
        await wait_peers(one, 1)
        await wait_peers(two, 1)
        await wait_until(lambda: one.stats()["connections"] == two.stats()["connections"] == 1)
        assert await one.ask(two.peer_id, "echo", b"a", 9) == b"a"
        assert await two.ask(one.peer_id, "echo", b"b", 9) == b"b"
        one.publish(Topic.VOTE, b"1")
        two.publish(Topic.VOTE, b"2")
        await judges[0].wait(1)
        await judges[1].wait(1)


async def test_neighbours_tell_each_other_of_their_neighbours():
    async with (
        open_node(1) as one,
        open_node(2, settings=bootstrapped(one)) as two,
        open_node(3, settings=bootstrapped(one)) as three,
    ):
        for node in (one, two, three):
            await wait_peers(node, 2)


async def test_a_peer_known_only_to_a_neighbour_is_found_by_its_id():
    alone = replace(SETTINGS, target_peers=0)
    async with (
        open_node(1, settings=alone) as one,
        open_node(2, settings=alone) as two,
        open_node(3, settings=alone) as three,
    ):
        await two.connect(one.addresses[0])
        await three.connect(one.addresses[0])
        assert await two.find_peer(three.peer_id)
        await wait_peers(two, 2)
        assert not await two.find_peer(b"\x00\x24\x08\x01\x12\x20" + bytes(32))


async def test_a_foreign_network_is_refused_with_the_reason():
    async with open_node(1) as one, open_node(2, chain=Hash32(b"x" * 32)) as two:
        with pytest.raises(ForeignNetwork, match="refused us: another network: chain 7878"):
            await two.connect(one.addresses[0])
        assert one.peers() == two.peers() == ()
        await wait_until(lambda: one.stats().get("foreign_peers", 0) == 1)


async def test_another_protocol_version_is_refused_with_the_reason():
    async with (
        open_node(1) as one,
        open_node(2, settings=replace(SETTINGS, protocol_version=2)) as two,
    ):
        with pytest.raises(ForeignNetwork, match="protocol version"):
            await two.connect(one.addresses[0])


async def test_a_port_in_use_is_a_local_fault_that_names_the_address():
    async with open_node(1) as one:
        listen = (one.addresses[0].rsplit("/p2p/", 1)[0],)
        with pytest.raises(AddressInUse, match="Is another neurond running"):
            async with open_node(2, settings=replace(SETTINGS, listen=listen)):
                pass


@pytest.mark.parametrize(
    "settings",
    [
        replace(SETTINGS, listen=("localhost:80",)),
        replace(SETTINGS, bootstrap=("/ip4/127.0.0.1/tcp/1",)),
        replace(SETTINGS, bootstrap=("nonsense",)),
    ],
)
async def test_a_mistyped_address_is_a_local_fault(settings: NetworkSettings):
    with pytest.raises((BadAddress, LocalFault)):
        async with open_node(1, settings=settings):
            pass


async def test_connecting_to_the_wrong_identity_nobody_or_oneself_fails():
    async with open_node(1) as one, open_node(2) as two, open_node(3) as three:
        wrong = parse_address(two.addresses[0]).with_peer(three.peer_id)
        with pytest.raises(PeerGone, match=r"no secure connection: .*[Pp]eer"):
            await one.connect(str(wrong))
        nobody = replace(parse_address(two.addresses[0]), port=1)
        with pytest.raises(PeerGone, match="does not answer"):
            await one.connect(str(nobody))
        with pytest.raises(LocalFault):
            await one.connect(one.addresses[0])
        assert one.peers() == ()


async def test_strangers_beyond_the_limit_are_refused_and_the_chosen_still_fit():
    settings = replace(SETTINGS, max_peers=4, target_peers=0)
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(open_node(1, settings=settings))
        others = [await stack.enter_async_context(open_node(number)) for number in range(2, 7)]
        for other in others[:3]:
            await other.connect(hub.addresses[0])
        with pytest.raises(PeerGone):
            await others[3].connect(hub.addresses[0])
        await wait_peers(hub, 3)
        await hub.connect(others[4].addresses[0])
        await wait_peers(hub, 4)


async def test_the_address_book_of_an_earlier_run_finds_the_peers_again():
    async with open_node(1) as one:
        async with open_node(2, settings=bootstrapped(one)) as two:
            await wait_peers(two, 1)
            book = two.dump_peers()
        await wait_peers(one, 0)
        async with open_node(2, settings=replace(SETTINGS, known_peers=book)) as two:
            await wait_peers(two, 1)


async def test_round_trips_are_measured(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mesh, "NAMES_S", 0.01)
    async with open_pair() as (one, _):
        await wait_until(lambda: one.peers()[0].rtt_ms is not None)
        assert 0 < (one.peers()[0].rtt_ms or math.inf) < 1_000


async def test_events_nobody_reads_are_counted_and_block_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sessions, "EVENTS_MAX", 1)
    async with open_node(1) as one:
        async with open_node(2) as two:
            await two.connect(one.addresses[0])
            await wait_peers(one, 1)
        await wait_peers(one, 0)
        assert one.stats()["events_dropped"] == 1


async def test_the_bodys_own_exception_leaves_the_block_bare():
    with pytest.raises(ValueError, match="mine"):
        async with open_node(1):
            raise ValueError("mine")


@pytest.mark.slow
async def test_nodes_on_one_local_network_find_each_other_by_mdns():
    settings = replace(SETTINGS, mdns=True)
    async with (
        open_node(1, settings=settings) as one,
        open_node(2, settings=settings),
        open_node(3, settings=settings, chain=Hash32(b"x" * 32)) as foreign,
    ):
        await wait_peers(one, 1, 15)
        assert foreign.peers() == ()
        assert foreign.stats().get("dials", 0) == 0


def test_the_chain_of_these_tests_is_not_the_foreign_one():
    assert CHAIN.hex().startswith("6363")
