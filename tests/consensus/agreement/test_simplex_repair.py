"""Scripts for one machine that restarts, lacks something, or is flooded."""

from dataclasses import replace

from consensus.agreement import messages as m
from consensus.agreement.messages import TimerKind
from consensus.agreement.repair import CERTIFICATES_PER_S
from consensus.agreement.simplex import WINDOW
from consensus.quantities import Hash32, View
from consensus.types import Certificate, Status
from tests.consensus.agreement.play import (
    ERA,
    FOLLOWER,
    GENESIS,
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
    make_proposal,
    make_vote,
    name,
    other_than,
    started,
    votes_in,
)

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


def test_a_finality_without_its_block_outlives_a_restart() -> None:
    before = started(FOLLOWER)
    before.certify(make_certificate(F, 1, name(make_proposal(1))))
    after = Player(FOLLOWER, recover(before))
    assert find(after.start(), m.Commit) == []
    assert len(find(after.propose(make_proposal(1)), m.Commit)) == 1


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


def test_the_usual_way_into_the_next_view_asks_nobody() -> None:
    player = started(FOLLOWER)
    effects = player.propose(make_proposal(1))
    effects += player.certify(make_certificate(N, 1, name(make_proposal(1))))
    assert player.machine.view == 2
    assert [e for e in find(effects, m.Publish) if isinstance(e.message, Status)] == []


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
