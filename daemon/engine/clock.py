"""Wall time to views and deadlines; the only reader of the wall clock.

Agreement speaks in milliseconds since 1970 (block times are compared between machines); trio speaks
in its own monotonic seconds. `Timers` holds the agreement machine's alarms and says which is next.
"""

import heapq
import time
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from consensus.quantities import TimeMs

Tag = TypeVar("Tag")


def read_time_ms() -> TimeMs:
    """Return the wall time in milliseconds since 1970-01-01 UTC."""
    return TimeMs(time.time_ns() // 1_000_000)


@dataclass(slots=True)
class Timers(Generic[Tag]):
    """Alarms by tag: setting one again moves it. The owner asks when to wake and what has fired."""

    _due_ms: dict[Tag, int] = field(default_factory=dict[Tag, int])
    _heap: list[tuple[int, int, Tag]] = field(default_factory=list[tuple[int, int, Tag]])
    _count: int = 0

    def set(self, tag: Tag, at_ms: int) -> None:
        """Let `tag` fire at `at_ms`, and at no earlier time it was set to."""
        self._due_ms[tag] = at_ms
        self._count += 1
        heapq.heappush(self._heap, (at_ms, self._count, tag))

    def next_ms(self) -> int | None:
        """Return when the next alarm is due, or None when none is set."""
        self._drop_moved()
        return self._heap[0][0] if self._heap else None

    def take_due(self, now_ms: int) -> Tag | None:
        """Remove and return one alarm that is due at `now_ms`, earliest first; None if none is."""
        self._drop_moved()
        if not self._heap or self._heap[0][0] > now_ms:
            return None
        tag = heapq.heappop(self._heap)[2]
        del self._due_ms[tag]
        return tag

    def _drop_moved(self) -> None:
        while self._heap and self._due_ms.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
