"""What a peer can throw at the answers of a node: each of its bounds holds."""
# pyright: reportPrivateUsage=false
# What waits inside is looked at: no door shows it.

import gc
import struct
from contextlib import suppress

import pytest
import trio

from p2p import ask_wire, sessions, wire
from p2p.answers import Responder
from p2p.ask_wire import AskKind, Request, write_ask, write_request
from p2p.errors import PeerBusy, PeerGone
from p2p.quota import Limit, Quota
from tests.p2p.hostile import Villain, open_villain
from tests.p2p.nets import NetworkSettings, open_node, open_pair, wait_until


async def echo(_: bytes, payload: bytes) -> bytes:
    return payload


QUESTION = b"".join(write_request(1, Request("k" * 200, 9, 0), b""))
"""One that is refused, at some length."""


async def _flood(villain: Villain) -> None:
    """Ask for ever on a stream of its own and read no answer."""
    stream = await villain.channel.open(wire.ASK_PROTOCOL)
    while True:
        await stream.write(QUESTION * 1_000)


async def test_a_flood_of_questions_whose_refusals_nobody_reads_is_bounded():
    async with open_node(1, answers={"echo": echo}) as victim, open_villain(victim) as villain:
        await villain.open_gossip()
        with trio.move_on_after(0.3), suppress(PeerGone):
            await _flood(villain)
        waiting = [it._pipe._bytes for it in gc.get_objects() if type(it) is Responder]
        assert 0 < max(waiting) < 1 << 21
        async with open_node(50) as honest:
            await honest.connect(victim.addresses[0])
            assert await honest.ask(victim.peer_id, "echo", b"alive", 9) == b"alive"


async def test_a_stream_whose_answers_nobody_takes_is_ended(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("p2p.yamux.STALL_S", 0.2)
    async with open_node(1, answers={"echo": echo}) as victim, open_villain(victim) as villain:
        await villain.open_gossip()
        with trio.fail_after(5), pytest.raises(PeerGone):
            await _flood(villain)


async def test_unfinished_questions_are_bounded_however_little_they_hold():
    async with open_node(1, answers={"echo": echo}) as victim, open_villain(victim) as villain:
        gossip = await villain.open_gossip()
        stream = await villain.channel.open(wire.ASK_PROTOCOL)
        head = struct.pack("!IIB", 9, 0, 4) + b"echo"
        with suppress(PeerGone):
            for first in range(0, 50_000, 1_000):
                numbers = range(first, first + 1_000)
                await stream.write(
                    b"".join(write_ask(AskKind.REQUEST, n, head, ask_wire.MORE) for n in numbers)
                )
        assert await villain.is_hung_up_on(gossip)


async def test_a_long_question_beyond_the_quota_is_refused_and_breaks_nothing():
    quota = Quota(Limit(1_000, 1_000), Limit(1_000, 40_000))
    settings = NetworkSettings(ask_quota=quota)
    async with open_pair(answers={"echo": echo}, settings=settings) as (one, two):
        with pytest.raises(PeerBusy), trio.fail_after(5):
            await one.ask(two.peer_id, "echo", bytes(300_000), wire.BODY_MAX)
        assert two.stats().get("protocol_broken", 0) == 0


async def test_a_peer_asks_on_few_streams_at_once():
    async with open_node(1, answers={"echo": echo}) as victim, open_villain(victim) as villain:
        await villain.open_gossip()
        for _ in range(sessions.ASK_STREAMS_MAX):
            await villain.channel.open(wire.ASK_PROTOCOL)
        more = await villain.channel.open(wire.ASK_PROTOCOL)
        assert await villain.is_hung_up_on(more)
        assert victim.stats()["ask_streams_refused"] == 1


@pytest.mark.parametrize(("size_max", "count"), [(wire.BODY_MAX, 5), (66 * 1024, 64)])
async def test_few_long_answers_are_worked_on_at_once_and_many_short_ones(
    size_max: int, count: int
):
    gate = trio.Event()
    begun: list[bytes] = []

    async def slow(_: bytes, payload: bytes) -> bytes:
        begun.append(payload)
        await gate.wait()
        return payload

    async with open_pair(answers={"slow": slow, "echo": echo}) as (one, two):
        async with trio.open_nursery() as nursery:
            for _ in range(70):
                nursery.start_soon(one.ask, two.peer_id, "slow", b"x", size_max)
            await wait_until(lambda: len(begun) >= count)
            await trio.sleep(0.05)
            assert len(begun) == count
            if count == 5:  # short ones are not held up by long ones
                assert await one.ask(two.peer_id, "echo", b"short", 9) == b"short"
            gate.set()
        assert len(begun) == 70
