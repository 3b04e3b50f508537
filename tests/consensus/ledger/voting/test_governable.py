"""The table of what votes can change: complete, within the types, and safe at every bound."""

import re
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus import codec
from consensus.errors import CallError
from consensus.ledger.voting.governable import FIXED, GOVERNABLE, change_param
from consensus.params import Params
from consensus.quantities import Ratio16
from consensus.refusals import InvalidProposal, OutOfBounds, UnknownName

ROOT = Path(__file__).parents[4]
NAMES = sorted(GOVERNABLE)


def test_every_parameter_is_governable_or_fixed_and_none_is_both() -> None:
    names = {field.name for field in fields(Params)}
    assert set(GOVERNABLE) | FIXED == names
    assert not set(GOVERNABLE) & FIXED


@pytest.mark.parametrize("name", NAMES)
def test_the_public_network_starts_within_the_bounds(name: str) -> None:
    bounds = GOVERNABLE[name]
    assert bounds.low <= asdict(Params())[name] <= bounds.high


@pytest.mark.parametrize("name", NAMES)
def test_each_bound_is_allowed_and_one_beyond_is_not(name: str) -> None:
    start, bounds = replace(Params(), miner_share=Ratio16(0)), GOVERNABLE[name]
    start = replace(start, owner_share=Ratio16(0))
    for value in (bounds.low, bounds.high):
        changed = change_param(start, name, value)
        assert codec.decode(Params, codec.encode(changed)) == changed
        assert asdict(changed) == asdict(start) | {name: value}
    for value in (bounds.low - 1, bounds.high + 1):
        with pytest.raises(OutOfBounds):
            change_param(start, name, value)


@pytest.mark.parametrize("name", ["", "fee", "block_ms", "__init__", "FEE_BASE", *sorted(FIXED)])
def test_nothing_else_can_be_changed(name: str) -> None:
    with pytest.raises(UnknownName):
        change_param(Params(), name, 1)


def test_a_change_that_breaks_a_relation_is_refused() -> None:
    with pytest.raises(InvalidProposal, match="owner_share"):
        change_param(Params(), "miner_share", 65_535 - Params().owner_share + 1)


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 2**33)), max_size=60))
def test_no_sequence_of_changes_makes_parameters_that_contradict_each_other(
    changes: list[tuple[str, int]],
) -> None:
    """`Params` asserts its relations: an assertion here would be one that votes can raise."""
    params = Params()
    for name, value in changes:
        bounds = GOVERNABLE[name]
        try:
            params = change_param(params, name, bounds.low + value % (bounds.high - bounds.low + 1))
        except CallError:
            continue


def test_the_document_has_the_very_same_table() -> None:
    text = (ROOT / "docs" / "economy.md").read_text()
    section = text[text.index("### What votes can change") :]
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \| ([\d,]+) \|", section, re.MULTILINE)
    table = {
        name: (int(low.replace(",", "")), int(high.replace(",", ""))) for name, low, high in rows
    }
    assert table == {name: (each.low, each.high) for name, each in GOVERNABLE.items()}
