"""What this node has seen and still holds of the gossip; sans-IO, time is an argument.

`SeenIds` answers "did I judge this already?" for at least `SEEN_S` seconds and at most `SEEN_MAX`
ids a generation: two generations, the older dropped whole, so neither time nor an attacker makes it
grow. `RecentBodies` holds payloads for those who ask for them by id, bounded in bytes and age.
"""

from collections import OrderedDict
from dataclasses import dataclass

from p2p.wire import MessageId, Topic

SEEN_S = 120.0
"""A generation's age; an id is remembered for one to two of these. Longer than any repair."""
SEEN_MAX = 200_000
"""Ids per generation: 1,600 new messages/s for two minutes, some 30 MB."""
IGNORED_S = 2.0
"""How long an ignored message ("not yet") stays ignored: long enough for the copies of all
neighbours to arrive, short enough that a later repair is judged afresh."""
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
        until_s = self._new.get(message_id)
        if until_s is None:
            until_s = self._old.get(message_id)
        if until_s is not None and now_s < until_s:
            return False
        if now_s - self._turned_s > SEEN_S or len(self._new) >= SEEN_MAX:
            self._old, self._new, self._turned_s = self._new, {}, now_s
        self._new[message_id] = float("inf")
        return True

    def ignore(self, message_id: MessageId, now_s: float) -> None:
        """Let `message_id` be judged again `IGNORED_S` from now."""
        self._new[message_id] = now_s + IGNORED_S

    def __contains__(self, message_id: object) -> bool:
        return message_id in self._new or message_id in self._old


@dataclass(frozen=True, slots=True)
class Body:
    """A payload this node vouches for, or (direct) said to one peer."""

    topic: Topic
    payload: bytes
    kept_s: float


class RecentBodies:
    """Payloads by id, oldest first, bounded in bytes and age."""

    __slots__ = ("_bodies", "_bytes")

    def __init__(self) -> None:
        self._bodies: OrderedDict[MessageId, Body] = OrderedDict()
        self._bytes = 0

    def keep(self, message_id: MessageId, body: Body) -> None:
        """Hold `body` until age or space ends it."""
        old = self._bodies.pop(message_id, None)
        if old is not None:
            self._bytes -= len(old.payload)
        self._bodies[message_id] = body
        self._bytes += len(body.payload)
        while self._bytes > BODIES_BYTES:
            self._drop_oldest()

    def get(self, message_id: MessageId) -> Body | None:
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
