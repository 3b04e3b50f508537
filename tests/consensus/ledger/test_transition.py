"""Blocks on states: what is checked, what is charged, what is paid, and that nothing else moves."""

from dataclasses import replace

import pytest

from consensus.errors import AmountTooSmall, InvalidBlock, NotEnoughFunds
from consensus.ledger.queries import account, beacon_mix, nonce, supply
from consensus.ledger.records import get_head
from consensus.ledger.supply import check_invariants
from consensus.types import (
    ZERO_HASH,
    Amount,
    BlockKind,
    Height,
    Nonce,
    Signature,
    TimeMs,
    Transfer,
    U64_MAX,
    ValidatorIndex,
)
from tests.builders import (
    TAO,
    advance,
    apply,
    do,
    key_of,
    make_block,
    make_state,
    make_transaction,
)

ALICE, BOB = key_of("alice"), key_of("bob")


def test_a_transfer_moves_the_amount_and_burns_the_fee() -> None:
    state = make_state()
    applied = do(state, "alice", Transfer(BOB, Amount(3 * TAO)))
    fee = applied.receipts[0].fee
    assert applied.receipts[0].code == 0
    assert fee > 0
    assert account(applied.state, BOB).free == 13 * TAO
    assert account(applied.state, ALICE).free == 997 * TAO - fee
    assert nonce(applied.state, ALICE) == 1
    assert supply(applied.state).burned == fee
    check_invariants(applied.state)
