"""The model's own process: build it, then answer over a pipe; the only place a backend runs.

`python -m neurons.worker.main`, started by `neurons/worker/runtime.py`. Frames come in on stdin and
go out on what was stdout; before anything else is imported, file descriptor 1 is pointed at stderr
and 0 at nothing, so that a model, a C library or a program that one starts can't corrupt a frame by
printing, nor steal one by reading; what they print ends in the node's log.

It must not outlive its node, nor anything it started: the runtime makes it the leader of a process
group, a thread reads stdin all the time, and the moment that pipe closes, which the kernel does
however the node dies, the group is killed. (PR_SET_PDEATHSIG would be wrong: it fires when the
parent's *thread* that forked ends, and trio forks from a short-lived one.)

A model that can't be imported or built is said as UNBUILT with its reason, and the process ends.
"""

import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable

from neurons.backends.backend import MakeModel, Model, ModelCard, Setup
from neurons.errors import WorkerFault
from neurons.worker import frames
from neurons.worker.answering import FAILURES_MAX, Answerer, describe
from neurons.worker.frames import Frame, FrameKind, FrameReader, WorkerSpec

NICENESS = 5
"""The node's votes go before a model's arithmetic on a shared core."""
CHUNK_BYTES = 1 << 16
UNBUILT_EXIT = 4


class RuntimePipe:
    """The two pipes to the runtime. Reading happens in its own thread, writing under a lock."""

    def __init__(self, source: int, out: int) -> None:
        self._source = source
        self._out = out
        self._lock = threading.Lock()
        self._frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()

    def receive(self) -> Frame:
        """Return the next frame from the runtime, waiting for it."""
        return self._frames.get()

    def receive_waiting(self) -> Frame | None:
        """Return the next frame if one has come."""
        try:
            return self._frames.get_nowait()
        except queue.Empty:
            return None

    def send(self, *said: Frame) -> None:
        """Write frames whole. When nobody reads any more, the process ends."""
        data = memoryview(b"".join(map(frames.encode, said)))
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._out, data) :]
            except BrokenPipeError:
                _end_group()

    def read_for_ever(self) -> None:
        """Read what was stdin into the queue; end when the node closes it, or is gone."""
        reader = FrameReader()
        while chunk := os.read(self._source, CHUNK_BYTES):
            for frame in reader.feed(chunk):
                self._frames.put(frame)

    def beat_for_ever(self) -> None:
        """Say every `BEAT_S` that the process is scheduled, and that its parent is still there."""
        parent = os.getppid()
        pause = threading.Event()
        while not pause.wait(frames.BEAT_S) and os.getppid() == parent:
            self.send(Frame(FrameKind.BEAT))


def main(make: MakeModel | None = None) -> None:
    """Serve until stdin closes; `make` builds the model (default: the backend that is named)."""
    source, out = _take_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the node, which then closes stdin
    os.nice(NICENESS)
    pipe = RuntimePipe(source, out)
    for loop in (pipe.read_for_ever, pipe.beat_for_ever):
        threading.Thread(target=_run_then_exit, args=(loop,), daemon=True).start()
    pipe.send(Frame(FrameKind.HELLO))
    start = pipe.receive()
    assert start.kind is FrameKind.START
    spec = frames.decode_start(start.body)
    try:
        model = _build(spec, pipe, make)
        ready = frames.encode_ready(_get_card(model, spec))
    except BaseException as error:  # noqa: BLE001 - whatever it is, the operator hears it
        traceback.print_exc()
        pipe.send(frames.encode_unbuilt(describe(error)))
        sys.exit(UNBUILT_EXIT)
    pipe.send(ready)
    _serve(pipe, Answerer(model, spec.answer_bytes_max))


def _take_pipes() -> tuple[int, int]:
    """Return stdin and stdout under numbers that nobody else has, nor any program started here."""
    source, out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return source, out


def _run_then_exit(loop: Callable[[], None]) -> None:
    """Run `loop`; when it ends the process ends, whatever the model is doing."""
    try:
        loop()
    except BaseException:  # noqa: BLE001 - a dead thread alone leaves a process nobody can talk to
        traceback.print_exc()
    _end_group()


def _end_group() -> None:
    """End this process and all it has started."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _build(spec: WorkerSpec, pipe: RuntimePipe, make: MakeModel | None) -> Model:
    os.environ.setdefault("OMP_NUM_THREADS", str(spec.threads))  # before numpy or torch is imported
    if make is None:
        from neurons.backends.known import load_backend  # noqa: PLC0415 - HELLO waits for nothing

        make = load_backend(spec.backend)
    return make(
        Setup(
            task=spec.task,
            task_params=spec.task_params,
            device=spec.device,
            threads=spec.threads,
            cache_dir=spec.cache_dir,
            options=spec.options,
            report=lambda stage, part: pipe.send(frames.encode_progress(stage, part)),
        )
    )


def _get_card(model: Model, spec: WorkerSpec) -> ModelCard:
    """Return the model's own card, or one that says what we know of it.

    Raises:
        TypeError: it can't answer.
    """
    if not callable(getattr(model, "answer", None)):
        raise TypeError(f"{type(model).__name__} has no method answer(bodies)")
    card: object = getattr(model, "card", None)
    if isinstance(card, ModelCard):
        return card
    return ModelCard(type(model).__name__, spec.device)


def _serve(pipe: RuntimePipe, answerer: Answerer) -> None:
    while True:
        frame = pipe.receive_waiting() if answerer.is_streaming else pipe.receive()
        said = answerer.advance() if frame is None else answerer.hear(frame)
        if said:
            pipe.send(*said)
        if answerer.is_broken:
            raise WorkerFault(f"the model failed on {FAILURES_MAX} queries running")


if __name__ == "__main__":
    main()
