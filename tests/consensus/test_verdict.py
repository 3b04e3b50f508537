"""Gossip is judged without blaming the honest: late and early is ignored, forged is rejected."""

from dataclasses import replace
from typing import Any

import pytest

from consensus.quantities import (
    ZERO_HASH,
    Amount,
    Era,
    Height,
    Nonce,
    Signature,
    ValidatorIndex,
    View,
)
from consensus.types import SignedTransaction, Status
from consensus.verdict import (
    Accept,
    Ignore,
    Reject,
    judge_certificate,
    judge_proposal,
    judge_status,
    judge_transaction,
    judge_vote,
)
from tests.builders import TAO, apply, make_reveal, make_serve, make_state, make_transaction
from tests.consensus.agreement import play


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


# -- agreement ------------------------------------------------------------------------------------

FINAL_VIEW, VIEW = View(4), View(6)


def test_votes_of_the_window_are_accepted_and_others_are_nobody_s_fault() -> None:
    for view, expected in ((4, Ignore), (5, Accept), (30, Accept), (31, Ignore)):
        verdict = judge_vote(play.FOUR, FINAL_VIEW, VIEW, play.make_vote(0, play.X, view))
        assert isinstance(verdict, expected)
    foreign = replace(play.make_vote(0, play.X, 5), era=Era(2))
    assert isinstance(judge_vote(play.FOUR, FINAL_VIEW, VIEW, foreign), Ignore)


def test_a_forged_vote_certificate_or_proposal_is_rejected() -> None:
    vote = replace(play.make_vote(0, play.X, 5), signature=Signature(bytes(64)))
    assert isinstance(judge_vote(play.FOUR, FINAL_VIEW, VIEW, vote), Reject)
    certificate = replace(play.make_certificate(play.X, 5), signers=(ValidatorIndex(0),))
    assert isinstance(judge_certificate(play.FOUR, FINAL_VIEW, certificate), Reject)
    proposal = replace(play.make_proposal(5), signature=Signature(bytes(64)))
    found, digest = judge_proposal(play.FOUR, FINAL_VIEW, VIEW, proposal)
    assert isinstance(found, Reject)
    assert digest == ZERO_HASH


def test_a_certificate_is_welcome_however_far_ahead() -> None:
    far = play.make_certificate(play.X, 5_000)
    assert judge_certificate(play.FOUR, FINAL_VIEW, far) == Accept()
    old = play.make_certificate(play.X, 4)
    assert isinstance(judge_certificate(play.FOUR, FINAL_VIEW, old), Ignore)


def test_a_leader_s_proposal_is_accepted_and_named() -> None:
    proposal = play.make_proposal(5)
    verdict = judge_proposal(play.FOUR, FINAL_VIEW, VIEW, proposal)
    assert verdict == (Accept(), play.name(proposal))
    for view in (4, 31):
        found, _ = judge_proposal(play.FOUR, FINAL_VIEW, VIEW, play.make_proposal(view))
        assert isinstance(found, Ignore)


def test_a_status_must_make_sense_of_itself() -> None:
    good = Status(play.ERA, View(4), View(7), (View(5), View(6)))
    assert judge_status(play.FOUR, good) == Accept()
    assert isinstance(judge_status(play.FOUR, replace(good, era=Era(2))), Ignore)
    for wrong in (
        replace(good, view=View(4)),
        replace(good, missing=(View(4),)),
        replace(good, missing=(View(7),)),
        replace(good, missing=(View(5), View(5))),
    ):
        assert isinstance(judge_status(play.FOUR, wrong), Reject)
