"""Subscribe, judge, forward, publish: epidemic broadcast over links with neighbours.

A message is told to the eager neighbours (`p2p/mesh.py` says who), at once or, if it is patient,
with others after a moment; it is named to the rest, who pull it. Nobody forwards what the judge has
not accepted; one judge call per id decides for all copies that arrive meanwhile. What is larger
than `INLINE_MAX` is announced and pulled. Every second the names of recent messages go to some
neighbours, to pull what they miss.

Order of defence, cheapest first: frame length, the peer's buckets, its standing, the seen ids, the
bound of the judging queue (transactions go first), the judge. Reject lowers the score of every
peer that sent the message; Ignore blames nobody, and lets the message be judged again later.

Source: gossipsub v1.1 for mesh, lazy links and verdicts; one mesh for all topics, since every node
follows all of them.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random

import trio

from consensus.verdict import Accept, Ignore, Reject, Verdict
from p2p import wire
from p2p.errors import RemoteFault
from p2p.judging import JudgingQueue, Unjudged, is_urgent
from p2p.link import Link
from p2p.mesh import Mesh
from p2p.peers import Deed, PeerBook, PeerStanding
from p2p.pulls import Pull, Pulls
from p2p.seen import RecentBodies, SeenBody, SeenIds, WantedIds
from p2p.wire import Announcement, GossipKind, MessageId, Topic

HOLD_S = 0.02
"""How long a transaction, our own too, is held so that others can join it, give or take half: then
a dozen share the cost of one write, and most neighbours' copies come before we have sent ours.
Short compared with a block."""
PATIENT_TOPICS = frozenset({Topic.EVIDENCE, Topic.WEIGHTS, Topic.TX})
FAN_OUT = 4
"""Neighbours that get a message that can wait whole; the others are told its name, 100 ms later at
most, and pull it if they lack it. With four, e^-4 or 2 % of a large network has to pull."""
ADDRESSES_S = 5.0
"""How often one neighbour's addresses are read; that costs more than most frames."""
JUDGES, URGENT_JUDGES = 12, 4
"""Judge calls at once, and how many more that only take votes, statuses and blocks, so that slow
judging of transactions never holds those up."""
Judge = Callable[[Topic, bytes, bytes], Awaitable[Verdict]]


class Gossip:
    """The links of this node and what passes over them."""

    def __init__(self, judge: Judge, book: PeerBook, random: Random) -> None:
        now_s = trio.current_time()
        self.bodies = RecentBodies()
        self.counts: Counter[str] = Counter()
        self.mesh = Mesh(self.bodies, book, random, self.counts)
        self.links = self.mesh.links
        self._judge = judge
        self._book = book
        self._random = random
        self._seen = SeenIds(now_s)
        self._queue = JudgingQueue()
        self._work = trio.lowlevel.ParkingLot()
        self._urgent_work = trio.lowlevel.ParkingLot()
        self._wanted = WantedIds(now_s)
        self._pulls = Pulls(self._on_body, self._blame, self.counts)
        self._on_addresses: Callable[[bytes, tuple[str, ...]], None]

    # -- the node's side -------------------------------------------------------------------------

    def publish(self, topic: Topic, payload: bytes) -> None:
        """Tell the neighbours; never blocks. `payload` at most `BODY_MAX` bytes."""
        now_s = trio.current_time()
        message_id = wire.compute_message_id(topic, payload)
        self.counts["published"] += 1
        if topic not in wire.NEIGHBOUR_TOPICS:
            self._seen.add(message_id, now_s)
        self._spread(message_id, SeenBody(topic, payload, now_s), ())

    def send(self, peer: bytes, topic: Topic, payload: bytes) -> bool:
        """Tell one neighbour, who judges it and won't forward it; False if it is not linked."""
        link = self.links.get(peer)
        if link is None:
            return False
        self.counts["sent"] += 1
        if len(payload) <= wire.INLINE_MAX:
            link.put(topic, wire.write_data(GossipKind.DIRECT, topic, payload))
            return True
        message_id = wire.compute_message_id(topic, payload)
        self.bodies.keep(message_id, SeenBody(topic, payload, trio.current_time()))
        announcement = Announcement(topic, message_id, len(payload), is_direct=True)
        link.put(topic, wire.write_announcement(announcement))
        return True

    async def run(
        self,
        pull: Pull,
        on_addresses: Callable[[bytes, tuple[str, ...]], None],
        task_status: trio.TaskStatus[None],
    ) -> None:
        """Judge what comes and keep the mesh, until cancelled."""
        async with trio.open_nursery() as nursery:
            self._on_addresses = on_addresses
            self._pulls.begin(nursery, pull)
            for _ in range(JUDGES):
                nursery.start_soon(self._judge_any)
            for _ in range(URGENT_JUDGES):
                nursery.start_soon(self._judge_urgent)
            nursery.start_soon(self.mesh.run)
            task_status.started()

    # -- frames in -------------------------------------------------------------------------------

    def on_frame(self, link: Link, frame: bytes, now_s: float) -> None:
        """Answer one frame of a neighbour; never blocks.

        Raises:
            RemoteFault: it is not a gossip frame.
        """
        if not link.quota.take(len(frame), now_s):
            self.counts["over_quota"] += 1
            self._blame(link, Deed.OVER_QUOTA, now_s)
            return
        kind = frame[0]
        if kind == GossipKind.DATA:
            self._on_data(link, frame, now_s)
        elif kind == GossipKind.DIRECT:
            self._on_direct(link, frame)
        else:
            self._on_control(link, kind, frame[1:], now_s)

    def _on_data(self, link: Link, frame: bytes, now_s: float) -> None:
        topic, payload = _read_data(frame)
        if not self._is_heard(link, topic):  # before its copy makes an honest one a duplicate
            return
        message_id = wire.compute_message_id(topic, payload)
        if topic in wire.NEIGHBOUR_TOPICS:
            self._queue_for_judge(Unjudged(None, topic, payload, [link]))
            return
        if not self._seen.add(message_id, now_s):
            self.counts["duplicates"] += 1
            link.outbox.withdraw(message_id)
            self._queue.note_sender(message_id, link)
            return
        self._wanted.drop(message_id)
        self._queue_for_judge(Unjudged(message_id, topic, payload, [link]))

    def _on_direct(self, link: Link, frame: bytes) -> None:
        topic, payload = _read_data(frame)
        self._queue_for_judge(Unjudged(None, topic, payload, [link]))

    def _on_control(self, link: Link, kind: int, body: bytes, now_s: float) -> None:
        if kind == GossipKind.PING:
            link.put_control(wire.write_gossip(GossipKind.PONG, body[:8]))
        elif kind == GossipKind.PONG:
            self.mesh.on_pong(link, body, now_s)
        elif kind == GossipKind.IHAVE:
            self._on_have(link, wire.read_ids(body), now_s)
        elif kind == GossipKind.IWANT:
            self._on_want(link, wire.read_ids(body))
        elif kind == GossipKind.ANNOUNCE:
            self._on_announcement(link, wire.read_announcement(body), now_s)
        elif kind == GossipKind.GRAFT:
            self.mesh.on_graft(link)
        elif kind == GossipKind.PRUNE:
            self.mesh.on_prune(link, now_s)
        elif kind == GossipKind.ADDRESSES:
            if now_s >= link.addresses_due_s:
                link.addresses_due_s = now_s + ADDRESSES_S
                self._on_addresses(link.peer, wire.read_addresses(body))
        else:
            raise RemoteFault(f"gossip frame kind {kind} does not exist")

    def _on_have(self, link: Link, ids: list[MessageId], now_s: float) -> None:
        unknown = [name for name in ids if not self._seen.is_known(name, now_s)]
        missing = self._wanted.choose(unknown, link.peer, now_s)
        self.counts["wanted"] += len(missing)
        for frame in wire.write_ids(GossipKind.IWANT, missing):
            link.put_control(frame)

    def _on_want(self, link: Link, ids: list[MessageId]) -> None:
        for message_id in ids:
            body = self.bodies.get(message_id)
            if body is not None:
                link.put(body.topic, _frame_of(message_id, body))

    # -- large bodies ----------------------------------------------------------------------------

    def _on_announcement(self, link: Link, announcement: Announcement, now_s: float) -> None:
        name = announcement.message_id
        if not self._is_heard(link, announcement.topic):
            return
        if self._seen.is_known(name, now_s) and not announcement.is_direct:
            self.counts["duplicates"] += 1
            return
        self._wanted.drop(name)
        self._pulls.add(link, announcement)

    def _on_body(self, link: Link, announcement: Announcement, payload: bytes) -> None:
        topic, name = announcement.topic, announcement.message_id
        self.counts["pulled"] += 1
        if announcement.is_direct or topic in wire.NEIGHBOUR_TOPICS:
            self._queue_for_judge(Unjudged(None, topic, payload, [link]))
        elif self._seen.add(name, trio.current_time()):
            self._queue_for_judge(Unjudged(name, topic, payload, [link]))

    # -- judging ---------------------------------------------------------------------------------

    def _queue_for_judge(self, pending: Unjudged) -> None:
        link = pending.senders[0]
        if not self._is_heard(link, pending.topic):
            self._unsee(pending)
            return
        for dropped in self._queue.put(pending):
            self.counts["judging_dropped"] += 1
            self._forget(dropped)
        if self._work:
            self._work.unpark()
        elif self._urgent_work and is_urgent(pending.topic):
            self._urgent_work.unpark()

    def _is_heard(self, link: Link, topic: Topic) -> bool:
        standing = self._book.standing(link.peer, link.heard_s)
        if standing is PeerStanding.GOOD or (standing is PeerStanding.GREY and is_urgent(topic)):
            return True
        self.counts["greylisted"] += 1
        return False

    def _forget(self, pending: Unjudged) -> None:
        if pending.message_id is not None:
            self._seen.ignore(pending.message_id, trio.current_time())

    def _unsee(self, pending: Unjudged) -> None:
        """Let the next copy be judged: this one came from a peer we ignore."""
        if pending.message_id is not None:
            self._seen.forget(pending.message_id)

    async def _judge_any(self) -> None:
        while True:
            pending = self._queue.take()
            if pending is None:
                await self._work.park()
            else:
                await self._judge_one(pending)

    async def _judge_urgent(self) -> None:
        while True:
            pending = self._queue.take_urgent()
            if pending is None:
                await self._urgent_work.park()
            else:
                await self._judge_one(pending)

    async def _judge_one(self, pending: Unjudged) -> None:
        if self._work and self._queue:
            self._work.unpark()  # if this call blocks, the next message has another judge
        topic = pending.topic
        if not any(self._is_heard(link, topic) for link in pending.senders):  # no longer
            self._queue.conclude(pending)
            self._unsee(pending)
            return
        sender = pending.senders[0].peer
        verdict = await self._judge(topic, sender, pending.payload)
        now_s = trio.current_time()
        self._queue.conclude(pending)
        match verdict:
            case Accept():
                self.counts["accepted"] += 1
                self._book.judge(sender, Deed.FIRST, now_s)
                if pending.message_id is not None:
                    body = SeenBody(pending.topic, pending.payload, now_s)
                    self._spread(pending.message_id, body, pending.senders)
            case Ignore():
                self.counts["ignored"] += 1
                self._forget(pending)
            case Reject():
                self.counts["rejected"] += 1
                for link in pending.senders:
                    self._blame(link, Deed.REJECTED, now_s)

    def _blame(self, link: Link, deed: Deed, now_s: float) -> None:
        standing = self._book.judge(link.peer, deed, now_s)
        if standing is PeerStanding.BANNED and link.close(f"banned: {deed.name.lower()}"):
            self.counts["banned"] += 1

    # -- spreading -------------------------------------------------------------------------------

    def _spread(
        self, message_id: MessageId, body: SeenBody, senders: tuple[Link, ...] | list[Link]
    ) -> None:
        """Tell every neighbour but `senders`: the eager all of it, the others its name."""
        frame = _frame_of(message_id, body)
        if body.topic in wire.NEIGHBOUR_TOPICS:
            for link in self.links.values():
                link.put(body.topic, frame)
            return
        self.bodies.keep(message_id, body)
        eager = [link for link in self.links.values() if link.is_eager and link not in senders]
        is_patient = body.topic in PATIENT_TOPICS
        if is_patient and len(eager) > FAN_OUT:
            eager = self._random.sample(eager, FAN_OUT)
        for link in self.links.values():
            if link not in eager and link not in senders:
                link.lazy_ids.append(message_id)
        if not is_patient:
            for link in eager:
                link.put(body.topic, frame)
            return
        for link in eager:
            until_s = body.kept_s + HOLD_S * self._random.uniform(0.5, 1.5)
            link.put_held(body.topic, frame, message_id, until_s)


def _read_data(frame: bytes) -> tuple[Topic, bytes]:
    if len(frame) < 2:  # noqa: PLR2004 - kind and topic
        raise RemoteFault("a message without a topic")
    if len(frame) > 2 + wire.INLINE_MAX:
        raise RemoteFault(f"a message of {len(frame)} bytes sent whole")
    return wire.read_topic(frame[1]), frame[2:]


def _frame_of(message_id: MessageId, body: SeenBody) -> bytes:
    if len(body.payload) <= wire.INLINE_MAX:
        return wire.write_data(GossipKind.DATA, body.topic, body.payload)
    return wire.write_announcement(
        Announcement(body.topic, message_id, len(body.payload), is_direct=False)
    )
