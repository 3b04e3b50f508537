"""One worker process from spawn to death: handshake, batches, heartbeat, memory, a clean stop.

The first thing that goes wrong ends the life: it is recorded, every task of the life is cancelled,
the process is asked to go (its stdin closes, SIGTERM) and after a grace killed.

Memory is capped by reading the resident size each second, not by RLIMIT_AS: torch and CUDA reserve
far more address space than they ever use.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import psutil
import trio

from neurons.errors import ModelFault, WorkerFault, WorkerTimeout, WorkerUnavailable
from neurons.mining.batching import BatchQueue, Request
from neurons.ports import Log
from neurons.tasks.text.models.spec import WorkerSpec, encode_worker_spec
from neurons.worker import frames
from neurons.worker.frames import Frame, FrameKind, FrameReader, ModelCard

ROOT = Path(__file__).resolve().parents[2]
"""Where `python -m neurons.worker.main` finds our rooms, wherever the node was started."""
LINE_BYTES_MAX = 2_000
"""A longer line of a worker's stderr is logged in pieces."""
CHECK_S = 1.0
"""How often heartbeat and memory are looked at."""
CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class RuntimeSettings:
    """How a worker is run."""

    worker: WorkerSpec
    command: tuple[str, ...] = (sys.executable, "-m", "neurons.worker.main")
    start_s: float = 120.0
    """From spawn to ready, training included."""
    batch_s: float = 20.0
    """Most a batch may take once it is sent."""
    heartbeat_s: float = 30.0
    """Longest silence of a live worker; generous, for a machine that swaps or trains."""
    memory_mb_max: int = 4_096
    """Largest resident size, MiB."""
    batch_wait_ms: float = 5.0
    batch_max: int = 256
    """Prefixes that close a batch."""
    queue_max: int = 2_048
    """Prefixes that may wait; more are refused."""
    grace_s: float = 2.0
    """From SIGTERM to SIGKILL."""
    backoff_s: float = 0.5
    """First pause before a restart; it doubles up to a minute."""


class Phase(Enum):
    """Where a worker's life stands."""

    STARTING = "starting"
    TRAINING = "training"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPED = "stopped"


@dataclass(slots=True)
class Vitals:
    """What is known of the process that lives now; written by its life alone."""

    phase: Phase = Phase.STARTING
    stage: str = "starting"
    part: float = 0.0
    pid: int | None = None
    rss_bytes: int = 0
    card: ModelCard | None = None


@dataclass(eq=False, slots=True)
class _Flight:
    """The batch the worker is working on, and how it ended."""

    batch_id: int
    count: int
    done: trio.Event = field(default_factory=trio.Event)
    rows: tuple[bytes, ...] = ()
    fault: ModelFault | None = None


class Life:
    """One process. `run` returns what failed in the end; `on_change` hears of every new phase."""

    def __init__(
        self,
        settings: RuntimeSettings,
        queue: BatchQueue,
        log: Log,
        on_change: Callable[[], None],
    ) -> None:
        self.vitals = Vitals()
        self._settings = settings
        self._queue = queue
        self._log = log
        self._on_change = on_change
        self._scope = trio.CancelScope()
        self._failure: WorkerUnavailable | None = None
        self._ready = trio.Event()
        self._heard = trio.current_time()
        self._batch_id = 0
        self._flight: _Flight | None = None

    async def run(self) -> WorkerUnavailable:
        """Spawn, serve until something fails, leave no process behind; return what failed."""
        command = self._settings.command
        try:
            process = await trio.lowlevel.open_process(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=ROOT,
            )
        except OSError as error:
            return WorkerUnavailable(f"can't start {command[0]}: {error}")
        self.vitals.pid = process.pid
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    for task in (self._read, self._read_log, self._wait, self._watch, self._feed):
                        nursery.start_soon(task, process)
        finally:
            await _stop(process, self._settings.grace_s)
        return self._failure or WorkerUnavailable("the worker was stopped")

    def _fail(self, failure: WorkerUnavailable) -> None:
        """End this life for `failure`; a second one changes nothing."""
        if self._failure is None:
            self._failure = failure
            self._tell(Phase.STOPPED, "stopped", 0.0)
            self._scope.cancel()

    # -- from the worker --------------------------------------------------------------------------

    async def _read(self, process: trio.Process) -> None:
        """Hear every frame until the worker closes its end."""
        assert process.stdout is not None
        reader = FrameReader()
        while chunk := await process.stdout.receive_some(CHUNK_BYTES):
            try:
                for frame in reader.feed(bytes(chunk)):
                    self._hear(frame)
            except WorkerFault as fault:
                self._fail(WorkerUnavailable(f"the worker spoke garbage: {fault}"))
        # it may have closed its pipe without ending; `_wait` tells the exit code if it did end
        with trio.move_on_after(self._settings.grace_s):
            await process.wait()
        self._fail(WorkerUnavailable(_describe_exit(process.returncode)))

    def _hear(self, frame: Frame) -> None:
        """Take in one frame.

        Raises:
            WorkerFault: not a worker's to say, or malformed.
        """
        self._heard = trio.current_time()
        match frame.kind:
            case FrameKind.HELLO | FrameKind.BEAT:
                return
            case FrameKind.PROGRESS:
                stage, part = frames.decode_progress(frame.body)
                self._tell(Phase.TRAINING, stage, part)
            case FrameKind.READY:
                self.vitals.card = frames.decode_ready(frame.body)
                self._tell(Phase.READY, "serving", 1.0)
                self._ready.set()
            case FrameKind.ANSWER | FrameKind.FAULT:
                self._land(frame)
            case _:
                raise WorkerFault(f"{frame.kind.name} is not a worker's to say")

    def _land(self, frame: Frame) -> None:
        batch_id, body = frames.decode_reply(frame.body)
        flight = self._flight
        if flight is None or flight.batch_id != batch_id:
            raise WorkerFault(f"an answer to batch {batch_id}, which is not in flight")
        if frame.kind is FrameKind.FAULT:
            flight.fault = ModelFault(body.decode("utf-8", "replace"))
        else:
            flight.rows = frames.split_rows(body, flight.count)
        flight.done.set()

    async def _read_log(self, process: trio.Process) -> None:
        """Log the worker's stderr line by line."""
        assert process.stderr is not None
        rest = b""
        while chunk := await process.stderr.receive_some(CHUNK_BYTES):
            *lines, rest = (rest + bytes(chunk)).split(b"\n")
            if len(rest) > LINE_BYTES_MAX:
                lines, rest = [*lines, rest], b""
            for line in filter(None, lines):
                self._log("worker_says", line=line[:LINE_BYTES_MAX].decode("utf-8", "replace"))

    async def _wait(self, process: trio.Process) -> None:
        """Notice the end of the process, after a moment for its last words to be read."""
        code = await process.wait()
        await trio.sleep(0.05)
        self._fail(WorkerUnavailable(_describe_exit(code)))

    def _tell(self, phase: Phase, stage: str, part: float) -> None:
        self.vitals.phase, self.vitals.stage, self.vitals.part = phase, stage, part
        self._on_change()

    # -- over the worker --------------------------------------------------------------------------

    async def _watch(self, process: trio.Process) -> None:
        """End a life that does not start in time, falls silent or grows too big."""
        deadline = trio.current_time() + self._settings.start_s
        while True:
            await trio.sleep(min(CHECK_S, self._settings.start_s, self._settings.heartbeat_s))
            now = trio.current_time()
            if now > deadline and not self._ready.is_set():
                self._fail(WorkerUnavailable(f"not ready after {self._settings.start_s:g} s"))
            if now - self._heard > self._settings.heartbeat_s:
                self._fail(WorkerTimeout(f"silent for {now - self._heard:.0f} s"))
            self.vitals.rss_bytes = _read_rss(process.pid)
            if self.vitals.rss_bytes > self._settings.memory_mb_max << 20:
                used = self.vitals.rss_bytes >> 20
                self._fail(
                    WorkerUnavailable(
                        f"uses {used} MiB of memory, {self._settings.memory_mb_max} are allowed"
                    )
                )

    # -- to the worker ----------------------------------------------------------------------------

    async def _feed(self, process: trio.Process) -> None:
        """Start the worker, then send it batch after batch."""
        await self._send(process, Frame(FrameKind.START, encode_worker_spec(self._settings.worker)))
        await self._ready.wait()
        while True:
            batch = await self._queue.take()
            try:
                await self._run_batch(process, batch)
            finally:
                failure = self._failure or WorkerUnavailable("the worker was stopped")
                for request in batch:
                    if not request.done.is_set():
                        request.fail(failure)

    async def _run_batch(self, process: trio.Process, batch: list[Request]) -> None:
        """Run `batch` once; on a model's fault once more one by one, to find whose it is."""
        flight = await self._fly(process, batch)
        if flight.fault is not None and len(batch) > 1:
            for request in batch:
                await self._run_batch(process, [request])
            return
        rows = flight.rows
        for request in batch:
            if flight.fault is not None:
                request.fail(flight.fault)
            else:
                count = len(request.prefixes)
                request.answer(rows[:count])
                rows = rows[count:]

    async def _fly(self, process: trio.Process, batch: list[Request]) -> _Flight:
        """Send one batch and wait for its answer, at most `batch_s`."""
        prefixes = [prefix for request in batch for prefix in request.prefixes]
        self._batch_id = (self._batch_id + 1) % 2**32
        flight = self._flight = _Flight(self._batch_id, len(prefixes))
        with trio.move_on_after(self._settings.batch_s):
            await self._send(process, frames.encode_batch(flight.batch_id, prefixes))
            await flight.done.wait()
        if not flight.done.is_set():
            self._fail(WorkerTimeout(f"a batch took more than {self._settings.batch_s:g} s"))
            await trio.sleep_forever()  # until the cancellation that `_fail` ordered arrives
        self._flight = None
        return flight

    async def _send(self, process: trio.Process, frame: Frame) -> None:
        assert process.stdin is not None
        try:
            await process.stdin.send_all(frames.encode(frame))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await trio.sleep_forever()  # the process is gone: `_wait` ends this life


async def _stop(process: trio.Process, grace_s: float) -> None:
    """Close the worker's stdin, ask it to end, kill it after `grace_s`; reap it."""
    with trio.CancelScope(shield=True):
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                await stream.aclose()
        if process.returncode is None:
            process.terminate()
            with trio.move_on_after(grace_s):
                await process.wait()
        if process.returncode is None:
            process.kill()
        await process.wait()


def _describe_exit(code: int | None) -> str:
    if code is None:
        return "the worker closed its pipe"
    return f"the worker was killed by signal {-code}" if code < 0 else f"the worker exited ({code})"


def _read_rss(pid: int) -> int:
    """Return the resident size of `pid` in bytes; 0 once it is gone."""
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0
