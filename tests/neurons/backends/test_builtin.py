"""The built-in backend in a real worker: trained once, loaded after, told of when it can't be."""

from pathlib import Path

import numpy as np
import pytest
import trio

from neurons.catalog import open_task
from neurons.errors import ModelFault
from neurons.tasks.text.task import encode_query
from neurons.worker.frames import WorkerSpec
from neurons.worker.process import Phase, RuntimeSettings
from neurons.worker.runtime import open_runtime
from tests.neurons.worker.test_runtime import Diary, serving, wait_for

pytestmark = pytest.mark.slow

TINY = {
    "corpus_bytes": 40_000,
    "train_steps": 3,
    "width": 16,
    "layers": 1,
    "heads": 2,
    "context": 16,
}
QUERY = encode_query([b"import o", b"x", b"def main(self):\n    " * 12])


def make_settings(folder: Path, backend: str = "builtin", **options: object) -> RuntimeSettings:
    worker = WorkerSpec(
        backend=backend,
        task="text",
        answer_bytes_max=open_task("text").answer_bytes_max,
        device="cpu",
        cache_dir=str(folder),
        options=TINY | options,
    )
    return RuntimeSettings(worker, grace_s=1.0)


@pytest.mark.parametrize("kind", ["ngram", "transformer", "pooled"])
async def test_real_model_trains_once_and_is_loaded_after(kind: str, tmp_path: Path) -> None:
    answers: list[bytes] = []
    cached: list[bool] = []
    for _ in range(2):
        async with serving(make_settings(tmp_path, kind=kind), Diary()) as runtime:
            answers.append(await runtime.infer(QUERY, 3))
            assert runtime.state.card is not None
            assert runtime.state.card.name == kind
            assert "bits_per_byte" in runtime.state.card.qualities
            cached.append(runtime.state.card.cached)
    assert cached == [False, True]
    assert answers[0] == answers[1]
    rows = np.frombuffer(answers[0], "<u2").reshape(3, 256)
    assert (rows.sum(axis=1, dtype=np.int64) == 65_535).all()


async def test_a_query_of_another_task_fails_alone(tmp_path: Path) -> None:
    async with serving(make_settings(tmp_path, kind="ngram"), Diary()) as runtime:
        with pytest.raises(ModelFault):
            await runtime.infer(b"what is the time?", 1)
        assert len(await runtime.infer(QUERY, 3)) == 3 * 512


def _truncate_only_file(folder: Path) -> None:
    (kept,) = folder.iterdir()
    kept.write_bytes(kept.read_bytes()[:1_000])


async def test_unreadable_model_file_is_trained_again(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, kind="ngram")
    async with serving(settings, Diary()):
        pass
    _truncate_only_file(tmp_path)
    diary = Diary()
    async with serving(settings, diary) as runtime:
        assert runtime.state.card is not None
        assert not runtime.state.card.cached
    assert any("training again" in line for line in diary.get("worker_says"))


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        ("python:no_such_package.models:Best", "No module named 'no_such_package'"),
        ("python:neurons.dice:Lucky", "neurons.dice has no class Lucky"),
        ("python:neurons.mining.batching:BatchQueue", "missing 2 required"),
        ("python:builtins:repr", "str has no method answer"),
    ],
)
async def test_a_class_that_gives_no_model_is_told_of(
    backend: str, reason: str, tmp_path: Path
) -> None:
    with trio.fail_after(60):
        async with open_runtime(make_settings(tmp_path, backend), Diary()) as runtime:
            await wait_for(lambda: runtime.state.phase is Phase.FAILED)
            assert reason in runtime.state.last_error
