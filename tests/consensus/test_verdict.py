"""Gossip is judged without blaming the honest: late and early is ignored, forged is rejected."""

from dataclasses import replace

import pytest

from consensus.errors import DecodeError, InvalidTransaction, MalformedTransaction
from consensus.quantities import (
    ZERO_HASH,
    Era,
    Signature,
    ValidatorIndex,
    View,
)
from consensus.types import Status
from consensus.verdict import (
    Accept,
    Ignore,
    Reject,
    judge_certificate,
    judge_proposal,
    judge_refusal,
    judge_status,
    judge_vote,
)
from tests.consensus.agreement import play


@pytest.mark.parametrize(
    "refusal", [DecodeError("no value"), MalformedTransaction("made for another network")]
)
def test_what_no_honest_peer_passes_on_is_rejected(refusal: DecodeError) -> None:
    assert judge_refusal(refusal) == Reject(str(refusal))


def test_what_is_late_or_early_here_is_ignored() -> None:
    assert judge_refusal(InvalidTransaction("used", is_final=True)) == Ignore("used")
    assert judge_refusal(InvalidTransaction("ahead", is_final=False)) == Ignore("ahead")


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
