"""A subnet's task and scorer switch for everybody at one step, and cost nobody a forfeit."""

import pytest

from consensus.errors import CallError
from consensus.ledger.calls import process_call
from consensus.ledger.events import (
    MechanismAnnounced,
    MechanismChanged,
    WeightsForfeited,
    WeightsRevealed,
)
from consensus.ledger.queries import metagraph
from consensus.ledger.state import Draft, State
from consensus.ledger.subnet.mechanism import find_mechanism
from consensus.ledger.subnet.records import find_subnet
from consensus.quantities import U64, U64_MAX, ZERO_HASH, Hash32, Height, NetUid, ShortText
from consensus.refusals import NotOwner, NotPrintable, TooEarly, UnknownSubnet
from consensus.types import SignedTransaction
from tests.builders import (
    SUBNET,
    advance,
    apply,
    do,
    key_of,
    make_commit,
    make_reveal,
    make_transaction,
    play_epoch,
)
from tests.consensus.ledger.subnets import OWNED, make_owned_state, set_mechanism

ROW = {2: 65_535, 3: 30_000}
NEW = Hash32(bytes([7] * 32))


def _announced(activation: int = 10) -> State:
    call = set_mechanism(activation, scorer_hash=NEW, task=ShortText("other"))
    return do(make_owned_state(), "cold0", call).state


def test_a_mechanism_holds_after_the_first_step_at_or_after_its_activation() -> None:
    state = make_owned_state()
    call = set_mechanism(11, scorer_hash=NEW, task=ShortText("other"))
    applied = do(state, "cold0", call)
    event = MechanismAnnounced(OWNED, ShortText("other"), U64(2), NEW, Height(11))
    assert applied.events == (event,)
    before = advance(applied.state, 17)
    subnet = find_subnet(before, OWNED)
    assert subnet is not None
    assert subnet.task == "text"
    step = apply(before)
    assert MechanismChanged(OWNED, ShortText("other"), U64(2), NEW) in step.events
    subnet = find_subnet(step.state, OWNED)
    assert subnet is not None
    assert (subnet.task, subnet.task_params, subnet.scorer_version) == ("other", b"\x01", 2)
    assert subnet.scorer_hash == NEW
    assert find_mechanism(step.state, OWNED) is None


@pytest.mark.parametrize(
    ("signer", "activation", "netuid", "error"),
    [
        ("alice", 9, 1, NotOwner),
        ("hot0", 9, 1, NotOwner),
        ("cold0", 8, 1, TooEarly),
        ("cold0", 0, 1, TooEarly),
        ("cold0", 9, 2, UnknownSubnet),
        ("cold0", 9, 0, UnknownSubnet),
    ],
)
def test_a_mechanism_that_may_not_be_is_refused(
    signer: str, activation: int, netuid: int, error: type[CallError]
) -> None:
    call = set_mechanism(activation, netuid=NetUid(netuid))
    with pytest.raises(error):
        process_call(Draft(make_owned_state()), key_of(signer), call)


def test_a_task_that_nobody_can_read_is_refused() -> None:
    call = set_mechanism(9, task=ShortText("text\n"))
    with pytest.raises(NotPrintable):
        process_call(Draft(make_owned_state()), key_of("cold0"), call)


def test_an_activation_in_all_eternity_is_only_announced() -> None:
    state = do(make_owned_state(), "cold0", set_mechanism(U64_MAX)).state
    found = find_mechanism(advance(state, 20), OWNED)
    assert found is not None
    assert found.activation == U64_MAX


def test_another_announcement_replaces_the_first_and_the_present_one_takes_it_back() -> None:
    state = do(_announced(), "cold0", set_mechanism(12, scorer_version=U64(5))).state
    assert find_mechanism(state, OWNED) is not None
    same = find_subnet(state, OWNED)
    assert same is not None
    call = set_mechanism(
        16,
        task=same.task,
        task_params=same.task_params,
        scorer_version=same.scorer_version,
        scorer_hash=same.scorer_hash,
    )
    state = play_epoch(do(state, "cold0", call).state, {"hot0": ROW, "hot1": ROW})
    applied = apply(advance(state, 17))
    assert not any(isinstance(event, MechanismChanged) for event in applied.events)
    assert find_subnet(applied.state, OWNED) == same
    assert find_mechanism(applied.state, OWNED) is None
    assert metagraph(applied.state, SUBNET).incentive[2] > 0


def test_rows_and_commitments_of_the_code_before_are_dropped_and_forfeit_nothing() -> None:
    state = play_epoch(_announced(12), {"hot0": ROW, "hot1": ROW})
    assert metagraph(state, SUBNET).incentive[2] > 0
    state = advance(state, 16)
    old = [
        make_transaction(state, name, make_commit(state, name, make_reveal(ROW, 2)))
        for name in ("hot0", "hot1")
    ]
    state = apply(state, *old).state
    events: list[object] = []
    while state.height < 26:
        applied = apply(state)
        events += applied.events
        state = applied.state
    assert not any(isinstance(event, WeightsForfeited) for event in events)
    assert metagraph(state, SUBNET).incentive == (0, 0, 0, 0)


def test_only_rows_of_the_new_code_count_after_the_switch() -> None:
    state = advance(_announced(), 18)
    rows = {name: make_reveal(ROW, 2, version=U64(2)) for name in ("hot0", "hot1")}
    scorers = {"hot0": NEW, "hot1": ZERO_HASH}
    commits: list[SignedTransaction] = []
    for name, row in rows.items():
        commit = make_commit(state, name, row)
        fields = (commit.netuid, commit.epoch, commit.digest, scorers[name])
        commits.append(make_transaction(state, name, type(commit)(*fields)))
    state = advance(apply(state, *commits).state, 23)
    applied = apply(state, *(make_transaction(state, name, row) for name, row in rows.items()))
    masked = {e.hotkey: e.is_masked for e in applied.events if isinstance(e, WeightsRevealed)}
    assert masked == {key_of("hot0"): False, key_of("hot1"): True}
