"""Who gets a uid, at what price, and who must make way."""

from dataclasses import replace

import numpy as np
import pytest

from consensus.calls.neurons import LeaveSubnet, RegisterNeuron
from consensus.ledger import keys
from consensus.ledger.calls import process_call
from consensus.ledger.events import NeuronLeft, NeuronRegistered
from consensus.ledger.genesis import GenesisAccount
from consensus.ledger.membership.registration import (
    assign_uid,
    choose_pruned,
    clear_uid,
    found_hotkey,
)
from consensus.ledger.queries import account, metagraph, supply
from consensus.ledger.state import Draft, State
from consensus.ledger.subnet.records import NEVER, NOBODY
from consensus.ledger.supply import check_invariants
from consensus.quantities import U16, U32, Amount, Epoch, NetUid, Uid
from consensus.refusals import (
    AlreadyRegistered,
    HotkeyRefused,
    NotEnoughFunds,
    NotOwner,
    NotRegistered,
    PriceTooHigh,
    RegistrationClosed,
    TooEarly,
    UnknownHotkey,
    UnknownSubnet,
)
from tests.builders import (
    SUBNET,
    TAO,
    advance,
    do,
    key_of,
    make_commit,
    make_hyper,
    make_registration,
    make_reveal,
    make_serve,
    make_state,
    make_subnet,
    play_epoch,
)


def _register(
    hotkey: str,
    price: int = TAO,
    netuid: NetUid = SUBNET,
    coldkey: str = "alice",
    state: State | None = None,
) -> RegisterNeuron:
    chain = make_state() if state is None else state
    call = make_registration(chain, hotkey, coldkey, max_price=Amount(price))
    return replace(call, netuid=netuid)


def _full_state(immunity: int = 10) -> State:
    """Subnet 1 has its four neurons and room for no more."""
    hyper = make_hyper(max_uids=U16(4), immunity_blocks=U32(immunity))
    return make_state(subnets=(make_subnet(hyper=hyper),))


def test_a_registration_appends_a_uid_and_its_price_buys_alpha_that_is_destroyed() -> None:
    applied = do(make_state(), "alice", _register("new"))
    price = Amount(500_000)
    event = NeuronRegistered(SUBNET, Uid(4), key_of("new"), (), price)
    assert applied.events == (event,)
    graph = metagraph(applied.state, SUBNET)
    assert graph.hotkeys[4] == key_of("new")
    assert graph.coldkeys[4] == key_of("alice")
    assert graph.registered_block[4] == 1
    assert supply(applied.state).burned == applied.receipts[0].fee
    bought = supply(applied.state, SUBNET).burned
    assert 0 < bought < price  # at a price of one, which the purchase itself raises
    assert account(applied.state, key_of("new")).neurons == ((SUBNET, Uid(4)),)
    check_invariants(applied.state)


def test_the_price_rises_by_a_quarter_and_decays_to_the_floor() -> None:
    state = do(make_state(), "alice", _register("new")).state
    after = metagraph(state, SUBNET).market.burn
    assert 620_000 < after < 630_000
    assert metagraph(advance(state, 200), SUBNET).market.burn == 500_000


@pytest.mark.parametrize(
    ("signer", "call", "error"),
    [
        ("alice", _register("hot0"), NotOwner),
        ("cold0", _register("hot0"), AlreadyRegistered),
        ("alice", _register("new", 499_999), PriceTooHigh),
        ("alice", _register("new", netuid=NetUid(7)), UnknownSubnet),
        ("poor", _register("new", coldkey="poor"), NotEnoughFunds),
        ("alice", _register("new", coldkey="bob"), HotkeyRefused),
        ("alice", replace(_register("new"), consent=()), HotkeyRefused),
    ],
)
def test_a_registration_that_may_not_be_is_refused(
    signer: str, call: RegisterNeuron, error: type[Exception]
) -> None:
    with pytest.raises(error):
        process_call(Draft(make_state()), key_of(signer), call)


def test_a_full_subnet_replaces_the_neuron_that_earned_least() -> None:
    state = play_epoch(_full_state(), {"hot0": {2: 65_535}, "hot1": {2: 65_535}})
    applied = do(advance(state, 30), "alice", _register("new", state=state))
    graph = metagraph(applied.state, SUBNET)
    assert graph.hotkeys[3] == key_of("new")
    assert graph.emission[3] == 0
    assert account(applied.state, key_of("hot3")).neurons == ()
    event = applied.events[0]
    assert isinstance(event, NeuronRegistered)
    assert event.replaced == (key_of("hot3"),)


def test_everything_about_a_replaced_neuron_is_cleared() -> None:
    state = _full_state()
    state = do(state, "hot0", make_serve(state, "hot0")).state
    state = play_epoch(advance(state, 15), {"hot0": {2: 65_535}, "hot1": {2: 65_535}})
    commit = make_commit(state, "hot0", make_reveal({2: 65_535}, 3))
    state = do(advance(state, 24), "hot0", commit).state
    draft = Draft(state)
    clear_uid(draft, SUBNET, Uid(0), key_of("hot0"))
    found_hotkey(draft, key_of("new"), key_of("alice"))
    assign_uid(draft, SUBNET, Uid(0), key_of("new"))
    assert draft.get(keys.served(SUBNET, Uid(0))) is None
    assert draft.get(keys.row(SUBNET, Uid(0))) is None
    assert draft.get(keys.bond_row(SUBNET, Uid(0))) is None
    assert draft.get(keys.commit(SUBNET, Epoch(3), Uid(0))) is None
    graph = metagraph(draft, SUBNET)
    assert graph.hotkeys[0] == key_of("new")
    assert graph.commit_block[0] == graph.active_block[0] == NEVER
    assert not graph.permits[0]


def test_weights_to_a_replaced_uid_pay_its_successor_nothing() -> None:
    rows = {"hot0": {3: 65_535, 2: 30_000}, "hot1": {3: 65_535, 2: 30_000}}
    hyper = make_hyper(max_uids=U16(4), immunity_blocks=U32(4))
    neurons = make_subnet().neurons
    state = make_state(subnets=(make_subnet(hyper=hyper, neurons=neurons),))
    state = play_epoch(state, rows)
    assert metagraph(state, SUBNET).incentive[3] > metagraph(state, SUBNET).incentive[2]
    earned = metagraph(state, SUBNET).emission
    lowest = earned.index(min(earned))
    state = do(state, "alice", _register("new", state=state)).state
    assert metagraph(state, SUBNET).hotkeys[lowest] == key_of("new")
    assert metagraph(advance(state, 18), SUBNET).incentive[lowest] == 0


def test_a_subnet_whose_neurons_are_all_immune_still_replaces_one() -> None:
    state = advance(_full_state(immunity=1_000), 1)
    applied = do(state, "alice", _register("new", state=state))
    assert applied.receipts[0].code == 0


@pytest.mark.parametrize(
    ("neurons", "height", "immunity", "least", "uid"),
    [
        ([(10, 850), (5, 995), (1, 990)], 1_000, 100, 1, 2),
        ([(10, 850), (5, 995), (1, 990)], 1_000, 100, 0, 0),
        ([(7, 3), (7, 2), (8, 1)], 1_000, 100, 1, 1),
        ([(7, 2), (7, 2), (8, 1)], 1_000, 100, 1, 0),
        ([(7, 990), (6, 991)], 1_000, 100, 10, 1),
        ([(7, 2), (6, 3)], 1_000, 100, 10, 1),
    ],
)
def test_the_pruned_neuron_is_the_lowest_by_emission_then_age_then_uid(
    neurons: list[tuple[int, int]], height: int, immunity: int, least: int, uid: int
) -> None:
    emission = np.array([each[0] for each in neurons], dtype=np.int64)
    registered = np.array([each[1] for each in neurons], dtype=np.int64)
    assert choose_pruned(emission, registered, height, immunity, least) == uid


def test_a_subnet_closed_to_newcomers_takes_none() -> None:
    state = make_state(subnets=(make_subnet(hyper=make_hyper(registration_open=False)),))
    with pytest.raises(RegistrationClosed):
        process_call(Draft(state), key_of("alice"), _register("new", state=state))


# -- leaving --------------------------------------------------------------------------------------


def _rich_state() -> State:
    """The little network, whose owners can pay for a transaction."""
    names = ("alice", "cold0", "cold1", "cold2")
    return make_state(accounts=tuple(GenesisAccount(key_of(n), Amount(10 * TAO)) for n in names))


def _rows(state: State) -> list[int]:
    return [int.from_bytes(key[-2:], "big") for key, _ in state.scan(keys.rows(SUBNET))]


def test_who_leaves_leaves_a_uid_that_is_nobodys_and_keeps_its_stake() -> None:
    state = play_epoch(_rich_state(), {"hot0": {2: 65_535}, "hot1": {2: 65_535}})
    stake = account(state, key_of("cold2")).stakes[1]
    assert stake.netuid == SUBNET
    applied = do(state, "cold2", LeaveSubnet(SUBNET, key_of("hot2")))
    assert applied.events[0] == NeuronLeft(SUBNET, Uid(2), key_of("hot2"))
    state = applied.state
    graph = metagraph(state, SUBNET)
    assert graph.uids == (0, 1, 2, 3)
    assert (graph.hotkeys[2], graph.coldkeys[2]) == (NOBODY, NOBODY)
    assert graph.hotkeys[3] == key_of("hot3")
    assert graph.emission[2] == graph.incentive[2] == 0
    assert account(state, key_of("hot2")).neurons == ()
    assert account(state, key_of("cold2")).stakes[1] == stake
    check_invariants(state)


def test_weights_to_a_uid_that_was_left_pay_nobody() -> None:
    rows = {"hot0": {2: 65_535, 3: 30_000}, "hot1": {2: 65_535, 3: 30_000}}
    state = play_epoch(_rich_state(), rows)
    state = do(state, "cold2", LeaveSubnet(SUBNET, key_of("hot2"))).state
    state = play_epoch(advance(state, 16), rows)
    graph = metagraph(state, SUBNET)
    assert graph.incentive[2] == graph.emission[2] == graph.stake[2] == 0
    assert graph.incentive[3] == 2**32
    assert not graph.permits[2]
    check_invariants(state)
    only = {"hot0": {2: 65_535}, "hot1": {2: 65_535}}
    state = play_epoch(advance(state, 32), only)
    assert metagraph(state, SUBNET).incentive == (0, 0, 0, 0)
    check_invariants(state)


def test_the_lowest_uid_that_was_left_is_given_again() -> None:
    state = _rich_state()
    for name in ("2", "1"):
        state = do(state, f"cold{name}", LeaveSubnet(SUBNET, key_of(f"hot{name}"))).state
    for uid, name in ((1, "new1"), (2, "new2"), (4, "new3")):
        applied = do(state, "alice", _register(name, state=state))
        event = applied.events[0]
        assert isinstance(event, NeuronRegistered)
        assert (event.uid, event.replaced) == (uid, ())
        state = applied.state
    assert metagraph(state, SUBNET).registered_block[1:3] == (3, 4)
    check_invariants(state)


def test_who_left_may_come_back_with_nothing_of_before() -> None:
    state = play_epoch(_rich_state(), {"hot0": {2: 65_535}, "hot1": {2: 65_535}})
    state = do(state, "cold0", LeaveSubnet(SUBNET, key_of("hot0"))).state
    state = do(state, "cold0", _register("hot0", coldkey="cold0", state=state)).state
    graph = metagraph(state, SUBNET)
    assert graph.hotkeys[0] == key_of("hot0")
    assert graph.active_block[0] == graph.commit_block[0] == NEVER
    assert not graph.permits[0]
    assert _rows(state) == [1]


@pytest.mark.parametrize(
    ("signer", "netuid", "hotkey", "error"),
    [
        ("alice", 1, "hot2", NotOwner),
        ("hot2", 1, "hot2", NotOwner),
        ("alice", 1, "stranger", UnknownHotkey),
        ("cold2", 2, "hot2", UnknownSubnet),
        ("cold2", 0, "hot2", UnknownSubnet),
    ],
)
def test_a_leave_that_may_not_be_is_refused(
    signer: str, netuid: int, hotkey: str, error: type[Exception]
) -> None:
    call = LeaveSubnet(NetUid(netuid), key_of(hotkey))
    with pytest.raises(error):
        process_call(Draft(_rich_state()), key_of(signer), call)


def test_nobody_leaves_twice() -> None:
    state = do(_rich_state(), "cold2", LeaveSubnet(SUBNET, key_of("hot2"))).state
    with pytest.raises(NotRegistered):
        process_call(Draft(state), key_of("cold2"), LeaveSubnet(SUBNET, key_of("hot2")))


def test_nobody_leaves_with_weights_to_open() -> None:
    state = _rich_state()
    row = make_reveal({2: 65_535})
    state = do(state, "hot0", make_commit(state, "hot0", row)).state
    leave = LeaveSubnet(SUBNET, key_of("hot0"))
    with pytest.raises(TooEarly, match="in block 11"):
        process_call(Draft(state), key_of("cold0"), leave)
    state = do(advance(state, 7), "hot0", row).state
    process_call(Draft(state), key_of("cold0"), leave)
