"""The neighbours: which are told everything and which only names; repair of silence and gaps.

Eager neighbours get messages whole, the others their names. The eager are kept between `MESH_MIN`
and `MESH_MAX` by GRAFT ("tell me all, I tell you all") and PRUNE ("names will do"); a node that
must refuse a newcomer for being full makes room for the next.
"""

from collections import Counter
from random import Random

import trio

from p2p import wire
from p2p.link import Link
from p2p.peers import PeerBook
from p2p.seen import RecentBodies
from p2p.wire import GossipKind

MESH_MIN, MESH_DEGREE, MESH_MAX = 6, 8, 12
MESH_CHOSEN = 4
"""Eager neighbours kept among those we dialled: all that dial us may be one attacker."""
PRUNED_S = 10.0
"""How long a neighbour that pruned us is not grafted again."""
NAMES_S = 0.1
"""How often names go to those who are not told everything."""
REPAIR_LINKS, REPAIR_IDS, REPAIR_S = 3, 2_100, 3.0
"""Repair: every second name the last 3 s of messages, at most 2,100, to 3 random neighbours."""
SILENT_S, PING_S = 10.0, 2
"""A neighbour silent for 10 s is dropped; it is pinged every 2 s, so silence is not idleness."""
DEAF_S = 30.0
"""A neighbour that talks but takes no piece of ours for so long is dropped as well."""


class Mesh:
    """The links of this node, one per neighbour."""

    def __init__(
        self, bodies: RecentBodies, book: PeerBook, random: Random, counts: Counter[str]
    ) -> None:
        self.links: dict[bytes, Link] = {}
        self._bodies = bodies
        self._book = book
        self._random = random
        self._counts = counts
        self._is_crowded = False

    def join(self, link: Link) -> None:
        """Take in a new link, in place of an old one to the same peer."""
        self.links[link.peer] = link
        chosen = sum(
            other.is_eager and other.connection.is_outbound for other in self.links.values()
        )
        is_needed = link.connection.is_outbound and chosen < MESH_CHOSEN
        if is_needed or self._count_eager() < MESH_DEGREE:
            _graft(link)

    def leave(self, link: Link) -> bool:
        """Forget a link that ended; False: another took its place before."""
        if self.links.get(link.peer) is not link:
            return False
        del self.links[link.peer]
        return True

    def on_graft(self, link: Link) -> None:
        """Answer a neighbour that wants to be told everything."""
        if link.is_eager or self._count_eager() < MESH_MAX:
            link.is_eager = True
        else:
            self._is_crowded = True
            link.put_control(wire.write_gossip(GossipKind.PRUNE))

    def on_prune(self, link: Link, now_s: float) -> None:
        """Note that names will do for a neighbour."""
        link.is_eager, link.pruned_until_s = False, now_s + PRUNED_S

    def on_pong(self, link: Link, body: bytes, now_s: float) -> None:
        """Take the round trip from the stamp our ping carried and the pong returns."""
        sample_ms = now_s * 1e3 - int.from_bytes(body[:8], "big") / 1e3
        if 0 <= sample_ms < SILENT_S * 1e3:
            old_ms = sample_ms if link.rtt_ms is None else link.rtt_ms
            link.rtt_ms = 0.7 * old_ms + 0.3 * sample_ms

    async def run(self) -> None:
        """Name messages every 100 ms, mend everything else every second, until cancelled."""
        ticks = 0
        due_s = trio.current_time()
        while True:
            due_s += NAMES_S
            await trio.sleep_until(due_s)
            ticks += 1
            now_s = trio.current_time()
            if now_s - due_s > 1:  # we were stopped or starved: nobody else was silent
                due_s = now_s
                for link in self.links.values():
                    link.heard_s = now_s
                    link.writing_since_s = max(link.writing_since_s, now_s)
            for link in self.links.values():
                if link.lazy_ids:
                    _name(link)
            if ticks % 10 == 0:
                self._mend(now_s, ticks // 10)

    def _count_eager(self) -> int:
        return sum(link.is_eager for link in self.links.values())

    def _mend(self, now_s: float, second: int) -> None:
        self._bodies.expire(now_s)
        for link in self.links.values():
            if now_s - link.heard_s > SILENT_S or now_s - link.writing_since_s > DEAF_S:
                self._counts["silent_dropped"] += 1
                link.connection.abort()
            elif second % PING_S == 0:
                stamp = int(now_s * 1e6).to_bytes(8, "big")
                link.put_control(wire.write_gossip(GossipKind.PING, stamp))
        self._mend_degree(now_s)
        self._repair(now_s)

    def _mend_degree(self, now_s: float) -> None:
        eager = [link for link in self.links.values() if link.is_eager]
        if len(eager) < MESH_MIN:
            lazy = [
                link
                for link in self.links.values()
                if not link.is_eager and link.pruned_until_s < now_s
            ]
            lazy.sort(key=lambda link: -self._book.score(link.peer, now_s))
            for link in lazy[: MESH_DEGREE - len(eager)]:
                _graft(link)
        elif len(eager) > MESH_MAX or (self._is_crowded and len(eager) > MESH_DEGREE):
            self._is_crowded = False
            eager.sort(key=lambda link: self._book.score(link.peer, now_s))
            kept = [link for link in reversed(eager) if link.connection.is_outbound][:MESH_CHOSEN]
            spare = [link for link in eager if link not in kept]
            for link in spare[: len(eager) - MESH_DEGREE]:
                link.is_eager = False
                link.put_control(wire.write_gossip(GossipKind.PRUNE))

    def _repair(self, now_s: float) -> None:
        names = self._bodies.newer_than(now_s - REPAIR_S)[:REPAIR_IDS]
        if not names or not self.links:
            return
        count = min(REPAIR_LINKS, len(self.links))
        for link in self._random.sample(list(self.links.values()), count):
            for frame in wire.write_ids(GossipKind.IHAVE, names):
                link.put_control(frame)


def _graft(link: Link) -> None:
    link.is_eager = True
    link.put_control(wire.write_gossip(GossipKind.GRAFT))


def _name(link: Link) -> None:
    for frame in wire.write_ids(GossipKind.IHAVE, link.lazy_ids):
        link.put_control(frame)
    link.lazy_ids.clear()
