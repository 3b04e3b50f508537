"""Queries waiting for the model, and when they leave together.

The first waiting query opens a batch; the batch leaves after `batch_wait_ms` or with `batch_max`
units of work, as the task measures them. Whatever came while the worker was busy has waited already
and leaves at once. The queue is bounded: what does not fit is refused immediately.
"""

from collections import deque
from dataclasses import dataclass, field

import trio

from neurons.errors import NeurondError, WorkerFull

BATCH_BYTES_MAX = 4 << 20
"""Most bytes of queries in one batch, so that it fits one frame to the worker."""


@dataclass(eq=False, slots=True)
class WaitingQuery:
    """Somebody waiting for the answer to the query `body`."""

    body: bytes
    units: int
    """Work in it, as its task measures work."""
    arrived: float
    done: trio.Event = field(default_factory=trio.Event)
    result: bytes = b""
    error: NeurondError | None = None

    def answer(self, result: bytes) -> None:
        """Hand the waiter its answer."""
        self.result = result
        self.done.set()

    def fail(self, error: NeurondError) -> None:
        """Hand the waiter an error to raise."""
        self.error = error
        self.done.set()


class BatchQueue:
    """The queue in front of one worker: many put, one takes."""

    def __init__(self, batch_wait_ms: float, batch_max: int, queue_max: int) -> None:
        self._wait_s = batch_wait_ms / 1_000
        self._batch_max = batch_max
        self._queue_max = queue_max
        self._queries: deque[WaitingQuery] = deque()
        self._units = 0
        self._arrived = trio.Event()

    @property
    def units(self) -> int:
        """Units of work that wait."""
        return self._units

    async def ask(self, body: bytes, units: int) -> bytes:
        """Wait in the queue and return the answer; a cancelled waiter leaves the queue.

        Raises:
            WorkerFull: no room for so much work now.
            NeurondError: what the worker's life answered instead.
        """
        if self._units + units > self._queue_max:
            raise WorkerFull("the queue towards the model is full", retry_ms=500)
        query = WaitingQuery(body, units, trio.current_time())
        self._queries.append(query)
        self._units += units
        self._arrived.set()
        try:
            await query.done.wait()
        finally:
            if query in self._queries:  # cancelled while waiting
                self._queries.remove(query)
                self._units -= units
        if query.error is not None:
            raise query.error
        return query.result

    async def take(self) -> list[WaitingQuery]:
        """Wait for the next batch: at most `batch_max` units, or one query that has more."""
        while True:
            while not self._queries:
                await self._wait_arrival()
            with trio.move_on_at(self._queries[0].arrived + self._wait_s):
                while self._units < self._batch_max:
                    await self._wait_arrival()
            batch = self._pop_batch()
            if batch:  # everybody may have left while we collected
                return batch

    def _pop_batch(self) -> list[WaitingQuery]:
        batch: list[WaitingQuery] = []
        units = size = 0
        while self._queries:
            first = self._queries[0]
            units, size = units + first.units, size + len(first.body)
            if batch and (units > self._batch_max or size > BATCH_BYTES_MAX):
                break
            batch.append(self._queries.popleft())
        self._units -= sum(query.units for query in batch)
        return batch

    async def _wait_arrival(self) -> None:
        self._arrived = trio.Event()
        await self._arrived.wait()

    def fail_all(self, error: NeurondError) -> None:
        """Hand everybody who waits `error`."""
        while self._queries:
            self._queries.popleft().fail(error)
        self._units = 0
