"""docs/transactions.md says of each verb what the entry and the rule say."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from consensus import refusals
from consensus.errors import CallError
from daemon.cli.tx.catalog import ENTRIES
from daemon.cli.tx.entry import TxEntry
from tests.house.calls import find_rules

ROOT = Path(__file__).parents[3]
RULES = find_rules()
_RAISES = re.compile(r"CallError:(.*?)(?:\n\n|\Z)", re.DOTALL)


@cache
def read_docstrings() -> dict[str, str]:
    """Return the docstring of every function of the ledger, by name."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "consensus" / "ledger").rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                found[node.name] = ast.get_docstring(node) or ""
    return found


def read_raises(rule: str) -> list[str]:
    """Return the refusals that a rule's docstring names, or the one it points to."""
    match = _RAISES.search(read_docstrings()[rule])
    text = "" if match is None else match.group(1)
    other = re.search(r"as `(\w+)`", text)
    if other is not None:
        return read_raises(other.group(1))
    return [word for word in re.findall(r"\w+", text) if is_refusal(word)]


def is_refusal(word: str) -> bool:
    kind = getattr(refusals, word, None)
    return isinstance(kind, type) and issubclass(kind, CallError)


@cache
def read_rows() -> dict[str, list[str]]:
    """Return the cells of each verb's row."""
    lines = (ROOT / "docs" / "transactions.md").read_text().splitlines()
    rows = [line.strip("|").split("|") for line in lines if line.startswith("| `")]
    return {row[0].strip(" `"): [cell.strip() for cell in row] for row in rows if len(row) == 5}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.verb)
def test_a_verb_s_row_says_what_its_entry_says(entry: TxEntry):
    _, call, signer, summary, _ = read_rows()[entry.verb]
    assert call == f"`{entry.call.__name__}`"
    assert signer == str(entry.signer)
    assert f"{summary}." == entry.summary


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.verb)
def test_a_verb_s_row_names_the_refusals_of_its_rule(entry: TxEntry):
    rule = RULES.get(entry.call.__name__)
    if rule is None:
        pytest.skip("the house test says that the rule is missing")
    assert read_rows()[entry.verb][4].split(", ") == read_raises(rule)


def test_no_row_is_of_a_verb_that_is_gone():
    assert set(read_rows()) == {entry.verb for entry in ENTRIES}
