"""Gossip is judged without blaming the honest: late and early is ignored, forged is rejected."""

from typing import Any

import pytest

from consensus.types import ZERO_HASH, Amount, Height, Nonce, Signature, SignedTransaction
from consensus.verdict import Accept, Ignore, Reject, judge_transaction
from tests.builders import TAO, apply, make_reveal, make_serve, make_state, make_transaction


def test_a_transaction_that_could_be_next_is_accepted() -> None:
    state = make_state()
    assert judge_transaction(state, make_transaction(state)) == Accept()
    assert judge_transaction(state, make_transaction(state, nonce=Nonce(3))) == Accept()
    serve = make_transaction(state, "hot2", make_serve(state, "hot2"))
    assert judge_transaction(state, serve) == Accept()


@pytest.mark.parametrize(
    "fields",
    [
        {"valid_until": Height(0)},
        {"valid_until": Height(9_999)},
        {"tip": Amount(5_000 * TAO)},
    ],
)
def test_a_transaction_that_is_late_early_or_poor_here_is_ignored(fields: dict[str, Any]) -> None:
    state = make_state()
    assert isinstance(judge_transaction(state, make_transaction(state, **fields)), Ignore)


def test_a_replayed_transaction_is_ignored() -> None:
    state = make_state()
    signed = make_transaction(state)
    assert isinstance(judge_transaction(apply(state, signed).state, signed), Ignore)


def test_a_reveal_before_its_window_is_ignored() -> None:
    state = make_state()
    reveal = make_transaction(state, "hot0", make_reveal({2: 65_535}))
    verdict = judge_transaction(state, reveal)
    assert isinstance(verdict, Ignore)
    assert "RevealClosed" in verdict.reason


def test_a_forged_foreign_or_oversize_transaction_is_rejected() -> None:
    state = make_state()
    signed = make_transaction(state)
    forged = SignedTransaction(signed.transaction, Signature(bytes(64)))
    foreign = make_transaction(state, chain_id=ZERO_HASH)
    for each in (forged, foreign):
        assert isinstance(judge_transaction(state, each), Reject)


def test_a_known_signature_is_not_checked_again() -> None:
    state = make_state()
    signed = make_transaction(state)
    forged = SignedTransaction(signed.transaction, Signature(bytes(64)))
    assert judge_transaction(state, forged, lambda _id, _signature: True) == Accept()
