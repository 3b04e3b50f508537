"""Vouchers: each pays what it says beyond the last one, and nothing is ever paid twice."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.calls.payments import CloseChannel, RedeemVoucher
from consensus.errors import CallError
from consensus.ledger.calls import process_call
from consensus.ledger.channels import (
    check_voucher,
    compute_burn,
    list_channels_of,
    list_paid_by,
    list_paid_to,
    view_channel,
)
from consensus.ledger.events import (
    VoucherRedeemed,
)
from consensus.ledger.records import (
    get_account,
)
from consensus.ledger.state import Draft, State
from consensus.ledger.subnet.records import get_market, get_subnet, put_subnet
from consensus.ledger.supply import check_invariants, get_supply
from consensus.ledger.transition import Applied
from consensus.quantities import U32, ZERO_HASH, Amount, Hash32, Height, Nonce, PublicKey
from consensus.refusals import (
    ChannelEnded,
    NotPayee,
    UnknownChannel,
    VoucherForged,
    VoucherStale,
    VoucherTooLarge,
)
from tests.builders import (
    SUBNET,
    TAO,
    advance,
    apply,
    do,
    key_of,
    make_params,
    make_state,
    make_transaction,
)
from tests.consensus.ledger.channels import (
    DEPOSIT,
    FUNDED,
    free,
    gift,
    make_open,
    opened,
    redeem,
    refuse,
    shown,
    voucher,
)

# -- redeeming ------------------------------------------------------------------------------------


def test_a_voucher_pays_the_miner_s_owner_and_burns_a_tenth() -> None:
    state, channel = opened()
    before = get_supply(state)
    applied = redeem(state, channel, 3 * TAO)
    assert applied.receipts[0].code == 0
    fee = applied.receipts[0].fee
    assert free(applied.state, "cold2") - free(state, "cold2") == 27 * TAO // 10
    assert get_supply(applied.state).burned == before.burned + 3 * TAO // 10 + fee
    assert get_supply(applied.state).locked == 2 * TAO
    assert applied.events[0] == VoucherRedeemed(
        channel, SUBNET, key_of("hot2"), Amount(3 * TAO), Amount(3 * TAO // 10), ZERO_HASH
    )
    check_invariants(applied.state)


def test_the_next_voucher_pays_only_the_difference() -> None:
    state, channel = opened()
    state = redeem(state, channel, TAO).state
    after = redeem(state, channel, 5 * TAO).state
    assert free(after, "cold2") - free(state, "cold2") == 4 * TAO * 9 // 10
    assert shown(after, channel).channel.redeemed == DEPOSIT


def test_a_payment_counts_as_demand_for_its_subnet() -> None:
    state, channel = opened()
    draft = Draft(state)
    before = get_market(draft, SUBNET).paid
    process_call(draft, key_of("hot2"), RedeemVoucher(voucher(channel, 3 * TAO)))
    assert get_market(draft, SUBNET).paid == before + 3 * TAO


def test_a_payment_is_no_demand_for_another_subnet_that_got_the_number() -> None:
    state, channel = opened()
    draft = Draft(state)
    put_subnet(draft, SUBNET, replace(get_subnet(draft, SUBNET), created_at=Height(2)))
    before = get_market(draft, SUBNET).paid
    process_call(draft, key_of("hot2"), RedeemVoucher(voucher(channel, 3 * TAO)))
    assert get_market(draft, SUBNET).paid == before


def test_a_payment_needs_no_subnet_that_still_exists() -> None:
    state, channel = opened()
    draft = Draft(state)
    draft.delete(b"\x20" + SUBNET.to_bytes(2, "big"))
    process_call(draft, key_of("hot2"), RedeemVoucher(voucher(channel, 3 * TAO)))
    assert get_account(draft, key_of("cold2")).free == 27 * TAO // 10


def _over(amount: int, signer: str = "alice") -> Callable[[Hash32], RedeemVoucher]:
    return lambda channel: RedeemVoucher(voucher(channel, amount, signer))


def _unknown_channel(_channel: Hash32) -> RedeemVoucher:
    return RedeemVoucher(voucher(ZERO_HASH, TAO))


def _wrong_amount(channel: Hash32) -> RedeemVoucher:
    good = voucher(channel, TAO)
    return RedeemVoucher(replace(good, amount=Amount(TAO + 1)))


def _wrong_receipts(channel: Hash32) -> RedeemVoucher:
    return RedeemVoucher(replace(voucher(channel, TAO), receipts_root=Hash32(b"\1" * 32)))


def _another_channel(channel: Hash32) -> RedeemVoucher:
    return RedeemVoucher(replace(voucher(ZERO_HASH, TAO), channel=channel))


@pytest.mark.parametrize(
    ("signer", "make", "error"),
    [
        ("hot2", _unknown_channel, UnknownChannel),
        ("hot3", _over(TAO), NotPayee),
        ("cold2", _over(TAO), NotPayee),
        ("alice", _over(TAO), NotPayee),
        ("hot2", _over(0), VoucherStale),
        ("hot2", _over(DEPOSIT + 1), VoucherTooLarge),
        ("hot2", _over(2**64 - 1), VoucherTooLarge),
        ("hot2", _over(TAO, "bob"), VoucherForged),
        ("hot2", _over(TAO, "hot2"), VoucherForged),
        ("hot2", _wrong_amount, VoucherForged),
        ("hot2", _wrong_receipts, VoucherForged),
        ("hot2", _another_channel, VoucherForged),
    ],
)
def test_a_voucher_that_proves_nothing_pays_nothing(
    signer: str, make: Callable[[Hash32], RedeemVoucher], error: type[CallError]
) -> None:
    state, channel = opened()
    assert type(refuse(state, signer, make(channel))) is error


@pytest.mark.parametrize("amount", [1, TAO - 1, TAO])
def test_a_voucher_not_above_the_last_one_pays_nothing(amount: int) -> None:
    state, channel = opened()
    state = redeem(state, channel, TAO).state
    call = RedeemVoucher(voucher(channel, amount))
    assert type(refuse(state, "hot2", call)) is VoucherStale
    assert free(do(state, "hot2", call).state, "cold2") == free(state, "cold2")


def test_the_last_block_before_the_end_pays_and_the_end_does_not() -> None:
    state, channel = opened()
    assert redeem(advance(state, 18), channel, TAO).receipts[0].code == 0
    late = RedeemVoucher(voucher(channel, TAO))
    assert type(refuse(advance(state, 19), "hot2", late)) is ChannelEnded
    assert type(refuse(advance(state, 20), "hot2", late)) is UnknownChannel


def test_a_miner_and_a_buyer_agree_off_chain_on_what_a_voucher_is_worth() -> None:
    state, channel = opened()
    payee, good = key_of("hot2"), voucher(channel, TAO)
    assert check_voucher(state, payee, good, Height(19)) == shown(state, channel).channel
    with pytest.raises(ChannelEnded):
        check_voucher(state, payee, good, Height(20))
    with pytest.raises(VoucherForged):
        check_voucher(state, payee, replace(good, amount=Amount(2 * TAO)), Height(3))


@given(
    steps=st.lists(st.integers(0, DEPOSIT), max_size=20).map(sorted),
    ppm=st.integers(0, 1_000_000),
)
def test_the_burn_depends_on_the_sum_and_not_on_the_steps(steps: list[int], ppm: int) -> None:
    at = burned = 0
    for amount in steps:
        step = compute_burn(at, amount, ppm)
        assert 0 <= step <= amount - at
        at, burned = amount, burned + step
    assert burned == compute_burn(0, at, ppm)


# -- any sequence ---------------------------------------------------------------------------------


@st.composite
def _steps(draw: st.DrawFn) -> list[tuple[str, int]]:
    kinds = st.sampled_from(["redeem", "redeem", "redeem", "payer", "payee", "wait"])
    step = st.tuples(kinds, st.integers(0, DEPOSIT + TAO))
    return draw(st.lists(step, max_size=8))


def _play(state: State, channel: Hash32, kind: str, amount: int) -> Applied:
    match kind:
        case "redeem":
            return redeem(state, channel, amount)
        case "payer":
            return do(state, "alice", CloseChannel(channel))
        case "payee":
            return do(state, "hot2", CloseChannel(channel))
        case _:
            return apply(state)


@settings(max_examples=60, deadline=None)
@pytest.mark.slow
@given(steps=_steps(), ppm=st.integers(0, 1_000_000))
def test_in_any_sequence_the_payee_gets_its_best_voucher_and_the_payer_the_rest(
    steps: list[tuple[str, int]], ppm: int
) -> None:
    params = make_params(
        dispute_blocks=U32(4), channel_blocks_max=U32(50), payment_burn_ppm=U32(ppm)
    )
    first = make_state(params=params)
    state = do(first, "alice", make_open(expiry=Height(10))).state
    state = do(state, "alice", gift("hot2")).state
    (channel,) = list_channels_of(state, key_of("alice"))
    best, spent = 0, 0
    alice = free(state, "alice")
    for kind, amount in steps:
        is_open = view_channel(state, channel) is not None
        applied = _play(state, channel, kind, amount)
        state = applied.state
        check_invariants(state)
        codes = [receipt.code for receipt in applied.receipts]
        if kind == "payer":
            spent += applied.receipts[0].fee
        if kind == "redeem" and is_open and codes == [0]:
            assert best < amount <= DEPOSIT
            best = amount
    state = advance(state, 11)
    check_invariants(state)
    assert view_channel(state, channel) is None
    assert free(state, "cold2") == best - best * ppm // 1_000_000
    assert free(state, "alice") + spent - alice == DEPOSIT - best


def test_a_hundred_vouchers_in_one_block_pay_as_much_as_the_last() -> None:
    state, channel = opened()
    calls = [
        make_transaction(
            state, "hot2", RedeemVoucher(voucher(channel, amount * 7_777_777)), nonce=Nonce(at)
        )
        for at, amount in enumerate(range(1, 101))
    ]
    applied = apply(state, *calls)
    total = 100 * 7_777_777
    assert free(applied.state, "cold2") == total - total // 10


def test_a_stranger_s_key_has_no_channels() -> None:
    nobody = PublicKey(bytes(32))
    assert list_paid_by(FUNDED, nobody, 9) == list_paid_to(FUNDED, nobody, 9) == ()
