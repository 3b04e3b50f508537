"""A scorer's identity: whatever changes a judgement changes it, and nothing else does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from consensus.quantities import Height
from neurons import catalog, golden
from neurons.errors import SeriesNotKept
from neurons.ports import SERIES, ChainRecord
from neurons.task import Challenge, Judged, Judgement, Task
from neurons.tasks.text.task import TextTask
from tests.neurons.world import LevelTask, World

SCORERS = Path(__file__).parents[1] / "vectors" / "scorers.json"
BUILT_IN = sorted(catalog.BUILT_IN)


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_task_judges_as_its_golden_vector_says(name: str) -> None:
    """If this fails: raise the version, run `scripts/vectors write`, say so in the commit."""
    task = catalog.open_task(name)
    assert golden.read_vector(task) == golden.make_vector(task)


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_identity_of_a_released_version_never_changes(name: str) -> None:
    """If this fails, a golden vector was written anew under a version that is out already."""
    released = json.loads(SCORERS.read_text())
    task = catalog.open_task(name)
    assert golden.compute_scorer_hash(task).hex() == released[name][str(task.version)]


def test_no_released_version_is_of_a_task_that_is_gone() -> None:
    assert set(json.loads(SCORERS.read_text())) == set(BUILT_IN)


class OtherTask(LevelTask):
    """A `LevelTask` with one thing changed."""

    def __init__(self, *, version: int = 1, cut: float = 1.0, salt: bytes = b"") -> None:
        super().__init__(World())
        self.version = version
        self.cut = cut
        self.salt = salt

    def sample(self, seed: bytes, count: int, record: ChainRecord) -> tuple[Challenge, ...]:
        return super().sample(seed + self.salt, count, record)

    def verify(self, challenge: Challenge, answer: bytes, record: ChainRecord) -> Judgement:
        judgement = super().verify(challenge, answer, record)
        return Judged(judgement.quality * self.cut) if isinstance(judgement, Judged) else judgement


def identify(task: Task) -> bytes:
    return golden.compute_scorer_hash(task)


def test_version_challenge_and_judgement_are_in_the_identity() -> None:
    tasks = OtherTask(), OtherTask(version=2), OtherTask(cut=0.99), OtherTask(salt=b"x")
    assert len({identify(task) for task in tasks}) == 4
    assert identify(OtherTask()) == identify(LevelTask(World()))


def test_difference_below_a_millionth_is_none() -> None:
    assert identify(OtherTask(cut=1 - 1e-9)) == identify(OtherTask())


def test_text_s_identity_does_not_hang_on_this_python_s_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sysconfig.get_paths", lambda: {"stdlib": "/nowhere"})
    assert golden.make_vector(TextTask()) == golden.read_vector(catalog.open_task("text"))


@pytest.mark.slow
def test_identity_is_the_same_in_another_process_with_other_hashes() -> None:
    code = "from neurons import golden; print(golden.identify_scorer('text')[1].hex())"
    root = Path(__file__).parents[2]
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert seen == {golden.identify_scorer("text")[1].hex()}


def test_rendered_vector_is_read_back_as_it_was() -> None:
    vector = golden.make_vector(LevelTask(World()))
    assert json.loads(golden.render_vector(vector)) == vector


def test_made_up_chain_has_every_series_up_to_its_height_and_nothing_else() -> None:
    record = golden.GoldenRecord(Height(30))
    for name in SERIES:
        assert min(record.get_series(name, Height(0), 31)) >= 1_000
        with pytest.raises(SeriesNotKept):
            record.get_series(name, Height(0), 32)
    with pytest.raises(SeriesNotKept):
        record.get_series("weather", Height(0), 1)
