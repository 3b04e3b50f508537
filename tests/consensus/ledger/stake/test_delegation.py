"""Stake that changes its hotkey or coldkey: exact, never dust, root stays where it answers."""

from dataclasses import replace

import pytest

from consensus.calls.staking import MoveStake, StakeRoot, TransferStake
from consensus.errors import CallError
from consensus.ledger.calls import process_call
from consensus.ledger.events import StakeMoved, StakeTransferred
from consensus.ledger.genesis import GenesisStake
from consensus.ledger.queries import account
from consensus.ledger.records import ROOT, get_pool
from consensus.ledger.stake.lending import get_stake_weight
from consensus.ledger.stake.shares import get_stake, raise_pool, slash
from consensus.ledger.stake.staking import process_slash
from consensus.ledger.state import Draft, State
from consensus.ledger.subnet.records import get_subnet, put_subnet
from consensus.ledger.supply import check_invariants
from consensus.quantities import U64_MAX, Amount, NetUid, PublicKey
from consensus.refusals import (
    AmountTooSmall,
    NotEnoughStake,
    PoolDepleted,
    RootIsBonded,
    SameKey,
    SubnetClosed,
    UnknownHotkey,
    UnknownSubnet,
)
from consensus.types import Call
from tests.builders import SUBNET, TAO, do, key_of, make_params, make_state

HOT0, HOT1, NOBODY = key_of("hot0"), key_of("hot1"), key_of("nobody")
ALICE, BOB = key_of("alice"), key_of("bob")
LEAST = 2_000_000


def _state(**fields: object) -> State:
    stake = GenesisStake(SUBNET, HOT0, ALICE, Amount(10 * TAO))
    return make_state(**({"stakes": (stake,)} | fields))


def _move(amount: int, to: PublicKey = HOT1, **fields: object) -> MoveStake:
    return replace(MoveStake(SUBNET, HOT0, to, Amount(amount)), **fields)


def _give(amount: int, to: PublicKey = BOB, **fields: object) -> TransferStake:
    return replace(TransferStake(SUBNET, HOT0, to, Amount(amount)), **fields)


def test_moved_stake_counts_on_the_other_hotkey_and_only_there() -> None:
    before = _state()
    applied = do(before, "alice", _move(4 * TAO))
    assert applied.events == (StakeMoved(SUBNET, ALICE, HOT0, HOT1, Amount(4 * TAO)),)
    assert get_stake(applied.state, SUBNET, HOT0, ALICE) == 6 * TAO
    assert get_stake(applied.state, SUBNET, HOT1, ALICE) == 4 * TAO
    for hotkey, change in ((HOT0, -4 * TAO), (HOT1, 4 * TAO)):
        weights = [
            get_stake_weight(state, make_params(), SUBNET, hotkey)
            - (773_094_113 * get_pool(state, ROOT, hotkey).amount >> 32)
            for state in (before, applied.state)
        ]
        assert weights[1] - weights[0] == change
    check_invariants(applied.state)


def test_a_remainder_below_the_least_stake_moves_too() -> None:
    state = do(_state(), "alice", _move(10 * TAO - LEAST + 1)).state
    assert get_stake(state, SUBNET, HOT0, ALICE) == 0
    assert get_stake(state, SUBNET, HOT1, ALICE) == 10 * TAO
    state = do(_state(), "alice", _move(10 * TAO - LEAST)).state
    assert get_stake(state, SUBNET, HOT0, ALICE) == LEAST


def test_given_stake_is_the_others_and_its_pool_is_as_it_was() -> None:
    draft = Draft(_state())
    raise_pool(draft, SUBNET, HOT0, TAO + 1)
    pool = get_pool(draft, SUBNET, HOT0)
    event = process_call(draft, ALICE, _give(4 * TAO))
    assert event == StakeTransferred(SUBNET, HOT0, ALICE, BOB, Amount(4 * TAO))
    assert get_pool(draft, SUBNET, HOT0) == pool
    assert get_stake(draft, SUBNET, HOT0, BOB) == 4 * TAO
    assert get_stake(draft, SUBNET, HOT0, ALICE) in (7 * TAO, 7 * TAO + 1)


def test_given_root_stake_goes_on_answering_for_the_hotkey() -> None:
    state = do(make_state(), "alice", StakeRoot(HOT0, Amount(10 * TAO))).state
    state = do(state, "alice", _give(4 * TAO, netuid=ROOT)).state
    draft = Draft(state)
    process_slash(draft, HOT0, 500_000)
    before, after = (account(view, BOB).stakes[0].amount for view in (state, draft))
    assert before == 4 * TAO
    assert after == before // 2
    check_invariants(state)


def test_stake_can_be_given_to_a_key_that_was_never_used() -> None:
    state = do(_state(), "alice", _give(10 * TAO, to=NOBODY)).state
    assert get_stake(state, SUBNET, HOT0, NOBODY) == 10 * TAO
    assert account(state, ALICE).stakes == ()


def test_a_part_that_would_arrive_as_dust_is_refused_and_one_that_joins_more_is_not() -> None:
    state = _state()
    for call in (_move(LEAST - 1), _give(LEAST - 1)):
        with pytest.raises(AmountTooSmall):
            process_call(Draft(state), ALICE, call)
    for call in (_move(LEAST), _give(LEAST)):
        draft = Draft(state)
        process_call(draft, ALICE, call)
        process_call(draft, ALICE, replace(call, amount=Amount(1)))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (_move(TAO, netuid=ROOT), RootIsBonded),
        (_move(TAO, netuid=NetUid(9)), UnknownSubnet),
        (_move(TAO, netuid=NetUid(65_535)), UnknownSubnet),
        (_move(TAO, hotkey=NOBODY), UnknownHotkey),
        (_move(TAO, to=NOBODY), UnknownHotkey),
        (_move(TAO, to=HOT0), SameKey),
        (_move(0), AmountTooSmall),
        (_move(10 * TAO + 1), NotEnoughStake),
        (_move(U64_MAX), NotEnoughStake),
        (_move(TAO, hotkey=HOT1, to=HOT0), NotEnoughStake),
        (_give(TAO, netuid=NetUid(9)), UnknownSubnet),
        (_give(TAO, hotkey=NOBODY), UnknownHotkey),
        (_give(TAO, to=ALICE), SameKey),
        (_give(0), AmountTooSmall),
        (_give(10 * TAO + 1), NotEnoughStake),
        (_give(U64_MAX), NotEnoughStake),
        (_give(TAO, netuid=ROOT), NotEnoughStake),
    ],
)
def test_a_change_that_may_not_be_is_refused(call: Call, error: type[CallError]) -> None:
    draft = Draft(_state())
    draft.mark()
    with pytest.raises(error):
        process_call(draft, ALICE, call)
    assert draft.changes == {}


def test_a_hotkey_that_signs_has_no_stake_of_its_owner() -> None:
    with pytest.raises(NotEnoughStake):
        process_call(Draft(_state()), HOT0, _move(TAO))


@pytest.mark.parametrize("call", [_move(TAO), _give(TAO)])
def test_stake_in_a_closed_subnet_stays_where_it_is(call: Call) -> None:
    draft = Draft(_state())
    put_subnet(draft, SUBNET, replace(get_subnet(draft, SUBNET), is_closed=True))
    with pytest.raises(SubnetClosed):
        process_call(draft, ALICE, call)


def test_stake_does_not_move_to_a_pool_that_can_not_count_it() -> None:
    stakes = tuple(GenesisStake(SUBNET, hot, ALICE, Amount(10 * TAO)) for hot in (HOT0, HOT1))
    draft = Draft(_state(stakes=stakes))
    slash(draft, SUBNET, HOT1, 10 * TAO)
    with pytest.raises(PoolDepleted):
        process_call(draft, ALICE, _move(TAO))


def test_a_stake_slashed_to_nothing_can_not_be_given() -> None:
    draft = Draft(_state())
    slash(draft, SUBNET, HOT0, 10 * TAO)
    with pytest.raises(NotEnoughStake):
        process_call(draft, ALICE, _give(1))
