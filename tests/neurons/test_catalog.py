"""Which tasks there are: built in and installed, and what a bad package costs (nothing)."""

import sys
from pathlib import Path

import pytest

from neurons import catalog
from neurons.errors import BrokenTask, InvalidTaskParams

WORKING = """
from neurons.tasks.text.task import TextTask

class Renamed(TextTask):
    name = "stranger"

def open_task(params):
    return Renamed()
"""


def install(folder: Path, name: str, code: str, *, task: str = "stranger", dist: str = "") -> None:
    """Put a package with one task on `folder`, as an installer would."""
    (folder / f"{name}.py").write_text(code)
    info = folder / f"{dist or name}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist or name}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[{catalog.GROUP}]\n{task} = {name}:open_task\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def find(name: str, origin: str) -> catalog.TaskEntry:
    (entry,) = (each for each in catalog.list_tasks() if (each.name, each.origin) == (name, origin))
    return entry


def test_built_in_tasks_are_there_without_any_installation() -> None:
    entries = catalog.list_tasks([])
    assert [each.name for each in entries] == sorted(catalog.BUILT_IN)
    assert all((each.origin, each.problem) == ("built-in", "") for each in entries)


def test_our_own_distribution_lists_nothing_twice() -> None:
    names = [each.name for each in catalog.list_tasks()]
    assert len(names) == len(set(names))


def test_installed_task_is_listed_and_opened(site: Path) -> None:
    install(site, "toy_task_a", WORKING)
    assert find("stranger", "toy_task_a 1.2").problem == ""
    assert catalog.open_task("stranger").name == "stranger"


def test_package_that_fails_to_import_breaks_its_own_task_alone(site: Path) -> None:
    install(site, "toy_task_b", "import no_such_module_at_all")
    assert "stranger" in [each.name for each in catalog.list_tasks()]
    with pytest.raises(BrokenTask, match=r"toy_task_b 1\.2 fails: ModuleNotFoundError"):
        catalog.open_task("stranger")
    assert catalog.open_task("text").name == "text"


def test_package_that_exits_when_it_is_called_is_told(site: Path) -> None:
    install(site, "toy_task_c", "def open_task(params):\n    raise RuntimeError('no luck')")
    with pytest.raises(BrokenTask, match="no luck"):
        catalog.open_task("stranger")


def test_what_is_no_task_is_told_by_what_it_lacks(site: Path) -> None:
    install(site, "toy_task_d", "def open_task(params):\n    return 3")
    with pytest.raises(BrokenTask, match=r"lacks .*verify"):
        catalog.open_task("stranger")


def test_task_of_another_name_than_its_entry_is_refused(site: Path) -> None:
    install(site, "toy_task_e", WORKING, task="other")
    with pytest.raises(BrokenTask, match="'stranger', not 'other'"):
        catalog.open_task("other")


def test_name_of_a_built_in_task_is_not_given_away(site: Path) -> None:
    install(site, "toy_task_f", WORKING, task="text")
    assert "built-in" in find("text", "toy_task_f 1.2").problem
    assert catalog.open_task("text").version == 2


def test_of_two_packages_that_claim_one_name_neither_gets_it(site: Path) -> None:
    install(site, "toy_task_g", WORKING)
    install(site, "toy_task_h", WORKING)
    with pytest.raises(BrokenTask, match=r"toy_task_h 1\.2 has a task of this name too"):
        catalog.open_task("stranger")
    with pytest.raises(LookupError, match="known are"):
        catalog.open_task("chess")


def test_params_the_task_refuses_are_the_owner_s_fault_and_not_the_package_s() -> None:
    with pytest.raises(InvalidTaskParams):
        catalog.open_task("text", b"\xff")
