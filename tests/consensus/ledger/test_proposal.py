"""A built body is always a valid block."""

import random

from consensus.calls.accounts import Transfer
from consensus.ledger.mempool import Mempool
from consensus.ledger.proposal import build_body
from consensus.ledger.transition import apply_block
from consensus.quantities import Amount, Nonce
from tests.builders import TAO, key_of, make_block, make_params, make_state, make_transaction


def test_a_body_holds_what_waits_and_is_valid() -> None:
    state, pool = make_state(), Mempool()
    for nonce in range(20):
        pool.admit(state, make_transaction(state, "alice", nonce=Nonce(nonce)))
    body = build_body(state, pool)
    assert len(body) == 20
    applied = apply_block(state, make_block(state, *body), pool.is_verified)
    assert all(receipt.code == 0 for receipt in applied.receipts)


def test_a_body_keeps_within_the_size_limit() -> None:
    state, pool = make_state(params=make_params(block_bytes_max=66_000)), Mempool()
    for nonce in range(500):
        pool.admit(state, make_transaction(state, "alice", nonce=Nonce(nonce)))
    body = build_body(state, pool)
    assert 300 < len(body) < 500
    apply_block(state, make_block(state, *body), pool.is_verified)


def test_what_becomes_unaffordable_inside_the_block_is_left_out() -> None:
    state, pool = make_state(), Mempool()
    all_of_it = Transfer(key_of("alice"), Amount(10 * TAO - 30_000))
    first = make_transaction(state, "bob", all_of_it)
    second = make_transaction(state, "bob", nonce=Nonce(1), tip=Amount(TAO))
    pool.admit(state, first)
    pool.admit(state, second)
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
            pool.admit(state, make_transaction(state, name, call, nonce=Nonce(nonce), tip=tip))
    body = build_body(state, pool)
    assert 40 < len(body) < 80  # bob runs out of money on the way
    apply_block(state, make_block(state, *body), pool.is_verified)
