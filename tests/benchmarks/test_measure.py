"""The bench: figures are medians, and a mistyped argument ends the program."""

import json

import pytest

from benchmarks import measure


def test_the_median_has_four_digits():
    assert measure.median([3.0, 1.23456, 0.5]) == 1.235


def test_percentiles_are_of_the_nearest_rank():
    values = [float(value) for value in range(1, 101)]
    assert measure.percentile(values, 50) == 50
    assert measure.percentile(values, 99) == 99
    assert measure.percentile([7.0], 99) == 7


def test_a_mistyped_argument_ends_the_program():
    assert measure.is_json_wanted(["--json"])
    assert not measure.is_json_wanted([])
    with pytest.raises(SystemExit, match="--jsno"):
        measure.is_json_wanted(["--jsno"])


def test_a_report_names_the_machine(capsys: pytest.CaptureFixture[str]):
    measure.report("epoch", {"a_ms": 1.5}, as_json=True)
    got = json.loads(capsys.readouterr().out)
    assert got["figures"] == {"a_ms": 1.5}
    assert "cores" in got["machine"]
    measure.report("epoch", {"a_ms": 1.5}, as_json=False)
    assert "a_ms  1.5" in capsys.readouterr().out


def test_work_is_timed_once_per_run_after_a_first_one():
    calls: list[int] = []
    assert len(measure.time_runs(lambda: calls.append(1), 3)) == 3
    assert len(calls) == 4
