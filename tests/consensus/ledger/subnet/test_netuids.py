"""What a subnet costs, which netuid it gets, what it starts with, and who must make way for it."""

from dataclasses import replace
from typing import Any

import pytest

from consensus.calls.subnets import StartSubnet
from consensus.errors import CallError
from consensus.ledger.calls import process_call
from consensus.ledger.events import SubnetFounded, SubnetNoticed, SubnetStarted
from consensus.ledger.queries import account, list_subnets, metagraph, supply
from consensus.ledger.records import get_network
from consensus.ledger.state import Draft, State, Total
from consensus.ledger.subnet.dissolution import find_ending
from consensus.ledger.subnet.founding import ALPHA_MAX, compute_lock, get_issued, get_locks
from consensus.ledger.subnet.netuids import find_free
from consensus.ledger.subnet.records import (
    find_subnet,
    find_uid,
    get_market,
    get_subnet,
    put_market,
    put_subnet,
)
from consensus.ledger.supply import check_invariants
from consensus.params import Hyperparameters
from consensus.quantities import (
    U16,
    U32,
    Amount,
    Height,
    NetUid,
    ShortText,
    Uid,
)
from consensus.refusals import (
    AlreadyStarted,
    CostTooHigh,
    HotkeyRefused,
    NotEnoughFunds,
    NotOwner,
    NotPrintable,
    SubnetsFull,
    TooEarly,
    UnknownSubnet,
)
from tests.builders import (
    TAO,
    advance,
    apply,
    do,
    key_of,
    make_params,
    make_registration,
    make_state,
)
from tests.consensus.ledger.subnets import OWNED, make_foundation, make_owned, make_places

TWO = NetUid(2)


def _lock(state: State) -> int:
    return compute_lock(state, get_issued(state), Height(state.height + 1))


def _found(state: State, hotkey: str = "owner", coldkey: str = "alice") -> State:
    applied = do(state, coldkey, make_foundation(state, hotkey, coldkey))
    assert applied.receipts[0].code == 0
    return applied.state


# -- the lock -------------------------------------------------------------------------------------


def test_the_first_lock_costs_the_floor_and_the_next_one_twice_the_last() -> None:
    state = make_places(subnets_max=U16(9), subnet_lock_blocks=U32(40))
    assert _lock(state) == 10 * TAO
    state = _found(state)
    after = _lock(state)
    assert 39 * TAO < 2 * after <= 40 * TAO
    assert _lock(advance(state, 10)) < after
    assert _lock(advance(state, 50)) == 10 * TAO
    state = _found(state, "other")
    assert get_locks(state).last == after
    assert _lock(state) > 37 * TAO


def test_a_lock_is_never_nothing() -> None:
    state = make_places(subnet_lock_min=Amount(0))
    assert _lock(state) == 1
    state = _found(state)
    assert get_market(state, TWO).tao == 1
    check_invariants(advance(state, 10))


def test_without_a_block_reward_the_price_still_falls() -> None:
    state = _found(
        make_places(subnets_max=U16(9), block_reward=Amount(0), subnet_lock_blocks=U32(20))
    )
    assert _lock(advance(state, 30)) == 10 * TAO


# -- what is founded ------------------------------------------------------------------------------


def test_a_lock_becomes_the_pool_of_the_lowest_free_netuid_at_the_median_price() -> None:
    state = make_places()
    before = account(state, key_of("alice")).free
    applied = do(state, "alice", make_foundation(state))
    event = applied.events[0]
    assert isinstance(event, SubnetFounded)
    assert (event.netuid, event.owner, event.lock) == (TWO, key_of("owner"), 10 * TAO)
    state = applied.state
    assert list_subnets(state) == (OWNED, TWO)
    market = get_market(state, TWO)
    assert market.tao == 10 * TAO
    # the other pool's price is a little above one: a block's TAO was injected at its price
    assert abs(market.alpha - 10 * TAO) < TAO
    assert market.alpha == event.alpha == supply(state, TWO).issued
    paid = applied.receipts[0].fee + 10 * TAO
    assert account(state, key_of("alice")).free == before - paid
    check_invariants(state)


@pytest.mark.slow
def test_a_new_subnet_has_its_owner_at_uid_0_default_rules_and_no_emission() -> None:
    state = _found(make_places())
    graph = metagraph(state, TWO)
    assert graph.hotkeys == (key_of("owner"),)
    assert graph.coldkeys == (key_of("alice"),)
    assert graph.permits == (False,)
    assert graph.subnet.hyper == Hyperparameters()
    assert not graph.subnet.is_started
    assert graph.market.burn == Hyperparameters().min_burn
    later = advance(state, 400)
    assert supply(later, TWO).issued == supply(state, TWO).issued
    assert get_market(later, TWO).stepped_at == 0
    assert get_market(later, TWO).injected == 0


def test_the_alpha_beside_a_lock_follows_the_median_price_and_leaves_some_to_earn() -> None:
    draft = Draft(make_places())
    market = get_market(draft, OWNED)
    put_market(draft, OWNED, replace(market, tao=Amount(market.tao // 4)))
    process_call(draft, key_of("alice"), make_foundation(make_places()))
    assert get_market(draft, TWO).alpha == 40 * TAO
    draft = Draft(make_places())
    put_market(draft, OWNED, replace(market, tao=Amount(1)))
    process_call(draft, key_of("alice"), make_foundation(make_places()))
    assert get_market(draft, TWO).alpha == ALPHA_MAX
    draft = Draft(make_places())
    put_market(draft, OWNED, replace(market, alpha=Amount(1)))
    process_call(draft, key_of("alice"), make_foundation(make_places()))
    assert get_market(draft, TWO).alpha == 1


def test_without_any_subnet_the_first_one_has_a_price_of_one() -> None:
    state = make_state(subnets=(), params=make_params(subnet_lock_min=Amount(7 * TAO)))
    market = get_market(_found(state), NetUid(1))
    assert (market.tao, market.alpha) == (7 * TAO, 7 * TAO)


def test_the_lowest_free_netuid_fills_a_gap() -> None:
    params = make_params(subnet_lock_min=Amount(TAO))
    state = make_state(subnets=(replace(make_owned(), netuid=NetUid(2)),), params=params)
    assert find_free(state, get_network(state).params) == 1
    state = _found(state)
    assert find_free(state, get_network(state).params) == 3


def test_neurons_may_register_before_the_start() -> None:
    state = _found(make_places())
    call = replace(make_registration(state, "early"), netuid=TWO)
    state = do(state, "alice", call).state
    assert find_uid(state, TWO, key_of("early")) == 1
    check_invariants(state)


@pytest.mark.parametrize(
    ("signer", "hotkey", "fields", "error"),
    [
        ("alice", "owner", {"max_cost": Amount(10 * TAO - 1)}, CostTooHigh),
        ("alice", "hot0", {}, NotOwner),
        ("alice", "owner", {"consent": ()}, HotkeyRefused),
        ("bob", "owner", {}, HotkeyRefused),
        ("alice", "owner", {"task": ShortText("text\u202etxet")}, NotPrintable),
    ],
)
def test_a_foundation_that_may_not_be_is_refused(
    signer: str, hotkey: str, fields: dict[str, Any], error: type[CallError]
) -> None:
    state = make_places()
    with pytest.raises(error):
        process_call(Draft(state), key_of(signer), make_foundation(state, hotkey, **fields))


def test_a_lock_must_be_affordable() -> None:
    state = make_places(subnet_lock_min=Amount(10 * TAO + 1))
    with pytest.raises(NotEnoughFunds):
        process_call(Draft(state), key_of("bob"), make_foundation(state, "new", "bob"))
    applied = do(state, "bob", make_foundation(state, "new", "bob"))
    assert applied.receipts[0].code == NotEnoughFunds.code
    assert list_subnets(applied.state) == (OWNED,)
    check_invariants(applied.state)


# -- the start ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_emission_and_epochs_begin_with_the_start() -> None:
    state = advance(_found(make_places()), 5)
    applied = do(state, "alice", StartSubnet(TWO))
    assert applied.events[0] == SubnetStarted(TWO)
    assert supply(applied.state, TWO).pending > 0
    assert get_market(applied.state, TWO).injected > 0
    state = advance(applied.state, 380)
    assert get_market(state, TWO).stepped_at == 380
    check_invariants(state)


def test_a_start_that_may_not_be_is_refused() -> None:
    state = _found(make_places())
    with pytest.raises(TooEarly, match="block 6"):
        process_call(Draft(advance(state, 4)), key_of("alice"), StartSubnet(TWO))
    state = advance(state, 5)
    with pytest.raises(NotOwner):
        process_call(Draft(state), key_of("owner"), StartSubnet(TWO))
    with pytest.raises(UnknownSubnet):
        process_call(Draft(state), key_of("alice"), StartSubnet(NetUid(3)))
    with pytest.raises(AlreadyStarted):
        process_call(Draft(state), key_of("cold0"), StartSubnet(OWNED))
    with pytest.raises(UnknownSubnet):
        process_call(Draft(state), key_of("alice"), StartSubnet(NetUid(0)))


# -- no place -------------------------------------------------------------------------------------


def test_a_newcomer_waits_for_the_lowest_price_past_immunity_under_notice() -> None:
    state = advance(make_places(subnets_max=U16(1)), 20)
    applied = do(state, "alice", make_foundation(state))
    assert applied.events[0] == SubnetNoticed(OWNED, key_of("owner"), Height(37))
    state = applied.state
    ending = find_ending(state, OWNED)
    assert ending is not None
    assert (ending.noticed_at, ending.ends_at) == (21, 37)
    assert supply(state).locked == 10 * TAO
    assert get_locks(state).waiting[0].netuid == OWNED
    check_invariants(state)
    with pytest.raises(SubnetsFull, match="ends at 37"):
        process_call(Draft(state), key_of("alice"), make_foundation(state, "x"))
    with pytest.raises(NotEnoughFunds):
        process_call(Draft(state), key_of("cold0"), make_foundation(state, "x", "cold0"))


def test_a_long_tempo_does_not_keep_a_place_for_months() -> None:
    draft = Draft(advance(make_places(subnets_max=U16(1)), 20))
    subnet = get_subnet(draft, OWNED)
    slow = replace(subnet.hyper, tempo=U16(50_400), immunity_blocks=U32(200_000))
    put_subnet(draft, OWNED, replace(subnet, hyper=slow))
    event = process_call(draft, key_of("alice"), make_foundation(draft.before))
    assert isinstance(event, SubnetNoticed)
    assert event.ends_at == 21 + 2 * get_network(draft).params.new_subnet.tempo


def test_a_subnet_under_immunity_makes_way_for_nobody() -> None:
    state = advance(make_places(subnets_max=U16(1)), 18)
    with pytest.raises(SubnetsFull, match="before block 20"):
        process_call(Draft(state), key_of("alice"), make_foundation(state))
    process_call(Draft(advance(state, 19)), key_of("alice"), make_foundation(state))


def test_the_subnet_with_the_lowest_average_must_make_way() -> None:
    other = replace(make_owned(), netuid=TWO, owner=())
    params = replace(get_network(make_places()).params, subnets_max=U16(2))
    state = make_state(subnets=(make_owned(), other), params=params)
    draft = Draft(advance(state, 25))
    first, second = get_market(draft, OWNED), get_market(draft, TWO)
    put_market(draft, OWNED, replace(first, price_average=second.price_average))
    put_market(draft, TWO, replace(second, price_average=type(second.price_average)(5)))
    event = process_call(draft, key_of("alice"), make_foundation(state))
    assert isinstance(event, SubnetNoticed)
    assert event.netuid == TWO
    assert find_ending(draft, OWNED) is None


def test_refusals_leave_no_lock_behind() -> None:
    state = make_places(subnets_max=U16(1), subnet_immunity_blocks=U32(100))
    applied = do(state, "alice", make_foundation(state))
    assert applied.receipts[0].code == SubnetsFull.code
    assert supply(applied.state).locked == 0
    assert get_locks(applied.state).last_at == 0
    check_invariants(applied.state)


def test_a_lock_that_waits_is_counted_where_it_is() -> None:
    state = advance(make_places(subnets_max=U16(1)), 20)
    draft = Draft(state)
    process_call(draft, key_of("alice"), make_foundation(state))
    assert draft.get_total(NetUid(0), Total.LOCKED) == 10 * TAO


def test_an_owner_keeps_no_privilege_but_its_uid() -> None:
    state = _found(make_places())
    assert find_uid(state, TWO, key_of("owner")) == Uid(0)
    subnet = find_subnet(state, TWO)
    assert subnet is not None
    assert subnet.owner == (key_of("owner"),)
    assert subnet.task == ShortText("text")
    assert apply(state).receipts == ()
