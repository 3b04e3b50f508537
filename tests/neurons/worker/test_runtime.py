"""The runtime over real processes: good ones, and every bad one we could think of."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import psutil
import pytest
import trio

from neurons.errors import ModelFault, WorkerFull, WorkerTimeout, WorkerUnavailable
from neurons.worker.answering import FAILURES_MAX
from neurons.worker.flights import STREAMS_MAX, AnswerStream
from neurons.worker.frames import WINDOW, WorkerSpec
from neurons.worker.process import ROOT, Phase, RuntimeSettings
from neurons.worker.runtime import Runtime, open_runtime

pytestmark = pytest.mark.slow

STUB = """
import os, subprocess, sys, time
from neurons.worker import main as worker

class Model:
    def __init__(self, setup):
        {build}
        setup.report("training", 0.5)

    def answer(self, bodies):
        {body}
        return [b"<" + body + b">" for body in bodies]

    def stream(self, body):
        {stream}
        for number in range(int(body)):
            yield str(number).encode()

worker.main(Model)
"""


class Diary:
    """A log that keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def __call__(self, event: str, /, **fields: object) -> None:
        self.lines.append((event, fields))

    def get(self, event: str) -> list[str]:
        return [" ".join(map(str, fields.values())) for name, fields in self.lines if name == event]


def make_settings(
    body: str = "pass", build: str = "pass", stream: str = "pass", code: str | None = None
) -> RuntimeSettings:
    code = code or STUB.format(body=body, build=build, stream=stream)
    return RuntimeSettings(
        worker=WorkerSpec("stub", "none", answer_bytes_max=100_000),
        command=(sys.executable, "-c", code),
        start_s=20.0,
        batch_s=10.0,
        backoff_s=0.05,
        grace_s=0.5,
    )


@asynccontextmanager
async def serving(settings: RuntimeSettings, diary: Diary) -> AsyncGenerator[Runtime]:
    """Open a runtime, wait for its model, and check that its process is gone in the end."""
    pids: set[int] = set()
    with trio.fail_after(120):
        async with open_runtime(settings, diary) as runtime:
            await runtime.wait_ready()
            yield runtime
            pids |= {pid for pid in [runtime.state.pid] if pid is not None}
    assert not any(map(psutil.pid_exists, pids))


async def wait_for(condition: Callable[[], object]) -> None:
    with trio.fail_after(90):
        while not condition():  # noqa: ASYNC110 - the world is another process
            await trio.sleep(0.01)


async def test_restart_count_reason_and_progress_are_told() -> None:
    diary = Diary()
    async with serving(make_settings(), diary) as runtime:
        state = runtime.state
        assert state.phase is Phase.READY
        assert state.restarts == 0
        assert state.card is not None
        assert state.card.name == "Model"
        assert await runtime.infer(b"a", 1) == b"<a>"
        await wait_for(lambda: runtime.state.rss_bytes > 1 << 20)


async def test_program_that_reads_stdin_steals_no_frame() -> None:
    body = 'os.system("cat"); sys.stdin.read()'
    async with serving(make_settings(body), Diary()) as runtime:
        for query in (b"a", b"b"):
            assert await runtime.infer(query, 1) == b"<" + query + b">"
        assert runtime.state.restarts == 0


async def test_model_that_reports_while_it_answers_stays_ready() -> None:
    build, body = "self.report = setup.report", 'self.report("loading", 0.1)'
    async with serving(make_settings(body, build), Diary()) as runtime:
        assert await runtime.infer(b"a", 1) == b"<a>"
        assert runtime.is_ready
        assert await runtime.infer(b"b", 1) == b"<b>"


async def test_worker_that_prints_on_stdout_answers_and_its_words_are_logged() -> None:
    body = 'print("hello"); os.system("echo from a child"); os.write(1, b"raw\\n")'
    diary = Diary()
    async with serving(make_settings(body), diary) as runtime:
        assert await runtime.infer(b"a", 1) == b"<a>"
        await wait_for(lambda: len(diary.get("worker_says")) == 3)
        assert set(diary.get("worker_says")) == {"hello", "from a child", "raw"}
        assert runtime.state.restarts == 0


async def test_worker_that_never_starts_is_restarted_and_told_of() -> None:
    diary = Diary()
    settings = replace(make_settings(build="time.sleep(99)"), start_s=1.0)
    async with open_runtime(settings, diary) as runtime:
        with pytest.raises(WorkerUnavailable, match="starting"):
            await runtime.infer(b"a", 1)
        await wait_for(lambda: runtime.state.restarts)
        assert "not ready after 1 s" in runtime.state.last_error


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import sys; sys.exit(3)", "exited (3)"),
        ("import os; os.write(1, b'What a nice day it is')", "garbage"),
        ("import os, time; os.close(1); time.sleep(99)", "closed its pipe"),
        ("import os; os.kill(os.getpid(), 9)", "signal 9"),
        (
            "import os, struct; os.write(1, struct.pack('>2sBBI', b'NW', 2, 11, 1 << 30))",
            "garbage",
        ),
        (
            "import os, struct; os.write(1, struct.pack('>2sBBI', b'NW', 2, 11, 4) + bytes(4))",
            "not in flight",
        ),
        ("import os, struct; os.write(1, struct.pack('>2sBBI', b'NW', 9, 6, 0))", "garbage"),
        (
            "import os, struct; os.write(1, struct.pack('>2sBBI', b'NW', 2, 10, 8) + bytes(8))",
            "no stream in flight",
        ),
        (
            "import os, struct; os.write(1, struct.pack('>2sBBI', b'NW', 2, 2, 2) + bytes(2))",
            "BATCH is not a worker's",
        ),
        ("import os, struct; os.write(1, struct.pack('>2sBBI', b'NW', 2, 8, 2) + b'{}')", "card"),
    ],
)
async def test_process_that_is_no_worker_is_restarted_with_growing_pauses(
    code: str, reason: str
) -> None:
    diary = Diary()
    async with open_runtime(make_settings(code=code), diary) as runtime:
        await wait_for(lambda: runtime.state.restarts >= 2)
        assert reason in runtime.state.last_error
    pauses = [fields["pause_s"] for event, fields in diary.lines if event == "worker_restart"]
    assert pauses[:2] == [0.05, 0.1]


async def test_command_that_does_not_exist_is_told_of() -> None:
    settings = replace(make_settings(), command=("/no/such/python",))
    async with open_runtime(settings, Diary()) as runtime:
        await wait_for(lambda: runtime.state.restarts)
        assert "can't start /no/such/python" in runtime.state.last_error


async def test_crash_costs_its_batch_and_nothing_else() -> None:
    body = 'if b"crash" in bodies: os._exit(3)'
    async with serving(make_settings(body), Diary()) as runtime:
        with pytest.raises(WorkerUnavailable, match="exited"):
            await runtime.infer(b"crash", 1)
        await runtime.wait_ready()
        assert await runtime.infer(b"fine", 1) == b"<fine>"
        assert runtime.state.restarts == 1


async def test_hanging_batch_hits_its_deadline() -> None:
    body = 'if b"hang" in bodies: time.sleep(99)'
    settings = replace(make_settings(body), batch_s=0.3)
    async with serving(settings, Diary()) as runtime:
        with pytest.raises(WorkerTimeout, match="more than 0"):
            await runtime.infer(b"hang", 1)
        await runtime.wait_ready()
        assert await runtime.infer(b"fine", 1) == b"<fine>"


async def test_killed_worker_comes_back() -> None:
    async with serving(make_settings(), Diary()) as runtime:
        pid = runtime.state.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await wait_for(lambda: runtime.state.restarts)
        await runtime.wait_ready()
        assert await runtime.infer(b"fine", 1) == b"<fine>"


async def test_frozen_worker_is_missed_by_its_heartbeat() -> None:
    settings = replace(make_settings(), heartbeat_s=2.5)
    async with serving(settings, Diary()) as runtime:
        pid = runtime.state.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await wait_for(lambda: runtime.state.restarts)
        assert "silent" in runtime.state.last_error
        await runtime.wait_ready()


async def test_worker_that_grows_beyond_its_memory_is_restarted() -> None:
    settings = replace(make_settings("self.hoard = b'x' * (300 << 20)"), memory_mb_max=250)
    async with serving(settings, Diary()) as runtime:
        await runtime.infer(b"a", 1)
        await wait_for(lambda: runtime.state.restarts)
        assert "250 are allowed" in runtime.state.last_error


async def test_memory_of_the_worker_s_children_counts() -> None:
    child = """code = "x = b'x' * (300 << 20); import time; time.sleep(99)"; """
    body = child + 'subprocess.Popen([sys.executable, "-c", code])'
    settings = replace(make_settings(body), memory_mb_max=250)
    async with serving(settings, Diary()) as runtime:
        await runtime.infer(b"a", 1)
        await wait_for(lambda: runtime.state.restarts)
        assert "250 are allowed" in runtime.state.last_error


# -- poison ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('if b"poison" in bodies: raise ValueError("boom")', "ValueError: boom"),
        ('if b"poison" in bodies: return []', "0 answers to 1 queries"),
        ('return [body if body != b"poison" else "text" for body in bodies]', "of type str"),
        (
            'return [body if body != b"poison" else bytes(100_001) for body in bodies]',
            "are allowed",
        ),
        ('return [body if body != b"poison" else ValueError("no") for body in bodies]', "no"),
    ],
)
async def test_a_poisoned_query_fails_with_its_reason_and_harms_no_neighbour(
    body: str, reason: str
) -> None:
    settings = replace(make_settings(body), batch_wait_ms=100)
    outcomes: dict[bytes, object] = {}

    async with serving(settings, Diary()) as runtime:

        async def ask(query: bytes) -> None:
            try:
                outcomes[query] = await runtime.infer(query, 1)
            except ModelFault as fault:
                outcomes[query] = str(fault)

        async with trio.open_nursery() as nursery:
            for query in (b"a", b"poison", b"b"):
                nursery.start_soon(ask, query)
        assert reason in str(outcomes[b"poison"])
        assert all(isinstance(outcomes[query], bytes) for query in (b"a", b"b"))
        assert runtime.state.restarts == 0


async def test_a_model_that_always_fails_is_started_anew() -> None:
    diary = Diary()
    async with serving(make_settings('raise ValueError("boom")'), diary) as runtime:
        for _ in range(FAILURES_MAX):
            with pytest.raises(ModelFault, match="boom"):
                await runtime.infer(b"a", 1)
        await wait_for(lambda: runtime.state.restarts)
        assert any("queries running" in line for line in diary.get("worker_says"))
        await runtime.wait_ready()


async def test_a_model_that_can_not_be_built_is_told_of_and_tried_again() -> None:
    settings = make_settings(build='raise OSError("no weights here")')
    diary = Diary()
    with trio.fail_after(60):
        async with open_runtime(settings, diary) as runtime:
            await wait_for(lambda: runtime.state.phase is Phase.FAILED)
            assert runtime.state.last_error == "OSError: no weights here"
            await wait_for(lambda: runtime.state.restarts >= 2)
            with pytest.raises(WorkerUnavailable, match="no weights here"):
                await runtime.infer(b"a", 1)
    pauses = [fields["pause_s"] for event, fields in diary.lines if event == "worker_restart"]
    assert pauses[:2] == [0.05, 0.1]


# -- streams ---------------------------------------------------------------------------------------


async def test_pieces_come_in_order_while_batches_are_answered() -> None:
    async with serving(make_settings(), Diary()) as runtime, runtime.stream(b"40") as pieces:
        assert await anext(pieces) == b"0"
        assert await runtime.infer(b"a", 1) == b"<a>"
        assert [piece async for piece in pieces] == [str(each).encode() for each in range(1, 40)]


async def test_a_slow_reader_holds_up_nobody_and_the_worker_makes_no_more() -> None:
    said = 'print("made", flush=True); yield b"x"'
    stream = f"while True: {said}"
    diary = Diary()
    settings = replace(make_settings(stream=stream), batch_s=1.0)
    async with serving(settings, diary) as runtime, runtime.stream(b"1") as pieces:
        await wait_for(lambda: len(diary.get("worker_says")) == WINDOW)
        began = trio.current_time()
        while trio.current_time() < began + 3 * settings.batch_s:
            assert await runtime.infer(b"a", 1) == b"<a>"
            await trio.sleep(0.1)
        assert len(diary.get("worker_says")) == WINDOW
        assert runtime.state.restarts == 0
        await anext(pieces)
        await wait_for(lambda: len(diary.get("worker_says")) == WINDOW + 1)


@asynccontextmanager
async def open_when_free(runtime: Runtime) -> AsyncGenerator[AnswerStream]:
    """Open a stream once the worker has ended one of those before."""
    with trio.fail_after(10):
        while True:
            try:
                async with runtime.stream(b"1") as pieces:
                    yield pieces
                    return
            except WorkerFull:
                await trio.sleep(0.01)


async def test_a_stream_left_is_closed_in_the_model() -> None:
    stream = """
        try:
            while True: yield b"x"
        finally:
            print("closed", flush=True)
"""
    diary = Diary()
    async with serving(make_settings(stream=stream), diary) as runtime:
        for _ in range(2 * STREAMS_MAX):
            async with open_when_free(runtime) as pieces:
                await anext(pieces)
        await wait_for(lambda: len(diary.get("worker_says")) == 2 * STREAMS_MAX)
        assert runtime.state.restarts == 0


async def test_a_stream_without_a_next_piece_hits_the_deadline() -> None:
    settings = replace(make_settings(stream="time.sleep(99)"), batch_s=0.5)
    async with serving(settings, Diary()) as runtime:
        async with runtime.stream(b"1") as pieces:
            with pytest.raises(WorkerTimeout, match="no piece"):
                await anext(pieces)
        await runtime.wait_ready()
        assert runtime.state.restarts == 1


async def test_a_stream_ends_with_its_worker() -> None:
    async with serving(make_settings(stream="while True: yield b'x'"), Diary()) as runtime:
        async with runtime.stream(b"1") as pieces:
            await anext(pieces)
            assert runtime.state.pid is not None
            os.kill(runtime.state.pid, signal.SIGKILL)
            with pytest.raises(WorkerUnavailable):
                async for _ in pieces:
                    pass
        await wait_for(lambda: runtime.state.restarts)
        await runtime.wait_ready()


# -- the end ---------------------------------------------------------------------------------------


async def test_worker_that_ignores_sigterm_and_its_stdin_is_killed() -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print(8 * '?', flush=True)\n"
    code += "while True: time.sleep(1)"
    with trio.fail_after(60):
        async with open_runtime(make_settings(code=code), Diary()) as runtime:
            await wait_for(lambda: runtime.state.restarts)


SPAWN = """
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(99)"])
        print("child", child.pid, flush=True)
"""


@pytest.mark.parametrize("is_stopped_well", [True, False], ids=["stopped", "killed"])
async def test_children_die_with_the_worker(is_stopped_well: bool) -> None:  # noqa: FBT001 - a case
    diary = Diary()
    async with serving(make_settings(build=SPAWN), diary) as runtime:
        await wait_for(lambda: diary.get("worker_says"))
        child = psutil.Process(int(diary.get("worker_says")[0].split()[1]))
        assert child.is_running()
        if not is_stopped_well:
            assert runtime.state.pid is not None
            os.kill(runtime.state.pid, signal.SIGKILL)
            await wait_for(lambda: _is_gone(child))
            await runtime.wait_ready()
    await wait_for(lambda: _is_gone(child))


def _is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_worker_and_its_children_do_not_outlive_a_killed_node() -> None:
    code = f"""
import sys, trio
sys.path.insert(0, {str(ROOT)!r})
from tests.neurons.worker.test_runtime import SPAWN, make_settings
from neurons.worker.runtime import open_runtime
def say(event, /, **fields):
    print(fields.get("line", "").removeprefix("child "), flush=True)
async def main():
    settings = make_settings("time.sleep(99)", build=SPAWN)
    async with open_runtime(settings, say) as runtime:
        await runtime.wait_ready()
        print(runtime.state.pid, flush=True)
        await runtime.infer(b"busy for long", 1)
trio.run(main)
"""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, text=True
    ) as node:
        assert node.stdout is not None
        family = [psutil.Process(int(node.stdout.readline())) for _ in range(2)]
        node.kill()
    _, left = psutil.wait_procs(family, timeout=10)
    assert all(map(_is_gone, left))
