"""One worker process from spawn to death: handshake, batches, streams, memory, a clean stop.

The first thing that goes wrong ends the life: it is recorded, every task of the life is cancelled,
the process is asked to go (its stdin closes, SIGTERM) and after a grace killed, and with it every
process that it started: it leads a process group of its own.

Memory is capped by reading the resident sizes of it and its descendants each second, not by
RLIMIT_AS: torch and CUDA reserve far more address space than they ever use.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import psutil
import trio

from neurons.backends.backend import ModelCard
from neurons.errors import ModelUnbuilt, WorkerFault, WorkerTimeout, WorkerUnavailable
from neurons.mining.batching import BatchQueue, WaitingQuery
from neurons.ports import Log
from neurons.worker import frames
from neurons.worker.flights import ORDERS_MAX, AnswerStream, Flights
from neurons.worker.frames import Frame, FrameKind, FrameReader, WorkerSpec

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
    """Most a batch may take once it is sent, and streams may wait for any next piece."""
    heartbeat_s: float = 30.0
    """Longest silence of a live worker; generous, for a machine that swaps or trains."""
    memory_mb_max: int = 4_096
    """Largest resident size of the worker and its descendants, MiB."""
    batch_wait_ms: float = 5.0
    batch_max: int = 256
    """Units of work that close a batch."""
    queue_max: int = 2_048
    """Units of work that may wait; more are refused."""
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
    FAILED = "failed"
    """The model can't be imported or built; tried again after the pause."""
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
        self._heard = self._worked = trio.current_time()
        self._orders, self._ordered = trio.open_memory_channel[Frame](ORDERS_MAX)
        self._writing = trio.Lock()
        self._flights = Flights(self._order, settings.worker.answer_bytes_max)

    def open_stream(self, body: bytes) -> AnswerStream:
        """Have `body` answered in pieces; whoever opens a stream also gives it up.

        Raises:
            WorkerFull: too many are open.
        """
        return self._flights.begin_stream(body)

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
                process_group=0,
            )
        except OSError as error:
            return WorkerUnavailable(f"can't start {command[0]}: {error}")
        self.vitals.pid = process.pid
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    tasks = (self._read, self._read_log, self._wait, self._watch)
                    for task in (*tasks, self._feed, self._write_orders):
                        nursery.start_soon(task, process)
        finally:
            self._flights.fail_all(self._reason)
            await _stop(process, self._settings.grace_s)
        return self._reason

    @property
    def _reason(self) -> WorkerUnavailable:
        return self._failure or WorkerUnavailable("the worker was stopped")

    def _order(self, frame: Frame) -> None:
        """Have `frame` written to the worker soon; there is room for all of one that reads."""
        try:
            self._orders.send_nowait(frame)
        except trio.WouldBlock:
            self._fail(WorkerUnavailable("the worker does not read what it is told"))

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
                if not self._ready.is_set():  # a model may still report while it answers
                    self._tell(Phase.TRAINING, stage, part)
            case FrameKind.READY:
                self.vitals.card = frames.decode_ready(frame.body)
                self._tell(Phase.READY, "serving", 1.0)
                self._ready.set()
            case FrameKind.UNBUILT:
                self._fail(ModelUnbuilt(frames.decode_reason(frame.body)))
            case FrameKind.PIECE | FrameKind.DONE | FrameKind.FAILED:
                self._worked = self._heard
                self._flights.land(frame)
            case _:
                raise WorkerFault(f"{frame.kind.name} is not a worker's to say")

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
            if not self._flights.is_stream_owed:
                self._worked = now
            elif now - self._worked > self._settings.batch_s:
                self._fail(WorkerTimeout(f"no piece in {self._settings.batch_s:g} s"))
            self.vitals.rss_bytes = sum(map(_read_rss, _list_family(process.pid)))
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
        await self._send(process, frames.encode_start(self._settings.worker))
        await self._ready.wait()
        while True:
            batch = await self._queue.take()
            try:
                await self._run_batch(process, batch)
            finally:
                for query in batch:
                    if not query.done.is_set():
                        query.fail(self._reason)

    async def _run_batch(self, process: trio.Process, batch: list[WaitingQuery]) -> None:
        """Send one batch and wait for all its answers, at most `batch_s`."""
        frame = self._flights.begin_batch(batch)
        with trio.move_on_after(self._settings.batch_s) as limit:
            await self._send(process, frame)
            await self._flights.wait_batch()
        if limit.cancelled_caught:
            self._fail(WorkerTimeout(f"a batch took more than {self._settings.batch_s:g} s"))
            await trio.sleep_forever()  # until the cancellation that `_fail` ordered arrives

    async def _write_orders(self, process: trio.Process) -> None:
        """Send what is said about streams."""
        async for frame in self._ordered:
            await self._send(process, frame)

    async def _send(self, process: trio.Process, frame: Frame) -> None:
        assert process.stdin is not None
        try:
            async with self._writing:
                await process.stdin.send_all(frames.encode(frame))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await trio.sleep_forever()  # the process is gone: `_wait` ends this life


async def _stop(process: trio.Process, grace_s: float) -> None:
    """Close the worker's stdin, ask it to end, kill it after `grace_s`; leave none of its family.

    Most of its family is in its process group; a child that left it is found as long as its parents
    live.
    """
    family = _list_family(process.pid) if process.returncode is None else []
    with trio.CancelScope(shield=True):
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                await stream.aclose()
        if process.returncode is None:
            process.terminate()
            with trio.move_on_after(grace_s):
                await process.wait()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for child in family[1:]:
            with suppress(psutil.Error):  # one that is gone is not killed, nor whoever has its pid
                child.kill()
        await process.wait()


def _list_family(pid: int) -> list[psutil.Process]:
    """Return the worker and its descendants; nothing once it is gone."""
    try:
        worker = psutil.Process(pid)
        return [worker, *worker.children(recursive=True)]
    except psutil.Error:
        return []


def _describe_exit(code: int | None) -> str:
    if code is None:
        return "the worker closed its pipe"
    return f"the worker was killed by signal {-code}" if code < 0 else f"the worker exited ({code})"


def _read_rss(process: psutil.Process) -> int:
    """Return the resident size of `process` in bytes; 0 once it is gone."""
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0
