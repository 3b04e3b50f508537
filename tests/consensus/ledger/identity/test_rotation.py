"""New hotkeys for old ones: all follows, nothing is counted twice, nobody escapes a fault."""

from dataclasses import replace

import pytest

from consensus import crypto
from consensus.calls.neurons import PublishModel
from consensus.calls.rotation import (
    SwapHotkey,
)
from consensus.calls.staking import (
    Child,
    SetAutoStake,
    SetChildren,
    SetTake,
    StakeRoot,
    UnstakeRoot,
)
from consensus.errors import CallError
from consensus.ledger import keys
from consensus.ledger.calls import process_call
from consensus.ledger.events import (
    HotkeySwapped,
)
from consensus.ledger.keys import Family
from consensus.ledger.membership.models import find_model
from consensus.ledger.membership.weights import get_forfeits
from consensus.ledger.queries import account, metagraph, supply, validator_set
from consensus.ledger.records import (
    ROOT,
    get_hotkey,
    get_pool,
    get_vault,
    get_vault_hotkey,
)
from consensus.ledger.stake.autostake import get_auto_stake
from consensus.ledger.stake.children import process_children_due, view_kin
from consensus.ledger.stake.delegates import count_delegators, find_delegate, list_delegates
from consensus.ledger.stake.shares import deposit, get_stake
from consensus.ledger.stake.staking import process_slash
from consensus.ledger.state import Draft
from consensus.ledger.subnet.records import find_served, find_uid, get_subnet
from consensus.ledger.supply import check_invariants
from consensus.quantities import (
    ZERO_HASH,
    Amount,
    Height,
    PublicKey,
    Ratio16,
    ShortText,
    Uid,
)
from consensus.refusals import (
    HotkeyRefused,
    KeyInUse,
    NotEnoughFunds,
    NotOwner,
    NotRegistered,
    SameKey,
    TooEarly,
    UnknownHotkey,
)
from tests.builders import (
    SUBNET,
    TAO,
    advance,
    apply,
    do,
    key_of,
    make_commit,
    make_consent,
    make_registration,
    make_reveal,
    make_serve,
    make_transaction,
    play_epoch,
)
from tests.consensus.ledger.identity.swaps import (
    ALICE,
    COLD0,
    COLD1,
    FRESH,
    HOT0,
    HOT1,
    PARAMS,
    make_network,
    make_swap,
    make_swapped,
)

ROWS = {"hot0": {2: 65_535, 3: 20_000}, "hot1": {2: 65_535, 3: 30_000}}


def test_a_new_hotkey_stands_in_the_old_ones_place() -> None:
    before = make_network()
    applied = do(before, "cold0", make_swap(before))
    after = applied.state
    assert HotkeySwapped(HOT0, FRESH, COLD0) in applied.events
    assert metagraph(after, SUBNET).hotkeys[0] == FRESH
    assert find_uid(after, SUBNET, FRESH) == 0
    assert find_uid(after, SUBNET, HOT0) is None
    assert get_subnet(after, SUBNET).owner == (FRESH,)
    was, now = get_hotkey(before, HOT0), get_hotkey(after, FRESH)
    assert now == was
    assert get_hotkey(after, HOT0) is None
    assert account(after, FRESH).neurons == ((SUBNET, Uid(0)),)
    for graph in (metagraph(before, SUBNET), metagraph(after, SUBNET)):
        assert graph.permits[0]
        assert graph.registered_block[0] == 0
    check_invariants(after)


def test_stake_is_behind_the_new_hotkey_without_being_moved() -> None:
    before, after = make_network(), make_swapped()
    assert get_stake(after, SUBNET, FRESH, ALICE) == 50 * TAO
    assert get_pool(after, ROOT, FRESH).amount >= 1_000 * TAO
    assert keys.shares(SUBNET, HOT0, ALICE) not in after.changes
    assert get_stake(after, SUBNET, FRESH, ALICE) == get_stake(before, SUBNET, HOT0, ALICE)
    assert [stake.hotkey for stake in account(after, ALICE).stakes] == [FRESH]
    with pytest.raises(UnknownHotkey):
        process_call(Draft(after), ALICE, StakeRoot(HOT0, Amount(TAO)))


def test_what_unbonds_is_shown_and_slashed_behind_the_new_hotkey() -> None:
    state = do(make_network(), "cold0", UnstakeRoot(HOT0, Amount(100 * TAO))).state
    state = do(state, "cold0", make_swap(state)).state
    part = account(state, COLD0).unbonding[0]
    assert (part.hotkey, part.amount) == (FRESH, 100 * TAO)
    draft = Draft(state)
    process_slash(draft, FRESH, 500_000)
    assert account(draft, COLD0).unbonding[0].amount == 50 * TAO


def test_the_fee_is_burned() -> None:
    state = make_network()
    draft = Draft(state)
    process_call(draft, COLD0, make_swap(state))
    assert account(draft, COLD0).free == 9 * TAO
    assert supply(draft.freeze()).burned == TAO


def test_the_work_does_not_grow_with_the_delegators() -> None:
    counts: list[int] = []
    for delegators in (1, 100):
        draft = Draft(make_network())
        for index in range(delegators):
            deposit(draft, SUBNET, HOT0, key_of(f"delegator{index}"), TAO)
        before = len(draft.changes)
        process_call(draft, COLD0, make_swap(make_network()))
        counts.append(len(draft.changes) - before)
    assert counts[0] == counts[1] < 15


def test_a_line_of_swaps_keeps_its_stake_and_no_key_of_it_comes_back() -> None:
    state = make_swapped()
    for old, new in (("fresh", "fresher"), ("fresher", "freshest")):
        state = do(state, "cold0", make_swap(state, old, new)).state
    assert get_stake(state, SUBNET, key_of("freshest"), ALICE) == 50 * TAO
    for name in ("hot0", "fresh", "fresher"):
        assert get_vault_hotkey(state, key_of(name)) == key_of("freshest")
        for coldkey in ("alice", "cold0"):
            call = make_registration(state, name, coldkey)
            with pytest.raises(KeyInUse):
                process_call(Draft(state), key_of(coldkey), call)
        with pytest.raises(KeyInUse):
            process_call(Draft(state), COLD1, make_swap(state, "hot1", name, "cold1"))
    assert get_vault(state, key_of("freshest")) == HOT0
    check_invariants(state)


def test_rewards_of_a_swapped_validator_go_to_the_new_hotkey() -> None:
    state = make_swapped()
    assert validator_set(state)[0].hotkey == HOT0
    before = get_pool(state, ROOT, FRESH).amount
    state = advance(state, 9)
    assert get_pool(state, ROOT, FRESH).amount > before
    tipped = apply(state, make_transaction(state, "alice", tip=Amount(77)), proposer=0).state
    assert account(tipped, COLD0).free == account(state, COLD0).free + 77
    check_invariants(tipped)


def test_an_epoch_goes_on_with_the_new_hotkey() -> None:
    rows = {"fresh": ROWS["hot0"], "hot1": ROWS["hot1"]}
    draft = Draft(make_network(), Height(0))
    process_call(draft, COLD0, make_swap(make_network()))
    state = play_epoch(draft.freeze(), rows)
    assert metagraph(state, SUBNET).dividends[0] > 0
    assert get_stake(state, SUBNET, FRESH, COLD0) > 0
    check_invariants(state)


def test_a_hotkey_that_owes_an_opening_can_not_be_swapped() -> None:
    state = make_network()
    reveal = make_reveal(ROWS["hot0"])
    state = do(state, "hot0", make_commit(state, "hot0", reveal)).state
    for height in (2, 7, 8, 9):
        draft = Draft(advance(state, height - 1))
        with pytest.raises(TooEarly, match="block 10"):
            process_call(draft, COLD0, make_swap(state))
    opened = do(advance(state, 7), "hot0", reveal).state
    process_call(Draft(opened), COLD0, make_swap(opened))
    forfeited = advance(state, 10)
    draft = Draft(forfeited)
    process_call(draft, COLD0, make_swap(forfeited))
    assert len(get_forfeits(draft, SUBNET, FRESH)) == 1
    assert get_forfeits(draft, SUBNET, HOT0) == []


def test_a_nodes_consent_to_serve_ends_with_the_old_hotkey() -> None:
    state = do(make_network(), "hot0", make_serve(make_network(), "hot0")).state
    assert find_served(state, SUBNET, Uid(0)) is not None
    state = do(state, "cold0", make_swap(state)).state
    assert find_served(state, SUBNET, Uid(0)) is None
    with pytest.raises(NotRegistered):
        process_call(Draft(state), HOT0, make_serve(state, "hot0"))
    process_call(Draft(state), FRESH, make_serve(state, "fresh"))


def test_loans_choices_and_models_follow_a_swap() -> None:
    draft = Draft(make_network())
    process_call(draft, COLD1, SetChildren(SUBNET, HOT1, (Child(HOT0, Ratio16(9)),)))
    draft.height = Height(draft.height + PARAMS.children_delay_blocks)
    process_children_due(draft, keys.u16(SUBNET) + HOT1)
    process_call(draft, key_of("cold2"), SetAutoStake(SUBNET, HOT0))
    process_call(draft, HOT0, PublishModel(SUBNET, ZERO_HASH, ShortText("ipfs://x")))
    process_call(draft, COLD0, make_swap(make_network()))
    process_call(draft, COLD0, make_swap(make_network(), "fresh", "fresher"))
    fresher = key_of("fresher")
    assert view_kin(draft, SUBNET, HOT1).children[0].hotkey == fresher
    assert view_kin(draft, SUBNET, fresher).parents[0].hotkey == HOT1
    assert get_auto_stake(draft, key_of("cold2"), SUBNET, get_subnet(draft, SUBNET)) == fresher
    assert find_model(draft, SUBNET, fresher) is not None


def test_a_consensus_key_votes_for_the_new_hotkey() -> None:
    draft = Draft(make_network())
    draft.put(keys.of(Family.CONSENSUS_KEY, HOT0), b"k" * 32)
    process_call(draft, COLD0, make_swap(make_network()))
    assert draft.get(keys.of(Family.CONSENSUS_KEY, HOT0)) is None
    assert draft.get(keys.of(Family.CONSENSUS_KEY, FRESH)) == b"k" * 32


def test_a_take_is_inherited_with_the_height_of_its_last_raise() -> None:
    draft = Draft(make_network())
    for take in (5, 9):
        process_call(draft, COLD0, SetTake(HOT0, Ratio16(take)))
    was = get_hotkey(draft, HOT0)
    process_call(draft, COLD0, make_swap(make_network()))
    assert get_hotkey(draft, FRESH) == was
    assert was is not None
    assert was.raised_at == 1


@pytest.mark.parametrize(
    ("signer", "fields", "error"),
    [
        (COLD0, {"hotkey": key_of("nobody")}, UnknownHotkey),
        (COLD1, {}, NotOwner),
        (HOT0, {}, NotOwner),
        (COLD0, {"new_hotkey": HOT0}, SameKey),
        (COLD0, {"new_hotkey": HOT1}, KeyInUse),
        (COLD0, {"new_hotkey": key_of("other")}, HotkeyRefused),
        (COLD0, {"new_hotkey": PublicKey(bytes(32))}, HotkeyRefused),
        (COLD0, {"consent": ()}, HotkeyRefused),
    ],
)
def test_a_hotkey_swap_that_may_not_be_is_refused(
    signer: PublicKey, fields: dict[str, object], error: type[CallError]
) -> None:
    draft = Draft(make_network())
    with pytest.raises(error):
        process_call(draft, signer, replace(make_swap(make_network()), **fields))
    assert draft.changes == {}


def test_a_hotkey_swap_that_can_not_be_paid_is_refused() -> None:
    state = make_network(params=replace(PARAMS, hotkey_swap_fee=Amount(11 * TAO)))
    with pytest.raises(NotEnoughFunds):
        process_call(Draft(state), COLD0, make_swap(state))


def test_delegates_are_listed_under_the_new_hotkey() -> None:
    after = make_swapped()
    listed = [delegate.hotkey for delegate in list_delegates(after, 9).largest]
    assert FRESH in listed
    assert HOT0 not in listed
    assert count_delegators(after, FRESH, 9) == 1
    found = find_delegate(after, FRESH)
    assert found is not None
    assert found.owner == COLD0
    assert found.stake == get_pool(after, ROOT, FRESH).amount
    assert find_delegate(after, HOT0) is None


def test_a_consent_is_for_one_coldkey_alone() -> None:
    state = make_network()
    message = crypto.claim_message(ZERO_HASH, FRESH, COLD0)
    assert message != crypto.claim_message(ZERO_HASH, FRESH, COLD1)
    stolen = SwapHotkey(HOT1, FRESH, (make_consent(state, "fresh", "cold0"),))
    with pytest.raises(HotkeyRefused):
        process_call(Draft(state), COLD1, stolen)
