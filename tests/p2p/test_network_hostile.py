"""What strangers and peers can throw at a node: it lives, counts, and serves the honest."""
# pyright: reportPrivateUsage=false
# Faults of our own are provoked from inside: no door leads to them.

import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import trio

from consensus import codec
from consensus.quantities import Hash32, ShortText
from p2p import host, mesh, wire
from p2p.addresses import parse_address
from p2p.ask_wire import AskKind, Request, write_ask, write_credit, write_request
from p2p.errors import PeerGone
from p2p.host import IDENTIFY_PROTOCOL, PING_PROTOCOL
from p2p.peers import PeerStanding, Saved
from p2p.transport import Transport
from p2p.wire import Announcement, GossipKind, MessageId, Topic
from tests.p2p.hostile import HELLO, open_villain
from tests.p2p.nets import (
    Network,
    Recorder,
    open_node,
    open_pair,
    wait_peers,
    wait_until,
)

MULTISTREAM = b"\x13/multistream/1.0.0\n"
VILLAIN = Transport((99).to_bytes(32, "big")).peer_id
RANDOM = Random(7)
"""Seeded: a test's name must be the same in every process that collects it."""
NAME = MessageId(b"n" * wire.ID_SIZE)


async def echo(_: bytes, payload: bytes) -> bytes:
    return payload


async def _check_honest_service(victim: Network) -> None:
    """Fail unless a new honest peer can connect, ask and gossip."""
    async with open_node(50) as honest:
        with trio.fail_after(5):
            await honest.connect(victim.addresses[0])
            assert await honest.ask(victim.peer_id, "echo", b"alive", 9) == b"alive"


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\0",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        MULTISTREAM + b"\x07/noise\n" + RANDOM.randbytes(200),
        MULTISTREAM + b"\x07/noise\n" + b"\xff\xff" + bytes(70_000),
        MULTISTREAM + b"\x0b/plaintext\n",
        b"\xff" * 9 + b"\x01" + b"x" * 1_000,
        b"\x80\x80\x80\x80\x80\x80\x01" + b"x" * 1_000,
        RANDOM.randbytes(5_000),
        b"\x13/multistream/9.9.9\n",
        b"\x05\xff\xfe\xfd\xfc\n",
    ],
)
async def test_garbage_on_the_socket_ends_that_socket_only(garbage: bytes):
    async with open_node(1, answers={"echo": echo}) as victim:
        place = parse_address(victim.addresses[0])
        for _ in range(3):
            stream = await trio.open_tcp_stream(place.host, place.port)
            await stream.send_all(garbage)
            await stream.aclose()
        await _check_honest_service(victim)
        assert victim.stats()["host_opened"] == 1


async def test_silent_sockets_are_dropped_and_take_no_peers_place(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(host, "UPGRADE_S", 0.3)
    async with open_node(1, answers={"echo": echo}) as victim:
        place = parse_address(victim.addresses[0])
        streams = [await trio.open_tcp_stream(place.host, place.port) for _ in range(20)]
        await _check_honest_service(victim)
        for stream in streams:
            with trio.fail_after(3):
                while await stream.receive_some():
                    pass
            await stream.aclose()


@pytest.mark.parametrize(
    "first",
    [
        wire.write_gossip(GossipKind.PING, b"12345678"),
        wire.write_gossip(GossipKind.HELLO, b"not a hello"),
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
        RANDOM.randbytes(64),
    ],
)
async def test_anything_but_a_hello_first_ends_the_connection(first: bytes):
    async with open_node(1, answers={"echo": echo}) as victim:
        async with open_villain(victim) as villain:
            stream = await villain.channel.open(wire.GOSSIP_PROTOCOL)
            await stream.write(first)
            assert await villain.is_hung_up_on(stream)
        assert victim.peers() == ()
        await _check_honest_service(victim)


@pytest.mark.parametrize(
    "frame",
    [
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
        wire.write_gossip(GossipKind.DATA),
        wire.write_gossip(GossipKind.DATA, b"\x77payload"),
        b"\0\0\0\x01\x77",
        wire.write_gossip(GossipKind.IHAVE, b"12345"),
        wire.write_gossip(GossipKind.ANNOUNCE, b"12345"),
        wire.write_announcement(
            Announcement(Topic.BLOCK, NAME, wire.BODY_MAX + 1, is_direct=False)
        ),
        wire.write_announcement(Announcement(Topic.BLOCK, NAME, 2**32 - 1, is_direct=False)),
        wire.write_gossip(GossipKind.ADDRESSES, b"\xff" * 50),
        wire.write_gossip(GossipKind.HELLO, b""),
    ],
)
async def test_a_broken_gossip_frame_costs_the_link_and_the_score(frame: bytes):
    async with open_node(1, answers={"echo": echo}) as victim:
        async with open_villain(victim) as villain:
            stream = await villain.open_gossip()
            await stream.write(frame)
            assert await villain.is_hung_up_on(stream)
        assert victim.stats()["protocol_broken"] == 1
        await _check_honest_service(victim)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        b"\0\0\0\x02\x01\x00",
        write_ask(AskKind.REQUEST, 1, b"short"),
        write_ask(AskKind.ANSWER, 1, b"unasked"),
        write_ask(AskKind.CREDIT, 1, b"x") + b"\0\0\0\x06\x63\0\0\0\0\x01",
        b"".join(write_request(1, Request("echo", 9, 0), bytes(5 << 20))),
        b"".join(write_request(1, Request("slow", 9, 0), b"")) * 2,
    ],
)
async def test_a_broken_ask_frame_costs_the_connection(data: bytes):
    async def slow(_: bytes, __: bytes) -> bytes:
        await trio.sleep_forever()
        return b""

    async with open_node(1, answers={"echo": echo, "slow": slow}) as victim:
        async with open_villain(victim) as villain:
            gossip = await villain.open_gossip()
            stream = await villain.channel.open(wire.ASK_PROTOCOL)
            with suppress(PeerGone):  # it may hang up before it has read everything
                await stream.write(data)
            assert await villain.is_hung_up_on(gossip)
        await _check_honest_service(victim)


async def test_cancels_and_credits_of_no_call_are_harmless():
    async with open_node(1, answers={"echo": echo}) as victim, open_villain(victim) as villain:
        await villain.open_gossip()
        stream = await villain.channel.open(wire.ASK_PROTOCOL)
        await stream.write(write_ask(AskKind.CANCEL, 7) + write_credit(7, 2**32 - 1))
        await stream.write(b"".join(write_request(8, Request("echo", 9, 0), b"hi")))
        assert (await stream.read())[10:] == b"hi"


async def test_an_ask_stream_before_any_hello_gets_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("p2p.sessions.LINK_WAIT_S", 0.1)
    async with open_node(1, answers={"echo": echo}) as victim, open_villain(victim) as villain:
        stream = await villain.channel.open(wire.ASK_PROTOCOL)
        await stream.write(b"".join(write_request(8, Request("echo", 9, 0), b"hi")))
        assert await villain.is_hung_up_on(stream)


@pytest.mark.parametrize("protocol", [IDENTIFY_PROTOCOL, PING_PROTOCOL])
async def test_garbage_to_the_librarys_own_protocols_is_harmless(protocol: str):
    async with open_node(1, answers={"echo": echo}) as victim, open_villain(victim) as villain:
        stream = await villain.channel.open(protocol)
        await stream.write(b"\xff" * 5_000)
        with trio.fail_after(2):
            assert await stream.read()
        await stream.reset()
        await _check_honest_service(victim)


async def test_a_flood_of_streams_ends_its_connection():
    async with open_node(1, answers={"echo": echo}) as victim:
        async with open_villain(victim) as villain:
            gossip = await villain.open_gossip()
            async with trio.open_nursery() as nursery:

                async def hold() -> None:
                    with suppress(PeerGone):
                        await villain.channel.open(PING_PROTOCOL)

                for _ in range(3 * host.STREAMS_MAX):
                    nursery.start_soon(hold)
            assert await villain.is_hung_up_on(gossip)
        assert victim.stats()["stream_floods"] == 1
        await _check_honest_service(victim)


async def test_bytes_nobody_reads_are_bounded():
    async with open_node(1, answers={"echo": echo}) as victim, open_villain(victim) as villain:
        await villain.open_gossip()
        stream = await villain.channel.open(wire.ASK_PROTOCOL)
        stream.window = 1 << 25  # what an honest Yamux would never do
        slow = b"".join(write_request(1, Request("echo", 1, 0), bytes(1 << 20)))
        with trio.move_on_after(10):
            for _ in range(64):
                try:
                    await stream.write(slow)
                except PeerGone:
                    break
        await _check_honest_service(victim)


async def test_an_announced_body_that_is_never_given_lowers_the_score():
    async with open_node(1) as victim, open_villain(victim) as villain:
        stream = await villain.open_gossip()
        announcement = Announcement(Topic.BLOCK, NAME, 100_000, is_direct=False)
        await stream.write(wire.write_announcement(announcement))
        await wait_until(lambda: victim.stats().get("pulls_failed", 0) == 1)
        assert victim.peers()[0].score < -1


async def test_a_handler_that_raises_ends_its_stream_only(monkeypatch: pytest.MonkeyPatch):
    async with open_node(1, answers={"echo": echo}) as victim:

        async def crash(*_: object) -> None:
            await trio.sleep(0.05)
            raise RuntimeError("a bug")

        victim._host._handlers[wire.ASK_PROTOCOL] = crash
        async with open_villain(victim) as villain:
            gossip = await villain.open_gossip()
            stream = await villain.channel.open(wire.ASK_PROTOCOL)
            assert await villain.is_hung_up_on(stream)
            assert not await villain.is_hung_up_on(gossip, 0.2)
        assert victim.stats()["handlers_crashed"] == 1


async def test_a_host_that_breaks_reopens_on_its_port_and_meets_its_peers_again():
    judge = Recorder()
    async with open_pair(judge, answers={"echo": echo}) as (one, two):
        addresses = two.addresses

        async def break_down() -> None:
            raise RuntimeError("whatever still escapes")

        two._host._nursery.start_soon(break_down)  # type: ignore[union-attr]
        await wait_until(lambda: two.stats()["host_opened"] == 2)
        await wait_peers(one, 1)
        await wait_peers(two, 1)
        assert two.addresses == addresses
        with trio.fail_after(3):
            assert await one.ask(two.peer_id, "echo", b"again", 9) == b"again"
        one.publish(Topic.VOTE, b"again")
        await judge.wait(1)


async def test_a_banned_peer_is_not_let_in_again():
    async with open_node(1) as victim:
        for _ in range(3):
            async with open_villain(victim) as villain:
                stream = await villain.open_gossip()
                await stream.write(b"\xff\xff\xff\xff")
                assert await villain.is_hung_up_on(stream)
        standing = victim._book.standing(VILLAIN, trio.current_time())
        assert standing is PeerStanding.BANNED
        async with open_villain(victim) as villain:
            with pytest.raises(PeerGone):
                await villain.open_gossip()
        assert victim.stats()["banned_refused"] == 1


async def test_a_neighbour_that_reads_nothing_is_dropped_and_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(mesh, "SILENT_S", 0.5)
    monkeypatch.setattr(mesh, "NAMES_S", 0.02)
    judge = Recorder()
    async with open_node(1) as victim, open_node(2, judge) as other:
        await victim.connect(other.addresses[0])
        async with open_villain(victim) as villain:
            await villain.open_gossip()  # and then never a pong
            await wait_peers(victim, 2)
            victim.publish(Topic.VOTE, b"v")
            await judge.wait(1)
            await wait_peers(victim, 1, 5)
        assert victim.stats()["silent_dropped"] == 1


FROZEN = """
import sys, trio
from tests.p2p.nets import open_node
async def main():
    async with open_node(7) as network:
        print(network.addresses[0], flush=True)
        await trio.sleep_forever()
trio.run(main)
"""


@pytest.mark.slow
async def test_a_stopped_process_is_evicted_and_heals_when_it_goes_on(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(mesh, "SILENT_S", 2.0)
    root = Path(__file__).parents[2]
    process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
        [sys.executable, "-c", FROZEN], cwd=root, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        address = (await trio.to_thread.run_sync(process.stdout.readline)).strip()
        async with open_node(1) as one:
            peer = await one.connect(address)
            process.send_signal(signal.SIGSTOP)
            for number in range(2_000):
                one.publish(Topic.TX, number.to_bytes(1_000, "big"))
            await wait_peers(one, 0, 15)
            process.send_signal(signal.SIGCONT)
            await wait_peers(one, 1, 15)
            assert one.peers()[0].peer_id == peer
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def test_a_chain_id_of_zeros_is_as_foreign_as_any():
    async with open_node(1, chain=Hash32(bytes(32))) as victim, open_villain(victim) as villain:
        stream = await villain.channel.open(wire.GOSSIP_PROTOCOL)
        await stream.write(wire.write_hello(HELLO))
        answer = await stream.read()
        assert answer[4] == GossipKind.GOODBYE
        assert b"another network" in answer


async def test_a_peer_with_a_long_address_makes_no_honest_node_break_the_protocol():
    names = tuple(ShortText(f"/dns/{letter * 100}/tcp/1") for letter in "ab")
    async with open_node(1) as victim:
        async with open_villain(victim) as villain:
            stream = await villain.channel.open(wire.GOSSIP_PROTOCOL)
            await stream.write(wire.write_hello(replace(HELLO, listen=names)))
            await stream.read()
            async with open_node(2) as honest:
                await honest.connect(victim.addresses[0])
                victim.publish(Topic.STATUS, b"after the addresses")
                await wait_until(lambda: honest.stats().get("accepted", 0) == 1)
                assert honest.stats().get("protocol_broken", 0) == 0
        codec.decode(Saved, victim.dump_peers())
