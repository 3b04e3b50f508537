"""Consensus is exact and ordered, and what it remembers does not change in place."""

import ast
from pathlib import Path

import pytest

from tests.house.purity import float_lines, set_order_lines
from tests.house.tree import list_sources, names, parse

CONSENSUS = list_sources("consensus")


@pytest.mark.parametrize("path", CONSENSUS, ids=names(CONSENSUS))
def test_consensus_has_no_float_and_no_true_division(path: Path) -> None:
    assert list(float_lines(parse(path))) == []


@pytest.mark.parametrize(
    "line", ["a = 0.5", "a /= b", "a = b / c", "a = float(b)", "np.float64(1)"]
)
def test_the_float_rule_sees_every_way_in(line: str) -> None:
    assert list(float_lines(ast.parse(line))) == [1]


@pytest.mark.parametrize("path", CONSENSUS, ids=names(CONSENSUS))
def test_consensus_reads_no_set_in_its_arbitrary_order(path: Path) -> None:
    assert list(set_order_lines(parse(path))) == []


@pytest.mark.parametrize(
    ("line", "is_caught"),
    [
        ("for a in {1, 2}: pass", True),
        ("a = list(set(b))", True),
        ("def f(a: frozenset[int]): return [b for b in a]", True),
        ("a = ','.join({b for b in c})", True),
        ("for a in sorted(set(b)): pass", False),
        ("a = len(set(b)) == len(b)", False),
    ],
)
def test_the_set_rule_sees_loops_and_spares_sorted(line: str, is_caught: bool) -> None:  # noqa: FBT001 - a case's verdict
    assert bool(list(set_order_lines(ast.parse(line)))) == is_caught


MACHINES = ("consensus/agreement/", "consensus/ledger/mempool.py")
"""Where records change in place: the sans-IO machine, and the pool that one task owns."""


@pytest.mark.parametrize("path", CONSENSUS, ids=names(CONSENSUS))
def test_dataclasses_of_consensus_are_frozen_but_for_a_machine_s_own_records(path: Path) -> None:
    word = "slots=True" if str(path).startswith(MACHINES) else "frozen=True"
    loose = [
        node.name
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ClassDef)
        for decorator in map(ast.unparse, node.decorator_list)
        if decorator.startswith("dataclass")
        and not ("frozen=True" in decorator or word in decorator)
    ]
    assert loose == []
