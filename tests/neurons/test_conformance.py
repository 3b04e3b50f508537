"""Every task there is meets every rule; a task that breaks one is told which."""

# ruff: noqa: ARG002 - bad tasks look at nothing

from collections.abc import Mapping

import pytest

from neurons import conformance
from neurons.catalog import TaskEntry, list_tasks, open_entry
from neurons.ports import ChainRecord
from neurons.task import Challenge, Judged, Judgement
from tests.neurons.world import LevelTask, World

QUICK: Mapping[str, Mapping[str, object]] = {"text": {"kind": "ngram", "corpus_bytes": 100_000}}
"""Options with which a reference miner is ready within seconds; where there are none: its own."""
TASKS = list_tasks()


@pytest.mark.slow
@pytest.mark.parametrize("entry", TASKS, ids=[entry.name for entry in TASKS])
def test_task_meets_every_rule(entry: TaskEntry) -> None:
    found = conformance.check_task(open_entry(entry), entry.place, QUICK.get(entry.name))
    assert [finding for finding in found if not finding.ok] == []
    assert len(found) > 10


class Generous(LevelTask):
    """Every answer is good, whatever it says."""

    def verify(self, challenge: Challenge, answer: bytes, record: ChainRecord) -> Judgement:
        return Judged(1.0)


class Fragile(LevelTask):
    """Any answer makes it fail."""

    def verify(self, challenge: Challenge, answer: bytes, record: ChainRecord) -> Judgement:
        raise ZeroDivisionError("oh")


@pytest.mark.slow
def test_task_that_pays_for_nothing_is_found_out() -> None:
    found = {each.rule: each for each in conformance.check_task(Generous(World()), "no.such:task")}
    for rule in ("random answers earn nothing", "the best answer is far above the baseline"):
        assert not found[rule].ok
    assert "earn 1.000" in found["random answers earn nothing"].detail
    assert not found["its golden vector is the one beside it"].ok


@pytest.mark.slow
def test_task_that_fails_on_an_answer_is_found_out() -> None:
    found = {each.rule: each for each in conformance.check_task(Fragile(World()), "no.such:task")}
    assert found["no answer makes it fail"].detail == "ZeroDivisionError: oh"
