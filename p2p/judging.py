"""What waits for the judge: bounded, urgent first; sans-IO."""

from collections import deque
from typing import TYPE_CHECKING

from p2p.wire import TOPIC_NUMBER, TOPICS, MessageId, Topic

if TYPE_CHECKING:
    from p2p.link import Link

PENDING_MAX = 8_192
"""Messages that may wait for a judge in all: two seconds of a full node's work."""
PENDING_BYTES = 32 << 20
"""Bytes they may hold."""
SHARE_MAX, SHARE_BYTES = PENDING_MAX // 4, PENDING_BYTES // 4
"""How much of either one neighbour may fill: a flood can't crowd out other neighbours' messages."""
URGENT = 3
"""Votes, statuses and blocks: the first topics of `wire.TOPICS`."""


class Unjudged:
    """A message not judged yet; `message_id` is None if it is not to be forwarded."""

    __slots__ = ("message_id", "payload", "senders", "topic")

    def __init__(
        self, message_id: MessageId | None, topic: Topic, payload: bytes, senders: "list[Link]"
    ) -> None:
        self.message_id = message_id
        self.topic = topic
        self.payload = payload
        self.senders = senders


def is_urgent(topic: Topic) -> bool:
    """Return whether the judges kept for urgent topics take messages of `topic`."""
    return TOPIC_NUMBER[topic] < URGENT


class JudgingQueue:
    """Lanes by topic; when full the oldest of the least urgent goes."""

    __slots__ = ("_bytes", "_count", "_lanes", "_open", "_shares")

    def __init__(self) -> None:
        self._lanes: tuple[deque[Unjudged], ...] = tuple(deque() for _ in TOPICS)
        self._open: dict[MessageId, Unjudged] = {}
        self._count = 0
        self._bytes = 0
        self._shares: dict[Link, list[int]] = {}

    def put(self, pending: Unjudged) -> list[Unjudged]:
        """Queue a message; return those dropped to make room for it, or itself if there is none."""
        share = self._shares.setdefault(pending.senders[0], [0, 0])
        if share[0] >= SHARE_MAX or share[1] >= SHARE_BYTES:
            return [pending]
        share[0] += 1
        share[1] += len(pending.payload)
        self._lanes[TOPIC_NUMBER[pending.topic]].append(pending)
        self._count += 1
        self._bytes += len(pending.payload)
        if pending.message_id is not None:
            self._open[pending.message_id] = pending
        dropped: list[Unjudged] = []
        while self._count > PENDING_MAX or self._bytes > PENDING_BYTES:
            lane = next(lane for lane in reversed(self._lanes) if lane)
            oldest = self._taken(lane.popleft())
            self.conclude(oldest)
            dropped.append(oldest)
        return dropped

    def take(self) -> Unjudged | None:
        """Return the most urgent message, None when none waits."""
        return self._take(self._lanes)

    def take_urgent(self) -> Unjudged | None:
        """Return a vote, status or block, None when none waits."""
        return self._take(self._lanes[:URGENT])

    def note_sender(self, message_id: MessageId, link: "Link") -> None:
        """Remember that `link` sent a copy of a message not yet decided."""
        pending = self._open.get(message_id)
        if pending is not None and link not in pending.senders:
            pending.senders.append(link)

    def conclude(self, pending: Unjudged) -> None:
        """Forget a message whose verdict is in."""
        if pending.message_id is not None:
            self._open.pop(pending.message_id, None)

    def __bool__(self) -> bool:
        return self._count > 0

    def _take(self, lanes: tuple[deque[Unjudged], ...]) -> Unjudged | None:
        for lane in lanes:
            if lane:
                return self._taken(lane.popleft())
        return None

    def _taken(self, pending: Unjudged) -> Unjudged:
        self._count -= 1
        self._bytes -= len(pending.payload)
        first = pending.senders[0]
        share = self._shares[first]
        share[0] -= 1
        share[1] -= len(pending.payload)
        if not share[0]:
            del self._shares[first]
        return pending
