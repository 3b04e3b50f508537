"""Subscribe, judge, forward, publish: epidemic broadcast over links with neighbours.

A message is told to the eager neighbours at once (a mesh of `MESH_MIN`..`MESH_MAX` links) and named
to the others, who pull it. Nobody forwards what the judge has not accepted; one judge call per id
decides for all copies that arrive meanwhile. What is larger than `INLINE_MAX` is announced and
pulled. Every second the names of recent messages go to some neighbours, to pull what they miss.

Order of defence, cheapest first: frame length, the peer's token buckets, its standing, the seen ids,
the bound of the judging queue (transactions go first), the judge. Reject lowers the score of every
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
from p2p.errors import NetworkError, RemoteFault
from p2p.judging import JudgingQueue, Pending
from p2p.link import Link
from p2p.peers import Deed, PeerBook, Standing
from p2p.seen import Body, RecentBodies, SeenIds
from p2p.wire import Announcement, GossipKind, MessageId, Topic

MESH_MIN, MESH_DEGREE, MESH_MAX = 6, 8, 12
PRUNED_S = 30.0
"""How long a neighbour that pruned us is not grafted again."""
REPAIR_LINKS, REPAIR_IDS, REPAIR_S = 3, 2_100, 3.0
"""Repair: every second name the last 3 s of messages, at most 2,100, to 3 random neighbours."""
WANTED_S, WANTED_MAX = 3.0, 20_000
"""How long a pull by name is waited for, and how many may be waited for."""
PULLS_MAX, PULL_S = 16, 8.0
"""Large bodies pulled at once (16 MiB), and how long one neighbour may take to give one."""
JUDGES, URGENT_JUDGES = 12, 4
"""Judge calls at once, and how many more that only take votes, statuses and blocks, so that slow
judging of transactions never holds those up."""
SILENT_S, PING_S = 10.0, 2.0
"""A neighbour silent for 10 s is dropped; it is pinged every 2 s, so silence is not idleness."""

Judge = Callable[[Topic, bytes, bytes], Awaitable[Verdict]]
Pull = Callable[[bytes, Announcement], Awaitable[bytes]]
"""Ask a peer for an announced body; raises NetworkError."""


class Gossip:
    """The links of this node and what passes over them."""

    def __init__(self, judge: Judge, book: PeerBook, random: Random) -> None:
        now_s = trio.current_time()
        self.links: dict[bytes, Link] = {}
        self.bodies = RecentBodies()
        self.counts: Counter[str] = Counter()
        self._judge = judge
        self._book = book
        self._random = random
        self._seen = SeenIds(now_s)
        self._queue = JudgingQueue()
        self._work = trio.lowlevel.ParkingLot()
        self._urgent_work = trio.lowlevel.ParkingLot()
        self._wanted: dict[MessageId, float] = {}
        self._pulls: dict[MessageId, list[tuple[Link, Announcement]]] = {}
        self._nursery: trio.Nursery
        self._pull: Pull
        self._on_addresses: Callable[[bytes, tuple[str, ...]], None]

    # -- the node's side -------------------------------------------------------------------------

    def publish(self, topic: Topic, payload: bytes) -> None:
        """Tell the neighbours; never blocks. `payload` at most `BODY_MAX` bytes."""
        now_s = trio.current_time()
        message_id = wire.compute_message_id(topic, payload)
        self.counts["published"] += 1
        if topic not in wire.NEIGHBOUR_TOPICS:
            self._seen.add(message_id, now_s)
        self._spread(message_id, Body(topic, payload, now_s), ())

    def send(self, peer: bytes, topic: Topic, payload: bytes) -> bool:
        """Tell one neighbour, who judges it and does not forward it; False: it is none."""
        link = self.links.get(peer)
        if link is None:
            return False
        self.counts["sent"] += 1
        if len(payload) <= wire.INLINE_MAX:
            link.put(topic, wire.write_data(GossipKind.DIRECT, topic, payload))
            return True
        message_id = wire.compute_message_id(topic, payload)
        self.bodies.keep(message_id, Body(topic, payload, trio.current_time()))
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
            self._nursery, self._pull, self._on_addresses = nursery, pull, on_addresses
            for _ in range(JUDGES):
                nursery.start_soon(self._judge_any)
            for _ in range(URGENT_JUDGES):
                nursery.start_soon(self._judge_urgent)
            nursery.start_soon(self._beat)
            task_status.started()

    def join(self, link: Link) -> None:
        """Take in a new link, in place of an old one to the same peer."""
        self.links[link.peer] = link
        eager = sum(other.is_eager for other in self.links.values())
        if eager < MESH_MAX:
            self._graft(link)

    def leave(self, link: Link) -> bool:
        """Forget a link that ended; False: another took its place before."""
        if self.links.get(link.peer) is not link:
            return False
        del self.links[link.peer]
        return True

    # -- frames in -------------------------------------------------------------------------------

    def on_frame(self, link: Link, frame: bytes, now_s: float) -> None:
        """Answer one frame of a neighbour; never blocks.

        Raises:
            RemoteFault: it is none of ours.
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
        message_id = wire.compute_message_id(topic, payload)
        if topic in wire.NEIGHBOUR_TOPICS:
            self._queue_for_judge(Pending(None, topic, payload, [link]))
            return
        if not self._seen.add(message_id, now_s):
            self.counts["duplicates"] += 1
            self._queue.note_sender(message_id, link)
            return
        self._wanted.pop(message_id, None)
        self._queue_for_judge(Pending(message_id, topic, payload, [link]))

    def _on_direct(self, link: Link, frame: bytes) -> None:
        topic, payload = _read_data(frame)
        self._queue_for_judge(Pending(None, topic, payload, [link]))

    def _on_control(self, link: Link, kind: int, body: bytes, now_s: float) -> None:
        if kind == GossipKind.PING:
            link.put_control(wire.write_gossip(GossipKind.PONG, body[:8]))
        elif kind == GossipKind.PONG:
            _on_pong(link, body, now_s)
        elif kind == GossipKind.IHAVE:
            self._on_have(link, wire.read_ids(body), now_s)
        elif kind == GossipKind.IWANT:
            self._on_want(link, wire.read_ids(body))
        elif kind == GossipKind.ANNOUNCE:
            self._on_announcement(link, wire.read_announcement(body))
        elif kind == GossipKind.GRAFT:
            self._on_graft(link)
        elif kind == GossipKind.PRUNE:
            link.is_eager, link.pruned_until_s = False, now_s + PRUNED_S
        elif kind == GossipKind.ADDRESSES:
            self._on_addresses(link.peer, wire.read_addresses(body))
        else:
            raise RemoteFault(f"gossip frame kind {kind} does not exist")

    def _on_have(self, link: Link, ids: list[MessageId], now_s: float) -> None:
        missing = [
            message_id
            for message_id in ids
            if message_id not in self._seen and self._wanted.get(message_id, 0.0) < now_s
        ]
        if not missing or len(self._wanted) > WANTED_MAX:
            return
        for message_id in missing:
            self._wanted[message_id] = now_s + WANTED_S
        self.counts["wanted"] += len(missing)
        for frame in wire.write_ids(GossipKind.IWANT, missing):
            link.put_control(frame)

    def _on_want(self, link: Link, ids: list[MessageId]) -> None:
        for message_id in ids:
            body = self.bodies.get(message_id)
            if body is not None:
                link.put(body.topic, _frame_of(message_id, body))

    def _on_graft(self, link: Link) -> None:
        eager = sum(other.is_eager for other in self.links.values())
        if link.is_eager or eager < MESH_MAX:
            link.is_eager = True
        else:
            link.put_control(wire.write_gossip(GossipKind.PRUNE))

    # -- large bodies ----------------------------------------------------------------------------

    def _on_announcement(self, link: Link, announcement: Announcement) -> None:
        name = announcement.message_id
        if name in self._seen and not announcement.is_direct:
            self.counts["duplicates"] += 1
            return
        sources = self._pulls.get(name)
        if sources is not None:
            sources.append((link, announcement))
        elif len(self._pulls) < PULLS_MAX:
            self._pulls[name] = [(link, announcement)]
            self._nursery.start_soon(self._pull_body, name)
        else:
            self.counts["pulls_refused"] += 1

    async def _pull_body(self, name: MessageId) -> None:
        """Ask the announcers in turn until one gives the body it named."""
        sources = self._pulls[name]
        try:
            while sources:
                link, announcement = sources.pop(0)
                with trio.move_on_after(PULL_S):
                    try:
                        payload = await self._pull(link.peer, announcement)
                    except NetworkError:
                        payload = b""
                    if wire.compute_message_id(announcement.topic, payload) == name:
                        self._on_body(link, announcement, payload)
                        return
                self.counts["pulls_failed"] += 1
                self._blame(link, Deed.BROKE_PROMISE, trio.current_time())
        finally:
            del self._pulls[name]

    def _on_body(self, link: Link, announcement: Announcement, payload: bytes) -> None:
        topic, name = announcement.topic, announcement.message_id
        self.counts["pulled"] += 1
        if announcement.is_direct or topic in wire.NEIGHBOUR_TOPICS:
            self._queue_for_judge(Pending(None, topic, payload, [link]))
        elif self._seen.add(name, trio.current_time()):
            self._queue_for_judge(Pending(name, topic, payload, [link]))

    # -- judging ---------------------------------------------------------------------------------

    def _queue_for_judge(self, pending: Pending) -> None:
        link = pending.senders[0]
        if self._book.standing(link.peer, link.heard_s) is not Standing.GOOD:
            self.counts["greylisted"] += 1
            self._forget(pending)
            return
        for dropped in self._queue.put(pending):
            self.counts["judging_dropped"] += 1
            self._forget(dropped)
        if self._work:
            self._work.unpark()
        elif self._urgent_work and pending.is_urgent:
            self._urgent_work.unpark()

    def _forget(self, pending: Pending) -> None:
        if pending.message_id is not None:
            self._seen.ignore(pending.message_id, trio.current_time())

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

    async def _judge_one(self, pending: Pending) -> None:
        if self._work and self._queue:
            self._work.unpark()  # should this call block, the next message has a judge
        sender = pending.senders[0].peer
        verdict = await self._judge(pending.topic, sender, pending.payload)
        now_s = trio.current_time()
        self._queue.conclude(pending)
        match verdict:
            case Accept():
                self.counts["accepted"] += 1
                self._book.judge(sender, Deed.FIRST, now_s)
                if pending.message_id is not None:
                    body = Body(pending.topic, pending.payload, now_s)
                    self._spread(pending.message_id, body, pending.senders)
            case Ignore():
                self.counts["ignored"] += 1
                self._forget(pending)
            case Reject():
                self.counts["rejected"] += 1
                for link in pending.senders:
                    self._blame(link, Deed.REJECTED, now_s)

    def _blame(self, link: Link, deed: Deed, now_s: float) -> None:
        if self._book.judge(link.peer, deed, now_s) is Standing.BANNED:
            self.counts["banned"] += 1
            link.close(f"banned: {deed.name.lower()}")

    # -- spreading -------------------------------------------------------------------------------

    def _spread(
        self, message_id: MessageId, body: Body, senders: tuple[Link, ...] | list[Link]
    ) -> None:
        """Tell every neighbour but `senders`: all of it to the eager, its name to the others."""
        frame = _frame_of(message_id, body)
        if body.topic in wire.NEIGHBOUR_TOPICS:
            for link in self.links.values():
                link.put(body.topic, frame)
            return
        self.bodies.keep(message_id, body)
        for link in self.links.values():
            if link in senders:
                continue
            if link.is_eager:
                link.put(body.topic, frame)
            else:
                link.lazy_ids.append(message_id)

    async def _beat(self) -> None:
        """Every 100 ms name new messages to lazy neighbours; every second mend mesh and gaps."""
        count = 0
        due_s = trio.current_time()
        while True:
            due_s += 0.1
            await trio.sleep_until(due_s)
            count += 1
            now_s = trio.current_time()
            if now_s - due_s > 1:  # we were stopped or starved: nobody else was silent
                due_s = now_s
                for link in self.links.values():
                    link.heard_s = now_s
            for link in self.links.values():
                if link.lazy_ids:
                    _flush_lazy(link)
            if count % 10 == 0:
                self._mend(now_s, count // 10)

    def _mend(self, now_s: float, second: int) -> None:
        self.bodies.expire(now_s)
        for name in [name for name, until_s in self._wanted.items() if until_s < now_s]:
            del self._wanted[name]
        for link in self.links.values():
            if now_s - link.heard_s > SILENT_S:
                self.counts["silent_dropped"] += 1
                link.connection.abort()
            elif second % PING_S == 0:
                stamp = int(now_s * 1e6).to_bytes(8, "big")
                link.put_control(wire.write_gossip(GossipKind.PING, stamp))
        self._mend_mesh(now_s)
        self._repair(now_s)

    def _mend_mesh(self, now_s: float) -> None:
        eager = [link for link in self.links.values() if link.is_eager]
        eager.sort(key=lambda link: self._book.score(link.peer, now_s))
        if len(eager) < MESH_MIN:
            lazy = [
                link
                for link in self.links.values()
                if not link.is_eager and link.pruned_until_s < now_s
            ]
            lazy.sort(key=lambda link: -self._book.score(link.peer, now_s))
            for link in lazy[: MESH_DEGREE - len(eager)]:
                self._graft(link)
        elif len(eager) > MESH_MAX:
            for link in eager[: len(eager) - MESH_DEGREE]:
                link.is_eager = False
                link.put_control(wire.write_gossip(GossipKind.PRUNE))

    def _graft(self, link: Link) -> None:
        link.is_eager = True
        link.put_control(wire.write_gossip(GossipKind.GRAFT))

    def _repair(self, now_s: float) -> None:
        names = [name for name, _ in self.bodies.newer_than(now_s - REPAIR_S)][:REPAIR_IDS]
        if not names or not self.links:
            return
        count = min(REPAIR_LINKS, len(self.links))
        for link in self._random.sample(list(self.links.values()), count):
            for frame in wire.write_ids(GossipKind.IHAVE, names):
                link.put_control(frame)


def _read_data(frame: bytes) -> tuple[Topic, bytes]:
    if len(frame) < 2:  # noqa: PLR2004 - kind and topic
        raise RemoteFault("a message without a topic")
    if len(frame) > 2 + wire.INLINE_MAX:
        raise RemoteFault(f"a message of {len(frame)} bytes sent whole")
    return wire.read_topic(frame[1]), frame[2:]


def _frame_of(message_id: MessageId, body: Body) -> bytes:
    if len(body.payload) <= wire.INLINE_MAX:
        return wire.write_data(GossipKind.DATA, body.topic, body.payload)
    return wire.write_announcement(
        Announcement(body.topic, message_id, len(body.payload), is_direct=False)
    )


def _flush_lazy(link: Link) -> None:
    for frame in wire.write_ids(GossipKind.IHAVE, link.lazy_ids):
        link.put_control(frame)
    link.lazy_ids.clear()


def _on_pong(link: Link, body: bytes, now_s: float) -> None:
    sample_ms = now_s * 1e3 - int.from_bytes(body[:8], "big") / 1e3
    if 0 <= sample_ms < SILENT_S * 1e3:
        link.rtt_ms = sample_ms if link.rtt_ms is None else 0.7 * link.rtt_ms + 0.3 * sample_ms
