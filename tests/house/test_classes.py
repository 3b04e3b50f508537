"""One class name, one meaning, in all rooms (`docs/glossary.md`)."""

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.house.tree import ROOMS, list_sources, parse


def find_namesakes(modules: Mapping[str, ast.Module]) -> dict[str, list[str]]:
    """Return each public class name that several modules define, and which do."""
    found: dict[str, list[str]] = {}
    for where, module in modules.items():
        for node in module.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(where)
    return {name: places for name, places in found.items() if len(places) > 1}


def _parse_all(paths: Iterable[Path]) -> dict[str, ast.Module]:
    return {str(path): parse(path) for path in paths}


def test_a_public_class_name_means_one_thing_in_all_rooms() -> None:
    assert find_namesakes(_parse_all(list_sources(*ROOMS))) == {}


def test_the_rule_of_names_sees_namesakes_and_spares_what_is_private_or_inside() -> None:
    one, two = (
        ast.parse(text) for text in ("class A: ...\nclass _B: ...", "class A: ...\nclass _B: ...")
    )
    inside = ast.parse("class C:\n    class A: ...")
    assert find_namesakes({"one": one, "two": two, "three": inside}) == {"A": ["one", "two"]}
