"""Commit, reveal, forfeit: in time, by the right key, once, and at a price when withheld."""

from dataclasses import replace
from typing import Any

import pytest

from consensus.calls.staking import UnstakeRoot
from consensus.calls.weights import RevealWeights
from consensus.errors import CallError, InvalidBlock
from consensus.ledger.calls import process_call
from consensus.ledger.events import EpochClosed, WeightsForfeited, WeightsRevealed
from consensus.ledger.membership.weights import get_forfeits
from consensus.ledger.queries import account, metagraph, supply
from consensus.ledger.records import get_network
from consensus.ledger.state import Draft, State
from consensus.ledger.subnet.records import NEVER
from consensus.ledger.supply import check_invariants
from consensus.quantities import U16, U32, U64, Amount, Epoch, NetUid, Salt, Uid, Weight
from consensus.refusals import (
    CommitClosed,
    InvalidRow,
    NoCommitment,
    NoPermit,
    NotRegistered,
    RateLimited,
    RevealClosed,
    RevealMismatch,
    UnknownSubnet,
)
from consensus.reward.commit_reveal import get_step_offset
from consensus.types import Call
from tests.builders import (
    SUBNET,
    TAO,
    advance,
    apply,
    do,
    key_of,
    make_commit,
    make_hyper,
    make_reveal,
    make_state,
    make_subnet,
    make_transaction,
    play_epoch,
)

ROW = {2: 65_535, 3: 30_000}


def _try(state: State, signer: str, call: Call) -> None:
    process_call(Draft(state), key_of(signer), call)


def _committed(reveal: RevealWeights | None = None, signer: str = "hot0") -> State:
    state = make_state()
    commit = make_commit(state, signer, make_reveal(ROW) if reveal is None else reveal)
    return advance(do(state, signer, commit).state, 7)


def test_a_commitment_is_free_and_its_reveal_puts_the_row_in_force() -> None:
    state = _committed()
    applied = do(state, "hot0", make_reveal(ROW))
    assert applied.receipts[0].fee == 0
    hotkey = key_of("hot0")
    event = WeightsRevealed(SUBNET, Epoch(0), Uid(0), hotkey, is_masked=False)
    assert applied.events == (event,)
    graph = metagraph(applied.state, SUBNET)
    assert graph.commit_block[0] == 1
    assert graph.active_block[0] == 8
    assert graph.active == (True, False, False, False)
    assert account(applied.state, key_of("hot0")).free == 0


@pytest.mark.parametrize(
    ("signer", "fields", "error"),
    [
        ("hot2", {}, NoPermit),
        ("alice", {}, NotRegistered),
        ("hot0", {"epoch": Epoch(1)}, CommitClosed),
        ("hot0", {"netuid": NetUid(9)}, UnknownSubnet),
    ],
)
def test_a_commitment_needs_a_permit_and_the_right_epoch(
    signer: str, fields: dict[str, Any], error: type[CallError]
) -> None:
    state = make_state()
    commit = make_commit(state, signer, make_reveal(ROW))
    with pytest.raises(error):
        _try(state, signer, replace(commit, **fields))


def test_a_free_call_that_would_fail_makes_the_block_invalid() -> None:
    state = make_state()
    commit = make_commit(state, "hot2", make_reveal(ROW))
    with pytest.raises(InvalidBlock, match="NoPermit"):
        do(state, "hot2", commit)


def test_a_second_commitment_replaces_the_first_after_the_interval() -> None:
    first, second = make_reveal(ROW), make_reveal({3: 65_535}, salt=Salt(bytes([1] * 32)))
    state = make_state()
    state = do(state, "hot0", make_commit(state, "hot0", first)).state
    with pytest.raises(RateLimited):
        _try(state, "hot0", make_commit(state, "hot0", second))
    state = advance(state, 2)
    state = advance(do(state, "hot0", make_commit(state, "hot0", second)).state, 7)
    with pytest.raises(RevealMismatch):
        _try(state, "hot0", first)
    do(state, "hot0", second)


@pytest.mark.parametrize("height", [6, 9])
def test_a_reveal_outside_its_window_is_refused(height: int) -> None:
    state = make_state()
    state = do(state, "hot0", make_commit(state, "hot0", make_reveal(ROW))).state
    with pytest.raises(RevealClosed):
        _try(advance(state, height), "hot0", make_reveal(ROW))


def test_reveals_count_until_a_step_that_waits() -> None:
    late, hyper = NetUid(200), make_hyper(tempo=U16(40), immunity_blocks=U32(120))
    state = make_state(subnets=(make_subnet(netuid=late, hyper=hyper),))
    row = make_reveal(ROW, netuid=late)
    state = do(state, "hot0", make_commit(state, "hot0", row)).state
    step = 40 + get_step_offset(late, 40, 2)
    assert step > 50
    with pytest.raises(RevealClosed):
        _try(advance(state, step - 1), "hot0", row)
    state = do(advance(state, step - 2), "hot0", row).state
    events = apply(state).events
    assert [type(event) for event in events] == [EpochClosed]


def test_a_reveal_opens_once() -> None:
    state = do(_committed(), "hot0", make_reveal(ROW)).state
    with pytest.raises(NoCommitment):
        _try(state, "hot0", make_reveal(ROW))


def test_a_copied_digest_opens_nothing() -> None:
    state = make_state()
    commit = make_commit(state, "hot0", make_reveal(ROW))
    signed = [make_transaction(state, "hot0", commit), make_transaction(state, "hot1", commit)]
    state = advance(apply(state, *signed).state, 7)
    with pytest.raises(RevealMismatch):
        _try(state, "hot1", make_reveal(ROW))


@pytest.mark.parametrize(
    "fields",
    [
        {"uids": (Uid(3), Uid(2)), "values": (Weight(65_535), Weight(1))},
        {"uids": (Uid(2), Uid(2)), "values": (Weight(65_535), Weight(1))},
        {"uids": (Uid(4),), "values": (Weight(65_535),)},
        {"uids": (), "values": ()},
        {"uids": (Uid(2),), "values": (Weight(65_534),)},
    ],
)
def test_a_row_of_wrong_form_is_refused(fields: dict[str, Any]) -> None:
    row = make_reveal(ROW, **fields)
    with pytest.raises(InvalidRow):
        _try(_committed(row), "hot0", row)


def test_lists_of_different_length_open_nothing() -> None:
    with pytest.raises(RevealMismatch):
        _try(_committed(), "hot0", make_reveal(ROW, values=(Weight(65_535),)))


def test_a_weight_above_the_subnets_limit_is_refused() -> None:
    hyper = make_hyper(max_weight=40_000, min_allowed_weights=U16(2))
    state = make_state(subnets=(make_subnet(hyper=hyper),))
    rows = {"high": {2: 65_535, 3: 20_000}, "few": {2: 65_535}, "good": {2: 65_535, 3: 60_000}}
    for name, row in rows.items():
        reveal = make_reveal(row)
        committed = do(state, "hot0", make_commit(state, "hot0", reveal)).state
        committed = advance(committed, 7)
        if name == "good":
            _try(committed, "hot0", reveal)
        else:
            with pytest.raises(InvalidRow):
                _try(committed, "hot0", reveal)


def test_weights_of_an_outdated_scorer_are_opened_and_count_for_nothing() -> None:
    row = make_reveal(ROW, version=U64(7))
    applied = do(_committed(row), "hot0", row)
    event = applied.events[0]
    assert isinstance(event, WeightsRevealed)
    assert event.is_masked
    after = advance(applied.state, 10)
    assert metagraph(after, SUBNET).incentive == (0, 0, 0, 0)
    assert get_forfeits(after, SUBNET, key_of("hot0")) == []


def test_a_withheld_reveal_costs_dividends_permit_and_stake() -> None:
    state = make_state()
    signed = [
        make_transaction(state, name, make_commit(state, name, make_reveal(ROW)))
        for name in ("hot0", "hot1")
    ]
    state = advance(apply(state, *signed).state, 7)
    state = advance(do(state, "hot1", make_reveal(ROW)).state, 9)
    root = account(state, key_of("cold0")).stakes[0].amount
    burned = supply(state).burned
    applied = apply(state)
    forfeit = next(each for each in applied.events if isinstance(each, WeightsForfeited))
    assert forfeit.uid == 0
    earned = supply(applied.state).issued - supply(state).issued + forfeit.slashed
    reward = earned if state.height % 4 == 0 else 0
    assert forfeit.slashed == (root + reward) // 1_000
    assert supply(applied.state).burned == burned + forfeit.slashed
    graph = metagraph(applied.state, SUBNET)
    assert graph.permits == (False, True, False, False)
    assert graph.emission[0] == 0
    assert graph.dividends[0] == 0
    check_invariants(applied.state)
    with pytest.raises(NoPermit):
        _try(applied.state, "hot0", make_commit(state, "hot0", make_reveal(ROW, 1)))
    again = advance(applied.state, 18)
    assert metagraph(again, SUBNET).permits[0]


def test_forfeits_double_within_the_window_and_reach_what_is_unbonding() -> None:
    state = make_state()
    slashes: list[tuple[int, int]] = []
    for epoch in (0, 2, 4):
        state = advance(state, 8 * epoch + 2)
        state = do(state, "hot0", make_commit(state, "hot0", make_reveal(ROW, epoch))).state
        state = advance(state, 8 * epoch + 8)
        state = do(state, "cold0", UnstakeRoot(key_of("hot0"), Amount(10 * TAO))).state
        state = advance(state, 8 * epoch + 9)
        held = account(state, key_of("cold0"))
        total = held.stakes[0].amount + held.unbonding[0].amount
        applied = apply(state, proposer=1)
        forfeit = next(each for each in applied.events if isinstance(each, WeightsForfeited))
        slashes.append((forfeit.slashed, total))
        state = applied.state
        check_invariants(state)
    for count, (slashed, total) in enumerate(slashes):
        assert abs(slashed * 1_000 - (total << count)) < 2_000
    assert get_forfeits(state, SUBNET, key_of("hot0")) == [10, 26, 42]


def test_a_validator_that_never_commits_keeps_its_last_row() -> None:
    state = play_epoch(make_state(), {"hot0": ROW, "hot1": ROW})
    before = metagraph(state, SUBNET).incentive
    again = advance(state, 18)
    assert metagraph(again, SUBNET).incentive == before
    assert before[2] > before[3] > 0


def test_a_new_neuron_has_never_revealed() -> None:
    graph = metagraph(make_state(), SUBNET)
    assert set(graph.active_block) == {NEVER}
    assert get_network(make_state()).params.forfeit_slash_ppm == 1_000
