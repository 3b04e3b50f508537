"""What this node has seen and still holds of the gossip; sans-IO, time is an argument.

`SeenIds` answers "did I judge this already?" for at least `SEEN_S` seconds and at most `SEEN_MAX`
ids a generation: two generations, the older dropped whole, so neither time nor an attacker makes it
grow. `WantedIds` says of whom to ask what others name. `RecentBodies` holds payloads for those who
ask for them by id, bounded in bytes and age.
"""

import math
from collections import Counter, OrderedDict
from dataclasses import dataclass

from p2p.wire import MessageId, Topic

SEEN_S = 120.0
"""A generation's age; an id is remembered for one to two of these. Longer than any repair."""
SEEN_MAX = 200_000
"""Ids per generation: 1,600 new messages/s for two minutes, some 30 MB."""
IGNORED_S = 2.0
"""How long an ignored message ("not yet") stays ignored: long enough for the copies of all
neighbours to arrive, short enough that a later repair is judged afresh."""
WANTED_S, RETRY_S = 3.0, 0.5
"""How long a message asked for by name is waited for, and when the next that names it is asked."""
WANTED_MAX = 2_100
"""Messages asked for because one peer named them first: all that one repair names."""
BODIES_S = 20.0
"""How long a payload can be pulled; three repair rounds and a slow reader."""
BODIES_BYTES = 48 << 20
"""How much payload is held for pullers: 48 MiB, bounded because a peer must not choose it."""


class SeenIds:
    """Message ids judged or being judged, with the time an ignored one may return."""

    __slots__ = ("_new", "_old", "_turned_s")

    def __init__(self, now_s: float) -> None:
        self._new: dict[MessageId, float] = {}
        self._old: dict[MessageId, float] = {}
        self._turned_s = now_s

    def add(self, message_id: MessageId, now_s: float) -> bool:
        """Return True and remember `message_id` if it is new (or its ignored time is over)."""
        if self.is_known(message_id, now_s):
            return False
        if now_s - self._turned_s > SEEN_S or len(self._new) >= SEEN_MAX:
            self._old, self._new, self._turned_s = self._new, {}, now_s
        self._new[message_id] = float("inf")
        return True

    def ignore(self, message_id: MessageId, now_s: float) -> None:
        """Let `message_id` be judged again `IGNORED_S` from now."""
        self._new[message_id] = now_s + IGNORED_S

    def forget(self, message_id: MessageId) -> None:
        """Let `message_id` be judged as if it had never come."""
        self._new.pop(message_id, None)
        self._old.pop(message_id, None)

    def is_known(self, message_id: MessageId, now_s: float) -> bool:
        """Return whether `message_id` need not be judged now."""
        until_s = self._new.get(message_id)
        if until_s is None:
            until_s = self._old.get(message_id)
        return until_s is not None and now_s < until_s


class WantedIds:
    """Messages asked for by name: which peer was asked, and when.

    A peer that names a message and does not give it delays it by `RETRY_S`, once: then the next
    peer that names it is asked.
    """

    __slots__ = ("_asked", "_counts", "_swept_s")

    def __init__(self, now_s: float) -> None:
        self._asked: dict[MessageId, tuple[float, tuple[bytes, ...]]] = {}
        self._counts: Counter[bytes] = Counter()
        self._swept_s = now_s

    def choose(self, names: list[MessageId], peer: bytes, now_s: float) -> list[MessageId]:
        """Return which of `names`, all of them missing here, to ask `peer` for now."""
        if now_s - self._swept_s > 1:
            self._sweep(now_s)
        chosen: list[MessageId] = []
        for name in names:
            asked_s, peers = self._asked.get(name, (-math.inf, ()))
            if now_s - asked_s < RETRY_S or peer in peers:
                continue
            if not peers:
                if self._counts[peer] >= WANTED_MAX:
                    continue
                self._counts[peer] += 1
            self._asked[name] = (now_s, (*peers, peer))
            chosen.append(name)
        return chosen

    def drop(self, name: MessageId) -> None:
        """Note that `name` has come, or is wanted no longer."""
        asked = self._asked.pop(name, None)
        if asked is not None:
            first = asked[1][0]
            self._counts[first] -= 1
            if not self._counts[first]:
                del self._counts[first]

    def _sweep(self, now_s: float) -> None:
        self._swept_s = now_s
        for name in [name for name, asked in self._asked.items() if now_s - asked[0] > WANTED_S]:
            self.drop(name)


@dataclass(frozen=True, slots=True)
class SeenBody:
    """A payload this node vouches for, or one meant for a single peer (direct)."""

    topic: Topic
    payload: bytes
    kept_s: float


class RecentBodies:
    """Payloads by id, oldest first, bounded in bytes and age."""

    __slots__ = ("_bodies", "_bytes")

    def __init__(self) -> None:
        self._bodies: OrderedDict[MessageId, SeenBody] = OrderedDict()
        self._bytes = 0

    def keep(self, message_id: MessageId, body: SeenBody) -> None:
        """Hold `body` until age or space ends it."""
        old = self._bodies.pop(message_id, None)
        if old is not None:
            self._bytes -= len(old.payload)
        self._bodies[message_id] = body
        self._bytes += len(body.payload)
        while self._bytes > BODIES_BYTES:
            self._drop_oldest()

    def get(self, message_id: MessageId) -> SeenBody | None:
        """Return the payload of `message_id` if it is still held."""
        return self._bodies.get(message_id)

    def expire(self, now_s: float) -> None:
        """Drop what is older than `BODIES_S`."""
        while self._bodies:
            oldest = next(iter(self._bodies.values()))
            if now_s - oldest.kept_s < BODIES_S:
                return
            self._drop_oldest()

    def newer_than(self, since_s: float) -> list[MessageId]:
        """Return the ids of what was kept after `since_s`, newest first."""
        found: list[MessageId] = []
        for message_id in reversed(self._bodies):
            body = self._bodies[message_id]
            if body.kept_s <= since_s:
                break
            found.append(message_id)
        return found

    def _drop_oldest(self) -> None:
        _, body = self._bodies.popitem(last=False)
        self._bytes -= len(body.payload)
