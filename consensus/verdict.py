"""Judge gossip: Accept, Ignore or Reject, one pure function per topic.

Accept: forward it and let it in. Ignore: not now, and nobody's fault (old, early, known). Reject:
no honest peer sends this; drop it and penalise the sender.
"""

from dataclasses import dataclass

from consensus.agreement.certificates import (
    Committee,
    verify_certificate,
    verify_early_proposal,
    verify_proposal,
    verify_vote,
)
from consensus.agreement.simplex import WINDOW
from consensus.errors import (
    DecodeError,
    InvalidBlock,
    InvalidTransaction,
    InvalidVote,
    MalformedTransaction,
)
from consensus.quantities import ZERO_HASH, Era, Hash32, View
from consensus.types import Certificate, Proposal, Status, Vote


@dataclass(frozen=True, slots=True)
class Accept:
    """Let it in and forward it."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """Drop it without blame."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reject:
    """Drop it and penalise whoever sent it."""

    reason: str


Verdict = Accept | Ignore | Reject


# -- agreement ---------------------------------------------------------------------------------


def judge_vote(committee: Committee, final_view: View, view: View, vote: Vote) -> Verdict:
    """Judge a vote against the window (final_view, view + WINDOW]; its signature last."""
    closed = _judge_place(committee, final_view, vote.era, vote.view)
    if closed is not None:
        return closed
    if vote.view > view + WINDOW:
        return Ignore(f"view {vote.view} is far ahead of {view}")
    try:
        verify_vote(committee, vote)
    except InvalidVote as error:
        return Reject(str(error))
    return Accept()


def judge_certificate(committee: Committee, final_view: View, certificate: Certificate) -> Verdict:
    """Judge a certificate: any view above the final one is welcome, for a quorum stands behind."""
    closed = _judge_place(committee, final_view, certificate.era, certificate.view)
    if closed is not None:
        return closed
    try:
        verify_certificate(committee, certificate)
    except InvalidVote as error:
        return Reject(str(error))
    return Accept()


def judge_proposal(
    committee: Committee, final_view: View, view: View, proposal: Proposal
) -> tuple[Verdict, Hash32]:
    """Judge a gossiped proposal; return its header's digest too (zero unless accepted).

    The signatures of its leader and of every certificate in it are checked, and its roots; whether
    it can follow its parent is for the agreement machine and the ledger to say.
    """
    header = proposal.block.header
    closed = _judge_place(committee, final_view, header.era, header.view)
    if closed is not None:
        return closed, ZERO_HASH
    if header.view > view + WINDOW:
        return Ignore(f"view {header.view} is far ahead of {view}"), ZERO_HASH
    try:
        return Accept(), verify_proposal(committee, proposal)
    except (InvalidBlock, InvalidVote) as error:
        return Reject(str(error)), ZERO_HASH


def judge_early(committee: Committee, message: Vote | Certificate | Proposal) -> Verdict:
    """Judge what was said in the next era; its set is known before its leaders are.

    Only its first views are kept: nobody is far into an era that others have not begun.
    """
    header = message.block.header if isinstance(message, Proposal) else message
    if header.view > WINDOW:
        return Ignore(f"view {header.view} of an era that has not begun here")
    try:
        match message:
            case Vote():
                verify_vote(committee, message)
            case Certificate():
                verify_certificate(committee, message)
            case Proposal():
                verify_early_proposal(committee, message)
    except (InvalidBlock, InvalidVote) as error:
        return Reject(str(error))
    return Accept()


def judge_status(committee: Committee, status: Status) -> Verdict:
    """Judge a neighbour's status by what it says of itself; nobody signs one."""
    if status.era != committee.era:
        return Ignore(f"era {status.era} where {committee.era} is")
    missing = set(status.missing)
    if status.view <= status.final_view or len(missing) != len(status.missing):
        return Reject("a view that is final already, or one named twice")
    if not all(status.final_view < each < status.view for each in missing):
        return Reject("it misses views that are final or not yet begun")
    return Accept()


def _judge_place(committee: Committee, final_view: View, era: Era, view: View) -> Verdict | None:
    """Return why something of `view` is not needed, if so."""
    if era != committee.era:
        return Ignore(f"era {era} where {committee.era} is")
    if view <= final_view:
        return Ignore(f"view {view} is settled")
    return None


# -- transactions ---------------------------------------------------------------------------------


def judge_refusal(refusal: InvalidTransaction | DecodeError) -> Ignore | Reject:
    """Judge a gossiped transaction that the mempool refused.

    Reject what no state can make right (no transaction, another network, over-size, forged). Ignore
    what an honest peer may pass on late or early: used nonces, expired, unaffordable here, a free
    call whose time is over or not yet come, no room.
    """
    if isinstance(refusal, DecodeError | MalformedTransaction):
        return Reject(str(refusal))
    return Ignore(str(refusal))
