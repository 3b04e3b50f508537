"""Owners change their subnet's rules within bounds, in public, and harm nobody who follows them."""

import random
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from consensus.errors import CallError
from consensus.ledger.calls import process_call
from consensus.ledger.events import (
    HyperparameterAnnounced,
    HyperparameterChanged,
    LedgerEvent,
    WeightsForfeited,
)
from consensus.ledger.queries import metagraph
from consensus.ledger.state import Draft, State
from consensus.ledger.subnet.hyperparameters import (
    BOUNDS,
    FROZEN_BLOCKS,
    RELATIONS,
    Change,
    get_changes,
    get_room,
    process_changes,
)
from consensus.ledger.subnet.records import NEVER, Column, get_cell, get_subnet, put_subnet
from consensus.ledger.supply import check_invariants
from consensus.params import Hyperparameters
from consensus.quantities import I64, U16, U32, Amount, Height, NetUid, ShortText, Uid
from consensus.refusals import (
    ChangedTooSoon,
    Frozen,
    InvalidRow,
    NotOwner,
    OutOfBounds,
    UnknownName,
    UnknownSubnet,
)
from consensus.types import Call, SignedTransaction
from tests.builders import (
    SUBNET,
    advance,
    apply,
    do,
    key_of,
    make_commit,
    make_registration,
    make_reveal,
    make_state,
    make_subnet,
    make_transaction,
)
from tests.consensus.ledger.subnets import OWNED, make_owned_state, rules_of, set_rule

ROW = {2: 65_535, 3: 30_000}


def _try(state: State, call: Call, signer: str = "cold0") -> None:
    process_call(Draft(state), key_of(signer), call)


# -- when a change holds --------------------------------------------------------------------------


def test_a_change_holds_after_the_first_epoch_step_an_epoch_later() -> None:
    applied = do(make_owned_state(), "cold0", set_rule("serving_rate_limit", 9))
    assert applied.events == (
        HyperparameterAnnounced(OWNED, ShortText("serving_rate_limit"), I64(9), Height(9)),
    )
    before = advance(applied.state, 9)
    assert rules_of(before).serving_rate_limit == 4
    step = apply(before)
    assert HyperparameterChanged(OWNED, ShortText("serving_rate_limit"), I64(9)) in step.events
    assert rules_of(step.state).serving_rate_limit == 9
    assert get_changes(step.state, OWNED).waiting == ()


def test_a_change_announced_before_a_step_waits_for_the_next_one() -> None:
    state = do(advance(make_owned_state(), 2), "cold0", set_rule("bonds_penalty", 5)).state
    assert rules_of(advance(state, 10)).bonds_penalty == 65_535
    assert rules_of(advance(state, 18)).bonds_penalty == 5


def test_every_rule_can_be_changed_and_takes_its_type() -> None:
    state = make_state(subnets=(make_subnet(owner=(key_of("hot0"),), hyper=Hyperparameters()),))
    defaults = asdict(Hyperparameters())
    assert set(BOUNDS) == set(defaults)
    values = {name: int(value) for name, value in defaults.items()}
    values |= {"liquid_alpha": 1, "registration_open": 0, "alpha_steepness": -7}
    values |= {"miner_price_cap": 5, "burn_half_life": 1}
    draft = Draft(state)
    for name, value in values.items():
        process_call(draft, key_of("cold0"), set_rule(name, value))
    draft.height = Height(720)
    process_changes(draft, OWNED)
    changed = asdict(get_subnet(draft, OWNED).hyper)
    assert changed == values
    assert [type(value) for value in changed.values()] == [type(each) for each in defaults.values()]


def test_changes_hold_in_the_order_of_their_announcement_though_the_tempo_shrinks() -> None:
    state = make_state(
        subnets=(make_subnet(owner=(key_of("hot0"),), hyper=Hyperparameters(tempo=U16(100))),)
    )
    draft = Draft(state)
    process_call(draft, key_of("cold0"), set_rule("tempo", 80))
    draft.height = Height(50)
    process_call(draft, key_of("cold0"), set_rule("bonds_penalty", 1))
    subnet = get_subnet(draft, OWNED)
    put_subnet(draft, OWNED, replace(subnet, hyper=replace(subnet.hyper, tempo=U16(80))))
    process_call(draft, key_of("cold0"), set_rule("max_validators", 3))
    dues = [each.due for each in get_changes(draft, OWNED).waiting]
    assert dues == [101, 150, 150]


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(BOUNDS))
@pytest.mark.parametrize("side", ["low", "high"])
def test_a_value_beyond_its_bound_is_refused(name: str, side: str) -> None:
    bounds = BOUNDS[name]
    value = bounds.low - 1 if side == "low" else bounds.high + 1
    with pytest.raises(OutOfBounds, match=str(bounds.low)):
        _try(make_owned_state(), set_rule(name, value))


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("tempo", 100, "3 tempos"),
        ("reveal_blocks", 3, "quarter"),
        ("immunity_blocks", 30, ""),
        ("activity_cutoff", 10, ""),
        ("max_validators", 9, "at most max_uids"),
        ("min_allowed_weights", 9, "at most max_uids"),
        ("max_burn", 100_000_000, ""),
        ("alpha_low", 58_983, "at most alpha_high"),
        ("alpha_high", 45_874, "at most alpha_high"),
    ],
)
def test_a_value_that_breaks_a_relation_is_refused(name: str, value: int, text: str) -> None:
    if text:
        with pytest.raises(OutOfBounds, match=text):
            _try(make_owned_state(), set_rule(name, value))
    else:
        _try(make_owned_state(), set_rule(name, value))


def test_relations_are_checked_with_what_is_announced() -> None:
    draft = Draft(make_owned_state(max_burn=Amount(10**9)))
    process_call(draft, key_of("cold0"), set_rule("max_burn", 10**8))
    with pytest.raises(OutOfBounds, match="min_burn is at most max_burn"):
        process_call(draft, key_of("cold0"), set_rule("min_burn", 10**8 + 1))
    process_call(draft, key_of("cold0"), set_rule("min_burn", 10**8))


def test_relations_name_rules_that_exist_and_hold_by_default() -> None:
    defaults = {name: int(value) for name, value in asdict(Hyperparameters()).items()}
    for relation in RELATIONS:
        assert set(relation.names) <= set(BOUNDS)
        assert relation.is_kept(defaults), relation.text


@pytest.mark.parametrize(
    ("signer", "call", "error"),
    [
        ("alice", set_rule("tempo", 10), NotOwner),
        ("hot0", set_rule("tempo", 10), NotOwner),
        ("cold0", set_rule("kappa", 10), UnknownName),
        ("cold0", set_rule("", 10), UnknownName),
        ("cold0", set_rule("__class__", 10), UnknownName),
        ("cold0", set_rule("tempo", 10, NetUid(2)), UnknownSubnet),
        ("cold0", set_rule("tempo", 10, NetUid(0)), UnknownSubnet),
        ("cold0", set_rule("tempo", -(2**63)), OutOfBounds),
        ("cold0", set_rule("miner_price_cap", 2**63 - 1), OutOfBounds),
    ],
)
def test_an_announcement_that_may_not_be_is_refused(
    signer: str, call: Call, error: type[CallError]
) -> None:
    with pytest.raises(error):
        _try(make_owned_state(), call, signer)


def test_nobody_owns_a_subnet_without_an_owner() -> None:
    with pytest.raises(NotOwner):
        _try(make_state(), set_rule("tempo", 10))


def test_the_last_blocks_of_an_epoch_are_frozen() -> None:
    state = make_state(subnets=(make_subnet(owner=(key_of("hot0"),), hyper=Hyperparameters()),))
    draft = Draft(state)
    draft.height = Height(360 - FROZEN_BLOCKS)
    with pytest.raises(Frozen, match="10 blocks"):
        process_call(draft, key_of("cold0"), set_rule("bonds_penalty", 1))
    draft.height = Height(359 - FROZEN_BLOCKS)
    process_call(draft, key_of("cold0"), set_rule("bonds_penalty", 1))


def test_a_short_epoch_is_frozen_by_half() -> None:
    state = advance(make_owned_state(), 2)
    _try(state, set_rule("bonds_penalty", 1))
    with pytest.raises(Frozen):
        _try(advance(state, 3), set_rule("bonds_penalty", 1))
    _try(advance(state, 7), set_rule("bonds_penalty", 1))


def test_a_rule_is_announced_once_in_two_epochs_and_others_at_once() -> None:
    state = do(advance(make_owned_state(), 1), "cold0", set_rule("bonds_penalty", 1)).state
    with pytest.raises(ChangedTooSoon, match="15 blocks to wait"):
        _try(state, set_rule("bonds_penalty", 1))
    _try(advance(state, 8), set_rule("serving_rate_limit", 7))
    with pytest.raises(ChangedTooSoon, match="1 blocks to wait"):
        _try(advance(state, 16), set_rule("bonds_penalty", 2))
    _try(advance(state, 17), set_rule("bonds_penalty", 2))


# -- who is spared --------------------------------------------------------------------------------


def _committed(state: State, epoch: int, row: dict[int, int] = ROW) -> State:
    commits = [
        make_transaction(state, name, make_commit(state, name, make_reveal(row, epoch)))
        for name in ("hot0", "hot1")
    ]
    return apply(state, *commits).state


@pytest.mark.parametrize(("tempo", "reveal_blocks"), [(16, 2), (10, 2), (11, 2), (50, 2)])
def test_a_change_of_tempo_forfeits_nothing_and_blocks_nobody(
    tempo: int, reveal_blocks: int
) -> None:
    state = make_owned_state(immunity_blocks=U32(150))
    state = do(advance(state, 2), "cold0", set_rule("tempo", tempo)).state
    state = _committed(advance(state, 16), 2)
    forfeits: list[object] = []
    assert get_cell(state, OWNED, Column.LIMITER, Uid(0)) == 17
    state = apply(state).state
    assert rules_of(state).tempo == tempo
    assert get_cell(state, OWNED, Column.LIMITER, Uid(0)) == NEVER
    epoch = 19 // tempo
    state = _committed(state, epoch)
    reveal = make_reveal(ROW, epoch)
    while state.height < (epoch + 1) * tempo + reveal_blocks:
        signed: list[SignedTransaction] = []
        if state.height + 1 == (epoch + 1) * tempo:
            signed = [make_transaction(state, name, reveal) for name in ("hot0", "hot1")]
        applied = apply(state, *signed)
        forfeits += [each for each in applied.events if isinstance(each, WeightsForfeited)]
        state = applied.state
        check_invariants(state)
    assert forfeits == []
    assert metagraph(state, SUBNET).active_block[0] == (epoch + 1) * tempo
    assert metagraph(state, SUBNET).incentive[2] > 0


def test_a_row_bound_before_a_stricter_rule_is_dropped_and_not_slashed() -> None:
    state = make_owned_state(max_weight=U16(65_535))
    state = do(advance(state, 2), "cold0", set_rule("max_weight", 40_000)).state
    only = {2: 65_535}
    state = _committed(advance(state, 16), 2, only)
    state = apply(state).state
    assert rules_of(state).max_weight == 40_000
    later, events = state, list[LedgerEvent]()
    while later.height < 27:
        applied = apply(later)
        events += applied.events
        later = applied.state
    assert not any(isinstance(each, WeightsForfeited) for each in events)
    state = _committed(advance(state, 18), 2, only)
    state = advance(state, 23)
    with pytest.raises(InvalidRow):
        _try(state, make_reveal(only, 2), "hot0")


def test_forfeits_are_forgotten_by_blocks_whatever_the_numbers_of_epochs() -> None:
    state = make_owned_state(immunity_blocks=U32(150))
    state = do(advance(state, 2), "cold0", set_rule("tempo", 50)).state
    state = _committed(advance(state, 8), 1)
    slashed: list[int] = []
    while state.height < 19:
        applied = apply(state)
        slashed += [e.slashed for e in applied.events if isinstance(e, WeightsForfeited)]
        state = applied.state
    assert len(slashed) == 2
    assert rules_of(state).tempo == 50
    again = _committed(advance(state, 60), 1)
    while again.height < 102:
        applied = apply(again)
        slashed += [e.slashed for e in applied.events if isinstance(e, WeightsForfeited)]
        again = applied.state
    assert slashed[2] > slashed[0] * 3 // 2  # within 16 epochs, it doubles


# -- room -----------------------------------------------------------------------------------------


def test_the_number_of_uids_can_not_fall_below_those_in_use() -> None:
    state = make_owned_state(max_uids=U16(32))
    for index in range(13):
        state = do(state, "alice", make_registration(state, f"new{index}")).state
    assert len(metagraph(state, SUBNET).hotkeys) == 17
    state = advance(state, 16)
    with pytest.raises(OutOfBounds, match="17 uids"):
        _try(state, set_rule("max_uids", 16))
    _try(state, set_rule("max_uids", 17))


def test_registrations_keep_to_an_announced_number_of_uids() -> None:
    state = make_owned_state(max_uids=U16(32), immunity_blocks=U32(30))
    for index in range(11):
        state = do(state, "alice", make_registration(state, f"new{index}")).state
    state = advance(state, 16)
    state = do(state, "cold0", set_rule("max_uids", 16)).state
    assert get_room(state, OWNED, rules_of(state)) == 16
    for index in range(20, 23):
        state = do(state, "alice", make_registration(state, f"new{index}")).state
    assert len(metagraph(state, SUBNET).hotkeys) == 16
    state = advance(state, 34)
    assert rules_of(state).max_uids == 16
    check_invariants(state)


def test_a_change_keeps_its_due_height() -> None:
    state = do(make_owned_state(), "cold0", set_rule("bonds_penalty", 1)).state
    assert get_changes(state, OWNED).waiting == (
        Change(ShortText("bonds_penalty"), I64(1), Height(9)),
    )


@pytest.mark.parametrize("seed", range(4))
def test_no_sequence_of_changes_breaks_a_relation(seed: int) -> None:
    dice = random.Random(seed)
    state = make_state(subnets=(make_subnet(owner=(key_of("hot0"),), hyper=Hyperparameters()),))
    draft, changed = Draft(state), 0
    for _ in range(1_500):
        draft.height = Height(draft.height + dice.randrange(1, 40))
        name = dice.choice(list(BOUNDS))
        bounds, now = BOUNDS[name], int(getattr(get_subnet(draft, OWNED).hyper, name))
        near = [now * 2, now // 2, now + 1, bounds.low, bounds.high]
        draft.mark()
        try:
            process_call(draft, key_of("cold0"), set_rule(name, dice.choice(near)))
        except CallError:
            draft.undo()
        if dice.random() < 0.5:
            changed += len(process_changes(draft, OWNED))
            rules = {k: int(v) for k, v in asdict(get_subnet(draft, OWNED).hyper).items()}
            assert all(relation.is_kept(rules) for relation in RELATIONS)
            assert all(BOUNDS[each].low <= rules[each] <= BOUNDS[each].high for each in BOUNDS)
    assert changed > 50


# -- the document ---------------------------------------------------------------------------------


def test_the_document_lists_every_rule_with_its_bounds_and_default() -> None:
    defaults = asdict(Hyperparameters())
    rows = [
        f"| `{name}` | {each.low} | {each.high} | {each.unit} | {int(defaults[name])} |"
        for name, each in BOUNDS.items()
    ]
    document = (Path(__file__).parents[4] / "docs" / "economy.md").read_text().splitlines()
    assert [line for line in document if line in rows] == rows
