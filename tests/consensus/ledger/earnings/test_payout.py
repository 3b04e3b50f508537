"""What an epoch step decided goes to those whose stake earned it, to the rao."""

from dataclasses import replace

import pytest

from consensus.calls.staking import SetAutoStake, SetTake
from consensus.errors import CallError
from consensus.ledger.calls import process_call
from consensus.ledger.earnings.history import find_record
from consensus.ledger.earnings.payout import compute_miner_burned, process_payout
from consensus.ledger.genesis import GenesisStake
from consensus.ledger.queries import account, explain, metagraph
from consensus.ledger.records import ROOT, get_pool
from consensus.ledger.stake.autostake import get_auto_stake
from consensus.ledger.stake.shares import get_stake
from consensus.ledger.state import Draft, State, Total
from consensus.ledger.subnet.records import NOBODY, get_subnet
from consensus.ledger.supply import check_invariants
from consensus.ledger.trade.pools import process_settlement
from consensus.params import Q32
from consensus.quantities import Amount, Height, NetUid, Ratio16, Uid
from consensus.refusals import UnknownHotkey, UnknownSubnet
from consensus.reward.backing import split_dividends
from consensus.reward.emission import Payout, split_take
from consensus.types import Call
from tests.builders import (
    SUBNET,
    TAO,
    do,
    key_of,
    make_params,
    make_state,
    make_subnet,
    play_epoch,
)

ROWS = {"hot0": {2: 65_535, 3: 20_000}, "hot1": {2: 65_535, 3: 30_000}}
HOT0, HOT2 = key_of("hot0"), key_of("hot2")


def _stake(hotkey: str, coldkey: str, amount: int) -> GenesisStake:
    return GenesisStake(SUBNET, key_of(hotkey), key_of(coldkey), Amount(amount))


MIXED = (_stake("hot0", "alice", 300 * TAO), _stake("hot0", "cold0", 100 * TAO))


def _play(**fields: object) -> tuple[State, State]:
    """Return the states before and after the first epoch step."""
    before = make_state(**fields)
    return before, play_epoch(before, ROWS)


def test_what_alpha_earned_is_shared_by_stake_after_the_take() -> None:
    before, after = _play(stakes=MIXED)
    view = explain(after, SUBNET, Uid(0))
    assert view is not None
    parts = view.explanation
    assert (parts.owner, parts.delegators) == split_take(parts.alpha_part, 11_796)
    alice = get_stake(after, SUBNET, HOT0, key_of("alice")) - 300 * TAO
    owner = get_stake(after, SUBNET, HOT0, key_of("cold0")) - 100 * TAO
    assert abs(alice - parts.delegators * 3 // 4) <= 1
    assert abs(owner - parts.delegators // 4 - parts.owner) <= 1
    assert get_pool(after, SUBNET, HOT0).amount == 400 * TAO + parts.owner + parts.delegators
    assert get_pool(before, SUBNET, HOT0).amount == 400 * TAO


def test_what_tao_earned_is_sold_and_raises_the_root_pool() -> None:
    _, after = _play(stakes=MIXED)
    record = find_record(after, SUBNET)
    assert record is not None
    draft = Draft(after)
    draft.add_total(SUBNET, Total.PENDING, record.miner_pot + record.validator_pot)
    part = split_dividends(TAO, record.supports[0].backings)[0]
    process_payout(
        draft, SUBNET, get_subnet(draft, SUBNET), record, Payout([0] * 4, [TAO, 0, 0, 0], 0)
    )
    assert 0 < part.sold == part.root < part.alpha
    assert draft.get_total(SUBNET, Total.ORDERED) == part.sold
    before = get_pool(draft, ROOT, HOT0).amount
    process_settlement(draft, make_params())
    earned = get_pool(draft, ROOT, HOT0).amount - before
    assert 0.99 * part.sold < earned < 1.01 * part.sold
    assert get_stake(draft, ROOT, HOT0, key_of("cold0")) >= 1_000 * TAO + earned - 1
    check_invariants(after)


def test_the_two_parts_follow_the_two_kinds_of_stake() -> None:
    _, after = _play(stakes=MIXED)
    record = find_record(after, SUBNET)
    view = explain(after, SUBNET, Uid(0))
    assert record is not None
    assert view is not None
    backing = record.supports[0].backings[0]
    quota = view.explanation.validator_emission * backing.alpha // (backing.alpha + backing.root)
    assert view.explanation.alpha_part - quota in (0, 1)


def test_a_cut_take_leaves_more_to_delegators() -> None:
    state = do(make_state(stakes=MIXED), "cold0", SetTake(HOT0, Ratio16(0))).state
    view = explain(play_epoch(state, ROWS), SUBNET, Uid(0))
    assert view is not None
    assert view.explanation.owner == view.explanation.take == 0


def test_a_miner_is_paid_on_itself_unless_its_coldkey_says_otherwise() -> None:
    _, plain = _play()
    assert get_stake(plain, SUBNET, HOT2, key_of("cold2")) == metagraph(plain, SUBNET).emission[2]
    state = do(make_state(), "bob", SetAutoStake(SUBNET, HOT0)).state
    draft = Draft(state)
    process_call(draft, key_of("cold2"), SetAutoStake(SUBNET, HOT0))
    draft.height = Height(state.height)
    chosen = play_epoch(draft.freeze(), ROWS)
    assert get_stake(chosen, SUBNET, HOT2, key_of("cold2")) == 0
    assert get_stake(chosen, SUBNET, HOT0, key_of("cold2")) == metagraph(chosen, SUBNET).emission[2]
    check_invariants(chosen)


def test_the_subnets_owner_is_paid_where_its_coldkey_says() -> None:
    draft = Draft(make_state(subnets=(make_subnet(owner=(key_of("hot3"),)),)), Height(0))
    process_call(draft, key_of("cold3"), SetAutoStake(SUBNET, HOT0))
    after = play_epoch(draft.freeze(), ROWS)
    assert get_stake(after, SUBNET, key_of("hot3"), key_of("cold3")) == 0
    assert get_stake(after, SUBNET, HOT0, key_of("cold3")) > metagraph(after, SUBNET).emission[3]


def test_pay_of_this_step_has_no_part_in_its_dividends() -> None:
    draft = Draft(make_state(stakes=MIXED), Height(0))
    process_call(draft, key_of("cold2"), SetAutoStake(SUBNET, HOT0))
    _, plain = _play(stakes=MIXED)
    chosen = play_epoch(draft.freeze(), ROWS)
    alice = key_of("alice")
    assert get_stake(chosen, SUBNET, HOT0, alice) == get_stake(plain, SUBNET, HOT0, alice)


def test_a_choice_ends_when_the_coldkey_names_itself() -> None:
    draft = Draft(make_state())
    cold2 = key_of("cold2")
    subnet = get_subnet(draft, SUBNET)
    process_call(draft, cold2, SetAutoStake(SUBNET, HOT0))
    assert get_auto_stake(draft, cold2, SUBNET, subnet) == HOT0
    process_call(draft, cold2, SetAutoStake(SUBNET, cold2))
    assert get_auto_stake(draft, cold2, SUBNET, subnet) is None


def test_a_choice_does_not_hold_for_another_subnet_of_the_same_number() -> None:
    draft = Draft(make_state())
    process_call(draft, key_of("cold2"), SetAutoStake(SUBNET, HOT0))
    later = replace(get_subnet(draft, SUBNET), created_at=Height(7))
    assert get_auto_stake(draft, key_of("cold2"), SUBNET, later) is None


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (SetAutoStake(NetUid(9), HOT0), UnknownSubnet),
        (SetAutoStake(ROOT, HOT0), UnknownSubnet),
        (SetAutoStake(SUBNET, key_of("nobody")), UnknownHotkey),
    ],
)
def test_a_choice_that_may_not_be_is_refused(call: Call, error: type[CallError]) -> None:
    with pytest.raises(error):
        process_call(Draft(make_state()), key_of("cold2"), call)


def test_miner_burned_is_the_share_of_the_subnets_owner() -> None:
    assert compute_miner_burned([30, 10, 60], [0, 1]) == Q32 * 40 // 100
    assert compute_miner_burned([0, 0], [0]) == 0
    assert compute_miner_burned([5, 5], []) == 0
    owned = make_state(subnets=(make_subnet(owner=(key_of("hot3"),)),))
    graph = metagraph(play_epoch(owned, ROWS), SUBNET)
    share = Q32 * graph.emission[3] // (graph.emission[2] + graph.emission[3])
    assert graph.market.miner_burned == share
    assert metagraph(play_epoch(make_state(), ROWS), SUBNET).market.miner_burned == 0


def test_explain_names_the_neurons_of_the_subnets_owner() -> None:
    after = play_epoch(make_state(subnets=(make_subnet(owner=(key_of("hot3"),)),)), ROWS)
    views = [explain(after, SUBNET, Uid(uid)) for uid in range(4)]
    assert [view is not None and view.explanation.is_owned for view in views] == [False] * 3 + [
        True
    ]
    burned = metagraph(after, SUBNET).market.miner_burned
    assert {view.explanation.miner_burned for view in views if view is not None} == {burned}


def test_a_uid_that_is_nobodys_gets_nothing() -> None:
    state = play_epoch(make_state(), ROWS)
    record = find_record(state, SUBNET)
    assert record is not None
    gone = replace(record.supports[3], hotkeys=(NOBODY,))
    record = replace(record, supports=[*record.supports[:3], gone])
    draft = Draft(state)
    draft.add_total(SUBNET, Total.PENDING, record.miner_pot + record.validator_pot)
    payout = Payout([0, 0, 7, 0], [5, 0, 0, 0], 0)
    process_payout(draft, SUBNET, get_subnet(draft, SUBNET), record, payout)
    assert account(draft, NOBODY).stakes == ()
