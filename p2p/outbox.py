"""What waits to be written to one peer: bounded, urgent first; sans-IO.

Frames of one topic keep their order. When the bound is reached the oldest frame of the least urgent
topic goes: transactions first, votes last. A writer takes pieces of at most `PIECE_MAX` bytes that
join as many frames as fit, because a write costs the same whether it carries one frame or fifty.
"""

from collections import deque

from p2p.wire import PIECE_MAX, TOPIC_NUMBER, TOPICS, Topic

CONTROL = 0
"""Lane of pings, hellos and ids: never dropped here (they are few and small)."""
OUTBOX_BYTES = 2 << 20
"""Bytes that may wait for one slow peer, 2 MiB: 64 of them cost at most 128 MiB."""
CONTROL_FRAMES_MAX = 512
"""Control frames that may wait; a peer that reads none of 512 is about to be dropped anyway."""


class Outbox:
    """The lanes of one peer: control, then the topics in their order of urgency."""

    __slots__ = ("_bytes", "_lanes", "dropped")

    def __init__(self) -> None:
        self._lanes: tuple[deque[bytes], ...] = tuple(deque() for _ in range(1 + len(TOPICS)))
        self._bytes = 0
        self.dropped = 0

    def put(self, topic: Topic, frame: bytes) -> None:
        """Queue a frame of `topic`, making room by the rule above."""
        self._lanes[1 + TOPIC_NUMBER[topic]].append(frame)
        self._bytes += len(frame)
        while self._bytes > OUTBOX_BYTES:
            self._drop_one()

    def put_control(self, frame: bytes) -> None:
        """Queue a control frame; when far too many wait, drop the newest (a ping comes again)."""
        if len(self._lanes[CONTROL]) >= CONTROL_FRAMES_MAX:
            self.dropped += 1
            return
        self._lanes[CONTROL].append(frame)
        self._bytes += len(frame)

    def take(self) -> bytes:
        """Return the next piece to write, empty when nothing waits."""
        parts: list[bytes] = []
        size = 0
        for lane in self._lanes:
            while lane:
                if parts and size + len(lane[0]) > PIECE_MAX:
                    return self._taken(parts, size)
                frame = lane.popleft()
                parts.append(frame)
                size += len(frame)
        return self._taken(parts, size)

    @property
    def is_urgent(self) -> bool:
        """Return whether control, votes, statuses or blocks wait: these are not held back."""
        return any(self._lanes[:4])

    def __bool__(self) -> bool:
        return self._bytes > 0

    def _taken(self, parts: list[bytes], size: int) -> bytes:
        self._bytes -= size
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _drop_one(self) -> None:
        for lane in reversed(self._lanes[1:]):
            if lane:
                self._bytes -= len(lane.popleft())
                self.dropped += 1
                return
