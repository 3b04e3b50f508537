"""Trades in real blocks: no sequence matters, nobody gets rich alone, no rao comes or goes.

The network issues nothing and transactions are free, so that money moves by trades alone.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.ledger import keys
from consensus.ledger.records import ROOT, mint
from consensus.ledger.stake.shares import raise_pool
from consensus.ledger.state import Draft, State
from consensus.ledger.subnet.records import get_market
from consensus.ledger.supply import check_invariants
from consensus.quantities import U32, Amount, NetUid
from consensus.reward.clearing import Side, quote
from consensus.types import Call, SignedTransaction
from tests.builders import TAO, advance, apply, key_of, make_transaction
from tests.consensus.ledger.markets import (
    HOT,
    ONE,
    STAKE,
    TRADERS,
    TWO,
    buy,
    free_of,
    make_market,
    sell,
    stake_of,
    swap,
    trade,
)

LEAST = 2_000_000
PRICE = 250_000_000
limits = st.sampled_from([PRICE // 2, PRICE - 1, PRICE, PRICE + 1, PRICE + PRICE // 20, 2 * PRICE])
floors = st.one_of(st.just(0), limits)
ceilings = st.one_of(st.just(2**64 - 1), limits)
amounts = st.one_of(st.integers(LEAST, 60 * TAO), st.sampled_from([LEAST, STAKE, 10 * TAO]))
netuids = st.sampled_from([ONE, TWO])
calls: st.SearchStrategy[Call] = st.one_of(
    st.builds(buy, amounts, ceilings, netuids),
    st.builds(sell, amounts, floors, netuids),
    st.builds(swap, amounts, floors, ceilings),
)


def _make_uneven(state: State) -> State:
    """Let the share pools have earned something, so that no share is worth a whole rao."""
    draft = Draft(state, state.height)
    for netuid in (ONE, TWO):
        mint(draft, netuid, 12_345_677)
        raise_pool(draft, netuid, key_of(HOT), 12_345_677)
    return draft.freeze()


def _without_head(state: State) -> dict[bytes, bytes | None]:
    """Return what a block changed, less the head, which names the receipts in their sequence."""
    return {key: value for key, value in state.changes.items() if key != keys.HEAD}


# -- sequence -------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_sequence_of_a_blocks_swaps_leads_to_another_state(data: st.DataObject) -> None:
    state = _make_uneven(make_market())
    wanted = data.draw(st.lists(calls, min_size=3, max_size=3))
    signed = [
        make_transaction(state, name, call) for name, call in zip(TRADERS, wanted, strict=True)
    ]
    shuffled: list[SignedTransaction] = data.draw(st.permutations(signed))
    first, other = apply(state, *signed), apply(state, *shuffled)
    assert _without_head(first.state) == _without_head(other.state)
    assert set(first.receipts) == set(other.receipts)
    assert first.events == other.events
    check_invariants(first.state)
    one, two = apply(first.state), apply(other.state)
    assert _without_head(one.state) == _without_head(two.state)


def test_sellers_of_one_hotkey_do_not_depend_on_who_comes_first() -> None:
    state = _make_uneven(make_market())
    amounts = (STAKE, 7 * TAO + 1, 3 * TAO + 7)
    signed = [
        make_transaction(state, name, sell(amount))
        for name, amount in zip(TRADERS, amounts, strict=True)
    ]
    states = [
        apply(state, *[signed[index] for index in order]).state
        for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0))
    ]
    assert _without_head(states[0]) == _without_head(states[1]) == _without_head(states[2])


# -- gain -----------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(
    blocks=st.lists(st.lists(calls, max_size=4), min_size=1, max_size=5),
    fee_ppm=st.sampled_from([0, 500]),
)
def test_nobody_gets_richer_by_trading_alone(blocks: list[list[Call]], fee_ppm: int) -> None:
    state = make_market({"swap_fee_ppm": U32(fee_ppm)})
    start, products = _measure(state), _products(state)
    for block in blocks:
        state = trade(state, *[("alice", call) for call in block]).state
        for netuid, product in _products(state).items():
            assert product >= products[netuid]
        products = _products(state)
    state = advance(state, state.height + 2)
    final = _measure(state)
    assert final[ROOT] + _square(state, start, final) <= start[ROOT]
    check_invariants(state)


def test_buying_and_selling_back_costs_at_least_the_fees() -> None:
    state = trade(make_market(), ("alice", buy(50 * TAO))).state
    state = trade(state, ("alice", sell(stake_of(state, "alice") - STAKE))).state
    assert free_of(state, "alice") <= 100 * TAO - 50 * TAO * 900 // 10**6


def _measure(state: State) -> dict[NetUid, int]:
    """Return what alice has of each coin."""
    stakes = {netuid: stake_of(state, "alice", netuid) for netuid in (ONE, TWO)}
    return {ROOT: free_of(state, "alice")} | stakes


def _square(state: State, start: dict[NetUid, int], final: dict[NetUid, int]) -> int:
    """Return the rao that trading back to the alpha of `start`, free of fees, would bring."""
    brought = 0
    for netuid in (ONE, TWO):
        market, more = get_market(state, netuid), final[netuid] - start[netuid]
        if more >= 0:
            brought += quote(market.tao, market.alpha, Side.SELL, more)
        else:
            brought -= -(more * market.tao // (market.alpha + more))
    return brought


def _products(state: State) -> dict[NetUid, int]:
    """Return tao times alpha of each pool: it may only grow."""
    markets = {netuid: get_market(state, netuid) for netuid in (ONE, TWO)}
    return {netuid: market.tao * market.alpha for netuid, market in markets.items()}


# -- conservation ---------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    blocks=st.lists(st.lists(st.tuples(st.sampled_from(TRADERS), calls), max_size=6), max_size=6),
    reward=st.sampled_from([0, TAO, 1_000 * TAO]),
    pool_alpha=st.sampled_from([10, TAO, 4_000 * TAO]),
)
def test_no_rao_comes_or_goes_in_any_play(
    blocks: list[list[tuple[str, Call]]], reward: int, pool_alpha: int
) -> None:
    state = make_market({"block_reward": Amount(reward)}, pool_alpha=Amount(pool_alpha))
    for block in blocks:
        state = trade(state, *block).state
        check_invariants(state)
    check_invariants(advance(state, state.height + 12))
