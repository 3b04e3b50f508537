"""Lent stake weight: counted once, paid back less the child's take, no chains, no crowds."""

from dataclasses import replace

import pytest

from consensus.calls.staking import Child, MoveStake, SetChildren
from consensus.errors import CallError
from consensus.ledger import keys
from consensus.ledger.calls import process_call
from consensus.ledger.events import ChildrenAnnounced, ChildrenChanged
from consensus.ledger.genesis import GenesisHotkey, GenesisStake
from consensus.ledger.keys import Family
from consensus.ledger.queries import explain, metagraph
from consensus.ledger.records import ROOT, get_pool
from consensus.ledger.stake.children import (
    PARENTS_MAX,
    KinView,
    LoanView,
    process_children_due,
    slash_support,
    view_kin,
)
from consensus.ledger.stake.lending import (
    get_stake_weight,
    get_support,
    has_loans,
    list_stake_weights,
)
from consensus.ledger.stake.shares import get_stake
from consensus.ledger.state import Draft, State
from consensus.ledger.subnet.records import get_subnet, put_subnet
from consensus.ledger.supply import check_invariants
from consensus.params import Params
from consensus.quantities import U16_MAX, U32, Amount, Height, NetUid, PublicKey, Ratio16, Uid
from consensus.refusals import (
    InvalidChildren,
    NotOwner,
    SubnetClosed,
    UnknownHotkey,
    UnknownSubnet,
)
from consensus.reward.emission import split_take
from tests.builders import (
    SUBNET,
    TAO,
    advance,
    apply,
    do,
    key_of,
    make_params,
    make_state,
    play_epoch,
)

HOT0, HOT1, HOT2, HOT3 = (key_of(f"hot{index}") for index in range(4))
PARAMS = make_params(children_delay_blocks=U32(3))
PARENT, COLD = key_of("parent"), key_of("cold-parent")
HALF = 32_768


def _state(params: Params = PARAMS, **fields: object) -> State:
    """Return the little network with a hotkey that has 100 alpha and no uid."""
    return make_state(
        params=params,
        hotkeys=(GenesisHotkey(PARENT, COLD, Ratio16(6_554)),),
        stakes=(
            GenesisStake(SUBNET, PARENT, COLD, Amount(60 * TAO)),
            GenesisStake(SUBNET, PARENT, key_of("alice"), Amount(40 * TAO)),
            GenesisStake(ROOT, PARENT, COLD, Amount(500 * TAO)),
        ),
        **fields,
    )


def _lend(*children: tuple[PublicKey, int], **fields: object) -> SetChildren:
    parts = tuple(Child(hotkey, Ratio16(share)) for hotkey, share in children)
    return replace(SetChildren(SUBNET, PARENT, parts), **fields)


def _lent(*children: tuple[PublicKey, int]) -> State:
    """Return the state in which the parent lends."""
    draft = Draft(_state(), Height(0))
    process_call(draft, COLD, _lend(*children))
    _settle(draft, PARENT)
    return draft.freeze()


def _settle(draft: Draft, hotkey: PublicKey) -> list[object]:
    height, draft.height = draft.height, Height(draft.height + 3)
    events = process_children_due(draft, keys.u16(SUBNET) + hotkey)
    draft.height = height
    return list(events)


def _weigh(view: State | Draft, hotkey: PublicKey) -> int:
    return get_stake_weight(view, PARAMS, SUBNET, hotkey)


# -- when it holds --------------------------------------------------------------------------------


def test_a_loan_holds_after_the_delay_to_the_block() -> None:
    state = apply(_state()).state
    draft = Draft(state)
    event = process_call(draft, COLD, _lend((HOT0, HALF)))
    assert event == ChildrenAnnounced(SUBNET, PARENT, (HOT0,), (Ratio16(HALF),), Height(5))
    draft.height = Height(1)
    state = advance(draft.freeze(), 4)
    assert _weigh(state, HOT0) == 773_094_113 * get_pool(state, ROOT, HOT0).amount >> 32
    applied = apply(state)
    loan = ChildrenChanged(SUBNET, PARENT, (HOT0,), (Ratio16(HALF),))
    assert [event for event in applied.events if isinstance(event, ChildrenChanged)] == [loan]
    assert view_kin(applied.state, SUBNET, PARENT).children == (LoanView(HOT0, Ratio16(HALF)),)
    assert view_kin(applied.state, SUBNET, HOT0).parents == (LoanView(PARENT, Ratio16(HALF)),)


def test_a_later_announcement_replaces_one_that_waits_and_begins_its_delay_anew() -> None:
    draft = Draft(_state(), Height(0))
    process_call(draft, COLD, _lend((HOT0, HALF)))
    draft = Draft(advance(draft.freeze(), 2), Height(2))
    process_call(draft, COLD, _lend((HOT1, 5)))
    state = advance(draft.freeze(), 4)
    assert not has_loans(state, SUBNET)
    state = apply(state).state
    assert view_kin(state, SUBNET, PARENT) == KinView(
        SUBNET, PARENT, (LoanView(HOT1, Ratio16(5)),), (), (), None
    )


def test_an_empty_list_ends_all_loans() -> None:
    draft = Draft(_lent((HOT0, HALF), (HOT1, 100)))
    process_call(draft, COLD, _lend())
    assert view_kin(draft, SUBNET, PARENT).effect_at == 4
    _settle(draft, PARENT)
    assert not has_loans(draft, SUBNET)
    for family in (Family.PARENT, Family.CHILDREN, Family.NEXT_CHILDREN):
        assert list(draft.scan(bytes((family,)))) == []


def test_a_hotkey_nobody_claimed_has_no_kin() -> None:
    kin = view_kin(_state(), SUBNET, key_of("nobody"))
    assert (kin.children, kin.parents, kin.announced, kin.effect_at) == ((), (), (), None)
    with pytest.raises(UnknownSubnet):
        view_kin(_state(), NetUid(9), PARENT)


# -- what it weighs -------------------------------------------------------------------------------


def test_lent_weight_leaves_the_parent_and_all_weights_add_up() -> None:
    plain, lent = _state(), _lent((HOT0, HALF), (HOT1, 1), (HOT2, 32_766))
    everybody = (PARENT, HOT0, HOT1, HOT2, HOT3)
    weights = [sum(_weigh(state, hotkey) for hotkey in everybody) for state in (plain, lent)]
    assert weights[0] == weights[1]
    assert _weigh(lent, PARENT) <= 2 * 3  # a rao of each kind for each loan
    own = 100 * TAO + (773_094_113 * 500 * TAO >> 32)
    assert abs(_weigh(lent, HOT0) - _weigh(plain, HOT0) - own * HALF // U16_MAX) <= 1


def test_many_weights_at_once_are_the_same_as_one_by_one() -> None:
    for state in (_state(), _lent((HOT0, HALF), (HOT1, 100))):
        hotkeys = [PARENT, HOT0, HOT1, HOT2, key_of("nobody"), PublicKey(bytes(32))]
        listed = list_stake_weights(state, PARAMS, SUBNET, hotkeys)
        assert listed == [_weigh(state, hotkey) for hotkey in hotkeys]
        assert listed[-2:] == [0, 0]


def test_a_loan_is_a_part_of_what_the_parent_has_at_the_moment() -> None:
    draft = Draft(_lent((HOT0, U16_MAX)))
    before = _weigh(draft, HOT0)
    process_call(draft, COLD, MoveStake(SUBNET, PARENT, HOT3, Amount(60 * TAO)))
    assert before - _weigh(draft, HOT0) == 60 * TAO


def test_a_loan_in_one_subnet_counts_in_no_other() -> None:
    other = NetUid(2)
    lent = _lent((HOT0, U16_MAX))
    root = 773_094_113 * 500 * TAO >> 32
    assert get_stake_weight(lent, PARAMS, other, PARENT) == root
    assert get_stake_weight(lent, PARAMS, other, HOT0) == 773_094_113 * 1_000 * TAO >> 32


# -- what it pays ---------------------------------------------------------------------------------

ROWS = {"hot0": {2: 65_535, 3: 20_000}, "hot1": {2: 65_535, 3: 30_000}}


def test_what_lent_stake_earned_comes_back_less_the_childs_take() -> None:
    lent = _lent((HOT0, HALF))
    after = play_epoch(lent, ROWS)
    view = explain(after, SUBNET, Uid(0))
    assert view is not None
    assert view.lenders == (PARENT,)
    parts = view.explanation
    own, loan = parts.backings
    assert own.child_take == 0
    assert loan.child_take == split_take(loan.alpha, 11_796)[0] + split_take(loan.root, 11_796)[0]
    assert loan.child_take + loan.owner + loan.delegators + loan.sold == loan.alpha + loan.root
    assert (loan.owner, loan.delegators) == split_take(loan.owner + loan.delegators, 6_554)
    assert parts.lenders == loan.owner + loan.delegators + loan.sold
    whole = parts.owner + parts.delegators + parts.sold + parts.lenders
    assert whole == parts.validator_emission == metagraph(after, SUBNET).emission[0]
    assert get_stake(after, SUBNET, HOT0, key_of("cold0")) == loan.child_take == parts.owner
    pool = get_pool(after, SUBNET, PARENT)
    assert pool.amount == 100 * TAO + loan.owner + loan.delegators
    alice = get_stake(after, SUBNET, PARENT, key_of("alice"))
    assert abs(alice - 40 * TAO - loan.delegators * 4 // 10) <= 1
    assert get_pool(after, ROOT, PARENT).amount > 500 * TAO + loan.sold * 9 // 10
    check_invariants(after)


def test_a_parent_of_two_children_is_paid_by_both() -> None:
    after = play_epoch(_lent((HOT0, HALF), (HOT1, 32_767)), ROWS)
    views = [explain(after, SUBNET, Uid(uid)) for uid in (0, 1)]
    loans = [view.explanation.backings[1] for view in views if view is not None]
    paid = sum(loan.owner + loan.delegators for loan in loans)
    assert get_pool(after, SUBNET, PARENT).amount == 100 * TAO + paid
    assert all(loan.owner + loan.delegators for loan in loans)
    check_invariants(after)


def test_lent_root_stake_answers_for_the_child_by_its_share() -> None:
    draft = Draft(_lent((HOT0, HALF)))
    before = [get_pool(draft, ROOT, hotkey).amount for hotkey in (HOT0, PARENT)]
    burned = slash_support(draft, SUBNET, HOT0, 100_000)
    after = [get_pool(draft, ROOT, hotkey).amount for hotkey in (HOT0, PARENT)]
    assert before[0] - after[0] == before[0] // 10
    assert before[1] - after[1] == before[1] * (100_000 * HALF // U16_MAX) // 1_000_000
    assert burned == sum(before) - sum(after)


# -- what may not be ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (_lend((HOT0, 1), netuid=NetUid(9)), UnknownSubnet),
        (_lend((HOT0, 1), netuid=ROOT), UnknownSubnet),
        (_lend((HOT0, 1), hotkey=key_of("nobody")), UnknownHotkey),
        (_lend((key_of("nobody"), 1)), UnknownHotkey),
        (_lend((HOT0, 1), hotkey=HOT1), NotOwner),
        (_lend((HOT0, 1), (HOT0, 1)), InvalidChildren),
        (_lend((PARENT, 1)), InvalidChildren),
        (_lend((HOT0, 0)), InvalidChildren),
        (_lend((HOT0, U16_MAX), (HOT1, 1)), InvalidChildren),
        (_lend(*((HOT0, 1),) * 6), InvalidChildren),
    ],
)
def test_a_loan_that_may_not_be_is_refused(call: SetChildren, error: type[CallError]) -> None:
    draft = Draft(_state())
    with pytest.raises(error):
        process_call(draft, COLD, call)
    assert draft.changes == {}


def test_shares_of_all_may_be_lent() -> None:
    process_call(Draft(_state()), COLD, _lend((HOT0, U16_MAX - 1), (HOT1, 1)))


def test_nobody_lends_in_a_closed_subnet_and_what_was_announced_is_moot() -> None:
    draft = Draft(_state(), Height(0))
    process_call(draft, COLD, _lend((HOT0, HALF)))
    put_subnet(draft, SUBNET, replace(get_subnet(draft, SUBNET), is_closed=True))
    with pytest.raises(SubnetClosed):
        process_call(draft, COLD, _lend((HOT0, 1)))
    assert _settle(draft, PARENT) == []
    assert not has_loans(draft, SUBNET)


def test_what_is_due_without_an_announcement_is_moot() -> None:
    assert _settle(Draft(_state()), PARENT) == []


def test_who_lends_can_not_be_lent_to() -> None:
    draft = Draft(_lent((HOT0, HALF)))
    cold0, cold1 = key_of("cold0"), key_of("cold1")
    with pytest.raises(InvalidChildren, match="lends"):
        process_call(draft, cold1, _lend((PARENT, 1), hotkey=HOT1))
    process_call(draft, cold1, _lend((HOT0, 1), hotkey=HOT1))
    process_call(draft, cold0, _lend(hotkey=HOT0))


def test_of_two_that_announce_each_other_only_the_first_lends_to_the_other() -> None:
    draft = Draft(_state(), Height(0))
    process_call(draft, COLD, _lend((HOT0, HALF)))
    process_call(draft, key_of("cold0"), _lend((PARENT, 7), hotkey=HOT0))
    _settle(draft, PARENT)
    assert _settle(draft, HOT0) == [ChildrenChanged(SUBNET, HOT0, (), ())]
    assert view_kin(draft, SUBNET, HOT0).parents == (LoanView(PARENT, Ratio16(HALF)),)
    assert get_support(draft, PARAMS, SUBNET, PARENT).hotkeys == (PARENT,)


def test_strangers_who_lend_a_hotkey_next_to_nothing_do_not_keep_it_from_lending() -> None:
    draft = _crowded()
    process_call(draft, key_of("cold0"), _lend((HOT1, HALF), hotkey=HOT0))
    events = _settle(draft, HOT0)
    assert len(events) == PARENTS_MAX + 1
    assert ChildrenChanged(SUBNET, key_of("crowd0"), (), ()) in events
    assert events[-1] == ChildrenChanged(SUBNET, HOT0, (HOT1,), (Ratio16(HALF),))
    assert view_kin(draft, SUBNET, HOT0).parents == ()
    assert view_kin(draft, SUBNET, key_of("crowd0")).children == ()
    with pytest.raises(InvalidChildren, match="lends"):
        process_call(draft, COLD, _lend((HOT0, 1), hotkey=key_of("crowd0")))


def test_a_child_that_lends_by_then_is_left_out() -> None:
    draft = Draft(_state(), Height(0))
    process_call(draft, COLD, _lend((HOT0, 5), (HOT1, 6)))
    process_call(draft, key_of("cold0"), _lend((HOT2, 8), hotkey=HOT0))
    _settle(draft, HOT0)
    _settle(draft, PARENT)
    assert view_kin(draft, SUBNET, PARENT).children == (LoanView(HOT1, Ratio16(6)),)


# -- crowds ---------------------------------------------------------------------------------------


def _crowded() -> Draft:
    """Return a draft in which HOT0 has as many parents as may be, the i-th lending i + 1 TAO."""
    names = [f"crowd{index}" for index in range(PARENTS_MAX)]
    state = make_state(
        params=PARAMS,
        hotkeys=(
            *(GenesisHotkey(key_of(name), COLD, Ratio16(0)) for name in names),
            GenesisHotkey(PARENT, COLD, Ratio16(0)),
        ),
        stakes=(
            *(
                GenesisStake(SUBNET, key_of(name), COLD, Amount((index + 1) * TAO))
                for index, name in enumerate(names)
            ),
            GenesisStake(SUBNET, PARENT, COLD, Amount(10 * TAO)),
        ),
    )
    draft = Draft(state, Height(0))
    for name in names:
        process_call(draft, COLD, _lend((HOT0, U16_MAX), hotkey=key_of(name)))
        _settle(draft, key_of(name))
    return draft


def test_a_crowd_of_small_loans_does_not_shut_a_larger_one_out() -> None:
    draft = _crowded()
    assert len(view_kin(draft, SUBNET, HOT0).parents) == PARENTS_MAX
    with pytest.raises(InvalidChildren, match="others lend"):
        process_call(draft, COLD, _lend((HOT0, U16_MAX // 10)))
    process_call(draft, COLD, _lend((HOT0, U16_MAX // 10 + 10)))
    events = _settle(draft, PARENT)
    assert events[0] == ChildrenChanged(SUBNET, key_of("crowd0"), (), ())
    parents = [loan.hotkey for loan in view_kin(draft, SUBNET, HOT0).parents]
    assert len(parents) == PARENTS_MAX
    assert PARENT in parents
    assert key_of("crowd0") not in parents


def test_a_loan_too_small_for_a_crowd_by_then_is_left_out() -> None:
    draft = _crowded()
    process_call(draft, COLD, _lend((HOT0, U16_MAX // 10 + 10), (HOT1, 9)))
    process_call(draft, COLD, MoveStake(SUBNET, PARENT, HOT3, Amount(9 * TAO)))
    _settle(draft, PARENT)
    assert view_kin(draft, SUBNET, PARENT).children == (LoanView(HOT1, Ratio16(9)),)


def test_a_parent_may_change_its_share_in_a_crowd() -> None:
    draft = _crowded()
    process_call(draft, COLD, _lend((HOT0, 5), hotkey=key_of("crowd3")))
    _settle(draft, key_of("crowd3"))
    assert LoanView(key_of("crowd3"), Ratio16(5)) in view_kin(draft, SUBNET, HOT0).parents


def test_loans_in_a_block_come_through_transactions() -> None:
    state = _state(params=make_params(children_delay_blocks=U32(0)))
    draft = Draft(state, Height(0))
    process_call(draft, COLD, _lend((HOT0, 1)))
    state = apply(draft.freeze()).state
    assert has_loans(state, SUBNET)
    state = do(state, "cold0", SetChildren(SUBNET, HOT0, ())).state
    assert not view_kin(state, SUBNET, HOT0).children
