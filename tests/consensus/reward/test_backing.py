"""What a validator earned is split over the stake behind it, to the rao."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.quantities import U16_MAX
from consensus.reward.backing import (
    Backing,
    BackingPart,
    compute_weight,
    lend,
    split_dividends,
)
from consensus.reward.emission import split_take

takes = st.sampled_from([0, 1, 11_796, U16_MAX])
backings = st.lists(
    st.builds(Backing, alpha=st.integers(0, 2**54), root=st.integers(0, 2**54), take=takes),
    min_size=1,
    max_size=6,
)


@pytest.mark.slow
@given(st.integers(0, 2**54), backings)
def test_every_rao_goes_to_somebody(amount: int, behind: list[Backing]):
    parts = split_dividends(amount, behind)
    assert len(parts) == len(behind)
    assert sum(part.alpha + part.root for part in parts) == amount
    for part in parts:
        paid = part.child_take + part.owner + part.delegators + part.sold
        assert paid == part.alpha + part.root
        assert min(part.child_take, part.owner, part.delegators, part.sold) >= 0
    assert parts[0].child_take == 0


@pytest.mark.slow
@given(st.integers(0, 2**54), backings)
def test_nobody_is_paid_for_stake_it_does_not_have(amount: int, behind: list[Backing]):
    if compute_weight(behind) == 0:
        return
    for part, each in zip(split_dividends(amount, behind), behind, strict=True):
        assert each.alpha or part.alpha == 0
        assert each.root or part.root == 0
        quota = amount * each.alpha // compute_weight(behind)
        assert part.alpha - quota in (0, 1)


def test_own_stake_pays_its_take_and_lent_stake_both():
    own, lent = Backing(100, 0, 6_554), Backing(200, 100, 13_107)
    first, second = split_dividends(4_000, (own, lent))
    assert first == BackingPart(1_000, 0, 0, *split_take(1_000, 6_554), 0)
    alpha_take, alpha_rest = split_take(2_000, 6_554)
    root_take, sold = split_take(1_000, 6_554)
    owner, delegators = split_take(alpha_rest, 13_107)
    assert second == BackingPart(2_000, 1_000, alpha_take + root_take, owner, delegators, sold)


def test_a_reward_without_any_stake_is_the_validators_own():
    (part,) = split_dividends(7, (Backing(0, 0, U16_MAX),))
    assert (part.alpha, part.owner, part.sold) == (7, 7, 0)


@pytest.mark.slow
@given(st.integers(0, 2**60), st.lists(st.integers(1, 13_107), max_size=5))
def test_parts_that_are_lent_never_exceed_the_whole(amount: int, shares: list[int]):
    assert sum(lend(amount, share) for share in shares) <= amount
    assert lend(amount, U16_MAX) == amount
