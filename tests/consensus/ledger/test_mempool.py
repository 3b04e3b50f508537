"""The pool is bounded, ordered, and holds only what could still be included."""

import pytest

from consensus import codec
from consensus.calls.accounts import Transfer
from consensus.errors import InvalidTransaction, MalformedTransaction
from consensus.ledger import mempool as rules
from consensus.ledger.fees import measure, read_measured
from consensus.ledger.genesis import GenesisAccount
from consensus.ledger.mempool import Mempool
from consensus.ledger.records import get_network
from consensus.ledger.state import State
from consensus.quantities import ZERO_HASH, Amount, Height, Nonce, Signature
from consensus.types import SignedTransaction
from tests.builders import (
    TAO,
    admit,
    advance,
    apply,
    key_of,
    make_commit,
    make_reveal,
    make_serve,
    make_state,
    make_transaction,
)

ROW = {2: 65_535}


def _rich_state() -> State:
    accounts = tuple(
        GenesisAccount(key_of(name), Amount(100 * TAO)) for name in ("a", "b", "c", "alice", "bob")
    )
    return make_state(accounts=accounts)


def _tx(state: State, signer: str, nonce: int = 0, tip: int = 0) -> SignedTransaction:
    call = Transfer(key_of("z"), Amount(1))
    return make_transaction(state, signer, call, nonce=Nonce(nonce), tip=Amount(tip))


def _taken(pool: Mempool, state: State) -> list[SignedTransaction]:
    return [measured.signed for measured in pool.take(state)]


def test_higher_tips_come_first_then_earlier_arrivals_and_nonces_in_order() -> None:
    state, pool = _rich_state(), Mempool()
    low, high, late = _tx(state, "a"), _tx(state, "b", tip=10_000), _tx(state, "c")
    after_low = _tx(state, "a", nonce=1, tip=90_000)
    for signed in (low, after_low, high, late):
        admit(pool, state, signed)
    assert _taken(pool, state) == [high, low, after_low, late]


def test_free_calls_come_before_any_tip() -> None:
    state, pool = _rich_state(), Mempool()
    paid = _tx(state, "a", tip=TAO)
    free = make_transaction(state, "hot0", make_commit(state, "hot0", make_reveal(ROW)))
    admit(pool, state, paid)
    admit(pool, state, free)
    assert _taken(pool, state) == [free, paid]


def test_reveals_come_before_commits_and_announcements_after_all_that_pay() -> None:
    state, pool = _rich_state(), Mempool()
    commit = make_commit(state, "hot0", make_reveal(ROW))
    state = advance(apply(state, make_transaction(state, "hot0", commit)).state, 7)
    commit = make_transaction(state, "hot1", make_commit(state, "hot1", make_reveal(ROW, 1)))
    reveal = make_transaction(state, "hot0", make_reveal(ROW))
    served, paid = make_transaction(state, "hot2", make_serve(state, "hot2")), _tx(state, "a")
    for signed in (served, paid, commit, reveal):
        admit(pool, state, signed)
    assert _taken(pool, state) == [reveal, commit, paid, served]


def test_an_announcement_does_not_hold_up_its_hotkeys_weights() -> None:
    state, pool = _rich_state(), Mempool()
    served = make_transaction(state, "hot0", make_serve(state, "hot0"))
    commit = make_commit(state, "hot0", make_reveal(ROW))
    after = make_transaction(state, "hot0", commit, nonce=Nonce(1))
    paid = _tx(state, "a", tip=TAO)
    for signed in (paid, served, after):
        admit(pool, state, signed)
    assert _taken(pool, state) == [served, after, paid]


def test_announcements_make_way_for_who_pays_when_the_pool_is_full() -> None:
    state, pool = _rich_state(), Mempool(count_max=2)
    for name in ("hot2", "hot3"):
        admit(pool, state, make_transaction(state, name, make_serve(state, name)))
    paid = _tx(state, "a")
    admit(pool, state, paid)
    assert _taken(pool, state)[0] == paid
    assert len(pool) == 2


def test_one_announcement_of_a_hotkey_waits_per_subnet() -> None:
    state, pool = _rich_state(), Mempool()
    serve = make_serve(state, "hot2")
    admit(pool, state, make_transaction(state, "hot2", serve))
    with pytest.raises(InvalidTransaction, match="subnet 1 waits"):
        admit(pool, state, make_transaction(state, "hot2", serve, nonce=Nonce(1)))
    admit(pool, state, make_transaction(state, "hot3", make_serve(state, "hot3")))


def test_a_gap_is_kept_and_waits() -> None:
    state, pool = _rich_state(), Mempool()
    second, first = _tx(state, "a", nonce=1), _tx(state, "a")
    admit(pool, state, second)
    assert _taken(pool, state) == []
    assert pool.next_nonce(state, key_of("a")) == 0
    admit(pool, state, first)
    assert _taken(pool, state) == [first, second]
    assert pool.next_nonce(state, key_of("a")) == 2


def test_what_can_never_be_included_is_refused() -> None:
    state, pool = _rich_state(), Mempool()
    foreign = make_transaction(state, "a", chain_id=ZERO_HASH)
    expired = make_transaction(state, "a", valid_until=Height(0))
    used = _tx(state, "a")
    with pytest.raises(MalformedTransaction):
        admit(pool, state, foreign)
    for on, signed in ((state, expired), (apply(state, used).state, used)):
        with pytest.raises(InvalidTransaction) as caught:
            admit(pool, on, signed)
        assert caught.value.is_final
    assert len(pool) == 0


def test_a_nonce_far_ahead_is_refused_for_now() -> None:
    state, pool = _rich_state(), Mempool()
    with pytest.raises(InvalidTransaction, match="far ahead") as caught:
        admit(pool, state, _tx(state, "a", nonce=rules.SIGNER_COUNT_MAX))
    assert not caught.value.is_final


def test_the_fees_of_all_that_wait_must_be_affordable() -> None:
    state, pool = _rich_state(), Mempool()
    admit(pool, state, _tx(state, "a", tip=60 * TAO))
    with pytest.raises(InvalidTransaction, match="exceed the balance"):
        admit(pool, state, _tx(state, "a", nonce=1, tip=60 * TAO))


def test_a_replacement_must_tip_a_tenth_more() -> None:
    state, pool = _rich_state(), Mempool()
    admit(pool, state, _tx(state, "a", tip=1_000))
    with pytest.raises(InvalidTransaction, match="tip 1101"):
        admit(pool, state, _tx(state, "a", tip=1_100))
    better = _tx(state, "a", tip=1_101)
    admit(pool, state, better)
    assert _taken(pool, state) == [better]
    assert len(pool) == 1


def test_the_same_transaction_is_admitted_once() -> None:
    state, pool = _rich_state(), Mempool()
    admit(pool, state, _tx(state, "a"))
    with pytest.raises(InvalidTransaction, match="already"):
        admit(pool, state, _tx(state, "a"))


def test_a_full_pool_drops_the_lowest_tip_and_refuses_a_lower_one() -> None:
    state, pool = _rich_state(), Mempool(count_max=2)
    low, middle, high = (
        _tx(state, name, tip=tip) for name, tip in zip("abc", (1, 5, 9), strict=True)
    )
    poor = _tx(state, "bob")
    admit(pool, state, low)
    admit(pool, state, middle)
    with pytest.raises(InvalidTransaction, match="full"):
        admit(pool, state, poor)
    admit(pool, state, high)
    assert _taken(pool, state) == [high, middle]


def test_bytes_are_bounded_too() -> None:
    state = _rich_state()
    size = 190
    pool = Mempool(bytes_max=2 * size + 20)
    for name in ("a", "b"):
        admit(pool, state, _tx(state, name, tip=1))
    with pytest.raises(InvalidTransaction, match="full"):
        admit(pool, state, _tx(state, "c"))
    assert pool.size_bytes <= 2 * size + 20


def test_one_hotkey_has_few_free_calls_waiting() -> None:
    state, pool = _rich_state(), Mempool()
    commit = make_commit(state, "hot0", make_reveal(ROW))
    for nonce in range(rules.FREE_COUNT_MAX):
        admit(pool, state, make_transaction(state, "hot0", commit, nonce=Nonce(nonce)))
    extra = make_transaction(state, "hot0", commit, nonce=Nonce(rules.FREE_COUNT_MAX))
    with pytest.raises(InvalidTransaction, match="of this signer wait"):
        admit(pool, state, extra)


def test_a_free_call_that_would_fail_is_refused_with_its_remedy() -> None:
    state, pool = _rich_state(), Mempool()
    reveal = make_transaction(state, "hot0", make_reveal(ROW))
    with pytest.raises(InvalidTransaction, match=r"RevealClosed.*Reveal after"):
        admit(pool, state, reveal)


def test_advance_forgets_the_used_the_expired_and_the_too_late() -> None:
    state, pool = _rich_state(), Mempool()
    used = _tx(state, "a")
    short = make_transaction(state, "b", valid_until=Height(1))
    bound = make_commit(state, "hot0", make_reveal(ROW))
    commit = make_transaction(state, "hot0", bound)
    again = make_transaction(state, "hot0", bound, nonce=Nonce(1))
    stays = _tx(state, "c")
    for signed in (used, short, commit, again, stays):
        admit(pool, state, signed)
    after = apply(state, used, commit).state
    assert pool.advance(after) == 4
    assert _taken(pool, after) == [stays]


def test_remove_forgets_included_nonces() -> None:
    state, pool = _rich_state(), Mempool()
    signed = _tx(state, "a")
    measured = admit(pool, state, signed)
    assert pool.get(measured.transaction_id) == signed
    pool.remove((signed, _tx(state, "b")))
    assert len(pool) == 0
    assert pool.size_bytes == 0


def test_only_the_very_signature_that_was_checked_counts_as_verified() -> None:
    state, pool = _rich_state(), Mempool()
    signed = _tx(state, "a")
    name = admit(pool, state, signed).transaction_id
    assert pool.is_verified(name, signed.signature)
    assert not pool.is_verified(name, Signature(bytes(64)))
    assert not pool.is_verified(ZERO_HASH, signed.signature)


def test_what_expires_at_the_next_height_can_still_be_taken() -> None:
    state, pool = advance(_rich_state(), 3), Mempool()
    admit(pool, state, make_transaction(state, "a", valid_until=Height(4)))
    assert pool.advance(state) == 0


def test_reading_an_encoding_measures_what_encoding_measures() -> None:
    state = _rich_state()
    params = get_network(state).params
    for signed in (_tx(state, "a"), _tx(state, "b", nonce=70_000, tip=10**15)):
        assert read_measured(params, codec.encode(signed)) == measure(params, signed)
