"""Effects come in the order they must happen, whatever order they were asked for in."""

from consensus.agreement import messages as m
from consensus.agreement.blocktree import BlockTree
from consensus.agreement.outbox import Outbox
from consensus.quantities import ZERO_HASH, View
from consensus.types import ConflictingVotes
from tests.consensus.agreement.play import (
    GENESIS,
    F,
    X,
    make_certificate,
    make_proposal,
    make_vote,
    name,
)


def test_durable_comes_first_and_the_ledger_s_work_last() -> None:
    out = Outbox()
    tree = BlockTree(name(GENESIS), GENESIS)
    proposal, vote = make_proposal(1), make_vote(0, X, 1)
    certificate = make_certificate(F, 1, name(proposal))
    tree.add(proposal.block, name(proposal), proposal)
    out.execute(proposal.block, name(proposal))
    out.accuse(ConflictingVotes(vote, vote))
    out.commit((proposal.block,), certificate)
    out.set_timer(m.Tag(m.TimerKind.ADVANCE, View(1)), 1)
    out.set_timer(m.Tag(m.TimerKind.ADVANCE, View(1)), 2)
    out.publish(vote)
    out.persist_vote(vote)
    effects = out.flush(tree)
    assert [type(effect) for effect in effects] == [
        m.Persist,
        m.Publish,
        m.SetTimer,
        m.Commit,
        m.Accuse,
        m.ExecuteBlock,
    ]
    assert effects[2] == m.SetTimer(m.Tag(m.TimerKind.ADVANCE, View(1)), 2)
    assert out.flush(tree) == ()


def test_a_commit_keeps_its_certificate_itself() -> None:
    out = Outbox()
    proposal = make_proposal(1)
    final, other = make_certificate(F, 1, name(proposal)), make_certificate(X, 2, ZERO_HASH)
    out.persist_certificate(final)
    out.persist_certificate(other)
    out.commit((proposal.block,), final)
    persisted, commit = out.flush(BlockTree(name(GENESIS), GENESIS))
    assert isinstance(persisted, m.Persist)
    assert persisted.certificates == (other,)
    assert commit == m.Commit((proposal.block,), final)
