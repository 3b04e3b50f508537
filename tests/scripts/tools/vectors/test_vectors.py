"""scripts/vectors: what differs is said, and nothing passes in silence."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.tools.vectors import app

LAW = Path(__file__).parents[4] / "tests" / "vectors" / "epoch_law.json"
BLOCK_EMISSION = {
    "id": "block_emission-1",
    "kind": "block_emission",
    "input": {"issuance": 10_500_000_000_000_000},
    "expect": {"emission": 500_000_000},
}


def write_cases(folder: Path, *cases: dict[str, Any]) -> Path:
    path = folder / "cases.json"
    path.write_text(json.dumps({"schema": {}, "cases": cases}))
    return path


def test_our_law_has_no_difference(capsys: pytest.CaptureFixture[str]):
    assert app.main(["check", str(LAW)]) == 0
    assert capsys.readouterr().out == f"{LAW}: 230 cases, 0 differ\n"


def test_a_changed_figure_of_the_law_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    case = json.loads(LAW.read_text())["cases"][7]
    case["expect"]["dividends"][0] += 1
    path = write_cases(tmp_path, case)
    assert app.main(["check", str(path)]) == 1
    assert f"{path}: 1 cases, 1 differ" in capsys.readouterr().out


def test_a_kind_we_have_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = write_cases(tmp_path, BLOCK_EMISSION)
    assert app.main(["check", str(path)]) == 0
    assert "compared: block_emission 1" in capsys.readouterr().out


def test_a_wrong_figure_of_a_kind_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = write_cases(tmp_path, BLOCK_EMISSION | {"expect": {"emission": 499_999_999}})
    assert app.main(["check", str(path)]) == 1
    assert "block_emission-1: 500000000 instead of 499999999" in capsys.readouterr().out


def test_a_kind_we_lack_is_named_with_its_reason_and_not_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = write_cases(tmp_path, {"id": "flow_shares-1", "kind": "flow_shares"})
    assert app.main(["check", str(path)]) == 0
    out = capsys.readouterr().out
    assert f"{path}: 0 cases, 0 differ" in out
    assert "flow_shares 1: emission does not follow flows" in out


def test_a_kind_nobody_knows_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = write_cases(tmp_path, {"id": "moon_phase-1", "kind": "moon_phase"})
    assert app.main(["check", str(path)]) == 1
    assert "moon_phase 1" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cases": 5', "\x00"])
def test_a_file_that_is_none_says_so(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "broken.json"
    path.write_text(text)
    assert app.main(["check", str(path)]) == 2
    assert "not a file of vectors" in capsys.readouterr().err


def test_a_missing_file_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert app.main(["check", str(tmp_path / "none.json")]) == 2
    assert "none.json" in capsys.readouterr().err


def test_writing_unchanged_vectors_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(app, "VECTORS", tmp_path)
    app.main(["write"])
    assert capsys.readouterr().out.count("CHANGED") == 3
    app.main(["write"])
    assert "CHANGED" not in capsys.readouterr().out


def check_one(folder: Path, kind: str, source: dict[str, Any], expect: dict[str, Any]) -> int:
    """Check one case with the tolerance of a hundredth part."""
    case = {"id": f"{kind}-1", "kind": kind, "input": source, "expect": expect}
    return app.main(["check", str(write_cases(folder, case | {"tol": {"abs": 0.01}}))])


def test_a_swap_in_an_equal_pool_is_compared(tmp_path: Path):
    source = {"tao": 100, "alpha": 300, "w_quote": 0.5, "side": "buy", "amount": 50}
    source["fee_rate_u16"] = 0
    assert check_one(tmp_path, "pool_swap", source, {"fee": 0, "out": 100}) == 0
    assert check_one(tmp_path, "pool_swap", source, {"fee": 0, "out": 101}) == 1


def test_a_swap_in_a_weighted_pool_is_not_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert check_one(tmp_path, "pool_swap", {"w_quote": 0.4}, {"out": 100}) == 0
    assert "pool_swap 1 (pool_swap-1): weighted pools" in capsys.readouterr().out


def test_the_economy_s_kinds_are_compared_by_value(tmp_path: Path):
    shares = {"prices": [0.1, 0.3], "miner_burned": [0, 0], "enabled": [True, True]}
    assert check_one(tmp_path, "subnet_shares", shares, {"shares": [0.25, 0.75]}) == 0
    assert check_one(tmp_path, "subnet_shares", shares, {"shares": [0.5, 0.5]}) == 1
    assert check_one(tmp_path, "median_price", {"prices": [1, 3]}, {"median": 2}) == 0
    assert check_one(tmp_path, "median_price", {"prices": [1, 3]}, {"median": 1}) == 1
    pruned = {"subnets": [[1, 0.5, 0], [2, 0.25, 0]], "block": 9, "immunity": 9}
    assert check_one(tmp_path, "prune_subnet", pruned, {"netuid": 2}) == 0
    assert check_one(tmp_path, "prune_subnet", pruned, {"netuid": 1}) == 1


RETENTION = {
    "major_stake": 0.6,
    "vary": "validator_ratio",
    "value": 0,
    "defaults": {
        "weight_stddev": 0.4,
        "bonds_penalty": 1,
        "kappa": 0.5,
        "network": 512,
        "validators": 64,
        "stake_stddev": 0.3,
    },
}
"""What the ancestor's own documentation plots, with 0.82 as the least utility."""


@pytest.mark.slow
def test_the_least_honest_utility_is_searched_for(tmp_path: Path):
    kind = "retention_utility"
    assert check_one(tmp_path, kind, RETENTION, {"min_honest_utility": 0.82}) == 0
    assert check_one(tmp_path, kind, RETENTION, {"min_honest_utility": 0.79}) == 1
