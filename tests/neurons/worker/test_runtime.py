"""The runtime over real processes: good ones, and every bad one we could think of."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import trio

from neurons.errors import ModelFault, WorkerTimeout, WorkerUnavailable
from neurons.tasks.text.models.spec import ModelSpec, WorkerSpec
from neurons.worker.process import ROOT, Phase, RuntimeSettings
from neurons.worker.runtime import Runtime, open_runtime

pytestmark = pytest.mark.slow

STUB = """
import os, sys, time
from types import SimpleNamespace
import numpy as np
from neurons.worker import main as worker
from neurons.worker.frames import ModelCard

class Model:
    def predict(self, prefixes):
        {body}
        return np.ones((len(prefixes), 256))

def build(spec, report):
    {build}
    report("training", 0.5)
    return SimpleNamespace(model=Model(), card=ModelCard("stub", "cpu", 1, 8.0, 0.0, False))

worker.main(build)
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
    body: str = "pass", build: str = "pass", code: str | None = None
) -> RuntimeSettings:
    return RuntimeSettings(
        worker=WorkerSpec(ModelSpec()),
        command=(sys.executable, "-c", code or STUB.format(body=body, build=build)),
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
        assert len(await runtime.infer([b"a", b"b"])) == 2
        await wait_for(lambda: runtime.state.rss_bytes > 1 << 20)


async def test_worker_that_prints_on_stdout_answers_and_its_words_are_logged() -> None:
    body = 'print("hello"); os.system("echo from a child"); os.write(1, b"raw\\n")'
    diary = Diary()
    async with serving(make_settings(body), diary) as runtime:
        assert len(await runtime.infer([b"a"])) == 1
        await wait_for(lambda: len(diary.get("worker_says")) == 3)
        assert set(diary.get("worker_says")) == {"hello", "from a child", "raw"}
        assert runtime.state.restarts == 0


async def test_worker_that_never_starts_is_restarted_and_told_of() -> None:
    diary = Diary()
    settings = replace(make_settings(build="time.sleep(99)"), start_s=1.0)
    async with open_runtime(settings, diary) as runtime:
        with pytest.raises(WorkerUnavailable, match="starting"):
            await runtime.infer([b"a"])
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
            "import os, struct; os.write(1, struct.pack('>2sBBI', b'NW', 1, 6, 1 << 30))",
            "garbage",
        ),
        (
            "import os, struct; os.write(1, struct.pack('>2sBBI', b'NW', 1, 6, 4) + bytes(4))",
            "not in flight",
        ),
        ("import os, struct; os.write(1, struct.pack('>2sBBI', b'NW', 9, 3, 0))", "garbage"),
        ("import os, struct; os.write(1, struct.pack('>2sBBI', b'NW', 1, 5, 2) + b'{}')", "card"),
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
    body = 'if b"crash" in prefixes: raise ValueError("boom")'
    diary = Diary()
    async with serving(make_settings(body), diary) as runtime:
        with pytest.raises(WorkerUnavailable, match="exited"):
            await runtime.infer([b"crash"])
        await runtime.wait_ready()
        assert len(await runtime.infer([b"fine"])) == 1
        assert runtime.state.restarts == 1
        assert any("boom" in line for line in diary.get("worker_says"))


async def test_hanging_batch_hits_its_deadline() -> None:
    body = 'if b"hang" in prefixes: time.sleep(99)'
    settings = replace(make_settings(body), batch_s=0.3)
    async with serving(settings, Diary()) as runtime:
        with pytest.raises(WorkerTimeout, match="more than 0"):
            await runtime.infer([b"hang"])
        await runtime.wait_ready()
        assert len(await runtime.infer([b"fine"])) == 1


async def test_killed_worker_comes_back() -> None:
    async with serving(make_settings(), Diary()) as runtime:
        pid = runtime.state.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await wait_for(lambda: runtime.state.restarts)
        await runtime.wait_ready()
        assert len(await runtime.infer([b"fine"])) == 1


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
        await runtime.infer([b"a"])
        await wait_for(lambda: runtime.state.restarts)
        assert "250 are allowed" in runtime.state.last_error


async def test_nan_of_one_request_is_its_own_fault_and_harms_no_neighbour() -> None:
    body = 'if b"nan" in prefixes: return np.full((len(prefixes), 256), np.nan)'
    settings = replace(make_settings(body), batch_wait_ms=100)
    outcomes: dict[bytes, object] = {}

    async with serving(settings, Diary()) as runtime:

        async def ask(prefix: bytes) -> None:
            try:
                outcomes[prefix] = await runtime.infer([prefix])
            except ModelFault as fault:
                outcomes[prefix] = str(fault)

        async with trio.open_nursery() as nursery:
            for prefix in (b"a", b"nan", b"b"):
                nursery.start_soon(ask, prefix)
        assert "NaN" in str(outcomes[b"nan"])
        assert all(isinstance(outcomes[prefix], tuple) for prefix in (b"a", b"b"))
        assert runtime.state.restarts == 0


async def test_worker_that_ignores_sigterm_and_its_stdin_is_killed() -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print(8 * '?', flush=True)\n"
    code += "while True: time.sleep(1)"
    with trio.fail_after(60):
        async with open_runtime(make_settings(code=code), Diary()) as runtime:
            await wait_for(lambda: runtime.state.restarts)


def test_worker_does_not_outlive_a_killed_node() -> None:
    code = f"""
import sys, trio
sys.path.insert(0, {str(ROOT)!r})
from tests.neurons.worker.test_runtime import Diary, make_settings
from neurons.worker.runtime import open_runtime
async def main():
    async with open_runtime(make_settings("time.sleep(99)"), Diary()) as runtime:
        await runtime.wait_ready()
        print(runtime.state.pid, flush=True)
        await runtime.infer([b"busy for long"])
trio.run(main)
"""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, text=True
    ) as node:
        assert node.stdout is not None
        pid = int(node.stdout.readline())
        worker = psutil.Process(pid)
        node.kill()
    worker.wait(timeout=10)
    assert not worker.is_running()


# -- real torch -----------------------------------------------------------------------------------

TINY = ModelSpec(corpus_bytes=40_000, steps=3, width=16, layers=1, heads=2, context=16, batch=4)


@pytest.mark.parametrize("name", ["ngram", "transformer", "pooled"])
async def test_real_model_trains_once_and_is_loaded_after(name: str, tmp_path: Path) -> None:
    model = replace(TINY, model=name)  # pyright: ignore[reportArgumentType] # one of the names
    settings = RuntimeSettings(WorkerSpec(model, "cpu", 1, str(tmp_path)), grace_s=1.0)
    answers: list[tuple[bytes, ...]] = []
    cached: list[bool] = []
    for _ in range(2):
        async with serving(settings, Diary()) as runtime:
            answers.append(await runtime.infer([b"import o", b"x", b"def main(self):\n    " * 20]))
            assert runtime.state.card is not None
            cached.append(runtime.state.card.cached)
    assert cached == [False, True]
    assert answers[0] == answers[1]
    for row in answers[0]:
        assert np.frombuffer(row, "<u2").sum() == 65_535


def _truncate_only_file(folder: Path) -> None:
    (kept,) = folder.iterdir()
    kept.write_bytes(kept.read_bytes()[:1_000])


async def test_unreadable_model_file_is_trained_again(tmp_path: Path) -> None:
    settings = RuntimeSettings(WorkerSpec(replace(TINY, model="ngram"), "cpu", 1, str(tmp_path)))
    async with serving(settings, Diary()):
        pass
    _truncate_only_file(tmp_path)
    diary = Diary()
    async with serving(settings, diary) as runtime:
        assert runtime.state.card is not None
        assert not runtime.state.card.cached
    assert any("training again" in line for line in diary.get("worker_says"))
