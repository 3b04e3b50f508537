"""The class behind the backend `builtin` of forecast."""

import subprocess
import sys

import pytest

from neurons.backends.backend import Setup
from neurons.backends.python import load_class
from neurons.errors import InvalidOptions, MalformedQuery
from neurons.task import Judged
from neurons.tasks.forecast.query import read_answer
from neurons.tasks.forecast.record import SampleRecord
from neurons.tasks.forecast.reference import ForecastModel
from neurons.tasks.forecast.task import ForecastTask

TASK = ForecastTask().make_portable()
SAMPLE = SampleRecord()


def make_setup(**options: object) -> Setup:
    return Setup(
        task="forecast",
        task_params=b"",
        device="cpu",
        threads=1,
        cache_dir="",
        options=options,
        report=lambda _stage, _part: None,
    )


def test_it_answers_each_query_and_only_the_malformed_one_fails():
    bodies = [
        TASK.sample(b"one", 1, SAMPLE)[0].body,
        b"junk",
        TASK.sample(b"two", 1, SAMPLE)[0].body,
    ]
    first, junk, last = ForecastModel(make_setup()).answer(bodies)
    assert isinstance(junk, MalformedQuery)
    for answer in (first, last):
        assert isinstance(answer, bytes)
        assert len(read_answer(answer, 24)) == 24


def test_it_scores_well_above_the_baseline_and_above_its_naive_self():
    qualities: dict[str, float] = {}
    challenges = TASK.sample(b"well", 30, SAMPLE)
    for skill in ("mixed", "naive"):
        model = ForecastModel(make_setup(skill=skill))
        total = 0.0
        for challenge, answer in zip(
            challenges, model.answer([each.body for each in challenges]), strict=True
        ):
            assert isinstance(answer, bytes)
            judgement = TASK.verify(challenge, answer, SAMPLE)
            assert isinstance(judgement, Judged)
            total += judgement.quality
        qualities[skill] = total / len(challenges)
    assert qualities["mixed"] > 0.25
    assert qualities["mixed"] > qualities["naive"] + 0.1


def test_its_options_are_checked():
    with pytest.raises(InvalidOptions):
        ForecastModel(make_setup(skill="perfect"))


def test_the_tasks_reference_is_this_class_and_brings_no_torch():
    assert load_class(TASK.reference) is ForecastModel
    code = f"import sys, {ForecastModel.__module__}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
