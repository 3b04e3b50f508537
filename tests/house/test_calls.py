"""Every call is whole."""

from typing import get_args

import pytest

from consensus.types import Call
from daemon.cli.tx.catalog import ENTRIES
from tests.house.calls import find_gaps, find_rules, read_tests
from tests.house.tree import ROOT

CALLS = [call.__name__ for call in get_args(Call)]


@pytest.mark.parametrize("call", CALLS)
def test_a_call_has_its_rule_its_verb_its_row_and_its_test(call: str) -> None:
    verbs = [entry.call.__name__ for entry in ENTRIES]
    documents = (ROOT / "docs" / "transactions.md").read_text()
    assert find_gaps(call, find_rules(), verbs, documents, read_tests()) == []


@pytest.mark.parametrize(
    ("rules", "verbs", "documents", "tests", "gap"),
    [
        ((), ("Pay",), "`Pay`", "Pay(1)", "a rule"),
        (("Pay",), (), "`Pay`", "Pay(1)", "an entry"),
        (("Pay",), ("Pay",), "`Payment`", "Pay(1)", "a row"),
        (("Pay",), ("Pay",), "`Pay`", "Payment(1)", "a test"),
    ],
)
def test_the_call_rule_sees_each_gap(
    rules: tuple[str, ...], verbs: tuple[str, ...], documents: str, tests: str, gap: str
) -> None:
    (found,) = find_gaps("Pay", rules, verbs, documents, tests)
    assert found.startswith(gap)
