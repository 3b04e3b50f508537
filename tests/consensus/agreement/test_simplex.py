"""Scripts for one machine: what it must say, what it must not, and what comes first."""

from dataclasses import replace
from typing import Any

import pytest

from consensus.agreement import messages as m
from consensus.agreement.messages import TimerKind
from consensus.quantities import Hash32, TimeMs, View
from consensus.types import Proposal, Vote, VoteKind
from tests.consensus.agreement.play import (
    FOLLOWER,
    FOUR,
    LEADER,
    START_MS,
    TIMING,
    F,
    N,
    Player,
    X,
    find,
    make_certificate,
    make_chain,
    make_committee,
    make_header,
    make_proposal,
    make_vote,
    name,
    other_than,
    started,
    votes_in,
)

# -- a view that goes well -------------------------------------------------------------------------


def test_the_leader_proposes_once_its_parent_is_old_enough() -> None:
    player = Player(LEADER)
    effects = player.start()
    alarm = find(effects, m.SetTimer)
    assert m.SetTimer(m.Tag(TimerKind.BUILD, View(1)), START_MS + TIMING.block_ms) in alarm
    assert find(effects, m.BuildBlock) == []
    effects = player.ring(TimerKind.BUILD, TIMING.block_ms)
    told = [each.message for each in find(effects, m.Publish)]
    assert isinstance(told[0], Proposal)
    assert told[0].block.header.time_ms == START_MS + TIMING.block_ms
    assert votes_in(effects) == [(N, 1)]


def test_whatever_is_told_was_persisted_before() -> None:
    player = started(LEADER)
    effects = player.ring(TimerKind.BUILD)
    durable: set[object] = set()
    for effect in effects:
        if isinstance(effect, m.Persist):
            durable.update(effect.votes, effect.blocks)
        if isinstance(effect, m.Publish) and isinstance(effect.message, Vote | Proposal):
            assert effect.message in durable


def test_a_good_proposal_gets_our_vote_with_its_body_durable() -> None:
    player = started(FOLLOWER)
    proposal = make_proposal(1)
    effects = player.propose(proposal)
    assert votes_in(effects) == [(N, 1)]
    assert player.persisted[-1].blocks == (proposal,)


def test_a_notarized_block_gets_our_finalize_vote_and_ends_the_view() -> None:
    player = started(FOLLOWER)
    digest = name(make_proposal(1))
    player.propose(make_proposal(1))
    effects = player.vote(*(make_vote(i, N, 1, digest) for i in range(4) if i != FOLLOWER))
    assert votes_in(effects) == [(F, 1)]
    assert player.machine.view == 2
    kept = player.persisted[-1]
    assert [c.kind for c in kept.certificates] == [N]
    assert [v.kind for v in kept.votes] == [F]


def test_finality_commits_every_ancestor_oldest_first() -> None:
    player = started(None)
    chain = make_chain(3)
    for proposal in chain:
        player.propose(proposal)
    effects = player.certify(make_certificate(F, 3, name(chain[2])))
    (commit,) = find(effects, m.Commit)
    assert commit.blocks == tuple(proposal.block for proposal in chain)
    assert player.machine.views.final_view == 3


def test_a_lone_validator_makes_a_chain_by_itself() -> None:
    committee = make_committee(7)
    genesis = make_header(vset_hash=committee.vset_hash, next_vset_hash=committee.vset_hash)
    player = Player(0, m.Recovered(View(0), name(genesis), genesis, None), committee)
    player.start()
    for height in range(1, 6):
        effects = player.ring(TimerKind.BUILD, TIMING.block_ms)
        (commit,) = find(effects, m.Commit)
        assert commit.blocks[-1].header.height == height


def test_a_follower_commits_but_never_signs() -> None:
    player = started(None)
    digest = name(make_proposal(1))
    effects = player.propose(make_proposal(1))
    for kind in (N, F):
        effects += player.vote(*(make_vote(i, kind, 1, digest) for i in range(3)))
    assert len(find(effects, m.Commit)) == 1
    assert votes_in(player.log) == []


def test_the_next_leader_builds_on_the_block_just_notarized() -> None:
    me = int(FOUR.leader(View(2)))
    player = started(me)
    player.propose(make_proposal(1))
    player.certify(make_certificate(N, 1, name(make_proposal(1))))
    effects = player.ring(TimerKind.BUILD, TIMING.block_ms)
    (proposal,) = (e.message for e in find(effects, m.Publish) if isinstance(e.message, Proposal))
    assert proposal.block.header.parent == name(make_proposal(1))
    assert [c.kind for c in proposal.block.justify] == [N]


# -- a view that does not --------------------------------------------------------------------------


def test_silence_of_the_leader_is_nullified_at_the_propose_timer() -> None:
    player = started(FOLLOWER)
    assert votes_in(player.ring(TimerKind.PROPOSE, 2_000)) == [(X, 1)]


def test_a_proposal_that_came_silences_the_propose_timer_alone() -> None:
    player = started(FOLLOWER)
    player.propose(make_proposal(1))
    assert votes_in(player.ring(TimerKind.PROPOSE, 2_000)) == []
    assert votes_in(player.ring(TimerKind.ADVANCE, 1_000)) == [(X, 1)]


def test_after_nullify_comes_neither_notarize_nor_finalize_in_that_view() -> None:
    player = started(FOLLOWER)
    player.ring(TimerKind.PROPOSE, 2_000)
    assert votes_in(player.propose(make_proposal(1))) == []
    assert votes_in(player.certify(make_certificate(N, 1, name(make_proposal(1))))) == []


def test_after_finalize_the_view_is_over_and_not_nullified() -> None:
    player = started(FOLLOWER)
    player.propose(make_proposal(1))
    player.certify(make_certificate(N, 1, name(make_proposal(1))))
    assert votes_in(player.do(m.TimerFired(m.Tag(TimerKind.ADVANCE, View(1))), 9_000)) == []


def test_only_the_first_proposal_can_get_our_vote_and_the_second_is_evidence() -> None:
    player = started(FOLLOWER)
    first = make_proposal(1)
    second = make_proposal(1, reveal=Hash32(b"r" * 32))
    assert votes_in(player.propose(first)) == [(N, 1)]
    effects = player.propose(second)
    assert votes_in(effects) == []
    (accuse,) = find(effects, m.Accuse)
    evidence = accuse.evidence
    assert {evidence.first.digest, evidence.second.digest} == {name(first), name(second)}
    assert evidence.first.kind is VoteKind.PROPOSE


@pytest.mark.parametrize(
    "votes",
    [
        ((N, b"a"), (N, b"b")),
        ((F, b"a"), (F, b"b")),
        ((X, b""), (F, b"a")),
        ((F, b"a"), (N, b"b")),
    ],
)
def test_each_pair_no_honest_validator_signs_is_shown(
    votes: tuple[tuple[VoteKind, bytes], ...],
) -> None:
    player = started(FOLLOWER)
    liar = other_than(FOLLOWER)
    said = [make_vote(liar, kind, 1, Hash32(text.ljust(32, b"\0"))) for kind, text in votes]
    assert find(player.vote(said[0]), m.Accuse) == []
    (accuse,) = find(player.vote(said[1]), m.Accuse)
    assert [accuse.evidence.first, accuse.evidence.second] == said


def test_a_vote_heard_twice_counts_once() -> None:
    player = started(FOLLOWER)
    same = make_vote(other_than(FOLLOWER), N, 1, name(make_proposal(1)))
    assert player.vote(*[same] * 10) == []
    assert player.machine.view == 1


# -- what a proposal must prove --------------------------------------------------------------------


def test_a_block_that_skips_a_view_needs_its_nullification() -> None:
    me = other_than(int(FOUR.leader(View(2))))
    player = started(me)
    player.certify(make_certificate(X, 1))
    assert votes_in(player.propose(make_proposal(2))) == [(N, 2)]

    bare = started(me)
    bare.certify(make_certificate(N, 1, Hash32(b"h" * 32)))  # takes us to view 2 as well
    effects = bare.propose(make_proposal(2))
    assert votes_in(effects) == []
    assert votes_in(bare.certify(make_certificate(X, 1))) == [(N, 2)]


def test_a_block_on_a_parent_nobody_notarized_gets_no_vote() -> None:
    me = other_than(int(FOUR.leader(View(2))))
    player = started(me)
    first, second = make_chain(2)
    player.propose(first)
    player.certify(make_certificate(X, 1))
    bare = replace(second, block=replace(second.block, justify=()))
    assert votes_in(player.do(m.ProposalReceived(None, bare, name(second)))) == []
    assert votes_in(player.certify(make_certificate(N, 1, name(first)))) == [(N, 2)]


def test_a_block_the_ledger_refuses_gets_no_vote_nor_does_its_child() -> None:
    me = other_than(int(FOUR.leader(View(1))), int(FOUR.leader(View(2))))
    player = started(me)
    first, second = make_chain(2)
    player.refused.add(name(first))
    assert votes_in(player.propose(first)) == []
    assert votes_in(player.propose(second)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"height": 2},
        {"parent_view": View(7)},
        {"time_ms": TimeMs(START_MS + TIMING.block_ms - 1)},
        {"vset_hash": Hash32(b"v" * 32)},
        {"next_vset_hash": Hash32(b"v" * 32)},
    ],
)
def test_a_block_that_cannot_follow_its_parent_never_reaches_the_ledger(
    wrong: dict[str, Any],
) -> None:
    player = started(FOLLOWER)
    effects = player.propose(make_proposal(1, **wrong))
    assert find(effects, m.ExecuteBlock) == []
    assert votes_in(effects) == []


def test_a_block_from_the_future_gets_its_vote_when_its_time_has_come() -> None:
    player = started(FOLLOWER)
    ahead_ms = player.now_ms + TIMING.drift_ms + 200
    effects = player.propose(make_proposal(1, time_ms=TimeMs(ahead_ms)))
    assert votes_in(effects) == []
    alarm = m.SetTimer(m.Tag(TimerKind.NOTARIZE, View(1)), ahead_ms - TIMING.drift_ms)
    assert alarm in find(effects, m.SetTimer)
    assert votes_in(player.ring(TimerKind.NOTARIZE, 200)) == [(N, 1)]
