"""Channels: what a miner has a signature for it gets once, and the buyer gets all the rest."""

from dataclasses import replace
from typing import Any

import pytest

from consensus.calls.payments import CloseChannel, RedeemVoucher
from consensus.errors import CallError
from consensus.ledger.agenda import DUE_MAX
from consensus.ledger.calls import process_call
from consensus.ledger.channels import (
    list_channels_of,
    list_paid_by,
    list_paid_to,
    process_open,
    set_payer,
    view_channel,
)
from consensus.ledger.events import (
    ChannelClosed,
    ChannelClosing,
    ChannelOpened,
)
from consensus.ledger.records import (
    ROOT,
    Account,
    get_account,
    get_hotkey,
    put_account,
    put_hotkey,
)
from consensus.ledger.state import Draft, State
from consensus.ledger.subnet.records import get_market, get_subnet, put_subnet
from consensus.ledger.supply import check_invariants, get_supply
from consensus.quantities import ZERO_HASH, Amount, Height, NetUid, Nonce
from consensus.refusals import (
    AlreadyClosing,
    AmountTooSmall,
    ChannelEnded,
    ExpiryOutOfBounds,
    NotEnoughFunds,
    NotParty,
    NotPayee,
    NotRegistered,
    SubnetClosed,
    UnknownChannel,
    UnknownSubnet,
)
from tests.builders import (
    SUBNET,
    TAO,
    advance,
    apply,
    do,
    key_of,
)
from tests.consensus.ledger.channels import (
    DEPOSIT,
    FUNDED,
    PARAMS,
    free,
    make_open,
    opened,
    redeem,
    refuse,
    shown,
    voucher,
)

# -- opening --------------------------------------------------------------------------------------


def test_opening_locks_the_deposit_and_says_whose_it_is() -> None:
    applied = do(FUNDED, "alice", make_open())
    state, channel = opened()
    assert applied.events[0] == ChannelOpened(
        channel, SUBNET, key_of("alice"), key_of("hot2"), DEPOSIT, Height(20)
    )
    assert free(applied.state, "alice") == free(FUNDED, "alice") - DEPOSIT - applied.receipts[0].fee
    assert get_supply(applied.state).locked == DEPOSIT
    assert shown(state, channel).payee == key_of("hot2")
    assert list_paid_by(state, key_of("alice"), 9) == (shown(state, channel),)
    assert list_paid_to(state, key_of("hot2"), 9) == (shown(state, channel),)
    assert list_paid_to(state, key_of("hot3"), 9) == ()
    check_invariants(state)


def test_each_channel_of_a_payer_has_a_name_of_its_own() -> None:
    state = do(FUNDED, "alice", make_open()).state
    state = do(state, "alice", make_open()).state
    assert len(set(list_channels_of(state, key_of("alice")))) == 2
    assert len(list_paid_by(state, key_of("alice"), 1)) == 1
    assert get_supply(state).locked == 2 * DEPOSIT


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"netuid": NetUid(9)}, UnknownSubnet),
        ({"netuid": ROOT}, UnknownSubnet),
        ({"payee": key_of("alice")}, NotRegistered),
        ({"payee": key_of("cold2")}, NotRegistered),
        ({"deposit": Amount(0)}, AmountTooSmall),
        ({"deposit": Amount(PARAMS.stake_min - 1)}, AmountTooSmall),
        ({"deposit": Amount(2**64 - 1)}, NotEnoughFunds),
        ({"expiry": Height(0)}, ExpiryOutOfBounds),
        ({"expiry": Height(1)}, ExpiryOutOfBounds),
        ({"expiry": Height(52)}, ExpiryOutOfBounds),
        ({"expiry": Height(2**64 - 1)}, ExpiryOutOfBounds),
    ],
)
def test_an_opening_that_makes_no_sense_is_refused(
    fields: dict[str, Any], error: type[CallError]
) -> None:
    assert type(refuse(FUNDED, "alice", make_open(**fields))) is error


def test_a_closed_subnet_s_miners_get_no_new_channels_and_are_paid_from_the_old() -> None:
    state, channel = opened()
    draft = Draft(state)
    put_subnet(draft, SUBNET, replace(get_subnet(draft, SUBNET), is_closed=True))
    with pytest.raises(SubnetClosed):
        process_call(draft, key_of("alice"), make_open())
    before = get_market(draft, SUBNET).paid
    process_call(draft, key_of("hot2"), RedeemVoucher(voucher(channel, TAO)))
    assert get_account(draft, key_of("cold2")).free == 9 * TAO // 10
    assert get_market(draft, SUBNET).paid == before


@pytest.mark.parametrize("expiry", [2, 51])
def test_an_expiry_at_either_bound_is_taken(expiry: int) -> None:
    assert do(FUNDED, "alice", make_open(expiry=Height(expiry))).receipts[0].code == 0


def test_the_whole_free_balance_can_be_locked_and_not_a_rao_more() -> None:
    draft = Draft(FUNDED)
    rest = get_account(draft, key_of("alice")).free
    put_account(draft, key_of("alice"), Account(DEPOSIT, Nonce(1)))
    assert rest > DEPOSIT
    assert process_open(draft, key_of("alice"), make_open()).deposit == DEPOSIT
    put_account(draft, key_of("alice"), Account(Amount(DEPOSIT - 1), Nonce(2)))
    with pytest.raises(NotEnoughFunds):
        process_open(draft, key_of("alice"), make_open())


# -- keys that change -----------------------------------------------------------------------------


def _swap_hotkey(state: State, old: str, new: str) -> Draft:
    """Return a draft in which `old` was swapped for `new`, as rotation leaves it."""
    draft = Draft(state)
    record = get_hotkey(draft, key_of(old))
    assert record is not None
    draft.delete(b"\x11" + key_of(old))
    put_hotkey(draft, key_of(new), record)
    draft.put(b"\x18" + record.vault, key_of(new))
    return draft


def test_a_swapped_hotkey_keeps_its_channels_and_the_old_one_has_none() -> None:
    state, channel = opened()
    draft = _swap_hotkey(state, "hot2", "fresh")
    call = RedeemVoucher(voucher(channel, TAO))
    with pytest.raises(NotPayee):
        process_call(draft, key_of("hot2"), call)
    with pytest.raises(NotParty):
        process_call(draft, key_of("hot2"), CloseChannel(channel))
    before = get_account(draft, key_of("cold2")).free
    process_call(draft, key_of("fresh"), call)
    assert get_account(draft, key_of("cold2")).free == before + 9 * TAO // 10
    after = draft.freeze()
    assert [each.id for each in list_paid_to(after, key_of("fresh"), 9)] == [channel]
    assert list_paid_to(after, key_of("hot2"), 9) == ()


def test_a_swapped_coldkey_gets_the_rest_and_old_vouchers_stay_good() -> None:
    state, channel = opened()
    draft = Draft(state)
    set_payer(draft, channel, key_of("vault"))
    assert list(list_channels_of(draft, key_of("alice"))) == []
    assert list(list_channels_of(draft, key_of("vault"))) == [channel]
    process_call(draft, key_of("hot2"), RedeemVoucher(voucher(channel, TAO)))
    process_call(draft, key_of("hot2"), RedeemVoucher(voucher(channel, 2 * TAO, "vault")))
    with pytest.raises(NotParty):
        process_call(draft, key_of("alice"), CloseChannel(channel))
    process_call(draft, key_of("hot2"), CloseChannel(channel))
    assert get_account(draft, key_of("vault")).free == 3 * TAO


def test_a_miner_that_left_the_subnet_is_still_paid() -> None:
    state, channel = opened()
    draft = Draft(state)
    draft.delete(b"\x23" + key_of("hot2") + SUBNET.to_bytes(2, "big"))
    process_call(draft, key_of("hot2"), RedeemVoucher(voucher(channel, TAO)))
    assert get_account(draft, key_of("cold2")).free == 9 * TAO // 10


# -- closing --------------------------------------------------------------------------------------


def test_the_payee_ends_a_channel_at_once() -> None:
    state, channel = opened()
    state = redeem(state, channel, TAO).state
    applied = do(state, "hot2", CloseChannel(channel))
    assert free(applied.state, "alice") - free(state, "alice") == 4 * TAO
    assert applied.events[0] == ChannelClosed(
        channel, SUBNET, key_of("alice"), key_of("hot2"), Amount(TAO), Amount(4 * TAO)
    )
    assert view_channel(applied.state, channel) is None
    assert list_paid_by(applied.state, key_of("alice"), 9) == ()
    assert list_paid_to(applied.state, key_of("hot2"), 9) == ()
    assert get_supply(applied.state).locked == 0
    check_invariants(advance(applied.state, 21))


def test_the_payer_waits_for_the_dispute_window_in_which_the_payee_redeems() -> None:
    state, channel = opened()
    applied = do(state, "alice", CloseChannel(channel))
    assert applied.events[0] == ChannelClosing(channel, SUBNET, key_of("hot2"), Height(7))
    state = advance(applied.state, 5)
    state = redeem(state, channel, 2 * TAO).state
    assert shown(state, channel).channel.redeemed == 2 * TAO
    before = free(state, "alice")
    state = advance(state, 7)
    assert view_channel(state, channel) is None
    assert free(state, "alice") == before + 3 * TAO
    check_invariants(state)


def test_the_dispute_window_never_makes_a_channel_last_longer() -> None:
    state, channel = opened()
    state = do(advance(state, 17), "alice", CloseChannel(channel)).state
    assert shown(state, channel).channel.end == 20


def test_an_expired_channel_ends_by_itself() -> None:
    state, channel = opened()
    before = free(state, "alice")
    state = advance(state, 19)
    assert view_channel(state, channel) is not None
    applied = apply(state)
    assert applied.events[0] == ChannelClosed(
        channel, SUBNET, key_of("alice"), key_of("hot2"), Amount(0), DEPOSIT
    )
    assert free(applied.state, "alice") == before + DEPOSIT


@pytest.mark.parametrize("signer", ["bob", "hot3", "cold2"])
def test_who_is_no_party_closes_nothing(signer: str) -> None:
    state, channel = opened()
    assert type(refuse(state, signer, CloseChannel(channel))) is NotParty
    assert type(refuse(state, signer, CloseChannel(ZERO_HASH))) is UnknownChannel


def test_the_payer_asks_for_the_end_only_once_and_the_payee_may_still_hurry() -> None:
    state, channel = opened()
    state = do(state, "alice", CloseChannel(channel)).state
    assert type(refuse(state, "alice", CloseChannel(channel))) is AlreadyClosing
    assert do(state, "hot2", CloseChannel(channel)).receipts[0].code == 0


def test_a_channel_whose_end_has_come_is_closed_by_nobody() -> None:
    state, channel = opened()
    for signer in ("alice", "hot2"):
        assert type(refuse(advance(state, 19), signer, CloseChannel(channel))) is ChannelEnded


def test_more_channels_than_a_block_can_bear_end_over_several() -> None:
    count = DUE_MAX + 2
    draft = Draft(FUNDED, Height(0))
    alice = key_of("alice")
    call = make_open(deposit=PARAMS.stake_min, expiry=Height(3))
    for nonce in range(1, count + 1):
        free_now = get_account(draft, alice).free
        put_account(draft, alice, Account(free_now, Nonce(nonce)))
        process_call(draft, alice, call)
    state = draft.freeze()
    state = advance(state, 3)
    assert get_supply(state).locked == 2 * PARAMS.stake_min
    assert get_supply(apply(state).state).locked == 0
