"""Own the worker process: start, feed, time out, restart.

`open_runtime` keeps one worker alive for as long as its block runs. A worker that does not start in
time, lets a batch's deadline pass, stops beating, grows beyond its memory cap, speaks garbage or
ends by itself is killed and started again after a growing pause (`neurons/worker/process.py` is one
such life). What that costs is the batch in flight and the queue, each waiter being told with a
typed error; the node never notices. A model that can't be built is tried again like any other,
because what it lacks (a file, a server, a card) may come; meanwhile the state says FAILED and why.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from neurons.backends.backend import ModelCard
from neurons.errors import ModelUnbuilt, WorkerUnavailable
from neurons.mining.batching import BatchQueue
from neurons.ports import Log
from neurons.worker.flights import AnswerStream
from neurons.worker.process import Life, Phase, RuntimeSettings

BACKOFF_S_MAX = 60.0
HEALTHY_S = 60.0
"""A worker that served this long has its pause forgotten."""


@dataclass(frozen=True, slots=True)
class RuntimeState:
    """What health and status show of the worker."""

    phase: Phase
    stage: str
    part: float
    """How much of the stage is done, 0..1."""
    restarts: int
    last_error: str
    """Why the life before this one ended; empty on the first."""
    pid: int | None
    rss_bytes: int
    card: ModelCard | None
    queued: int
    """Units of work waiting."""


class Runtime:
    """A worker kept alive by `open_runtime`, and the queue in front of it."""

    def __init__(self, settings: RuntimeSettings, log: Log) -> None:
        self._settings = settings
        self._log = log
        self._queue = BatchQueue(settings.batch_wait_ms, settings.batch_max, settings.queue_max)
        self._changed = trio.Event()
        self._life = self._begin_life()
        self._restarts = 0
        self._failure: WorkerUnavailable | None = None
        self._pause_s: float | None = None

    @property
    def state(self) -> RuntimeState:
        """What the worker is doing now."""
        vitals = self._life.vitals
        phase, stage = vitals.phase, vitals.stage
        if self._pause_s is not None:
            phase, stage = Phase.RESTARTING, f"pausing {self._pause_s:g} s"
            if isinstance(self._failure, ModelUnbuilt):
                phase = Phase.FAILED
        return RuntimeState(
            phase=phase,
            stage=stage,
            part=vitals.part,
            restarts=self._restarts,
            last_error="" if self._failure is None else str(self._failure),
            pid=vitals.pid,
            rss_bytes=vitals.rss_bytes,
            card=vitals.card,
            queued=self._queue.units,
        )

    @property
    def is_ready(self) -> bool:
        """Whether `infer` would be taken up now."""
        return self._pause_s is None and self._life.vitals.phase is Phase.READY

    async def wait_ready(self) -> None:
        """Return once the worker serves; waits through restarts."""
        while not self.is_ready:
            await self._changed.wait()

    async def infer(self, body: bytes, units: int) -> bytes:
        """Return the answer to the query `body`, `units` of work as its task measures them.

        The deadline is the caller's cancel scope; a cancelled request leaves the queue.

        Raises:
            WorkerUnavailable: no worker is ready, or it died with this batch (WorkerTimeout: it
                was too slow; WorkerFull: too much is waiting). Come back in `retry_ms`.
            ModelFault: the model failed on this query.
        """
        self._check_ready()
        return await self._queue.ask(body, units)

    @asynccontextmanager
    async def stream(self, body: bytes) -> AsyncGenerator[AnswerStream]:
        """Yield the answer to `body` as an iterable of its pieces; leaving the block cancels it.

        At most `WINDOW` pieces are made ahead of whoever reads them.

        Raises:
            WorkerUnavailable: no worker is ready, or (WorkerFull) too many streams are open.
        """
        self._check_ready()
        stream = self._life.open_stream(body)
        try:
            yield stream
        finally:
            stream.give_up()

    def _check_ready(self) -> None:
        if not self.is_ready:
            raise WorkerUnavailable(self._describe(), retry_ms=2_000)

    async def supervise(self) -> None:
        """Run one life after another, for ever; `open_runtime` does this for you."""
        pause_s = self._settings.backoff_s
        while True:
            began = trio.current_time()
            try:
                failure = await self._life.run()
            finally:  # also when the node is stopping
                self._life.vitals.phase = Phase.STOPPED
                self._queue.fail_all(WorkerUnavailable("the worker is gone"))
            if trio.current_time() - began > HEALTHY_S:
                pause_s = self._settings.backoff_s
            self._restarts += 1
            self._failure = failure
            self._pause_s = pause_s
            self._announce()
            self._log(
                "worker_restart", reason=str(failure), restarts=self._restarts, pause_s=pause_s
            )
            await trio.sleep(pause_s)
            pause_s = min(pause_s * 2, BACKOFF_S_MAX)
            self._pause_s = None
            self._life = self._begin_life()

    def _begin_life(self) -> Life:
        return Life(self._settings, self._queue, self._log, self._announce)

    def _announce(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def _describe(self) -> str:
        state = self.state
        error = f"; before: {state.last_error}" if state.last_error else ""
        return f"the model is {state.phase.value} ({state.stage}, {state.part:.0%}){error}"


@asynccontextmanager
async def open_runtime(settings: RuntimeSettings, log: Log) -> AsyncGenerator[Runtime]:
    """Keep a worker alive while the block runs; when it ends, so does the process.

    The block is entered at once, before the model is ready: ask `state`, or `wait_ready`.
    """
    runtime = Runtime(settings, log)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runtime.supervise)
        yield runtime
        nursery.cancel_scope.cancel()
