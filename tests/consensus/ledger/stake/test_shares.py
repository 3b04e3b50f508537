"""Share pools: no way in and out gains anything, and a reward is everybody's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.calls.staking import SetTake
from consensus.ledger import keys
from consensus.ledger.keys import Family
from consensus.ledger.records import ROOT, get_pool, mint
from consensus.ledger.stake.shares import (
    credit_stake,
    deposit,
    get_stake,
    reward,
    slash,
    withdraw_stake,
)
from consensus.ledger.state import Draft, Total
from consensus.quantities import Amount
from consensus.refusals import NotEnoughStake, PoolDepleted
from tests.builders import SUBNET, TAO, do, key_of, make_state

HOT = key_of("hot0")
ALICE, BOB, OWNER = key_of("alice"), key_of("bob"), key_of("cold0")


def _draft() -> Draft:
    return Draft(make_state())


def test_a_reward_is_shared_by_stake_after_the_owners_take() -> None:
    draft = _draft()
    deposit(draft, ROOT, HOT, ALICE, 1_000 * TAO)
    reward(draft, ROOT, HOT, 100 * TAO)
    take = 100 * TAO * 11_796 // 65_535
    shared = (100 * TAO - take) // 2
    assert abs(get_stake(draft, ROOT, HOT, ALICE) - 1_000 * TAO - shared) <= 2
    assert abs(get_stake(draft, ROOT, HOT, OWNER) - 1_000 * TAO - shared - take) <= 2
    assert get_pool(draft, ROOT, HOT).amount == 2_100 * TAO


def test_a_reward_without_shares_is_all_the_owners() -> None:
    draft = _draft()
    reward(draft, SUBNET, HOT, 7)
    assert get_stake(draft, SUBNET, HOT, OWNER) == 7


def test_a_take_of_nothing_leaves_all_to_the_pool() -> None:
    state = do(make_state(), "cold0", SetTake(HOT, take=0)).state  # type: ignore[arg-type]
    draft = Draft(state)
    before = get_stake(draft, ROOT, HOT, OWNER)
    deposit(draft, ROOT, HOT, ALICE, before)
    reward(draft, ROOT, HOT, 100)
    assert get_stake(draft, ROOT, HOT, ALICE) in (before + 49, before + 50)


def test_a_slash_lowers_everybodys_stake_and_newcomers_are_not_slashed() -> None:
    draft = _draft()
    slash(draft, ROOT, HOT, 500 * TAO)
    deposit(draft, ROOT, HOT, ALICE, 500 * TAO)
    assert get_stake(draft, ROOT, HOT, OWNER) == 500 * TAO
    assert get_stake(draft, ROOT, HOT, ALICE) == 500 * TAO


def test_a_pool_slashed_to_nothing_takes_no_stake_but_credits_arrive() -> None:
    draft = _draft()
    slash(draft, ROOT, HOT, 1_000 * TAO)
    with pytest.raises(PoolDepleted):
        deposit(draft, ROOT, HOT, ALICE, TAO)
    with pytest.raises(NotEnoughStake):
        withdraw_stake(draft, (ROOT, HOT, OWNER), 0, 0)
    credit_stake(draft, ROOT, HOT, ALICE, 5)
    assert get_pool(draft, ROOT, HOT).amount == 5


def test_shares_too_many_to_count_are_refused() -> None:
    draft = _draft()
    slash(draft, ROOT, HOT, 1_000 * TAO - 1)
    deposit(draft, ROOT, HOT, ALICE, 1_000 * TAO)
    slash(draft, ROOT, HOT, 1_000 * TAO)
    with pytest.raises(PoolDepleted):
        deposit(draft, ROOT, HOT, BOB, 1_000 * TAO)


def test_withdrawing_more_than_the_stake_is_refused() -> None:
    with pytest.raises(NotEnoughStake):
        withdraw_stake(_draft(), (ROOT, HOT, ALICE), 1, 0)


def test_a_remainder_below_the_least_stake_leaves_too() -> None:
    draft = _draft()
    deposit(draft, ROOT, HOT, ALICE, 10 * TAO)
    assert withdraw_stake(draft, (ROOT, HOT, ALICE), 10 * TAO - 1, 2) == 10 * TAO
    assert get_stake(draft, ROOT, HOT, ALICE) == 0


moves = st.lists(
    st.tuples(
        st.sampled_from(["in", "out", "reward", "slash"]),
        st.sampled_from([ALICE, BOB]),
        st.integers(1, 10**12),
    ),
    max_size=30,
)


@settings(max_examples=80, deadline=None)
@given(moves)
def test_no_sequence_of_moves_makes_or_loses_a_rao(
    steps: list[tuple[str, bytes, int]],
) -> None:
    draft = _draft()
    total = get_pool(draft, ROOT, HOT).amount
    for kind, who, amount in steps:
        holder = (ROOT, HOT, who)
        try:
            if kind == "in":
                deposit(draft, *holder, amount)  # type: ignore[arg-type]
                total += amount
            elif kind == "out":
                total -= withdraw_stake(draft, holder, amount, 1_000)  # type: ignore[arg-type]
            elif kind == "reward":
                reward(draft, ROOT, HOT, amount)
                total += amount
            else:
                cut = min(amount, get_pool(draft, ROOT, HOT).amount // 2)
                slash(draft, ROOT, HOT, cut)
                total -= cut
        except (NotEnoughStake, PoolDepleted):
            continue
        pool = get_pool(draft, ROOT, HOT)
        held = sum(get_stake(draft, ROOT, HOT, who) for who in (ALICE, BOB, OWNER))
        assert pool.amount == total
        assert held <= pool.amount
        assert pool.amount - held <= 3


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 10**15), st.integers(1, 10**15), st.integers(0, 10**13))
def test_going_in_and_out_at_once_gains_nothing(amount: int, other: int, earned: int) -> None:
    draft = _draft()
    deposit(draft, SUBNET, HOT, BOB, other)
    reward(draft, SUBNET, HOT, earned)
    try:
        deposit(draft, SUBNET, HOT, ALICE, amount)
    except PoolDepleted:
        return
    worth = get_stake(draft, SUBNET, HOT, ALICE)
    assert worth <= amount
    if worth:
        assert withdraw_stake(draft, (SUBNET, HOT, ALICE), worth, 0) <= amount


def test_a_pool_that_grew_and_was_left_by_all_leaves_no_entry() -> None:
    draft = _draft()
    deposit(draft, SUBNET, HOT, ALICE, TAO)
    reward(draft, SUBNET, HOT, 9 * TAO)
    for holder in (ALICE, OWNER):
        withdraw_stake(draft, (SUBNET, HOT, holder), 1, 10**18)
    assert list(draft.scan(keys.of(Family.POOL, keys.u16(SUBNET)))) == []
    deposit(draft, SUBNET, HOT, ALICE, TAO)
    assert get_stake(draft, SUBNET, HOT, ALICE) == TAO


def test_pools_count_in_their_coins_totals() -> None:
    draft = _draft()
    mint(draft, SUBNET, 10)
    deposit(draft, SUBNET, HOT, ALICE, 10)
    assert draft.get_total(SUBNET, Total.STAKED) == 10
    assert draft.get_total(ROOT, Total.STAKED) == 3_800 * TAO
    assert Amount(10) == get_pool(draft, SUBNET, HOT).amount
