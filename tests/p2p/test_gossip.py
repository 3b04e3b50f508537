"""Gossip between real nodes: what is judged, forwarded, pulled, repaired."""

from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
import trio

from consensus.verdict import Accept, Ignore, Reject, Verdict
from p2p import mesh, seen, wire
from p2p.errors import TooLarge
from p2p.network import Topic
from p2p.quota import Limit, Quota
from tests.p2p.nets import (
    SETTINGS,
    Network,
    Recorder,
    bootstrapped,
    open_node,
    open_pair,
    wait_peers,
    wait_until,
)


async def test_a_published_message_reaches_the_neighbours_judge_once():
    judge = Recorder()
    async with open_pair(judge) as (one, two):
        for topic in Topic:
            one.publish(topic, topic.encode())
        await judge.wait(6)
        one.publish(Topic.TX, b"tx")
        await trio.sleep(0.05)
        assert sorted(judge.got) == sorted((topic, one.peer_id, topic.encode()) for topic in Topic)
        assert two.stats()["accepted"] == 6


async def test_our_own_messages_are_not_judged_when_they_come_back():
    judge, other = Recorder(), Recorder()
    async with open_node(1, judge) as one, open_node(2, other) as two:
        await one.connect(two.addresses[0])
        await wait_peers(two, 1)
        one.publish(Topic.VOTE, b"v")
        two.publish(Topic.VOTE, b"v")
        await trio.sleep(0.05)
        assert judge.got == other.got == []


async def test_equal_statuses_are_all_judged_and_go_no_further_than_neighbours():
    middle, end = Recorder(), Recorder()
    async with open_node(1) as one, open_node(2, middle) as two, open_node(3, end) as three:
        await _connect_line(one, two, three)
        for _ in range(3):
            one.publish(Topic.STATUS, b"status")
        await middle.wait(3)
        one.publish(Topic.VOTE, b"vote")
        await end.wait(1)
        assert end.payloads == [b"vote"]


async def test_what_the_judge_ignores_or_rejects_is_not_forwarded():
    middle, end = Recorder(Ignore("not yet")), Recorder()
    async with open_node(1) as one, open_node(2, middle) as two, open_node(3, end) as three:
        await _connect_line(one, two, three)
        one.publish(Topic.TX, b"ignored")
        await middle.wait(1)
        middle.verdict = Reject("never")
        one.publish(Topic.TX, b"rejected")
        await middle.wait(2)
        middle.verdict = Accept()
        one.publish(Topic.TX, b"accepted")
        await end.wait(1)
        assert end.payloads == [b"accepted"]


async def test_an_ignored_message_is_judged_afresh_later(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(seen, "IGNORED_S", 0.05)
    judge = Recorder(Ignore("not yet"))
    async with open_pair(judge) as (one, _):
        one.publish(Topic.VOTE, b"early")
        await judge.wait(1)
        one.publish(Topic.VOTE, b"early")
        await trio.sleep(0.02)
        assert len(judge.got) == 1
        await trio.sleep(0.06)
        one.publish(Topic.VOTE, b"early")
        await judge.wait(2)


async def test_a_message_sent_to_one_peer_is_judged_each_time_and_not_forwarded():
    middle, end = Recorder(), Recorder()
    async with open_node(1) as one, open_node(2, middle) as two, open_node(3, end) as three:
        await _connect_line(one, two, three)
        assert one.send(two.peer_id, Topic.VOTE, b"again")
        assert one.send(two.peer_id, Topic.VOTE, b"again")
        assert one.send(two.peer_id, Topic.BLOCK, bytes(200_000))
        assert not one.send(three.peer_id, Topic.VOTE, b"a stranger")
        await middle.wait(3)
        await trio.sleep(0.05)
        assert sorted(middle.payloads) == sorted([b"again", b"again", bytes(200_000)])
        assert end.got == []


@pytest.mark.parametrize("size", [wire.INLINE_MAX, wire.INLINE_MAX + 1, wire.BODY_MAX])
async def test_a_large_message_is_announced_and_pulled_by_every_node(size: int):
    middle, end = Recorder(), Recorder()
    async with open_node(1) as one, open_node(2, middle) as two, open_node(3, end) as three:
        await _connect_line(one, two, three)
        one.publish(Topic.BLOCK, bytes(size))
        await end.wait(1)
        assert middle.payloads == end.payloads == [bytes(size)]
        assert three.stats().get("pulled", 0) == int(size > wire.INLINE_MAX)


async def test_a_message_over_a_mebibyte_is_refused_here():
    async with open_node(1) as one:
        with pytest.raises(TooLarge):
            one.publish(Topic.BLOCK, bytes(wire.BODY_MAX + 1))
        with pytest.raises(TooLarge):
            one.send(b"\0" * 38, Topic.BLOCK, bytes(wire.BODY_MAX + 1))


async def test_rejected_messages_cost_the_sender_its_score_and_then_its_place():
    judge = Recorder(Reject("forged"))
    async with open_pair(judge) as (one, two):
        one.publish(Topic.VOTE, b"0")
        await judge.wait(1)
        (info,) = two.peers()
        assert -10.1 < info.score < -9.9
        for number in range(1, 12):
            one.publish(Topic.VOTE, str(number).encode())
        await wait_peers(two, 0)
        assert two.stats()["banned"] == 1
        assert len(judge.got) < 12
        with pytest.raises(Exception, match=r"banned|ended|hello|gossip"):
            await one.connect(two.addresses[0])
        assert two.peers() == ()


async def test_a_grey_peer_is_heard_on_votes_only():
    judge = Recorder(Reject("forged"))
    async with open_pair(judge) as (one, two):
        for number in range(4):
            one.publish(Topic.TX, str(number).encode())
        await wait_until(lambda: two.stats().get("greylisted", 0) >= 1)
        judge.verdict = Accept()
        one.publish(Topic.TX, b"tx")
        one.publish(Topic.VOTE, b"vote")
        await wait_until(lambda: b"vote" in judge.payloads)
        await trio.sleep(0.02)
        assert b"tx" not in judge.payloads


async def test_a_flood_is_dropped_undecoded_and_ends_in_a_ban():
    judge = Recorder()
    settings = replace(SETTINGS, gossip_quota=Quota(Limit(50, 100), Limit(1e6, 1e6)))
    async with open_pair(judge, settings=settings) as (one, two):
        for number in range(6_000):
            one.publish(Topic.TX, number.to_bytes(4, "big"))
        await wait_peers(two, 0)
        assert len(judge.got) < 200
        assert two.stats()["over_quota"] > 1_000


async def test_a_judge_that_crashes_blames_nobody_and_ends_nothing():
    async def judge(topic: Topic, _: bytes, payload: bytes) -> Verdict:
        raise RuntimeError(f"a bug in judging {topic} {payload!r}")

    async with open_pair(judge) as (one, two):
        one.publish(Topic.TX, b"x")
        await wait_until(lambda: two.stats().get("ignored", 0) == 1)
        assert two.peers()[0].score == 0


async def test_slow_judging_of_transactions_never_holds_up_a_vote():
    votes: list[bytes] = []

    async def judge(topic: Topic, _: bytes, payload: bytes) -> Verdict:
        if topic is Topic.TX:
            await trio.sleep_forever()
        votes.append(payload)
        return Accept()

    async with open_pair(judge) as (one, _):
        for number in range(200):
            one.publish(Topic.TX, number.to_bytes(2, "big"))
        await trio.sleep(0.02)
        one.publish(Topic.VOTE, b"vote")
        await wait_until(lambda: votes == [b"vote"])


async def test_one_judge_call_decides_for_all_copies_that_come_meanwhile():
    gate = trio.Event()
    calls: list[bytes] = []

    async def judge(_: Topic, peer: bytes, __: bytes) -> Verdict:
        calls.append(peer)
        await gate.wait()
        return Reject("forged")

    async with (
        open_node(1) as one,
        open_node(2) as two,
        open_node(3, judge, settings=bootstrapped(one)) as three,
    ):
        await two.connect(three.addresses[0])
        await wait_peers(three, 2)
        one.publish(Topic.VOTE, b"same")
        two.publish(Topic.VOTE, b"same")
        await wait_until(lambda: three.stats().get("duplicates", 0) == 1)
        gate.set()
        await wait_until(lambda: all(peer.score < -9 for peer in three.peers()))
        assert len(calls) == 1


async def test_what_a_neighbour_missed_is_repaired_by_names(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mesh, "NAMES_S", 0.01)
    judge = Recorder()
    async with open_node(1) as one:
        one.publish(Topic.TX, b"before you came")
        async with open_node(2, judge, settings=bootstrapped(one)):
            await judge.wait(1)
            assert judge.payloads == [b"before you came"]


async def test_five_nodes_that_know_one_of_them_all_get_everything():
    judges = [Recorder() for _ in range(5)]
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(open_node(1, judges[0]))]
        for number, judge in enumerate(judges[1:], 2):
            opened = open_node(number, judge, settings=bootstrapped(nodes[0]))
            nodes.append(await stack.enter_async_context(opened))
        for node in nodes:
            await wait_until(lambda node=node: len(node.peers()) >= 1)
        for number in range(100):
            nodes[number % 5].publish(list(Topic)[number % 6], number.to_bytes(2, "big"))
        statuses = sum(number % 6 == 1 for number in range(100))
        for number, judge in enumerate(judges):
            own = {n.to_bytes(2, "big") for n in range(100) if n % 5 == number}
            status = {n.to_bytes(2, "big") for n in range(100) if n % 6 == 1}
            everything = {n.to_bytes(2, "big") for n in range(100)} - own - status
            await wait_until(lambda j=judge, e=everything: e <= set(j.payloads), 8)
        assert statuses == 17


@pytest.mark.slow
async def test_more_nodes_than_a_mesh_holds_all_get_everything():
    judges = [Recorder() for _ in range(16)]
    async with AsyncExitStack() as stack:
        nodes: list[Network] = []
        for number, judge in enumerate(judges):
            settings = bootstrapped(nodes[0]) if nodes else SETTINGS
            nodes.append(
                await stack.enter_async_context(open_node(number, judge, settings=settings))
            )
        await wait_until(lambda: all(node.stats()["mesh_peers"] >= 3 for node in nodes), 30)
        for number in range(60):
            nodes[number % 16].publish(Topic.VOTE, b"v" + number.to_bytes(2, "big"))
            nodes[number % 16].publish(Topic.TX, b"t" + number.to_bytes(2, "big"))
        for judge in judges:
            await wait_until(lambda j=judge: len(set(j.payloads)) >= 112, 20)
        assert all(node.stats()["mesh_peers"] <= mesh.MESH_MAX for node in nodes)


async def _connect_line(one: Network, two: Network, three: Network) -> None:
    """Connect 1-2 and 2-3; 1 and 3 do not know each other's addresses in time."""
    await one.connect(two.addresses[0])
    await three.connect(two.addresses[0])
    await wait_peers(two, 2)
