"""A preview says what the next block would do, figure by figure, and changes nothing."""

# ruff: noqa: ANN401 - fields of a transaction may be anything

from typing import Any

import pytest

from consensus.calls.accounts import Transfer
from consensus.calls.neurons import RegisterNeuron
from consensus.calls.payments import OpenChannel
from consensus.calls.staking import SetTake, StakeAlpha, StakeRoot, UnstakeAlpha, UnstakeRoot
from consensus.errors import CallError
from consensus.ledger.keys import Family
from consensus.ledger.preview import Effect, Preview, What, preview
from consensus.ledger.records import ROOT, get_account
from consensus.ledger.stake.shares import get_stake
from consensus.ledger.state import State
from consensus.quantities import U64_MAX, ZERO_HASH, Amount, Height, Nonce, Ratio16
from consensus.refusals import NotEnoughFunds, UnknownHotkey
from consensus.types import Call
from tests import builders
from tests.builders import SUBNET, TAO, key_of

ALICE, BOB, HOT = key_of("alice"), key_of("bob"), key_of("hot0")


def look(state: State, call: Call, signer: str = "alice", **fields: Any) -> Preview:
    return preview(state, builders.make_transaction(state, signer, call, **fields).transaction)


def get(found: Preview, what: What, *who: bytes) -> Effect:
    return next(each for each in found.effects if each.what is what and each.who == who)


def test_a_transfer_shows_both_balances_and_the_fee():
    state = builders.make_state()
    found = look(state, Transfer(BOB, Amount(TAO)), tip=Amount(7))
    assert found.refusal is None
    assert found.problem is None
    spent = TAO + found.fee + 7
    assert get(found, What.FREE, ALICE) == Effect(
        What.FREE, ROOT, (ALICE,), 1_000 * TAO, 1_000 * TAO - spent
    )
    assert get(found, What.FREE, BOB).after == 11 * TAO


CALLS = [
    ("alice", Transfer(BOB, Amount(TAO))),
    ("alice", StakeRoot(HOT, Amount(5 * TAO))),
    ("cold0", UnstakeRoot(HOT, Amount(5 * TAO))),
    ("alice", StakeAlpha(SUBNET, HOT, Amount(5 * TAO), Amount(U64_MAX))),
    ("alice", StakeAlpha(SUBNET, HOT, Amount(5 * TAO), Amount(1))),
    ("alice", OpenChannel(HOT, SUBNET, Amount(TAO), Height(50))),
    ("alice", Transfer(BOB, Amount(10**6 * TAO))),
    ("cold0", SetTake(HOT, Ratio16(5))),
]


@pytest.mark.parametrize(("signer", "call"), CALLS, ids=[type(call).__name__ for _, call in CALLS])
def test_a_preview_equals_what_happens(signer: str, call: Call):
    state = builders.make_state()
    found = look(state, call, signer)
    # The proposer's pay is the block's, so another than HOT proposes it.
    applied = builders.apply(state, builders.make_transaction(state, signer, call), proposer=1)
    (receipt,) = applied.receipts
    assert receipt.fee == found.fee
    assert receipt.code == (0 if found.refusal is None else found.refusal.code)
    assert any(each.what is What.FREE for each in found.effects)
    for effect in found.effects:
        match effect.what:
            case What.FREE:
                assert get_account(applied.state, effect.who[0]).free == effect.after
            case What.STAKE:
                cold, hot = effect.who
                assert get_stake(applied.state, effect.netuid, hot, cold) == effect.after
            case _:
                pass


def test_a_registration_shows_uid_price_and_take():
    state = builders.make_state()
    found = look(state, builders.make_registration(state, "new"))
    assert get(found, What.UID, key_of("new")).after == 4
    assert get(found, What.UID, key_of("new")).before == -1
    raised = get(found, What.REGISTRATION)
    assert raised.after > raised.before
    assert get(found, What.BURNED).after > 0
    assert len(found.events) == 1
    assert isinstance(builders.make_registration(state, "new"), RegisterNeuron)


def test_a_purchase_and_a_sale_show_the_pool_and_its_price():
    state = builders.make_state()
    bought = look(state, StakeAlpha(SUBNET, HOT, Amount(50 * TAO), Amount(U64_MAX)))
    price = get(bought, What.PRICE)
    assert price.after > price.before
    assert get(bought, What.POOL_TAO).after > get(bought, What.POOL_TAO).before + 49 * TAO
    assert get(bought, What.STAKE, ALICE, HOT).before == 0
    held = builders.do(state, "alice", StakeAlpha(SUBNET, HOT, Amount(50 * TAO), Amount(U64_MAX)))
    sold = look(held.state, UnstakeAlpha(SUBNET, HOT, Amount(TAO), Amount(0)))
    assert get(sold, What.PRICE).after < get(sold, What.PRICE).before
    assert get(sold, What.FREE, ALICE).after > get(sold, What.FREE, ALICE).before


def test_a_refused_call_costs_its_fee_alone_and_says_why():
    state = builders.make_state()
    found = look(state, Transfer(BOB, Amount(10**6 * TAO)))
    assert isinstance(found.refusal, NotEnoughFunds)
    assert [effect.what for effect in found.effects] == [What.FREE]
    assert get(found, What.FREE, ALICE).after == 1_000 * TAO - found.fee
    assert found.events == ()
    nobody = look(state, StakeRoot(key_of("nobody"), Amount(TAO)))
    assert isinstance(nobody.refusal, UnknownHotkey)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"chain_id": ZERO_HASH}, "another network"),
        ({"valid_until": Height(0)}, "expired"),
        ({"tip": Amount(10**6 * TAO)}, "exceed"),
        ({"call": builders.make_reveal(dict.fromkeys(range(32_768), 65_535))}, "are allowed"),
    ],
)
def test_what_no_block_can_include_is_a_problem_without_effects(fields: Any, words: str):
    call = fields.get("call", Transfer(BOB, Amount(TAO)))
    rest = {name: value for name, value in fields.items() if name != "call"}
    found = look(builders.make_state(), call, **rest)
    assert found.problem is not None
    assert words in str(found.problem)
    assert found.effects == ()
    assert found.writes == ()


def test_a_free_call_that_fails_can_not_be_included():
    state = builders.make_state()
    found = look(state, builders.make_commit(state, "alice", builders.make_reveal({0: 65_535})))
    assert isinstance(found.refusal, CallError)
    assert found.problem is not None
    assert found.effects == ()
    assert found.fee == 0


def test_a_preview_does_not_care_for_the_nonce_and_keeps_nothing():
    state = builders.make_state()
    before = dict(state.changes)
    found = look(state, Transfer(BOB, Amount(TAO)), nonce=Nonce(9))
    assert found.problem is None
    assert dict(state.changes) == before
    assert Family.ACCOUNT.name.lower() in found.writes
