"""scripts/simulate says what it saw, in words, as JSON and by its exit code."""

import json

import pytest

from scripts.tools.simulate import main


def test_good_seeds_are_counted_and_exit_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "2", "--nodes", "4", "--jobs", "1"]) == 0
    assert capsys.readouterr().out.startswith("2 seeds, 0 violations, 0 stalls, ")


def test_a_caught_mutant_is_named_with_its_seed(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--seeds", "9", "--mutant", "notarize-last", "--jobs", "1"]
    assert main([*arguments, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["violations"] == 1
    assert summary["caught_by_seed"] == summary["failed"][0]["seed"] == summary["seeds"] - 1


def test_a_mutant_that_got_away_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--seeds", "1", "--mutant", "skip-unchecked", "--villain", "none", "--jobs", "1"]
    assert main(arguments) == 1
    assert "NOT caught" in capsys.readouterr().out


def test_one_seed_can_be_followed_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3", "--nodes", "1", "--trace"]) == 0
    assert "COMMIT up to h1" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--trace"], ["--nodes", "0"], ["--mutant", "nobody"]])
def test_wrong_usage_exits_with_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(wrong)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err
