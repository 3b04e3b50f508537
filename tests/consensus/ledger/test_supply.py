"""A rule that loses or invents a rao is caught in its own block, and by the audit."""

import pytest

from consensus.ledger.keys import account as account_key
from consensus.ledger.records import ROOT, Pool, credit, destroy, mint, put_pool
from consensus.ledger.state import Draft
from consensus.ledger.supply import assert_totals, check_invariants, get_supply
from consensus.quantities import Amount
from tests.builders import TAO, key_of, make_state


def test_money_from_nowhere_stops_the_block() -> None:
    draft = Draft(make_state())
    credit(draft, key_of("alice"), 1)
    with pytest.raises(AssertionError, match="issued"):
        assert_totals(draft)
    mint(draft, ROOT, 1)
    assert_totals(draft)


def test_money_that_vanishes_stops_the_block() -> None:
    draft = Draft(make_state())
    put_pool(draft, ROOT, key_of("hot0"), Pool(Amount(999 * TAO), 1_000 * TAO << 32, 0))
    with pytest.raises(AssertionError, match="issued"):
        assert_totals(draft)
    destroy(draft, ROOT, TAO)
    assert_totals(draft)
    assert get_supply(draft.freeze()).burned == TAO


def test_the_audit_finds_what_was_written_behind_the_totals_back() -> None:
    draft = Draft(make_state())
    draft.put(account_key(key_of("thief")), (7).to_bytes(8, "big") + bytes(8))
    with pytest.raises(AssertionError, match="counted"):
        check_invariants(draft.freeze())


def test_the_audit_finds_shares_without_a_holder() -> None:
    draft = Draft(make_state())
    put_pool(draft, ROOT, key_of("hot0"), Pool(Amount(1_000 * TAO), (1_000 * TAO << 32) + 1, 0))
    with pytest.raises(AssertionError, match="shares"):
        check_invariants(draft.freeze())


def test_more_than_the_cap_stops_the_block() -> None:
    draft = Draft(make_state())
    mint(draft, ROOT, 21_000_000 * TAO)
    credit(draft, key_of("alice"), 21_000_000 * TAO)
    with pytest.raises(AssertionError, match="above the cap"):
        assert_totals(draft)
