"""What a neighbour can do to gossip: it holds up, crowds out and silences nobody."""
# pyright: reportPrivateUsage=false
# Windows are opened and sockets made deaf from inside: no door leads to them.

from dataclasses import dataclass

import pytest
import trio

from consensus.crypto import compute_peer_id
from consensus.quantities import PublicKey
from consensus.verdict import Accept, Ignore, Reject
from p2p import mesh, pulls, seen, wire
from p2p.addresses import Address
from p2p.errors import PeerGone
from p2p.wire import Announcement, GossipKind, MessageId, Topic
from p2p.yamux import Stream
from tests.p2p.hostile import open_villain
from tests.p2p.nets import Recorder, open_node, wait_peers, wait_until

WORD = b"a word among peers"
NAME = wire.compute_message_id(Topic.TX, WORD)
BODY = bytes(100_000)


def _name(number: int) -> MessageId:
    return MessageId(number.to_bytes(wire.ID_SIZE, "big"))


async def _name_all(stream: Stream, names: list[MessageId]) -> None:
    for frame in wire.write_ids(GossipKind.IHAVE, names):
        await stream.write(frame)


async def _is_asked(stream: Stream, name: MessageId, limit_s: float = 2.0) -> bool:
    """Return whether the victim asks for `name` on `stream` within `limit_s`."""
    with trio.move_on_after(limit_s):
        data = b""
        while name not in data:
            data = data[-100_000:] + await stream.read()
        return True
    return False


async def test_names_without_messages_do_not_stop_the_pulls_from_others():
    async with open_node(1) as victim, open_villain(victim) as liar:
        lying = await liar.open_gossip()
        await _name_all(lying, [_name(number) for number in range(1, 30_000)])
        async with open_villain(victim, 98) as other:
            telling = await other.open_gossip()
            await _name_all(telling, [NAME])
            assert await _is_asked(telling, NAME)


async def test_who_names_first_and_gives_nothing_is_asked_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(seen, "RETRY_S", 0.05)
    async with (
        open_node(1) as victim,
        open_villain(victim) as liar,
        open_villain(victim, 98) as other,
    ):
        lying, telling = await liar.open_gossip(), await other.open_gossip()
        await _name_all(lying, [NAME])
        assert await _is_asked(lying, NAME)
        await trio.sleep(0.06)
        await _name_all(lying, [NAME])
        await _name_all(telling, [NAME])
        assert await _is_asked(telling, NAME)
        assert not await _is_asked(lying, NAME, 0.1)


async def test_a_peer_nobody_hears_cannot_silence_what_an_honest_one_says():
    judge = Recorder(Reject("forged"))
    async with (
        open_node(1, judge) as victim,
        open_node(2) as honest,
        open_villain(victim) as villain,
    ):
        stream = await villain.open_gossip()
        for number in range(3):
            await stream.write(wire.write_data(GossipKind.DATA, Topic.TX, b"forged %d" % number))
        await judge.wait(3)
        judge.verdict = Accept()
        await stream.write(wire.write_data(GossipKind.DATA, Topic.TX, WORD))
        await wait_until(lambda: victim.stats().get("greylisted", 0) == 1)
        await honest.connect(victim.addresses[0])
        honest.publish(Topic.TX, WORD)
        await judge.wait(4)
        assert judge.got[-1] == (Topic.TX, honest.peer_id, WORD)


async def test_a_message_ignored_too_early_is_pulled_by_its_name_later(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(seen, "IGNORED_S", 0.05)
    async with (
        open_node(1, Recorder(Ignore("not yet"))) as victim,
        open_villain(victim) as villain,
    ):
        stream = await villain.open_gossip()
        await stream.write(wire.write_data(GossipKind.DATA, Topic.TX, WORD))
        await wait_until(lambda: victim.stats().get("ignored", 0) == 1)
        await trio.sleep(0.06)
        await _name_all(stream, [NAME])
        assert await _is_asked(stream, NAME)


async def test_an_announcer_that_never_gives_holds_a_body_up_only_shortly(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(pulls, "HEDGE_S", 0.1, raising=False)
    judge = Recorder()
    name = wire.compute_message_id(Topic.BLOCK, BODY)
    async with (
        open_node(1, judge) as victim,
        open_node(2) as honest,
        open_villain(victim, is_mute=True) as villain,
    ):
        stream = await villain.open_gossip()
        announcement = Announcement(Topic.BLOCK, name, len(BODY), is_direct=False)
        for _ in range(20):
            await stream.write(wire.write_announcement(announcement))
        await honest.connect(victim.addresses[0])
        await wait_peers(victim, 2)
        honest.publish(Topic.BLOCK, BODY)
        with trio.fail_after(3):
            await judge.wait(1)


async def test_one_neighbours_announcements_leave_room_for_anothers():
    judge = Recorder()
    async with (
        open_node(1, judge) as victim,
        open_node(2) as honest,
        open_villain(victim, is_mute=True) as villain,
    ):
        stream = await villain.open_gossip()
        for number in range(30):
            announcement = Announcement(Topic.BLOCK, _name(number), 100_000, is_direct=False)
            await stream.write(wire.write_announcement(announcement))
        await honest.connect(victim.addresses[0])
        await wait_peers(victim, 2)
        honest.publish(Topic.BLOCK, BODY)
        with trio.fail_after(3):
            await judge.wait(1)


async def test_a_neighbour_is_heard_on_addresses_now_and_then_only():
    async with open_node(1) as victim, open_villain(victim) as villain:
        stream = await villain.open_gossip()
        peers = [compute_peer_id(PublicKey(bytes([number] * 32))) for number in range(100)]
        for number, peer in enumerate(peers):
            place = Address("ip4", "10.0.0.1", 1 + number, peer)
            await stream.write(wire.write_addresses([str(place)]))
        await stream.write(wire.write_data(GossipKind.DATA, Topic.TX, WORD))
        await wait_until(lambda: victim.stats().get("accepted", 0) == 1)
        found = [victim._book.addresses_of(peer) for peer in peers]
        assert sum(map(bool, found)) == 1


@dataclass
class _Deaf:
    """A socket that is written to and not read from."""

    inner: trio.SocketStream

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    async def receive_some(self, size_max: int) -> bytes:
        await trio.sleep_forever()
        return bytes(size_max)


async def test_a_neighbour_that_talks_and_takes_nothing_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(mesh, "DEAF_S", 0.3, raising=False)
    monkeypatch.setattr(mesh, "NAMES_S", 0.02)
    async with open_node(1) as victim, open_villain(victim) as villain:
        stream = await villain.open_gossip()
        villain.channel._mux._socket = _Deaf(villain.channel._mux._socket)  # type: ignore[assignment]
        link = next(iter(victim._gossip.links.values()))
        link._stream.window = 1 << 30
        with trio.fail_after(6):
            while victim.peers():
                for _ in range(100):
                    victim.publish(Topic.STATUS, bytes(15_000))
                try:
                    await stream.write(wire.write_gossip(GossipKind.PING))
                except PeerGone:
                    break
                await trio.sleep(0.01)
