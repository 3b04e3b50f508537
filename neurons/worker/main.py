"""The model's own process: load, batch, answer over a pipe; the only place torch runs.

`python -m neurons.worker.main`, started by `neurons/worker/runtime.py`. Frames come in on stdin and
go out on what was stdout; before anything else is imported, file descriptor 1 is pointed at stderr,
so a model or a C library that prints can't corrupt a frame and its words end in the node's log.

It must not outlive its node: a thread reads stdin all the time and the process exits the moment
that pipe closes, which the kernel does however the node dies. (PR_SET_PDEATHSIG would be wrong: it
fires when the parent's *thread* that forked ends, and trio forks from a short-lived one.)

A model's exception ends the process with its traceback on stderr; the runtime restarts it. Numbers
that are no distribution are a FAULT frame for that batch and nothing more.
"""

import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from neurons.errors import ModelFault
from neurons.tasks.text.distributions import pack_rows, quantise
from neurons.tasks.text.models.spec import WorkerSpec, decode_worker_spec
from neurons.worker import frames
from neurons.worker.frames import Frame, FrameKind, FrameReader

if TYPE_CHECKING:
    from neurons.tasks.text.models.build import Report, Served

NICENESS = 5
"""The node's votes go before a model's arithmetic on a shared core."""
CHUNK_BYTES = 1 << 16


class RuntimePipe:
    """The two pipes to the runtime. Reading happens in its own thread, writing under a lock."""

    def __init__(self, out: int) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()

    def receive(self) -> Frame:
        """Return the next frame from the runtime, waiting for it."""
        return self._frames.get()

    def send(self, frame: Frame) -> None:
        """Write one frame whole. When nobody reads any more, the process ends."""
        data = memoryview(frames.encode(frame))
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._out, data) :]
            except BrokenPipeError:
                os._exit(0)

    def read_for_ever(self) -> None:
        """Read stdin into the queue; end the process when the node closes it, or is gone."""
        reader = FrameReader()
        while chunk := os.read(0, CHUNK_BYTES):
            for frame in reader.feed(chunk):
                self._frames.put(frame)

    def beat_for_ever(self) -> None:
        """Say every `BEAT_S` that the process is scheduled, and that its parent is still there."""
        parent = os.getppid()
        pause = threading.Event()
        while not pause.wait(frames.BEAT_S) and os.getppid() == parent:
            self.send(Frame(FrameKind.BEAT))


def main(build: "Callable[[WorkerSpec, Report], Served] | None" = None) -> None:
    """Serve batches until stdin closes; `build` makes the model (default: the task's)."""
    out = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the node, which then closes stdin
    os.nice(NICENESS)
    pipe = RuntimePipe(out)
    for loop in (pipe.read_for_ever, pipe.beat_for_ever):
        threading.Thread(target=_run_then_exit, args=(loop,), daemon=True).start()
    pipe.send(Frame(FrameKind.HELLO))
    start = pipe.receive()
    assert start.kind is FrameKind.START
    _serve(pipe, decode_worker_spec(start.body), build)


def _run_then_exit(loop: Callable[[], None]) -> None:
    """Run `loop`; when it ends the process ends, whatever the model is doing."""
    try:
        loop()
    except BaseException:  # noqa: BLE001 - a dead thread alone leaves a process nobody can talk to
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _serve(
    pipe: RuntimePipe, spec: WorkerSpec, build: "Callable[[WorkerSpec, Report], Served] | None"
) -> None:
    if build is None:
        os.environ.setdefault("OMP_NUM_THREADS", str(spec.threads))  # before torch is imported
        from neurons.tasks.text.models.build import build  # noqa: PLC0415 - HELLO must not wait for torch

    served = build(spec, lambda stage, part: pipe.send(frames.encode_progress(stage, part)))
    pipe.send(frames.encode_ready(served.card))
    while True:
        frame = pipe.receive()
        assert frame.kind is FrameKind.BATCH
        batch_id, prefixes = frames.decode_batch(frame.body)
        try:
            rows = quantise(served.model.predict(prefixes))
        except ModelFault as fault:
            pipe.send(frames.encode_fault(batch_id, str(fault)))
        else:
            pipe.send(frames.encode_answer(batch_id, pack_rows(rows)))


if __name__ == "__main__":
    main()
