"""`python:package.module:Class`: checked in the daemon, imported in the worker."""

from pathlib import Path

import pytest

from consensus.quantities import Height
from neurons.backends import python
from neurons.backends.known import find_backend
from neurons.catalog import open_task
from neurons.errors import InvalidBackend
from neurons.task import Judged
from neurons.worker.frames import WorkerSpec
from neurons.worker.process import RuntimeSettings
from tests.neurons.backends.documented import write_example
from tests.neurons.worker.test_runtime import Diary, serving
from tests.neurons.world import FakeRecord


def test_a_class_is_found_by_its_path() -> None:
    assert find_backend("python:pathlib:Path") == "pathlib:Path"
    assert python.load_class("concurrent.futures:Future").__name__ == "Future"


@pytest.mark.parametrize(
    "path", ["", "pathlib", "pathlib:", ":Path", "path lib:Path", "a..b:C", "a:B:C", "a:B.c"]
)
def test_what_is_no_path_to_a_class_is_refused_without_importing(path: str) -> None:
    with pytest.raises(InvalidBackend, match=r"package\.module:Class"):
        find_backend(f"python:{path}")


@pytest.mark.parametrize("path", ["pathlib:NoSuchClass", "math:pi"])
def test_what_is_no_class_is_named(path: str) -> None:
    with pytest.raises(InvalidBackend, match="has no class"):
        python.load_class(path)


@pytest.mark.slow
async def test_the_documented_class_answers_better_than_letter_frequencies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = write_example(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    task = open_task("text")
    spec = WorkerSpec(backend, "text", task.answer_bytes_max, options={"files": 20})
    record = FakeRecord(Height(0))
    qualities: list[float] = []
    async with serving(RuntimeSettings(spec), Diary()) as runtime:
        for challenge in task.sample(b"seed", 8, record):
            answer = await runtime.infer(challenge.body, task.measure(challenge.body))
            judgement = task.verify(challenge, answer, record)
            assert isinstance(judgement, Judged)
            qualities.append(judgement.quality)
        assert runtime.state.card is not None
        assert runtime.state.card.qualities == {"files": 20}
    assert sum(qualities) / len(qualities) > 0.1
