"""What happens in the node, told to whoever listens: bounded per listener, never waited for.

`EventBus.publish` is sync and never blocks. A listener that falls behind loses its oldest events
and is told how many (`Lagged`). The last `HISTORY` events are kept, so a client that comes back
with the number of the last event it saw misses nothing in between.
"""

from collections import deque
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import trio

EventKind = Literal[
    "block",
    "final",
    "epoch",
    "weights",
    "reward",
    "neuron",
    "subnet",
    "stake",
    "channel",
    "governance",
    "ledger",
    "peer",
    "health",
]
"""What an event is about; ledger: of the chain's, and none of the others."""
QUEUE_MAX = 256
"""Events one listener may be behind: minutes of blocks, some hundred kilobytes at most."""
HISTORY = 256
"""Events kept for listeners that come back."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; `number` counts from 1 since the node started."""

    number: int
    kind: EventKind
    height: int
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Lagged:
    """The listener was too slow (or away too long): `missed` events are gone for it."""

    missed: int


class Subscription:
    """One listener's bounded queue; made by `EventBus.subscribe`."""

    def __init__(self, queue_max: int) -> None:
        self._queue: deque[Event] = deque()
        self._queue_max = queue_max
        self._missed = 0
        self._closed = False
        self._wake = trio.Event()

    def offer(self, event: Event) -> None:
        """Queue `event`, at the cost of the oldest one when full."""
        if len(self._queue) >= self._queue_max:
            self._queue.popleft()
            self._missed += 1
        self._queue.append(event)
        self._wake.set()

    def miss(self, count: int) -> None:
        """Note events that were gone before this listener came."""
        self._missed += count
        self._wake.set()

    def close(self) -> None:
        """End the stream once the queue is empty."""
        self._closed = True
        self._wake.set()

    async def next(self) -> Event | Lagged | None:
        """Return the next event, or how many were lost before it; None: there will be no more."""
        while not (self._missed or self._queue or self._closed):
            self._wake = trio.Event()
            await self._wake.wait()
        if self._missed:
            missed, self._missed = self._missed, 0
            return Lagged(missed)
        return self._queue.popleft() if self._queue else None


class EventBus:
    """The node's announcements. One owner publishes; any number listen."""

    def __init__(self) -> None:
        self._listeners: set[Subscription] = set()
        self._history: deque[Event] = deque(maxlen=HISTORY)
        self._count = 0
        self._closed = False

    def publish(self, kind: EventKind, height: int, data: Mapping[str, object]) -> None:
        """Announce what happened; `data` must be plain JSON values."""
        self._count += 1
        event = Event(self._count, kind, height, data)
        self._history.append(event)
        for listener in self._listeners:
            listener.offer(event)

    @property
    def listener_count(self) -> int:
        """Return how many listen."""
        return len(self._listeners)

    @contextmanager
    def subscribe(
        self, after: int | None = None, queue_max: int = QUEUE_MAX
    ) -> Generator[Subscription]:
        """Listen while the block runs, from now on or from the event after number `after`."""
        listener = Subscription(queue_max)
        if after is not None and after <= self._count:
            kept = [event for event in self._history if event.number > after]
            listener.miss(self._count - after - len(kept))
            for event in kept:
                listener.offer(event)
        if self._closed:
            listener.close()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """Tell every listener, now and later, that nothing more will come."""
        self._closed = True
        for listener in self._listeners:
            listener.close()
