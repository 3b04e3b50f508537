"""Rooms, folders and files lie where their names say."""

import ast
import os
import subprocess

from tests.house.tree import FOLDERS, ROOMS, ROOT, list_sources, parse

TESTS_OF_NO_ROOM = {"sim", "vectors", "processes", "house"}


def test_a_room_s_init_holds_its_door_sign_and_nothing_else() -> None:
    for path in list_sources(*ROOMS, "scripts", "benchmarks"):
        if path.name == "__init__.py":
            body = parse(path).body
            assert len(body) == 1, path
            assert ast.get_docstring(parse(path)), path


def test_every_folder_of_a_room_is_a_package() -> None:
    for path in list_sources(*ROOMS):
        assert (ROOT / path.parent / "__init__.py").is_file(), path.parent


def test_tests_are_no_package_because_they_would_shadow_the_rooms() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_the_house_has_the_folders_that_are_known() -> None:
    known = FOLDERS | {"dist", "build"}
    found = {path.name for path in ROOT.iterdir() if path.is_dir()}
    assert {name for name in found if not name.startswith(".") and name not in known} == set()


def test_each_folder_of_tests_is_named_after_what_it_tests() -> None:
    for path in list_sources("tests"):
        folder = path.parent.relative_to("tests")
        if folder.parts and folder.parts[0] not in TESTS_OF_NO_ROOM:
            assert (ROOT / folder).is_dir(), path


def test_each_test_file_of_a_room_is_named_after_a_source_file() -> None:
    """`test_host.py` and `test_gossip_hostile.py` test `host.py` and `gossip.py` beside them."""
    for path in list_sources("tests"):
        folder = path.parent.relative_to("tests")
        if not (path.name.startswith("test_") and folder.parts) or folder.parts[0] not in ROOMS:
            continue
        subject = path.stem.removeprefix("test_")
        known = [source.stem for source in (ROOT / folder).glob("*.py")] + [folder.name]
        known += [child.name for child in (ROOT / folder).iterdir() if child.is_dir()]
        assert any(subject == stem or subject.startswith(f"{stem}_") for stem in known), path


def test_the_scripts_can_be_run_and_check_out_as_shell() -> None:
    shells = [path for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix]
    for path in [*shells, ROOT / ".ci" / "run"]:
        assert os.access(path, os.X_OK), path
        assert subprocess.run(["bash", "-n", path], check=False).returncode == 0, path
        beside = ROOT / "scripts" / f"{path.name}.py"
        assert (
            not beside.exists()
            or f"scripts.{path.name}" in path.read_text()
            or beside.name in (path.read_text())
        ), path
