"""Seeds of challenges, and the dice every draw comes from."""

from dataclasses import replace

import pytest

from consensus.quantities import Epoch, Hash32, Height, NetUid, Signature
from neurons.dice import Dice
from neurons.task import ChallengeOrigin, compute_challenge_seed, compute_origin_hash
from tests.neurons.world import CHAIN_ID, make_hotkey

ORIGIN = ChallengeOrigin(
    CHAIN_ID, Hash32(b"m" * 32), NetUid(1), Epoch(2), make_hotkey("validator"), Height(40)
)
SIGNATURE = Signature(b"s" * 64)


@pytest.mark.parametrize(
    "other",
    [
        replace(ORIGIN, chain_id=Hash32(bytes(32))),
        replace(ORIGIN, mix=Hash32(bytes(32))),
        replace(ORIGIN, netuid=NetUid(2)),
        replace(ORIGIN, epoch=Epoch(3)),
        replace(ORIGIN, hotkey=make_hotkey("other")),
        replace(ORIGIN, height=Height(41)),
    ],
)
def test_every_part_of_the_origin_changes_the_seed(other: ChallengeOrigin) -> None:
    assert compute_origin_hash(other) != compute_origin_hash(ORIGIN)
    seeds = {compute_challenge_seed(origin, SIGNATURE) for origin in (ORIGIN, other)}
    assert len(seeds) == 2


def test_public_data_alone_does_not_give_the_seed() -> None:
    mine = compute_challenge_seed(ORIGIN, SIGNATURE)
    assert mine != compute_challenge_seed(ORIGIN, Signature(bytes(64)))


def test_dice_of_one_seed_never_change() -> None:
    """Pinned: whoever recomputes an old challenge needs the very same draws."""
    dice = Dice(b"seed")
    assert [dice.below(1_000) for _ in range(10)] == [
        831,
        558,
        616,
        453,
        363,
        289,
        618,
        393,
        446,
        578,
    ]
    assert Dice(b"seed").shuffle("abcdefgh") == list("bafgdceh")


def test_shuffle_keeps_every_item_and_below_its_range() -> None:
    dice = Dice(b"x")
    assert sorted(dice.shuffle(range(100))) == list(range(100))
    assert {dice.below(3) for _ in range(100)} == {0, 1, 2}
