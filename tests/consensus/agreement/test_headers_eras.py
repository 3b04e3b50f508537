"""An era's last block: sealed until it is final, then handed off; and what passes between eras."""

from dataclasses import replace
from typing import Any

import pytest

from consensus import crypto
from consensus.agreement import light
from consensus.agreement import messages as m
from consensus.agreement.certificates import Committee
from consensus.agreement.headers import as_genesis, is_child, is_whole
from consensus.agreement.messages import TimerKind
from consensus.agreement.simplex import WINDOW
from consensus.errors import InvalidBlock, InvalidVote
from consensus.quantities import ZERO_HASH, Era, Hash32, Height, View
from consensus.types import Block, BlockKind, HandOff, Header, Proposal, Status
from consensus.verdict import Accept, Ignore, Reject, judge_early
from tests.consensus.agreement.play import (
    FOUR,
    TIMING,
    F,
    N,
    Player,
    find,
    make_certificate,
    make_chain,
    make_committee,
    make_proposal,
    make_vote,
    name,
    votes_in,
)

SHORT = replace(FOUR, last=Height(2))
"""The usual four, in an era of two blocks."""
CHAIN = make_chain(2)
LAST = CHAIN[-1].block.header
NOTARIZED = make_certificate(N, 2, name(LAST))


def make_seal(view: int, parent: Header = LAST, **fields: Any) -> Proposal:  # noqa: ANN401
    justify = (make_certificate(N, view - 1, name(parent)),)
    values = {"kind": BlockKind.SEAL, "height": parent.height}
    return make_proposal(view, parent, justify, **(values | fields))


def at_the_end(me: int | None = 0) -> Player:
    """Return a machine that has the era's last block, notarized."""
    player = Player(me, committee=SHORT)
    player.start()
    for proposal in CHAIN:
        player.propose(proposal)
    player.certify(NOTARIZED)
    return player


# -- seals ----------------------------------------------------------------------------------------


def test_the_leader_after_an_eras_last_block_seals_it_without_the_ledger() -> None:
    player = at_the_end(int(SHORT.leader(View(3))))
    effects = player.ring(TimerKind.BUILD, 5 * TIMING.block_ms)
    assert find(effects, m.BuildBlock) == []
    (seal,) = (e.message for e in find(effects, m.Publish) if isinstance(e.message, Proposal))
    header = seal.block.header
    assert (header.kind, header.height, header.parent) == (BlockKind.SEAL, 2, name(LAST))
    assert is_child(SHORT, TIMING, header, LAST)


def test_a_seals_finality_is_the_last_blocks_and_ends_the_era() -> None:
    player = at_the_end()
    seal = make_seal(3)
    player.propose(seal)
    effects = player.certify(make_certificate(F, 3, name(seal)))
    (commit,) = find(effects, m.Commit)
    assert commit.blocks == tuple(proposal.block for proposal in CHAIN)
    assert commit.seals == (seal.block,)
    assert player.machine.is_over


def test_after_the_last_block_is_final_nothing_more_is_said() -> None:
    player = at_the_end()
    (commit,) = find(player.certify(make_certificate(F, 2, name(LAST))), m.Commit)
    assert commit.seals == ()
    said = len(player.log)
    player.propose(make_seal(3))
    player.ring(TimerKind.ADVANCE, 10_000)
    player.vote(make_vote(1, N, 3, name(make_seal(3))))
    assert len(player.log) == said


def test_the_ledger_is_not_asked_about_a_seal_before_a_vote() -> None:
    player = at_the_end()
    effects = player.propose(make_seal(3))
    assert find(effects, m.ExecuteBlock) == []
    assert (N, 3) in votes_in(effects)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": BlockKind.BLOCK, "height": Height(3)},
        {"height": Height(3)},
        {"state_root": Hash32(b"s" * 32)},
        {"reveal": Hash32(b"r" * 32)},
        {"body_root": ZERO_HASH},
        {"next_vset_hash": ZERO_HASH},
    ],
)
def test_nothing_but_an_empty_seal_stands_on_an_eras_last_block(fields: dict[str, Any]) -> None:
    player = at_the_end()
    assert (N, 3) not in votes_in(player.propose(make_seal(3, **fields)))


def test_no_seal_stands_before_the_last_block() -> None:
    assert not is_child(SHORT, TIMING, make_seal(2, CHAIN[0].block.header).block.header, LAST)
    first = CHAIN[0].block.header
    assert not is_child(SHORT, TIMING, make_seal(2, first).block.header, first)


def test_a_fetched_seal_may_come_without_its_certificates_and_a_block_may_not() -> None:
    seal = make_seal(3).block
    assert is_whole(seal)
    assert is_whole(Block(seal.header, (), ()))
    assert not is_whole(Block(seal.header, (), (NOTARIZED, NOTARIZED)))
    block = make_proposal(3, LAST, (NOTARIZED,)).block
    assert not is_whole(Block(block.header, (), ()))


def test_whoever_lacks_the_seals_fetches_them_and_ends_the_era_too() -> None:
    player = Player(None, committee=SHORT)
    player.start()
    seal = make_seal(3)
    blocks = (*(proposal.block for proposal in CHAIN), Block(seal.block.header, (), ()))
    event = m.BlocksReceived(b"p", blocks, make_certificate(F, 3, name(seal)))
    (commit,) = find(player.do(event), m.Commit)
    assert [block.header.height for block in commit.blocks] == [1, 2]
    assert player.machine.is_over


# -- the next era ---------------------------------------------------------------------------------


def next_era() -> tuple[Committee, m.Recovered]:
    committee = replace(FOUR, era=Era(2), last=Height(4))
    header = as_genesis(LAST, Era(2))
    ended = make_certificate(F, 2, name(LAST))
    votes = (make_vote(0, N, 2, name(LAST)),)
    recovered = m.Recovered(View(0), name(LAST), header, None, votes, (NOTARIZED,), (), ended)
    return committee, recovered


def test_views_begin_anew_on_the_last_block_whatever_its_own_view() -> None:
    committee, recovered = next_era()
    player = Player(int(committee.leader(View(1))), recovered, committee)
    player.start()
    effects = player.ring(TimerKind.BUILD, 5 * TIMING.block_ms)
    (first,) = (e.message for e in find(effects, m.Publish) if isinstance(e.message, Proposal))
    header = first.block.header
    assert (header.era, header.view, header.height) == (2, 1, 3)
    assert (header.parent, header.parent_view) == (name(LAST), 0)
    assert first.block.justify == ()


def test_nothing_of_another_era_counts() -> None:
    committee, recovered = next_era()
    player = Player(None, recovered, committee)
    player.start()
    player.vote(make_vote(1, N, 3, name(make_seal(3))))
    player.certify(make_certificate(F, 3, name(make_seal(3))))
    player.propose(make_seal(3))
    assert player.machine.view == 1
    assert len(player.machine.tree) == 0
    assert all(record.votes_count == 0 for record in player.machine.views)


def test_who_is_late_is_shown_how_its_era_ended() -> None:
    committee, recovered = next_era()
    player = Player(None, recovered, committee)
    player.start()
    late = m.StatusReceived(b"late", Status(Era(1), View(1), View(3), ()))
    (sent,) = find(player.do(late, 2_000), m.Send)
    assert (sent.peer, sent.message) == (b"late", recovered.ended)


def test_who_hears_of_a_later_era_says_where_it_stands() -> None:
    player = at_the_end(None)
    ahead = m.StatusReceived(b"ahead", Status(Era(2), View(0), View(1), ()))
    (sent,) = find(player.do(ahead, 2_000), m.Send)
    assert sent.message.era == 1


def test_the_next_set_is_believed_before_its_leaders_are_known() -> None:
    early = replace(FOUR, seed=ZERO_HASH)
    assert judge_early(early, make_vote(0, N, 1, name(LAST))) == Accept()
    assert judge_early(early, NOTARIZED) == Accept()
    assert judge_early(early, CHAIN[0]) == Accept()
    assert isinstance(judge_early(early, make_vote(0, N, WINDOW + 1, name(LAST))), Ignore)
    forged = replace(CHAIN[0], signature=CHAIN[1].signature)
    stranger = replace(make_vote(0, N, 1), signature=CHAIN[0].signature)
    for message in (forged, stranger):
        assert isinstance(judge_early(early, message), Reject)
    assert isinstance(judge_early(replace(early, era=Era(2)), CHAIN[0]), Reject)


# -- from set to set ------------------------------------------------------------------------------

NEXT = make_committee(5, 5, 5)
ENDED = make_proposal(2, CHAIN[0].block.header, next_vset_hash=NEXT.vset_hash).block.header
HAND_OFF = HandOff(make_certificate(F, 2, name(ENDED)), ENDED, NEXT.entries)


def test_a_hand_off_leads_from_a_set_to_the_next() -> None:
    committee = light.follow(FOUR, HAND_OFF)
    assert (committee.era, committee.entries) == (2, NEXT.entries)
    assert committee.vset_hash == crypto.compute_vset_hash(NEXT.entries)


def test_a_hand_off_with_a_wrong_part_leads_nowhere() -> None:
    for hand_off, error in (
        (replace(HAND_OFF, entries=FOUR.entries), InvalidBlock),
        (replace(HAND_OFF, header=LAST), InvalidVote),
        (replace(HAND_OFF, certificate=make_certificate(N, 2, name(ENDED))), InvalidVote),
    ):
        with pytest.raises(error):
            light.follow(FOUR, hand_off)
    with pytest.raises(InvalidBlock):
        light.follow(NEXT, HAND_OFF)
