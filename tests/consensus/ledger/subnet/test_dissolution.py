"""A subnet that ends: told in time, closed at one height, paid out to the rao, gone to the key."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from consensus.calls.neurons import LeaveSubnet
from consensus.calls.staking import StakeAlpha, SwapStake, UnstakeAlpha
from consensus.calls.subnets import StartSubnet
from consensus.ledger import keys
from consensus.ledger.calls import process_call
from consensus.ledger.events import (
    EpochClosed,
    LedgerEvent,
    SubnetDissolved,
    SubnetEnded,
    SubnetFounded,
)
from consensus.ledger.genesis import GenesisAccount, GenesisStake
from consensus.ledger.keys import Family
from consensus.ledger.queries import account, list_subnets, metagraph, supply
from consensus.ledger.records import MARK, ROOT, get_hotkey, put_hotkey
from consensus.ledger.stake.shares import get_stake
from consensus.ledger.state import Draft, State, Total
from consensus.ledger.subnet.dissolution import (
    ENTRIES_MAX,
    find_ending,
    give_notice,
    process_endings,
)
from consensus.ledger.subnet.founding import get_locks
from consensus.ledger.subnet.netuids import process_places
from consensus.ledger.subnet.records import find_subnet, get_market, get_netuids
from consensus.ledger.supply import assert_totals, check_invariants
from consensus.quantities import U16, U32, U64_MAX, Amount, Height, NetUid
from consensus.refusals import SubnetClosed, UnknownSubnet
from consensus.types import Call
from tests.builders import (
    SUBNET,
    TAO,
    advance,
    apply,
    do,
    key_of,
    make_commit,
    make_params,
    make_registration,
    make_reveal,
    make_serve,
    make_state,
    make_transaction,
    play_epoch,
)
from tests.consensus.ledger.subnets import (
    OWNED,
    make_foundation,
    make_owned,
    make_places,
    set_mechanism,
    set_rule,
)

TWO = NetUid(2)
ENDS = 37
"""The end of subnet 1 under the notice that `_noticed` gives."""
ANY = Amount(U64_MAX)
_BY_NETUID = (
    *(Family.TOTALS, Family.POOL, Family.SHARES, Family.SUBNET, Family.MARKET, Family.COLUMN),
    *(Family.SERVED, Family.COMMIT, Family.ROW, Family.BONDS, Family.FORFEITS, Family.RECORD),
    *(Family.CHANGES, Family.MECHANISM, Family.CHILDREN, Family.PARENT, Family.NEXT_CHILDREN),
    *(
        Family.MODEL,
        Family.CONTENT,
        Family.SUBNET_IDENTITY,
        Family.ENDING,
        Family.ORDER,
        Family.SECOND_LEG,
    ),
)


def _noticed() -> State:
    """Return block 21, whose newcomer has subnet 1 under notice until `ENDS`."""
    state = advance(make_places(subnets_max=U16(1)), 20)
    return do(state, "alice", make_foundation(state)).state


def _traces(state: State, netuid: NetUid) -> list[bytes]:
    """Return the keys that name `netuid`."""
    tag = keys.u16(netuid)
    found = [key for family in _BY_NETUID for key, _ in state.scan(keys.of(family, tag))]
    found += [key for key, _ in state.scan(bytes((Family.UID,))) if key[33:35] == tag]
    found += [key for key, _ in state.scan(bytes((Family.HOLDING,))) if key[33:35] == tag]
    return found


def _play(state: State, height: int) -> tuple[State, list[LedgerEvent]]:
    """Apply empty blocks until `height`, auditing each; return what happened."""
    events: list[LedgerEvent] = []
    while state.height < height:
        applied = apply(state)
        state = applied.state
        events += applied.events
        check_invariants(state)
    return state, events


def _crowd(count: int) -> State:
    """Return a network whose only subnet has `count` holders and makes way for a newcomer."""
    holders = [
        GenesisStake(OWNED, key_of("hot0"), key_of(f"h{at}"), Amount((at + 1) * 2_000_000))
        for at in range(count)
    ]
    return make_state(
        params=make_params(
            subnets_max=U16(1),
            subnet_immunity_blocks=U32(0),
            subnet_lock_min=Amount(TAO),
            dissolve_notice_epochs=U16(0),
        ),
        accounts=(GenesisAccount(key_of("alice"), Amount(100 * TAO)),),
        subnets=(make_owned(),),
        stakes=tuple(holders),
    )


# -- notice ---------------------------------------------------------------------------------------


def test_under_notice_everything_goes_on_until_the_last_block() -> None:
    state = play_epoch(_noticed(), {"hot0": {2: 65_535}, "hot1": {2: 65_535}})
    assert metagraph(state, SUBNET).incentive[2] > 0
    state = advance(state, ENDS - 3)
    state = do(state, "alice", make_registration(state, "late")).state
    assert metagraph(state, SUBNET).hotkeys[4] == key_of("late")
    with pytest.raises(SubnetClosed):
        metagraph(apply(state).state, SUBNET)


def test_the_last_block_closes_the_subnet_and_the_next_one_refuses_every_call() -> None:
    state, events = _play(_noticed(), ENDS - 1)
    ended = [event for event in events if isinstance(event, SubnetEnded)]
    assert [event.netuid for event in ended] == [OWNED]
    subnet = find_subnet(state, OWNED)
    assert subnet is not None
    assert subnet.is_closed
    assert not subnet.is_started
    assert supply(state, OWNED).pending == 0
    hot = key_of("hot0")
    calls: list[tuple[str, Call]] = [
        ("alice", make_registration(state, "late")),
        ("cold0", LeaveSubnet(OWNED, hot)),
        ("hot0", make_serve(state, "hot0")),
        ("hot0", make_commit(state, "hot0", make_reveal({2: 65_535}, 4))),
        ("hot0", make_reveal({2: 65_535}, 3)),
        ("cold0", StartSubnet(OWNED)),
        ("cold0", set_rule("bonds_penalty", 1)),
        ("cold0", set_mechanism(100)),
        ("alice", StakeAlpha(OWNED, hot, Amount(TAO), ANY)),
        ("alice", UnstakeAlpha(OWNED, hot, Amount(TAO), Amount(0))),
        ("alice", SwapStake(OWNED, hot, TWO, hot, Amount(TAO), Amount(0), ANY)),
    ]
    for signer, call in calls:
        with pytest.raises(SubnetClosed):
            process_call(Draft(state), key_of(signer), call)


def test_a_closed_subnet_emits_and_steps_no_more() -> None:
    state, _ = _play(_noticed(), ENDS - 1)
    before = supply(state, OWNED).issued
    tao = get_market(state, OWNED).tao
    draft = Draft(state)
    process_places(draft)
    paid = tao - (get_market(draft, OWNED).tao if OWNED in get_netuids(draft) else 0)
    assert paid > 0
    _, events = _play(state, ENDS + 12)
    assert not any(isinstance(event, EpochClosed) for event in events)
    assert before > 0


def test_a_notice_of_no_epochs_still_leaves_the_block_it_comes_in() -> None:
    state = _crowd(3)
    applied = do(state, "alice", make_foundation(state))
    assert any(isinstance(event, SubnetEnded) for event in applied.events)
    subnet = find_subnet(applied.state, OWNED)
    assert subnet is not None
    assert subnet.is_closed
    check_invariants(applied.state)


# -- what is paid ---------------------------------------------------------------------------------


def test_holders_share_the_pool_by_their_alpha_to_the_last_rao() -> None:
    state, _ = _play(_noticed(), ENDS - 1)
    tao, alpha = get_market(state, OWNED).tao, supply(state, OWNED).staked
    names = ["alice", *(f"cold{at}" for at in range(4))]
    stakes = {
        (name, hotkey): get_stake(state, OWNED, key_of(hotkey), key_of(name))
        for name in names
        for hotkey in ("hot0", "hot1", "hot2", "hot3")
    }
    before = {name: account(state, key_of(name)).free for name in names}
    free = supply(state).free
    after, events = _play(state, ENDS)
    assert SubnetDissolved(OWNED) in events
    assert supply(after).free == free + tao
    for name in names:
        held = sum(stake for (owner, _), stake in stakes.items() if owner == name)
        gained = account(after, key_of(name)).free - before[name]
        assert abs(gained - tao * held // alpha) <= 20, name


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, ENTRIES_MAX - 1, ENTRIES_MAX, ENTRIES_MAX + 1, 700])
def test_many_holders_are_paid_over_blocks_of_bounded_work(count: int) -> None:
    state = _crowd(count)
    state = do(state, "alice", make_foundation(state)).state
    market, holders = get_market(state, OWNED), supply(state, OWNED).staked
    expected = {
        at: market.tao * get_stake(state, OWNED, key_of("hot0"), key_of(f"h{at}")) // holders
        for at in range(count)
    }
    blocks, events = 0, list[LedgerEvent]()
    while not any(isinstance(event, SubnetFounded) for event in events):
        state, events = _play(state, state.height + 1)
        blocks += 1
        assert len(state.changes) < 5 * ENTRIES_MAX
    assert 1 <= blocks - count // ENTRIES_MAX <= 2  # the last ones delete what else there is
    paid = [account(state, key_of(f"h{at}")).free for at in range(count)]
    assert all(abs(paid[at] - part) <= count for at, part in expected.items())
    assert sum(paid) + account(state, key_of("cold0")).free == market.tao


def test_without_a_holder_the_pool_is_destroyed() -> None:
    draft = Draft(make_state(subnets=(make_owned(),)))
    tao, burned = get_market(draft, OWNED).tao, draft.get_total(ROOT, Total.BURNED)
    give_notice(draft, OWNED, 0)
    process_endings(draft)
    draft.height = Height(draft.height + 1)
    assert SubnetDissolved(OWNED) in process_endings(draft)
    assert draft.get_total(ROOT, Total.BURNED) == burned + tao
    assert_totals(draft)


def test_stake_under_a_vault_is_paid_to_its_holders() -> None:
    state = make_places()
    draft = Draft(state)
    old, new = key_of("hot0"), key_of("fresh")
    record = get_hotkey(draft, old)
    assert record is not None
    put_hotkey(draft, new, replace(record, vault=old))
    draft.delete(keys.hotkey(old))
    draft.delete(keys.of(Family.OWNED, record.owner, old))
    draft.put(keys.of(Family.VAULT, old), new)
    tao, free = get_market(draft, OWNED).tao, account(draft, key_of("alice")).free
    assert get_stake(draft, OWNED, new, key_of("alice")) == 100 * TAO
    give_notice(draft, OWNED, 0)
    process_endings(draft)
    process_endings(draft)
    assert account(draft, key_of("alice")).free == free + tao
    assert_totals(draft)


def test_tao_on_its_way_into_a_closed_subnet_returns() -> None:
    other = replace(make_owned(), netuid=TWO, owner=())
    stakes = (GenesisStake(TWO, key_of("hot0"), key_of("alice"), Amount(50 * TAO)),)
    params = make_params(
        subnets_max=U16(2), dissolve_notice_epochs=U16(2), subnet_lock_min=Amount(TAO)
    )
    state = make_state(params=params, subnets=(make_owned(), other), stakes=stakes)
    state = advance(state, 21)
    draft = Draft(state, state.height)
    give_notice(draft, OWNED, ENDS - 21)
    state = advance(draft.freeze(), ENDS - 2)
    hot = key_of("hot0")
    swap = SwapStake(TWO, hot, OWNED, hot, Amount(10 * TAO), Amount(0), ANY)
    state = do(state, "alice", swap).state
    assert supply(state).ordered > 0
    before = account(state, key_of("alice")).free
    state = apply(state).state
    assert supply(state).ordered == 0
    assert 9 * TAO < account(state, key_of("alice")).free - before < 10 * TAO
    check_invariants(state)


def test_every_family_that_begins_with_a_netuid_is_known_here() -> None:
    """Whoever adds one makes a dissolution delete it."""
    lines = Path(keys.__file__).read_text().splitlines()
    found = {
        Family[name.split()[0]]
        for name, text in pairwise(lines)
        if text.startswith('    """netuid u16') and " = 0x" in name
    }
    assert found == set(_BY_NETUID)


# -- what is left ---------------------------------------------------------------------------------


def test_nothing_names_a_dissolved_subnet() -> None:
    rows = {"hot0": {2: 65_535, 3: 20_000}, "hot1": {2: 65_535}}
    state = play_epoch(make_places(), rows)
    state = do(state, "hot2", make_serve(state, "hot2")).state
    state = advance(state, 16)
    state = do(state, "cold0", set_rule("bonds_penalty", 1)).state
    state = do(state, "cold0", set_mechanism(1_000)).state
    commit = make_commit(state, "hot1", make_reveal({2: 65_535}, 2))
    state = do(state, "hot1", commit).state
    draft = Draft(state, state.height)
    for family in (
        Family.MODEL,
        Family.CONTENT,
        Family.SUBNET_IDENTITY,
        Family.CHILDREN,
        Family.PARENT,
    ):
        draft.put(keys.of(family, keys.u16(OWNED), key_of("hot0")), MARK)
    draft.put(keys.of(Family.FORFEITS, keys.u16(OWNED), key_of("gone")), bytes(8))
    draft.put(keys.of(Family.NEXT_CHILDREN, keys.u16(OWNED), key_of("hot0")), MARK)
    give_notice(draft, OWNED, 3)
    state = draft.freeze()
    assert len({key[0] for key in _traces(state, OWNED)}) >= 18
    state, events = _play(state, state.height + 4)
    assert SubnetDissolved(OWNED) in events
    assert _traces(state, OWNED) == []
    assert list_subnets(state) == ()
    with pytest.raises(UnknownSubnet):
        metagraph(state, OWNED)
    check_invariants(advance(state, state.height + 3))


def test_what_the_state_keeps_of_other_subnets_stays() -> None:
    other = replace(make_owned(), netuid=TWO, owner=())
    stakes = tuple(
        GenesisStake(netuid, key_of("hot0"), key_of("alice"), Amount(TAO))
        for netuid in (OWNED, TWO)
    )
    state = make_state(subnets=(make_owned(), other), stakes=stakes)
    draft = Draft(state)
    before = _traces(state, TWO)
    give_notice(draft, OWNED, 1)
    state = draft.freeze()
    draft = Draft(state)
    process_endings(draft)
    process_endings(draft)
    assert not get_market(draft, TWO).stepped_at
    after = draft.freeze()
    assert _traces(after, TWO) == before
    assert _traces(after, OWNED) == []


def test_the_one_that_waited_gets_the_netuid_and_starts_anew() -> None:
    state = _noticed()
    lock = get_locks(state).waiting[0].plan.lock
    state, events = _play(state, ENDS)
    founded = [event for event in events if isinstance(event, SubnetFounded)]
    assert [(event.netuid, event.lock) for event in founded] == [(OWNED, lock)]
    assert find_ending(state, OWNED) is None
    assert supply(state).locked == 0
    graph = metagraph(state, OWNED)
    assert graph.hotkeys == (key_of("owner"),)
    assert graph.subnet.created_at == ENDS
    assert graph.market.tao == lock
    held = supply(state, OWNED)
    assert (held.issued, held.burned, held.staked) == (graph.market.alpha, 0, 0)
    state = apply(
        state,
        make_transaction(state, "alice", make_foundation(state, "third")),
    ).state
    assert supply(state).locked == 0  # the new one is immune: nobody makes way


def test_a_hotkey_swapped_while_it_waits_becomes_the_owner_under_its_new_name() -> None:
    state = _noticed()
    draft = Draft(state, state.height)
    old, new = key_of("owner"), key_of("renamed")
    record = get_hotkey(draft, old)
    assert record is not None
    put_hotkey(draft, new, replace(record, vault=old))
    draft.delete(keys.hotkey(old))
    draft.delete(keys.of(Family.OWNED, record.owner, old))
    draft.put(keys.of(Family.VAULT, old), new)
    state, _ = _play(draft.freeze(), ENDS + 1)
    assert metagraph(state, OWNED).hotkeys == (new,)
    subnet = find_subnet(state, OWNED)
    assert subnet is not None
    assert subnet.owner == (new,)


def test_a_coin_without_totals_leaves_no_entry() -> None:
    state = make_state()
    draft = Draft(state)
    draft.get_total(NetUid(77), Total.ISSUED)
    frozen = draft.freeze()
    assert frozen.get(keys.totals(NetUid(77))) is None
    assert frozen.root == state.root
