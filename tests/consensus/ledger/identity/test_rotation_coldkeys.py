"""A coldkey swap takes along all there is, after a delay, and nobody can stop it or hurry it."""

from dataclasses import replace

import pytest

from consensus.calls.accounts import SetIdentity, Transfer
from consensus.calls.payments import OpenChannel
from consensus.calls.rotation import (
    AnnounceColdkeySwap,
    CancelColdkeySwap,
    SwapColdkey,
)
from consensus.calls.staking import (
    SetAutoStake,
    SetTake,
    UnstakeRoot,
)
from consensus.errors import CallError
from consensus.ledger.calls import process_call
from consensus.ledger.channels import get_channel, list_channels_of
from consensus.ledger.events import (
    ColdkeySwapAnnounced,
    ColdkeySwapCancelled,
    ColdkeySwapped,
)
from consensus.ledger.genesis import GenesisHotkey
from consensus.ledger.identity.identities import find_identity
from consensus.ledger.identity.rotation import (
    ENTRIES_MAX,
    SwapNotice,
    find_announcement,
    list_announcements,
)
from consensus.ledger.queries import account
from consensus.ledger.stake.autostake import get_auto_stake
from consensus.ledger.state import Draft, State
from consensus.ledger.subnet.records import get_subnet
from consensus.ledger.supply import check_invariants
from consensus.quantities import (
    U32,
    Amount,
    Height,
    Identity,
    LongText,
    Ratio16,
    ShortText,
)
from consensus.refusals import (
    KeyInUse,
    NothingAnnounced,
    NotOwner,
    RateLimited,
    SameKey,
    TooEarly,
    TooMuchToMove,
)
from tests.builders import (
    SUBNET,
    TAO,
    advance,
    apply,
    do,
    key_of,
    make_registration,
    make_transaction,
)
from tests.consensus.ledger.identity.swaps import (
    ALICE,
    COLD0,
    FRESH,
    HOT0,
    HOT1,
    NEW,
    PARAMS,
    make_network,
    make_swapped,
)


def _announced(state: State | None = None, coldkey: str = "cold0") -> State:
    """Return the state in which a swap to `cold-new` may be done in the next block."""
    state = do(state or make_network(), coldkey, AnnounceColdkeySwap(NEW)).state
    return advance(state, state.height + 2)


def test_a_coldkey_swap_takes_along_all_there_is() -> None:
    state = make_network(params=replace(PARAMS, unbonding_blocks=U32(50)))
    state = do(state, "cold0", UnstakeRoot(HOT0, Amount(100 * TAO))).state
    who = Identity(ShortText("cold"), ShortText(""), ShortText(""), LongText(""))
    calls = [
        SetIdentity(who),
        SetAutoStake(SUBNET, HOT1),
        OpenChannel(key_of("hot2"), SUBNET, Amount(TAO), Height(100)),
    ]
    state = apply(
        state,
        *(
            make_transaction(state, "cold0", call, nonce=index + 1)
            for index, call in enumerate(calls)
        ),
    ).state
    state = _announced(state)
    before = account(state, COLD0)
    channel = next(list_channels_of(state, COLD0))
    applied = do(state, "cold0", SwapColdkey(NEW))
    after = applied.state
    now, old = account(after, NEW), account(after, COLD0)
    assert ColdkeySwapped(COLD0, NEW, U32(5)) in applied.events
    assert (now.nonce, old.nonce) == (0, before.nonce + 1)
    assert now.free == before.free - applied.receipts[0].fee
    assert (old.free, old.stakes, old.unbonding) == (0, (), ())
    assert [stake.hotkey for stake in now.stakes] == [HOT0]
    assert now.stakes[0].amount >= before.stakes[0].amount
    assert now.unbonding == before.unbonding
    assert account(after, HOT0).owner == NEW
    assert find_identity(after, NEW) == who
    assert find_identity(after, COLD0) is None
    assert get_auto_stake(after, NEW, SUBNET, get_subnet(after, SUBNET)) == HOT1
    assert get_channel(after, channel).payer == NEW
    assert find_announcement(after, COLD0) is None
    check_invariants(after)


def test_the_new_coldkey_does_what_the_old_one_did() -> None:
    state = do(_announced(), "cold0", SwapColdkey(NEW)).state
    with pytest.raises(NotOwner):
        process_call(Draft(state), COLD0, SetTake(HOT0, Ratio16(1)))
    state = do(state, "cold-new", SetTake(HOT0, Ratio16(1))).state
    assert account(state, HOT0).take == 1
    assert account(advance(state, 12), NEW).free >= account(state, NEW).free
    check_invariants(advance(state, 12))


def test_what_unbonds_is_released_to_the_new_coldkey() -> None:
    state = _announced()
    state = do(state, "cold0", UnstakeRoot(HOT0, Amount(100 * TAO))).state
    state = do(state, "cold0", SwapColdkey(NEW)).state
    free = account(state, NEW).free
    state = advance(state, 10)
    assert account(state, NEW).free >= free + 100 * TAO
    assert account(state, NEW).unbonding == ()
    check_invariants(state)


def test_a_swap_is_possible_when_it_is_due_and_not_before() -> None:
    state = do(make_network(), "cold0", AnnounceColdkeySwap(NEW))
    assert ColdkeySwapAnnounced(COLD0, NEW, Height(4)) in state.events
    assert find_announcement(state.state, COLD0) == SwapNotice(NEW, Height(4))
    assert list_announcements(state.state, 9) == ((COLD0, SwapNotice(NEW, Height(4))),)
    assert list_announcements(state.state, 0) == ()
    with pytest.raises(TooEarly, match="from block 4"):
        process_call(Draft(advance(state.state, 2)), COLD0, SwapColdkey(NEW))
    process_call(Draft(advance(state.state, 3)), COLD0, SwapColdkey(NEW))


def test_a_cancelled_swap_is_off() -> None:
    applied = do(_announced(), "cold0", CancelColdkeySwap())
    assert ColdkeySwapCancelled(COLD0, NEW) in applied.events
    for call in (SwapColdkey(NEW), CancelColdkeySwap()):
        with pytest.raises(NothingAnnounced):
            process_call(Draft(applied.state), COLD0, call)


def test_a_second_announcement_begins_the_delay_anew() -> None:
    state = do(_announced(), "cold0", AnnounceColdkeySwap(FRESH)).state
    with pytest.raises(NothingAnnounced):
        process_call(Draft(state), COLD0, SwapColdkey(NEW))
    with pytest.raises(TooEarly):
        process_call(Draft(state), COLD0, SwapColdkey(FRESH))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (AnnounceColdkeySwap(COLD0), SameKey),
        (AnnounceColdkeySwap(HOT1), KeyInUse),
        (CancelColdkeySwap(), NothingAnnounced),
        (SwapColdkey(NEW), NothingAnnounced),
    ],
)
def test_a_coldkey_swap_that_may_not_be_is_refused(
    call: AnnounceColdkeySwap | CancelColdkeySwap | SwapColdkey, error: type[CallError]
) -> None:
    draft = Draft(make_network())
    with pytest.raises(error):
        process_call(draft, COLD0, call)
    assert draft.changes == {}


def test_a_key_that_has_signed_is_nobodys_new_coldkey() -> None:
    state = do(make_network(), "alice", Transfer(key_of("bob"), Amount(1))).state
    with pytest.raises(KeyInUse, match="signed"):
        process_call(Draft(state), COLD0, AnnounceColdkeySwap(ALICE))


def test_nobody_stops_an_announcement_by_sending_something_to_the_new_key() -> None:
    state = make_network()
    first = make_transaction(state, "alice", Transfer(NEW, Amount(1)))
    applied = apply(state, first, make_transaction(state, "cold0", AnnounceColdkeySwap(NEW)))
    assert [receipt.code for receipt in applied.receipts] == [0, 0]


def test_a_swapped_hotkey_can_not_become_a_coldkey() -> None:
    with pytest.raises(KeyInUse):
        process_call(Draft(make_swapped()), COLD0, AnnounceColdkeySwap(HOT0))


def test_nobody_stops_a_swap_by_sending_something_to_the_new_key() -> None:
    state = do(_announced(), "alice", Transfer(NEW, Amount(5))).state
    before = account(state, COLD0).free
    applied = do(state, "cold0", SwapColdkey(NEW))
    assert account(applied.state, NEW).free == before - applied.receipts[0].fee + 5
    check_invariants(applied.state)


def test_a_new_key_that_has_become_a_hotkey_is_refused() -> None:
    state = do(_announced(), "alice", make_registration(make_network(), "cold-new", "alice")).state
    with pytest.raises(KeyInUse):
        process_call(Draft(state), COLD0, SwapColdkey(NEW))


def test_more_entries_than_one_call_moves_are_refused() -> None:
    hotkeys = tuple(
        GenesisHotkey(key_of(f"spare{index}"), ALICE, Ratio16(0)) for index in range(ENTRIES_MAX)
    )
    state = _announced(make_network(hotkeys=hotkeys), "alice")
    with pytest.raises(TooMuchToMove):  # the hotkeys, and a stake
        process_call(Draft(state), ALICE, SwapColdkey(NEW))
    state = _announced(make_network(hotkeys=hotkeys, stakes=()), "alice")
    event = process_call(Draft(state), ALICE, SwapColdkey(NEW))
    assert event == ColdkeySwapped(ALICE, NEW, U32(ENTRIES_MAX))


@pytest.mark.slow
def test_a_block_moves_a_bounded_number_of_entries_for_all_coldkeys_together() -> None:
    names = [f"rich{index}" for index in range(6)]
    hotkeys = tuple(
        GenesisHotkey(key_of(f"{name}-{index}"), key_of(name), Ratio16(0))
        for name in names
        for index in range(ENTRIES_MAX - 1)
    )
    draft = Draft(make_network(hotkeys=hotkeys))
    for name in names:
        process_call(draft, key_of(name), AnnounceColdkeySwap(key_of(f"new-{name}")))
    draft.height = Height(9)
    for name in names[:4]:
        process_call(draft, key_of(name), SwapColdkey(key_of(f"new-{name}")))
    for name in names[4:]:
        with pytest.raises(RateLimited):
            process_call(draft, key_of(name), SwapColdkey(key_of(f"new-{name}")))
    assert len(list_announcements(draft, 9)) == 2
    draft.height = Height(10)
    for name in names[4:]:
        process_call(draft, key_of(name), SwapColdkey(key_of(f"new-{name}")))
