"""Requests waiting for the model, and when they leave together.

The first waiting request opens a batch; the batch leaves after `batch_wait_ms` or with `batch_max`
prefixes. Whatever came while the worker was busy has waited already and leaves at once. The queue
is bounded: what does not fit is refused immediately.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import trio

from neurons.errors import NeurondError, WorkerFull


@dataclass(eq=False, slots=True)
class Request:
    """Somebody waiting for the distributions after `prefixes`."""

    prefixes: tuple[bytes, ...]
    arrived: float
    done: trio.Event = field(default_factory=trio.Event)
    rows: tuple[bytes, ...] = ()
    error: NeurondError | None = None

    def answer(self, rows: tuple[bytes, ...]) -> None:
        """Hand the waiter its rows."""
        self.rows = rows
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
        self._requests: deque[Request] = deque()
        self._size = 0
        self._arrived = trio.Event()

    @property
    def size(self) -> int:
        """Prefixes that wait."""
        return self._size

    async def ask(self, prefixes: Sequence[bytes]) -> tuple[bytes, ...]:
        """Wait in the queue and return the rows; a cancelled waiter leaves the queue.

        Raises:
            WorkerFull: no room for so many prefixes now.
            NeurondError: what the worker's life answered instead.
        """
        if self._size + len(prefixes) > self._queue_max:
            raise WorkerFull("the queue towards the model is full", retry_ms=500)
        request = Request(tuple(prefixes), trio.current_time())
        self._requests.append(request)
        self._size += len(request.prefixes)
        self._arrived.set()
        try:
            await request.done.wait()
        finally:
            if request in self._requests:  # cancelled while waiting
                self._requests.remove(request)
                self._size -= len(request.prefixes)
        if request.error is not None:
            raise request.error
        return request.rows

    async def take(self) -> list[Request]:
        """Wait for the next batch: at most `batch_max` prefixes, or one request that has more."""
        while True:
            while not self._requests:
                await self._wait_arrival()
            with trio.move_on_at(self._requests[0].arrived + self._wait_s):
                while self._size < self._batch_max:
                    await self._wait_arrival()
            batch = self._pop_batch()
            if batch:  # everybody may have left while we collected
                return batch

    def _pop_batch(self) -> list[Request]:
        batch: list[Request] = []
        count = 0
        while self._requests:
            more = len(self._requests[0].prefixes)
            if batch and count + more > self._batch_max:
                break
            batch.append(self._requests.popleft())
            count += more
        self._size -= count
        return batch

    async def _wait_arrival(self) -> None:
        self._arrived = trio.Event()
        await self._arrived.wait()

    def fail_all(self, error: NeurondError) -> None:
        """Hand everybody who waits `error`."""
        while self._requests:
            self._requests.popleft().fail(error)
        self._size = 0
