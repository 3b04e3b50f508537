"""Scripts for one machine: what it must say, what it must not, and what comes first."""

from dataclasses import replace
from typing import Any

import pytest

from consensus.agreement import messages as m
from consensus.agreement.messages import TimerKind
from consensus.agreement.repair import CERTIFICATES_PER_S
from consensus.agreement.simplex import WINDOW
from consensus.types import (
    Certificate,
    Hash32,
    Proposal,
    Status,
    TimeMs,
    View,
    Vote,
    VoteKind,
)
from tests.consensus.agreement.play import (
    ERA,
    FOUR,
    GENESIS,
    START_MS,
    TIMING,
    F,
    N,
    Player,
    X,
    find,
    led_by,
    make_certificate,
    make_chain,
    make_committee,
    make_header,
    make_proposal,
    make_vote,
    name,
    other_than,
    votes_in,
)

LEADER = int(FOUR.leader(View(1)))
FOLLOWER = other_than(LEADER)


def started(me: int | None) -> Player:
    player = Player(me)
    player.start()
    player.now_ms += TIMING.block_ms
    return player


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


# -- restarts --------------------------------------------------------------------------------------


def recover(player: Player) -> m.Recovered:
    """Return what a disk holds after everything the player had written."""
    return m.Recovered(
        View(0),
        name(GENESIS),
        GENESIS,
        None,
        tuple(vote for each in player.persisted for vote in each.votes),
        tuple(c for each in player.persisted for c in each.certificates),
        tuple(block for each in player.persisted for block in each.blocks),
    )


def test_a_restart_says_the_same_again_and_nothing_else() -> None:
    before = started(LEADER)
    said = [each.message for each in find(before.ring(TimerKind.BUILD), m.Publish)]
    after = Player(LEADER, recover(before))
    again = [each.message for each in find(after.start(), m.Publish)]
    assert [each for each in again if not isinstance(each, Status)] == said[::-1]
    after.now_ms += TIMING.block_ms
    assert find(after.ring(TimerKind.BUILD), m.BuildBlock) == []


def test_a_restart_remembers_which_proposal_it_voted_for() -> None:
    before = started(FOLLOWER)
    before.propose(make_proposal(1))
    after = Player(FOLLOWER, recover(before))
    after.start()
    rival = make_proposal(1, reveal=Hash32(b"r" * 32))
    assert votes_in(after.propose(rival)) == []
    effects = after.certify(make_certificate(N, 1, name(rival)))
    assert votes_in(effects) == [], "its finalize vote would contradict its notarize vote"


def test_a_restart_goes_on_behind_its_highest_certificate() -> None:
    before = started(FOLLOWER)
    before.propose(make_proposal(1))
    before.certify(make_certificate(N, 1, name(make_proposal(1))))
    after = Player(FOLLOWER, recover(before))
    after.start()
    assert after.machine.view == 2
    assert after.machine.tree.is_good(name(make_proposal(1)))


def test_a_finality_written_but_not_applied_is_applied_after_the_restart() -> None:
    before = started(FOLLOWER)
    before.propose(make_proposal(1))
    before.certify(make_certificate(N, 1, name(make_proposal(1))))
    before.certify(make_certificate(F, 1, name(make_proposal(1))))
    assert len(find(Player(FOLLOWER, recover(before)).start(), m.Commit)) == 1


def test_a_vote_of_ours_we_never_made_silences_us() -> None:
    player = started(FOLLOWER)
    effects = player.vote(make_vote(FOLLOWER, X, 1))
    assert len(find(effects, m.FallSilent)) == 1
    assert votes_in(player.propose(make_proposal(1))) == []


def test_a_proposal_of_ours_we_never_made_silences_us() -> None:
    player = started(LEADER)
    effects = player.propose(make_proposal(1))
    assert len(find(effects, m.FallSilent)) == 1
    assert find(player.ring(TimerKind.BUILD), m.Publish) == []


# -- repair ----------------------------------------------------------------------------------------


def test_a_certificate_for_an_unknown_block_has_its_body_asked_of_who_told() -> None:
    player = started(FOLLOWER)
    proposal = make_proposal(1)
    effects = player.certify(make_certificate(N, 1, name(proposal)))
    assert find(effects, m.AskBlock) == [m.AskBlock(b"p", name(proposal))]
    effects = player.do(m.BlocksReceived(b"p", (proposal.block,)))
    assert votes_in(effects) == [(F, 1)]


def test_a_body_nobody_asked_for_or_that_is_not_its_header_s_is_dropped() -> None:
    player = started(FOLLOWER)
    proposal = make_proposal(1)
    assert player.do(m.BlocksReceived(b"p", (proposal.block,))) == []
    player.certify(make_certificate(N, 1, name(proposal)))
    swapped = replace(proposal.block, justify=(make_certificate(X, 1),))
    player.do(m.BlocksReceived(b"p", (swapped,)))
    assert len(player.machine.tree) == 0


def test_a_range_with_its_certificate_is_caught_up_with_at_once() -> None:
    player = started(FOLLOWER)
    chain = make_chain(40)
    blocks = tuple(proposal.block for proposal in chain)
    far = make_certificate(F, 5_000, Hash32(b"f" * 32))
    player.certify(far)  # a finality whose body is far away must not hold up nearer ones
    certificate = make_certificate(F, 40, name(chain[-1]))
    effects = player.do(m.BlocksReceived(b"p", blocks, certificate))
    assert [len(commit.blocks) for commit in find(effects, m.Commit)] == [40]
    assert find(effects, m.AskBlock) == []


def test_a_missing_ancestor_is_walked_back_to() -> None:
    player = started(None)
    chain = make_chain(5)
    certificate = make_certificate(F, 5, name(chain[4]))
    player.certify(certificate)
    wanted = chain[4]
    for proposal in reversed(chain[:4]):
        effects = player.do(m.BlocksReceived(b"p", (wanted.block,)))
        assert find(effects, m.AskBlock) == [m.AskBlock(b"p", name(proposal))]
        wanted = proposal
    effects = player.do(m.BlocksReceived(b"p", (wanted.block,)))
    assert [len(commit.blocks) for commit in find(effects, m.Commit)] == [5]


def test_a_standstill_repeats_our_votes_and_says_what_is_missing() -> None:
    player = started(FOLLOWER)
    player.certify(make_certificate(X, 3))
    player.ring(TimerKind.PROPOSE, 2_000)
    effects = player.ring(TimerKind.STANDSTILL, 2_000)
    assert votes_in(effects) == [(X, 4)]
    (status,) = (e.message for e in find(effects, m.Publish) if isinstance(e.message, Status))
    assert status == Status(ERA, View(0), View(4), (View(1), View(2)))
    assert any(each.tag.kind is TimerKind.STANDSTILL for each in find(effects, m.SetTimer))


def test_a_status_is_answered_with_what_its_sender_lacks() -> None:
    player = started(FOLLOWER)
    first = make_certificate(X, 1)
    second = make_certificate(X, 2)
    player.certify(first)
    player.certify(second)
    behind = Status(ERA, View(0), View(2), (View(1),))
    effects = player.do(m.StatusReceived(b"peer", behind))
    assert find(effects, m.Send) == [m.Send(b"peer", first), m.Send(b"peer", second)]


def test_a_peer_gets_at_most_so_many_certificates_in_a_second() -> None:
    player = started(FOLLOWER)
    for view in range(1, 25):
        player.certify(make_certificate(X, view))
    player.now_ms = START_MS + 60_000
    hungry = Status(ERA, View(0), View(20), tuple(View(v) for v in range(1, 17)))
    sent = [find(player.do(m.StatusReceived(b"peer", hungry)), m.Send) for _ in range(5)]
    assert sum(len(each) for each in sent) == CERTIFICATES_PER_S
    assert len(find(player.do(m.StatusReceived(b"else", hungry)), m.Send)) == CERTIFICATES_PER_S
    effects = player.do(m.StatusReceived(b"peer", hungry), after_ms=1_000)
    assert all(isinstance(each.message, Certificate) for each in find(effects, m.Send))
    assert len(find(effects, m.Send)) == CERTIFICATES_PER_S


def test_the_timers_grow_without_finality_and_are_capped() -> None:
    units = [TIMING.compute_unit_ms(views) for views in range(1, 40)]
    assert units[:4] == [1_000, 1_000, 1_000, 1_300]
    assert units == sorted(units)
    assert units[-1] == TIMING.timer_ms_max // 3


# -- bounds ----------------------------------------------------------------------------------------


def test_votes_and_proposals_far_ahead_are_not_kept() -> None:
    player = started(FOLLOWER)
    far = 1 + WINDOW + 1
    player.vote(make_vote(other_than(FOLLOWER), X, far))
    player.propose(make_proposal(far))
    assert all(record.view < far for record in player.machine.views)
    assert len(player.machine.tree) == 0


def test_what_is_final_is_forgotten() -> None:
    player = started(FOLLOWER)
    first, second = make_chain(2)
    player.propose(first)
    player.propose(second)
    player.certify(make_certificate(F, 2, name(second)))
    assert [record.view for record in player.machine.views] == [3]
    assert len(player.machine.tree) == 0
    assert player.certify(make_certificate(N, 2, name(second))) == []


def test_work_on_a_block_that_the_same_step_made_obsolete_is_not_asked_for() -> None:
    player = Player(None)
    player.start()
    winner = make_proposal(1)
    rival = make_proposal(1, reveal=Hash32(b"r" * 32))
    player.propose(winner)
    player.certify(make_certificate(N, 1, name(rival)))
    certificate = make_certificate(F, 1, name(winner))
    effects = player.do(m.BlocksReceived(b"p", (rival.block,), certificate))
    assert len(find(effects, m.Commit)) == 1
    assert find(effects, m.ExecuteBlock) == []


def test_the_ledger_may_answer_late_or_about_blocks_long_gone() -> None:
    player = started(FOLLOWER)
    assert player.do(m.Executed(Hash32(b"g" * 32), is_valid=True)) == []
    assert player.do(m.Built(View(9), name(GENESIS), None)) == []
    assert find(player.log, m.Commit) == []


def test_the_next_leader_builds_on_the_block_just_notarized() -> None:
    me = int(FOUR.leader(View(2)))
    player = started(me)
    view = led_by(me, after=1)
    assert view == 2
    if me != LEADER:
        player.propose(make_proposal(1))
        player.certify(make_certificate(N, 1, name(make_proposal(1))))
        effects = player.ring(TimerKind.BUILD, TIMING.block_ms)
        (proposal,) = (
            e.message for e in find(effects, m.Publish) if isinstance(e.message, Proposal)
        )
        assert proposal.block.header.parent == name(make_proposal(1))
        assert [c.kind for c in proposal.block.justify] == [N]
