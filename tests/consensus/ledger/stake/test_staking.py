"""Root stake goes in at once, comes out after the unbonding time, and answers meanwhile."""

import pytest

from consensus.calls.staking import SetTake, StakeRoot, UnstakeRoot
from consensus.errors import CallError
from consensus.ledger.calls import process_call
from consensus.ledger.genesis import GenesisHotkey
from consensus.ledger.queries import StakeView, UnbondingView, account, supply
from consensus.ledger.records import ROOT
from consensus.ledger.stake import staking
from consensus.ledger.stake.staking import process_releases, process_slash
from consensus.ledger.state import Draft, State
from consensus.ledger.supply import check_invariants
from consensus.quantities import Amount, Height, Ratio16
from consensus.refusals import (
    AmountTooSmall,
    NotEnoughFunds,
    NotEnoughStake,
    NotOwner,
    PoolDepleted,
    TakeOutOfBounds,
    TakeRaisedTooSoon,
    UnknownHotkey,
)
from consensus.types import Call
from tests.builders import TAO, advance, apply, do, key_of, make_state, make_transaction

ALICE, HOT = key_of("alice"), key_of("hot3")


def _staked(amount: int = 100 * TAO) -> State:
    return do(make_state(), "alice", StakeRoot(HOT, Amount(amount))).state


def test_staked_tao_is_the_stakers_and_no_longer_free() -> None:
    held = account(_staked(), ALICE)
    assert held.stakes == (StakeView(ROOT, HOT, Amount(100 * TAO)),)
    assert held.free < 900 * TAO


def test_unstaked_tao_is_free_after_the_unbonding_time_to_the_block() -> None:
    applied = do(_staked(), "alice", UnstakeRoot(HOT, Amount(40 * TAO)))
    held = account(applied.state, ALICE)
    assert held.unbonding == (UnbondingView(HOT, Height(7), Amount(40 * TAO)),)
    assert supply(applied.state).unbonding == 40 * TAO
    before = advance(applied.state, 6)
    after = apply(before).state
    assert account(before, ALICE).free == held.free
    assert account(after, ALICE).free == held.free + 40 * TAO
    assert account(after, ALICE).unbonding == ()
    assert supply(after).unbonding == 0
    check_invariants(after)


def test_two_unstakes_in_one_block_leave_together() -> None:
    state = _staked()
    calls = [UnstakeRoot(HOT, Amount(TAO)), UnstakeRoot(HOT, Amount(2 * TAO))]
    signed = [
        make_transaction(state, "alice", call, nonce=index + 1) for index, call in enumerate(calls)
    ]
    after = apply(state, *signed).state
    assert account(after, ALICE).unbonding == (UnbondingView(HOT, Height(7), Amount(3 * TAO)),)
    check_invariants(after)


def test_a_slash_reaches_stake_and_unbonding_alike() -> None:
    state = do(_staked(), "alice", UnstakeRoot(HOT, Amount(40 * TAO))).state
    draft = Draft(state)
    burned = process_slash(draft, HOT, 500_000)
    held = account(draft, ALICE)
    assert held.unbonding[0].amount == 20 * TAO
    assert held.stakes[0].amount in (30 * TAO, 30 * TAO - 1)
    assert burned == 20 * TAO + (960 * TAO) // 2
    draft.height = Height(7)
    process_releases(draft)
    assert account(draft, ALICE).free == held.free + 20 * TAO
    check_invariants(draft.freeze())


def test_a_block_releases_a_bounded_part_and_leaves_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(staking, "RELEASES_MAX", 1)
    state = do(_staked(), "alice", UnstakeRoot(HOT, Amount(3 * TAO))).state
    state = do(state, "alice", UnstakeRoot(HOT, Amount(4 * TAO))).state
    draft = Draft(state, Height(50))
    free = account(draft, ALICE).free
    process_releases(draft)
    assert account(draft, ALICE).free == free + 3 * TAO
    process_releases(draft)
    assert account(draft, ALICE).free == free + 7 * TAO
    process_releases(draft)
    check_invariants(draft.freeze())


def test_a_whole_slash_leaves_nothing_to_release() -> None:
    state = do(_staked(), "alice", UnstakeRoot(HOT, Amount(40 * TAO))).state
    draft = Draft(state)
    process_slash(draft, HOT, 1_000_000)
    assert [part.amount for part in account(draft, ALICE).unbonding] == [0]
    assert account(draft, ALICE).stakes[0].amount == 0
    draft.height = Height(7)
    process_releases(draft)
    assert account(draft, ALICE).unbonding == ()


@pytest.mark.parametrize(
    ("signer", "call", "error"),
    [
        ("alice", StakeRoot(key_of("nobody"), Amount(TAO)), UnknownHotkey),
        ("alice", StakeRoot(HOT, Amount(1_999_999)), AmountTooSmall),
        ("alice", StakeRoot(HOT, Amount(1_001 * TAO)), NotEnoughFunds),
        ("alice", UnstakeRoot(key_of("nobody"), Amount(TAO)), UnknownHotkey),
        ("alice", UnstakeRoot(HOT, Amount(0)), AmountTooSmall),
        ("alice", UnstakeRoot(HOT, Amount(100 * TAO + 1)), NotEnoughStake),
        ("bob", UnstakeRoot(HOT, Amount(1)), NotEnoughStake),
        ("alice", SetTake(HOT, Ratio16(1)), NotOwner),
        ("cold3", SetTake(HOT, Ratio16(11_797)), TakeOutOfBounds),
        ("cold3", SetTake(key_of("nobody"), Ratio16(1)), UnknownHotkey),
    ],
)
def test_a_call_that_may_not_be_is_refused(signer: str, call: Call, error: type[CallError]) -> None:
    with pytest.raises(error):
        process_call(Draft(_staked()), key_of(signer), call)


def test_a_take_is_cut_at_once_and_raised_once_per_interval() -> None:
    state = make_state()
    for take in (1_000, 500, 2_000):
        state = do(state, "cold0", SetTake(key_of("hot0"), Ratio16(take))).state
        assert account(state, key_of("hot0")).take == take
    with pytest.raises(TakeRaisedTooSoon):
        process_call(Draft(state), key_of("cold0"), SetTake(key_of("hot0"), Ratio16(2_001)))
    later = advance(state, 12)
    after = do(later, "cold0", SetTake(key_of("hot0"), Ratio16(2_001))).state
    assert account(after, key_of("hot0")).take == 2_001


def test_a_million_leavers_are_slashed_with_the_writes_of_one() -> None:
    counts: list[int] = []
    for leavers in (1, 50):
        draft = Draft(_staked())
        for index in range(leavers):
            draft.height = Height(2 + index)
            process_call(draft, ALICE, UnstakeRoot(HOT, Amount(TAO)))
        before = dict(draft.changes)
        process_slash(draft, HOT, 100_000)
        counts.append(sum(before.get(key) != value for key, value in draft.changes.items()))
    assert counts[0] == counts[1] == 2


def test_nothing_unbonds_beside_what_was_slashed_to_nothing_until_that_is_released() -> None:
    hot = key_of("fresh")
    state = make_state(hotkeys=(GenesisHotkey(hot, ALICE, Ratio16(0)),))
    draft = Draft(state)
    stake, unstake = StakeRoot(hot, Amount(TAO)), UnstakeRoot(hot, Amount(TAO))
    process_call(draft, ALICE, stake)
    process_call(draft, ALICE, unstake)
    process_slash(draft, hot, 1_000_000)
    process_call(draft, ALICE, stake)
    with pytest.raises(PoolDepleted):
        process_call(draft, ALICE, unstake)
    draft = Draft(state)
    process_call(draft, ALICE, stake)
    process_call(draft, ALICE, unstake)
    process_slash(draft, hot, 1_000_000)
    process_call(draft, ALICE, stake)
    draft.height = Height(6)
    process_releases(draft)
    process_call(draft, ALICE, unstake)
    assert supply(draft.freeze()).unbonding == TAO
