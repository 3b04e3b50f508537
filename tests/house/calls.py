"""What a call needs to be whole: its rule, its verb, its row in the documents, a test."""

import ast
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from tests.house.tree import ROOT, list_sources, parse


def find_rules() -> dict[str, str]:
    """Return the name of each call's rule in `consensus/ledger/calls.py`."""
    found: dict[str, str] = {}
    for node in ast.walk(parse(Path("consensus/ledger/calls.py"))):
        match node:
            case ast.AnnAssign(target=ast.Name(id="_RULES"), value=ast.Dict(keys=keys, values=all)):
                for key, value in zip(keys, all, strict=True):
                    assert isinstance(value, ast.Call), "a line of _RULES is _bind(CALL, RULE)"
                    assert key is not None
                    name = ast.unparse(key).rpartition(".")[2]
                    found[name] = ast.unparse(value.args[1]).rpartition(".")[2]
            case _:
                pass
    return found


def find_gaps(call: str, rules: Iterable[str], verbs: Iterable[str], *texts: str) -> list[str]:
    """Return what a call lacks; `texts` are the table of the documents, and the tests."""
    word = re.compile(rf"\b{call}\b")
    documents, tests = texts
    has = {
        "a rule in consensus/ledger/calls.py": call in rules,
        "an entry in daemon/cli/tx/entries": call in verbs,
        "a row in docs/transactions.md": f"`{call}`" in documents,
        "a test that names it": word.search(tests) is not None,
    }
    return [what for what, is_there in has.items() if not is_there]


@cache
def read_tests() -> str:
    """Return every test but the house's own, which name no call in particular."""
    others = [path for path in list_sources("tests") if path.name.startswith("test_")]
    return "\n".join((ROOT / path).read_text() for path in others if path.parent.name != "house")
