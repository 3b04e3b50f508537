"""Files and functions of a size to be read, that say what they are and leave nothing to do."""

import ast
import re
from pathlib import Path

import pytest

from tests.house.tree import ROOMS, ROOT, list_sources, names, parse

EVERYTHING = list_sources(*ROOMS, "scripts", "benchmarks", "tests")
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 60


@pytest.mark.parametrize("path", EVERYTHING, ids=names(EVERYTHING))
def test_a_file_is_one_idea_and_no_wall_of_text(path: Path) -> None:
    assert len((ROOT / path).read_text().splitlines()) <= FILE_LINES_MAX


@pytest.mark.parametrize("path", EVERYTHING, ids=names(EVERYTHING))
def test_a_function_is_one_thought_of_at_most_60_lines(path: Path) -> None:
    long = {
        node.name: length
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    }
    assert long == {}


@pytest.mark.parametrize("path", EVERYTHING, ids=names(EVERYTHING))
def test_a_module_says_what_lives_in_it(path: Path) -> None:
    assert path.name.startswith("test_") or ast.get_docstring(parse(path))


@pytest.mark.parametrize("path", EVERYTHING, ids=names(EVERYTHING))
def test_nothing_is_left_to_do(path: Path) -> None:
    marks = r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error)\b"
    lines = enumerate((ROOT / path).read_text().splitlines(), 1)
    assert [number for number, line in lines if re.search(marks, line)] == []


@pytest.mark.parametrize("path", EVERYTHING, ids=names(EVERYTHING))
def test_a_broad_except_gives_its_reason(path: Path) -> None:
    lines = enumerate((ROOT / path).read_text().splitlines(), 1)
    assert [
        number for number, line in lines if re.search(r"noqa: BLE" + r"001(?! - \w)", line)
    ] == []
