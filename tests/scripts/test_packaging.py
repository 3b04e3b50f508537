"""What `pip install .` would install, and what a clone may not say of the machine it came from."""

import re
import subprocess
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = {"consensus", "config", "storage", "p2p", "neurons", "daemon"}


def tracked() -> list[Path]:
    try:
        done = subprocess.run(
            ["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no clone: nothing says what belongs to it")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_the_wheel_holds_the_rooms_and_neither_tests_nor_scripts() -> None:
    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == ROOMS
    assert "Private :: Do Not Upload" in PROJECT["project"]["classifiers"]


def test_the_command_that_is_installed_can_be_called() -> None:
    (name, target) = next(iter(PROJECT["project"]["scripts"].items()))
    module, _, function = target.partition(":")
    assert name == "neurond"
    assert callable(getattr(import_module(module), function))


def test_every_data_file_of_a_room_is_tracked_and_so_packed() -> None:
    there = {path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file()}
    data = {path for path in there if "__pycache__" not in path.parts and path.suffix != ".py"}
    assert ROOT / "config" / "networks" / "devnet.toml" in data
    assert data <= set(tracked())


def test_no_file_names_a_machine_s_folders_or_an_index() -> None:
    # One letter of each stands in brackets, so that this file does not find itself.
    words = "/[w]ork/|/[r]oot/|/[h]ome/|[p]ypi[.]|[i]ndex-url|[a]rtifactory"
    pattern = re.compile(words)
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked()
        if path.suffix in {".py", ".md", ".toml", ".txt", ".json", ".svg", ""}
        for match in [pattern.search(path.read_text(errors="replace"))]
        if match
    ]
    assert found == []
