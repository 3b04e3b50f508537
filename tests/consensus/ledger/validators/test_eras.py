"""Eras: who leads and votes when, how fast that may change, and what a consensus key must bring."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus import crypto
from consensus.calls.rotation import SetConsensusKey, SwapHotkey
from consensus.ledger.calls import process_call
from consensus.ledger.queries import beacon_mix
from consensus.ledger.records import get_beacon_tip, get_network
from consensus.ledger.state import Draft, State
from consensus.ledger.validators.eras import (
    compute_set_hash,
    get_era,
    get_next_set,
    get_set,
    limit_churn,
)
from consensus.quantities import RAO_PER_TAO, U16, U32, U64_MAX, Amount, Hash32, PublicKey
from consensus.refusals import KeyInUse, KeyRefused, NotOwner, UnknownHotkey
from consensus.types import StakeRoot, UnstakeRoot
from tests.builders import advance, beacon_chain, do, key_of, make_params, make_state, sign_as

TAO = RAO_PER_TAO
ERA = 4
ALL = 1_000_000


def era_state(**params: object) -> State:
    """Return a genesis whose eras have 4 blocks; its validators hold 1000, 1000, 900, 900 TAO."""
    return make_state(params=make_params(era_blocks=U32(ERA), **params))


def set_key(state: State, index: int, voter: str = "hot0") -> SetConsensusKey:
    """Return the call that lets the key "consensus{index}" vote for `voter`."""
    tip = beacon_chain(index)[0]
    message = crypto.consensus_message(get_network(state).chain_id, key_of(voter), tip)
    name = f"consensus{index}"
    return SetConsensusKey(key_of(voter), key_of(name), sign_as(name, message), tip)


def stakes(state: State) -> dict[PublicKey, int]:
    return {member.entry.hotkey: member.entry.stake for member in get_next_set(state)}


# -- boundaries -----------------------------------------------------------------------------------


def test_an_era_without_blocks_to_count_never_ends() -> None:
    state = make_state(params=make_params(era_blocks=U32(0)))
    assert get_era(state).last == U64_MAX
    after = advance(state, 9)
    assert get_era(after) == get_era(state)
    assert get_set(after) == get_set(state)


def test_the_last_block_of_an_era_begins_the_next_one() -> None:
    before = advance(era_state(), ERA - 1)
    after = advance(before, ERA)
    assert get_era(before).era == 1
    assert get_era(before).last == ERA
    assert get_era(after).era == 2
    assert get_era(after).last == 2 * ERA


def test_an_eras_set_was_named_before_and_its_seed_follows_the_last_reveal() -> None:
    before = advance(era_state(), 2 * ERA - 1)
    after = advance(before, 2 * ERA)
    assert get_set(after) == get_next_set(before)
    assert get_era(after).vset_hash == get_era(before).next_vset_hash
    assert get_era(after).vset_hash == compute_set_hash(get_set(after))
    assert get_era(after).next_vset_hash == compute_set_hash(get_next_set(after))
    assert get_era(after).seed == crypto.compute_seed(get_era(after).era, beacon_mix(after))


def test_stake_counts_two_boundaries_after_it_moved() -> None:
    state = era_state(era_churn_ppm=U32(ALL))
    state = do(state, "alice", StakeRoot(key_of("hot3"), Amount(500 * TAO))).state
    assert stakes(advance(state, ERA - 1))[key_of("hot3")] == 900 * TAO
    named = advance(state, ERA)
    assert stakes(named)[key_of("hot3")] >= 1_400 * TAO
    assert get_set(advance(named, 2 * ERA)) == get_next_set(named)


def test_who_has_no_stake_left_leaves_and_the_others_move_up() -> None:
    state = era_state(era_churn_ppm=U32(ALL), stake_min=Amount(10 * TAO))
    state = do(state, "cold0", UnstakeRoot(key_of("hot0"), Amount(1_000 * TAO))).state
    after = advance(state, 2 * ERA)
    assert key_of("hot0") not in {member.entry.hotkey for member in get_set(after)}
    assert len(get_set(after)) == 3
    advance(after, 3 * ERA)


def test_the_largest_stakes_make_up_a_full_set() -> None:
    state = era_state(validators_max=U16(2), era_churn_ppm=U32(ALL))
    after = advance(state, ERA)
    assert set(stakes(after)) == {key_of("hot0"), key_of("hot1")}


# -- keys -----------------------------------------------------------------------------------------


def test_a_new_consensus_key_votes_from_the_era_after_the_next_boundary() -> None:
    state = do(era_state(), "cold0", set_key(era_state(), 7)).state
    old, new = key_of("consensus0"), key_of("consensus7")
    by_key = {member.entry.consensus_key for member in get_set(advance(state, 2 * ERA - 1))}
    assert old in by_key
    assert new not in by_key
    later = advance(state, 2 * ERA)
    by_key = {member.entry.consensus_key for member in get_set(later)}
    assert new in by_key
    assert old not in by_key
    advance(later, 3 * ERA)


def test_a_beacon_chain_goes_on_where_it_was_after_a_boundary() -> None:
    state = advance(era_state(), ERA)
    tips = [get_beacon_tip(state, member.entry.consensus_key) for member in get_set(state)]
    assert all(tip is not None for tip in tips)
    assert any(tip not in {beacon_chain(i)[0] for i in range(4)} for tip in tips)
    advance(state, 2 * ERA)


def test_a_member_whose_hotkey_is_swapped_again_and_again_stays_the_same_member() -> None:
    state = era_state(hotkey_swap_fee=Amount(0))
    for old, new in (("hot0", "hot0b"), ("hot0b", "hot0c"), ("hot0c", "hot0d")):
        message = crypto.claim_message(get_network(state).chain_id, key_of(new), key_of("cold0"))
        call = SwapHotkey(key_of(old), key_of(new), (sign_as(new, message),))
        applied = do(state, "cold0", call)
        assert applied.receipts[0].code == 0
        state = advance(applied.state, applied.state.height + 3)  # the set lives on meanwhile
    state = advance(state, 4 * ERA)
    assert sorted(stakes(state)) == sorted(
        key_of(name) for name in ("hot0d", "hot1", "hot2", "hot3")
    )
    advance(state, 6 * ERA)


@pytest.mark.parametrize(
    ("signer", "fields", "error"),
    [
        ("cold0", {"hotkey": PublicKey(bytes(32))}, UnknownHotkey),
        ("cold1", {}, NotOwner),
        ("cold0", {"consensus_key": key_of("consensus1")}, KeyInUse),
        ("cold0", {"beacon_tip": Hash32(bytes(32))}, KeyRefused),
        ("cold0", {"consensus_key": key_of("somebody else's")}, KeyRefused),
    ],
)
def test_a_consensus_key_needs_an_owner_and_its_own_consent_and_is_used_once(
    signer: str, fields: dict[str, object], error: type[Exception]
) -> None:
    call = replace(set_key(era_state(), 7), **fields)  # type: ignore[arg-type]
    with pytest.raises(error):
        process_call(Draft(era_state()), key_of(signer), call)


# -- how much may change --------------------------------------------------------------------------


def named(**stakes: int) -> dict[PublicKey, Amount]:
    return {key_of(name): Amount(stake) for name, stake in stakes.items()}


def test_a_change_within_the_bound_happens_at_once() -> None:
    was, wanted = named(a=600, b=400), named(a=650, b=400, c=50)
    assert limit_churn(was, wanted, 100_000) == wanted


def test_whoever_joins_with_much_begins_with_a_part_of_it() -> None:
    was = named(a=600, b=400)
    assert limit_churn(was, was | named(c=1_000), 100_000) == was | named(c=100)


def test_whoever_leaves_with_much_keeps_a_part_for_now() -> None:
    was = named(a=600, b=400)
    assert limit_churn(was, named(a=600), 100_000) == named(a=600, b=300)


def test_changes_share_the_bound_in_proportion() -> None:
    was = named(a=600, b=400)
    assert limit_churn(was, named(a=900, c=300), 100_000) == named(a=630, b=360, c=30)


def test_a_set_comes_to_what_is_wanted_in_the_end() -> None:
    now, wanted = named(a=600, b=400), named(b=100, c=5_000)
    for _ in range(80):
        now = limit_churn(now, wanted, 100_000)
    assert now == wanted


STAKES = st.dictionaries(
    st.sampled_from([PublicKey(bytes([i]) * 32) for i in range(6)]),
    st.integers(1, 21_000_000 * TAO).map(Amount),
    min_size=1,
)


@given(STAKES, STAKES, st.integers(0, ALL))
def test_no_two_sets_differ_by_more_than_the_bound(
    was: dict[PublicKey, Amount], wanted: dict[PublicKey, Amount], ppm: int
) -> None:
    found = limit_churn(was, wanted, ppm)
    change = sum(abs(found.get(key, 0) - was.get(key, 0)) for key in {*was, *found})
    assert change <= sum(was.values()) * ppm // ALL
    assert all(found.values())
