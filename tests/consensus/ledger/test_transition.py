"""Blocks on states: what is checked, what is charged, what is paid, and that nothing else moves."""

from dataclasses import replace
from typing import Any

import pytest

from consensus import crypto
from consensus.calls.accounts import Transfer
from consensus.calls.rotation import SwapColdkey
from consensus.calls.staking import StakeRoot
from consensus.errors import InvalidBlock
from consensus.ledger.queries import account, beacon_mix, nonce, supply
from consensus.ledger.records import get_head, get_network
from consensus.ledger.state import MemoryReader, State
from consensus.ledger.supply import check_invariants
from consensus.ledger.transition import apply_block
from consensus.quantities import (
    ZERO_HASH,
    Amount,
    Hash32,
    Height,
    Nonce,
    Signature,
    TimeMs,
    ValidatorIndex,
)
from consensus.refusals import NothingAnnounced
from consensus.types import BlockKind, SignedTransaction
from tests.builders import (
    TAO,
    advance,
    apply,
    do,
    key_of,
    make_block,
    make_params,
    make_state,
    make_transaction,
    next_reveal,
)

ALICE, BOB = key_of("alice"), key_of("bob")


def test_a_transfer_moves_the_amount_and_burns_the_fee() -> None:
    applied = do(make_state(), "alice", Transfer(BOB, Amount(3 * TAO)))
    fee = applied.receipts[0].fee
    assert applied.receipts[0].code == 0
    assert fee > 0
    assert account(applied.state, BOB).free == 13 * TAO
    assert account(applied.state, ALICE).free == 997 * TAO - fee
    assert nonce(applied.state, ALICE) == 1
    assert supply(applied.state).burned == fee
    check_invariants(applied.state)


def test_a_call_that_is_much_work_for_all_pays_for_it_even_if_it_fails() -> None:
    state = make_state()
    plain = do(state, "alice", Transfer(BOB, Amount(1))).receipts[0].fee
    swap = do(state, "alice", SwapColdkey(BOB)).receipts[0]
    assert swap.code == NothingAnnounced.code
    assert swap.fee > 400 * get_network(state).params.fee_base > plain


def test_a_failed_call_leaves_only_fee_and_nonce() -> None:
    state = make_state()
    applied = do(state, "alice", StakeRoot(key_of("hot0"), Amount(2_000 * TAO)))
    empty = apply(state)
    receipt = applied.receipts[0]
    assert receipt.code != 0
    assert account(applied.state, ALICE) == replace(
        account(state, ALICE), free=Amount(1_000 * TAO - receipt.fee), nonce=Nonce(1)
    )
    changed = {key for key in applied.state.changes if b"\x13" <= key[:1] <= b"\x17"}
    assert changed == {key for key in empty.state.changes if b"\x13" <= key[:1] <= b"\x17"}
    check_invariants(applied.state)


def test_the_tip_goes_to_the_owner_of_the_proposers_hotkey() -> None:
    state = make_state()
    call = Transfer(BOB, Amount(1))
    applied = do(state, "alice", call, tip=Amount(5_000))
    assert account(applied.state, key_of("cold0")).free == 10 * TAO + 5_000


def test_transactions_of_one_signer_follow_their_nonces() -> None:
    state = make_state()
    first = make_transaction(state)
    second = make_transaction(state, nonce=Nonce(1))
    assert nonce(apply(state, first, second).state, ALICE) == 2
    with pytest.raises(InvalidBlock, match="nonce 1 must wait"):
        apply(state, second, first)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"height": Height(2)}, "on top of block 0"),
        ({"kind": BlockKind.SEAL}, "SEAL"),
        ({"time_ms": TimeMs(1_000_999)}, "time"),
        ({"state_root": ZERO_HASH}, "state root"),
        ({"receipts_root": ZERO_HASH}, "receipts root"),
        ({"reveal": ZERO_HASH}, "not on its chain"),
        ({"body_root": ZERO_HASH}, "not those the header names"),
        ({"proposer": ValidatorIndex(4), "reveal": ZERO_HASH}, "no validator 4"),
    ],
)
def test_a_header_that_does_not_fit_its_parent_is_invalid(
    fields: dict[str, Any], message: str
) -> None:
    state = make_state()
    with pytest.raises(InvalidBlock, match=message):
        apply(state, make_transaction(state), **fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"nonce": Nonce(1)}, "must wait"),
        ({"valid_until": Height(0)}, "expired"),
        ({"valid_until": Height(2_000)}, "more than 1024 blocks ahead"),
        ({"chain_id": ZERO_HASH}, "another network"),
        ({"tip": Amount(1_000 * TAO)}, "exceed the balance"),
    ],
)
def test_a_block_with_a_transaction_that_must_not_be_included_is_invalid(
    fields: dict[str, Any], message: str
) -> None:
    state = make_state()
    with pytest.raises(InvalidBlock, match=message):
        apply(state, make_transaction(state, **fields))


def test_a_replayed_transaction_is_invalid() -> None:
    state = make_state()
    signed = make_transaction(state)
    with pytest.raises(InvalidBlock, match="was used"):
        apply(apply(state, signed).state, signed)


def test_a_forged_signature_is_invalid() -> None:
    state = make_state()
    signed = make_transaction(state)
    forged = SignedTransaction(signed.transaction, Signature(bytes(64)))
    with pytest.raises(InvalidBlock, match="signature is not the signer's"):
        apply(state, forged)


def test_a_verified_signature_is_not_checked_again() -> None:
    state = make_state()
    signed = make_transaction(state)
    forged = SignedTransaction(signed.transaction, Signature(bytes(64)))
    asked: list[tuple[Hash32, Signature]] = []

    def is_verified(transaction_id: Hash32, signature: Signature) -> bool:
        asked.append((transaction_id, signature))
        return True

    apply_block(state, make_block(state, forged), is_verified)
    assert asked == [(crypto.compute_transaction_id(signed.transaction), forged.signature)]


def test_a_body_above_the_limit_is_invalid() -> None:
    state = make_state()
    small = make_state(params=make_params(block_bytes_max=70_000))
    signed = [make_transaction(small, nonce=Nonce(n)) for n in range(500)]
    with pytest.raises(InvalidBlock, match="a body of"):
        apply(small, *signed)
    assert state.root != small.root


def test_the_next_header_carries_the_receipts_of_this_block() -> None:
    applied = do(make_state(), "alice", Transfer(BOB, Amount(1)))
    expected = crypto.compute_receipts_root(applied.receipts)
    assert get_head(applied.state).receipts_root == expected
    apply(applied.state)


def test_the_beacon_tip_moves_and_the_mix_takes_in_the_reveal() -> None:
    state = make_state()
    reveal = next_reveal(state, 0)
    after = apply(state, proposer=ValidatorIndex(0)).state
    assert beacon_mix(after) == crypto.compute_mix(beacon_mix(state), reveal)
    with pytest.raises(InvalidBlock, match="not on its chain"):
        apply(after, proposer=ValidatorIndex(0), reveal=reveal)


def test_the_proposers_root_pool_earns_the_security_share_and_the_rest_is_in_pools() -> None:
    state = make_state()
    after = apply(state, proposer=ValidatorIndex(1)).state
    minted = supply(after).issued - supply(state).issued
    minted -= supply(after).pooled - supply(state).pooled
    assert minted == 100_007_630  # 6554 / 65535 of one TAO is ...629.5
    pool = account(after, key_of("cold1")).stakes[0]
    assert pool.amount == 1_000 * TAO + minted
    check_invariants(after)


def test_equal_blocks_on_equal_states_give_equal_roots_over_any_layers() -> None:
    state = make_state()
    deep = advance(state, 25)
    reader = MemoryReader()
    layers: list[State] = []
    layer: Any = deep
    while isinstance(layer, State):
        layers.append(layer)
        layer = layer.base
    for each in reversed(layers):
        reader.absorb(each)
    flat = State.from_reader(reader, deep.height, deep.root)
    signed = make_transaction(deep)
    assert apply(flat, signed).state.root == apply(deep, signed).state.root


def test_an_invalid_block_leaves_no_trace() -> None:
    state = make_state()
    before = dict(state.changes)
    with pytest.raises(InvalidBlock):
        apply(state, make_transaction(state), make_transaction(state))
    assert state.changes == before
    assert apply(state).state.root == apply(make_state()).state.root
