"""Commit-reveal: what a digest binds, and at which heights each call is open."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.calls.weights import RevealWeights
from consensus.quantities import U64, Epoch, Hash32, Height, NetUid, PublicKey, Salt, Uid, Weight
from consensus.reward import commit_reveal as cr

CHAIN, HOTKEY = Hash32(b"c" * 32), PublicKey(b"h" * 32)
ROW = RevealWeights(
    netuid=NetUid(1),
    epoch=Epoch(7),
    salt=Salt(b"s" * 32),
    version=U64(1),
    uids=(Uid(2), Uid(3)),
    values=(Weight(65_535), Weight(9)),
)
TEMPO, REVEAL = 20, 5


def test_the_row_that_was_committed_opens_its_digest():
    assert cr.is_opened_by(cr.compute_digest(CHAIN, HOTKEY, ROW), CHAIN, HOTKEY, ROW)


@pytest.mark.parametrize(
    "other",
    [
        replace(ROW, netuid=NetUid(2)),
        replace(ROW, epoch=Epoch(8)),
        replace(ROW, salt=Salt(b"t" * 32)),
        replace(ROW, version=U64(2)),
        replace(ROW, uids=(Uid(2), Uid(4))),
        replace(ROW, values=(Weight(65_535), Weight(8))),
        replace(ROW, uids=(Uid(2),), values=(Weight(65_535),)),
        replace(ROW, values=(Weight(65_535),)),
    ],
)
def test_nothing_else_opens_it(other: RevealWeights):
    assert not cr.is_opened_by(cr.compute_digest(CHAIN, HOTKEY, ROW), CHAIN, HOTKEY, other)


def test_a_copied_digest_opens_nothing_for_another_hotkey_or_chain():
    digest = cr.compute_digest(CHAIN, HOTKEY, ROW)
    assert not cr.is_opened_by(digest, CHAIN, PublicKey(b"x" * 32), ROW)
    assert not cr.is_opened_by(digest, Hash32(b"x" * 32), HOTKEY, ROW)


def test_a_value_can_not_be_taken_for_a_uid():
    a = replace(ROW, uids=(Uid(1), Uid(2)), values=(Weight(3), Weight(4)))
    b = replace(ROW, uids=(Uid(1),), values=(Weight(2),))
    assert cr.compute_digest(CHAIN, HOTKEY, a) != cr.compute_digest(CHAIN, HOTKEY, b)


def test_commits_are_open_in_their_epoch_and_reveals_right_after():
    epoch = Epoch(2)
    commits = [h for h in range(100) if cr.is_commit_open(Height(h), epoch, TEMPO)]
    reveals = [h for h in range(100) if cr.is_reveal_open(Height(h), epoch, TEMPO, REVEAL)]
    assert commits == list(range(40, 60))
    assert reveals == list(range(60, 65))
    assert cr.get_step_height(epoch, TEMPO, REVEAL) == reveals[-1] + 1


@pytest.mark.parametrize(("tempo", "reveal"), [(20, 5), (1, 1), (2, 1), (10, 2)])
def test_each_epoch_is_closed_by_one_step_after_its_last_reveal(tempo: int, reveal: int):
    steps = [Height(h) for h in range(200) if cr.is_epoch_step(Height(h), tempo, reveal)]
    closed = [cr.get_closed_epoch(height, tempo, reveal) for height in steps]
    assert closed == list(range(len(steps)))
    assert steps == [cr.get_step_height(epoch, tempo, reveal) for epoch in closed]
    assert all(
        not cr.is_reveal_open(step, epoch, tempo, reveal)
        and cr.is_reveal_open(Height(step - 1), epoch, tempo, reveal)
        for step, epoch in zip(steps, closed, strict=True)
    )


def test_no_commit_is_open_once_a_reveal_of_the_epoch_is():
    for height in map(Height, range(200)):
        for epoch in map(Epoch, range(10)):
            both = cr.is_commit_open(height, epoch, TEMPO) and cr.is_reveal_open(
                height, epoch, TEMPO, REVEAL
            )
            assert not both


def test_commits_of_one_hotkey_keep_their_distance():
    assert cr.is_commit_spaced(Height(5), None, 20)
    assert not cr.is_commit_spaced(Height(24), Height(5), 20)
    assert cr.is_commit_spaced(Height(25), Height(5), 20)


def test_the_epoch_of_a_height_counts_from_zero():
    assert cr.compute_epoch(Height(19), TEMPO) == 0
    assert cr.compute_epoch(Height(20), TEMPO) == 1


# -- when subnets step --------------------------------------------------------------------------


def test_the_steps_of_one_tempo_are_spread_over_the_first_half_of_the_epoch() -> None:
    offsets = [cr.get_step_offset(NetUid(netuid), 360, 20) for netuid in range(1, 257)]
    assert offsets[0] == 20
    assert max(offsets) < 180
    assert offsets == sorted(offsets)
    assert max(offsets.count(offset) for offset in offsets) <= 2


@given(
    netuid=st.integers(1, 65_535),
    tempo=st.integers(1, 50_400),
    share=st.integers(4, 400),
    epoch=st.integers(0, 1_000),
)
def test_a_step_comes_after_the_reveals_of_its_epoch_and_before_those_of_the_next(
    netuid: int, tempo: int, share: int, epoch: int
) -> None:
    reveal = max(1, tempo // share)
    offset = cr.get_step_offset(NetUid(netuid), tempo, reveal)
    step = cr.get_step_height(Epoch(epoch), tempo, offset)
    assert cr.is_epoch_step(step, tempo, offset)
    assert cr.get_closed_epoch(step, tempo, offset) == epoch
    assert reveal <= offset <= max(reveal, tempo // 2)
    assert not cr.is_reveal_open(step, Epoch(epoch), tempo, reveal)
