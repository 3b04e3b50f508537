"""What waits to be written to one peer: bounded, urgent first; sans-IO, time is an argument.

Frames of one topic keep their order. When the bound is reached the oldest frame of the least urgent
topic goes: transactions first, votes last. A writer takes pieces of at most `PIECE_MAX` bytes that
join as many frames as fit, because a write costs the same whether it carries one frame or fifty.

A frame may be held: what we forward without haste waits some milliseconds, in which others join it
or the peer sends it to us itself, so that it need not be sent at all (`withdraw`).
"""

import math
from collections import deque

from p2p.wire import PIECE_MAX, TOPIC_NUMBER, TOPICS, MessageId, Topic

OUTBOX_BYTES = 2 << 20
"""Bytes that may wait for one slow peer, 2 MiB: 64 of them cost at most 128 MiB."""
FRAMES_MAX = 32_768
"""Frames that may wait, counting the empty ones that a withdrawal leaves behind."""
CONTROL_FRAMES_MAX, CONTROL_BYTES = 512, 1 << 19
"""Control frames that may wait; a peer that reads none of 512 is about to be dropped anyway."""


class SendQueue:
    """The lanes of one peer: control, then the topics in their order of urgency."""

    __slots__ = (
        "_bytes", "_control", "_control_bytes", "_count", "_held", "_lanes", "dropped", "due_s",
    )  # fmt: skip

    def __init__(self) -> None:
        self.due_s = math.inf
        self.dropped = 0
        self._control: deque[bytes] = deque()
        self._control_bytes = 0
        self._lanes: tuple[deque[_Entry], ...] = tuple(deque() for _ in TOPICS)
        self._held: dict[MessageId, _Entry] = {}
        self._bytes = 0
        self._count = 0

    def put(self, topic: Topic, frame: bytes) -> None:
        """Queue a frame of `topic` to go at once, making room by the rule above."""
        self._put(topic, _Entry(frame, None))
        self.due_s = 0.0

    def put_held(self, topic: Topic, frame: bytes, message_id: MessageId, until_s: float) -> None:
        """Queue a frame of `topic` that may wait for others to join it until `until_s`."""
        entry = self._held[message_id] = _Entry(frame, message_id)
        self._put(topic, entry)
        self.due_s = min(self.due_s, until_s)

    def put_control(self, frame: bytes) -> None:
        """Queue a control frame; when far too many wait, drop it (a ping comes again)."""
        if (
            len(self._control) >= CONTROL_FRAMES_MAX
            or self._control_bytes + len(frame) > CONTROL_BYTES
        ):
            self.dropped += 1
            return
        self._control.append(frame)
        self._control_bytes += len(frame)
        self._bytes += len(frame)
        self.due_s = 0.0

    def withdraw(self, message_id: MessageId) -> None:
        """Forget a held message: the peer has it."""
        entry = self._held.pop(message_id, None)
        if entry is not None:
            self._bytes -= len(entry.frame)
            entry.frame = b""
            if self._bytes == 0:
                self.due_s = math.inf

    def take(self) -> bytes:
        """Return the next piece to write, empty when nothing waits."""
        parts: list[bytes] = []
        size = 0
        while self._control:
            if parts and size + len(self._control[0]) > PIECE_MAX:
                return self._taken(parts, size)
            parts.append(self._control.popleft())
            size += len(parts[-1])
            self._control_bytes -= len(parts[-1])
        for lane in self._lanes:
            while lane:
                if parts and size + len(lane[0].frame) > PIECE_MAX:
                    return self._taken(parts, size)
                frame = lane.popleft().frame
                self._count -= 1
                parts.append(frame)
                size += len(frame)
        self.due_s = math.inf
        return self._taken(parts, size)

    def __bool__(self) -> bool:
        return self._bytes > 0

    def _put(self, topic: Topic, entry: "_Entry") -> None:
        self._lanes[TOPIC_NUMBER[topic]].append(entry)
        self._bytes += len(entry.frame)
        self._count += 1
        while self._bytes > OUTBOX_BYTES or self._count > FRAMES_MAX:
            self._drop_one()

    def _taken(self, parts: list[bytes], size: int) -> bytes:
        self._bytes -= size
        if self._held:
            self._held.clear()  # what is left waits for a full socket, not for more frames
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _drop_one(self) -> None:
        lane = next(lane for lane in reversed(self._lanes) if lane)
        entry = lane.popleft()
        if entry.message_id is not None:
            self._held.pop(entry.message_id, None)
        self._bytes -= len(entry.frame)
        self._count -= 1
        self.dropped += bool(entry.frame)


class _Entry:
    """A frame that waits; `message_id` names it if it is held for others to join."""

    __slots__ = ("frame", "message_id")

    def __init__(self, frame: bytes, message_id: MessageId | None) -> None:
        self.frame = frame
        self.message_id = message_id
