"""`neurond task`: what is there, whether it keeps the rules, and a new package that does."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from daemon.cli.app import main
from neurons.catalog import BUILT_IN
from neurons.golden import identify_scorer

ROOT = Path(__file__).parents[3]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    """Run a verb of `neurond task` with --json; return its exit code and its document."""
    code = main(["task", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_list_gives_name_version_identity_and_origin(capsys: pytest.CaptureFixture[str]):
    code, told = run(capsys, "list")
    assert code == 0
    tasks = cast("list[dict[str, object]]", told["tasks"])
    rows = {row["name"]: row for row in tasks}
    assert set(rows) >= set(BUILT_IN)
    for name in BUILT_IN:
        version, identity = identify_scorer(name)
        assert (rows[name]["version"], rows[name]["hash"]) == (version, identity.hex())
        assert (rows[name]["origin"], rows[name]["problem"]) == ("built-in", "")


def test_show_tells_what_a_good_answer_is(capsys: pytest.CaptureFixture[str]):
    code, told = run(capsys, "show", "text")
    assert code == 0
    assert (told["price_unit"], told["answer_bytes_max"]) == ("prefix", 32_768)
    assert "corpus_bytes" in str(told["options"])


def test_task_nobody_has_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]):
    code, told = run(capsys, "check", "neurons.tasks.chess")
    assert code == 2
    assert "text" in str(told["error"])


def test_name_that_no_package_can_have_is_refused(capsys: pytest.CaptureFixture[str]):
    assert run(capsys, "new", "My-Task")[0] == 2


def test_folder_that_is_there_is_left_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    (tmp_path / "mine").write_text("precious")
    code, _ = run(capsys, "new", "heat", "--dir", str(tmp_path))
    assert code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.slow
def test_new_package_passes_its_own_tests_and_appears_once_it_is_installed(tmp_path: Path):
    folder = tmp_path / "task-heat"
    paths = os.pathsep.join((str(folder), str(ROOT)))
    env = {**os.environ, "PYTHONPATH": paths}

    def python(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-P", *arguments],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    python("-m", "daemon", "task", "new", "heat", "--dir", str(folder))
    assert "1 passed" in python("-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder))
    listed = json.loads(python("-m", "daemon", "task", "list", "--json"))["tasks"]
    assert "heat" not in [row["name"] for row in listed]
    install_offline(folder, "heat")
    listed = json.loads(python("-m", "daemon", "task", "list", "--json"))["tasks"]
    (row,) = (row for row in listed if row["name"] == "heat")
    assert (row["origin"], row["version"], row["problem"]) == ("heat 0.1.0", 1, "")
    assert json.loads(python("-m", "daemon", "task", "check", "heat", "--json"))["ok"]


def install_offline(folder: Path, name: str) -> None:
    """Write beside the package in `folder` what an installer would."""
    info = folder / f"{name}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    points = f"[neurond.tasks]\n{name} = task_{name}.task:open_task\n"
    (info / "entry_points.txt").write_text(points)
