"""A built body is always a valid block."""

import random

import pytest

from consensus.calls.accounts import Transfer
from consensus.ledger.mempool import Mempool
from consensus.ledger.proposal import build_body
from consensus.ledger.transition import apply_block
from consensus.quantities import U32, Amount, Nonce
from tests.builders import (
    TAO,
    admit,
    key_of,
    make_block,
    make_commit,
    make_params,
    make_reveal,
    make_state,
    make_transaction,
)


def test_a_body_holds_what_waits_and_is_valid() -> None:
    state, pool = make_state(), Mempool()
    for nonce in range(20):
        admit(pool, state, make_transaction(state, "alice", nonce=Nonce(nonce)))
    body = build_body(state, pool)
    assert len(body) == 20
    applied = apply_block(state, make_block(state, *body), pool.is_verified)
    assert all(receipt.code == 0 for receipt in applied.receipts)


def test_a_body_keeps_within_the_size_limit() -> None:
    state, pool = make_state(params=make_params(block_bytes_max=66_000)), Mempool()
    for nonce in range(500):
        admit(pool, state, make_transaction(state, "alice", nonce=Nonce(nonce)))
    body = build_body(state, pool)
    assert 300 < len(body) < 500
    apply_block(state, make_block(state, *body), pool.is_verified)


def test_calls_without_a_fee_leave_room_for_those_that_pay() -> None:
    params = make_params(block_bytes_max=70_000, commit_interval_blocks=U32(0))
    state, pool = make_state(params=params), Mempool()
    commit = make_commit(state, "hot0", make_reveal({2: 65_535}))
    free = [make_transaction(state, "hot0", commit, nonce=Nonce(nonce)) for nonce in range(8)]
    for signed in free:
        admit(pool, state, signed)
    for nonce in range(400):
        admit(pool, state, make_transaction(state, "alice", nonce=Nonce(nonce)))
    assert list(build_body(state, pool)[:8]) == free
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("consensus.ledger.proposal.WEIGHTS_PERCENT", 1)
        body = build_body(state, pool)
    first = [signed.transaction.signer for signed in body].index(key_of("alice"))
    assert 0 < first < 8
    apply_block(state, make_block(state, *body), pool.is_verified)


def test_calls_without_a_fee_fill_a_body_when_nobody_pays() -> None:
    state, pool = make_state(params=make_params(commit_interval_blocks=U32(0))), Mempool()
    commit = make_commit(state, "hot0", make_reveal({2: 65_535}))
    for nonce in range(8):
        admit(pool, state, make_transaction(state, "hot0", commit, nonce=Nonce(nonce)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("consensus.ledger.proposal.WEIGHTS_PERCENT", 0)
        assert len(build_body(state, pool)) == 8


def test_what_becomes_unaffordable_inside_the_block_is_left_out() -> None:
    state, pool = make_state(), Mempool()
    all_of_it = Transfer(key_of("alice"), Amount(10 * TAO - 30_000))
    first = make_transaction(state, "bob", all_of_it)
    second = make_transaction(state, "bob", nonce=Nonce(1), tip=Amount(TAO))
    admit(pool, state, first)
    admit(pool, state, second)
    body = build_body(state, pool)
    assert body == (first,)
    apply_block(state, make_block(state, *body))


def test_any_pool_gives_a_valid_body() -> None:
    rng = random.Random(5)
    state, pool = make_state(), Mempool()
    for nonce in range(40):
        for name in ("alice", "bob"):
            call = Transfer(key_of(f"x{rng.randrange(5)}"), Amount(rng.randrange(TAO)))
            tip = Amount(rng.randrange(10_000))
            admit(pool, state, make_transaction(state, name, call, nonce=Nonce(nonce), tip=tip))
    body = build_body(state, pool)
    assert 40 < len(body) < 80  # bob runs out of money on the way
    apply_block(state, make_block(state, *body), pool.is_verified)
