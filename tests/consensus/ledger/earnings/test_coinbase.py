"""What a block issues: TAO into pools, alpha into pools and pots, and what it is split by."""

from dataclasses import replace
from typing import Any

import pytest

from consensus.ledger import keys
from consensus.ledger.earnings.coinbase import process_averages, process_emission
from consensus.ledger.keys import Family
from consensus.ledger.records import MARK, ROOT, get_network
from consensus.ledger.state import Draft, State, Total
from consensus.ledger.subnet.records import Subnet, get_market, get_subnet, put_market, put_subnet
from consensus.ledger.supply import check_invariants, get_supply
from consensus.params import SUPPLY_CAP
from consensus.quantities import U32, U64, Amount, NetUid
from consensus.reward.market import PRICE_ONE
from tests.builders import TAO, advance, apply, make_params, make_state
from tests.consensus.ledger.markets import ONE, TWO, buy, make_market, trade

SECURITY = 100_007_630
"""A tenth of a TAO: 6554 of 65535, to the nearest."""
REST = TAO - SECURITY
HALF = REST // 2
REWARD = {"block_reward": Amount(TAO)}
DEEP = {"pool_tao": Amount(1_000 * TAO), "pool_alpha": Amount(1_000 * TAO)}


def _make_priced(**fields: Any) -> State:  # noqa: ANN401
    """Return the market after genesis with equal averages of the subnets' prices."""
    state = make_market(REWARD, **fields)
    draft = Draft(state, state.height)
    for netuid in (ONE, TWO):
        market = get_market(draft, netuid)
        put_market(draft, netuid, replace(market, price_average=U64(1 << 40)))
    return draft.freeze()


def _emit(state: State, tao: int = REST) -> Draft:
    """Emit for the two subnets as they stand in `state`."""
    return _emit_on(Draft(state), tao)


def _emit_on(draft: Draft, tao: int = REST) -> Draft:
    process_emission(draft, get_network(draft).params, _subnets(draft), tao)
    return draft


def _subnets(draft: Draft) -> list[tuple[NetUid, Subnet]]:
    return [(netuid, get_subnet(draft, netuid)) for netuid in (ONE, TWO)]


def _edit(state: State, netuid: NetUid, **fields: int) -> Draft:
    """Return a Draft in which a subnet's figures are others; totals of pools follow."""
    draft = Draft(state)
    put_market(draft, netuid, replace(get_market(draft, netuid), **fields))
    return draft


# -- TAO ------------------------------------------------------------------------------------------


def test_a_block_issues_its_reward_and_the_subnets_get_nine_tenths_of_it() -> None:
    before = _make_priced()
    after = apply(before).state
    assert get_supply(after).issued - get_supply(before).issued == TAO
    markets = [get_market(after, netuid) for netuid in (ONE, TWO)]
    assert [market.injected for market in markets] == [HALF, HALF]
    assert get_supply(after).pooled - get_supply(before).pooled == REST
    check_invariants(after)


def test_injected_alpha_keeps_the_price() -> None:
    before = _make_priced(**DEEP)
    after = get_market(_emit(before), ONE)
    assert after.tao - 1_000 * TAO == after.alpha - 1_000 * TAO == HALF


def test_tao_beyond_the_alpha_emission_buys_alpha_that_is_destroyed() -> None:
    before = _make_priced(pool_tao=Amount(100 * TAO), pool_alpha=Amount(1_000 * TAO))
    draft = _emit(before)
    market = get_market(draft, ONE)
    assert market.alpha == 1_001 * TAO
    assert market.tao == 100 * TAO + TAO // 10
    assert draft.get_total(ROOT, Total.ORDERED) == REST - 2 * (TAO // 10)
    after = get_market(apply(before).state, ONE)
    excess = HALF - TAO // 10
    assert after.tao == 100 * TAO + HALF
    assert after.alpha == market.alpha - market.alpha * excess // (market.tao + excess)


@pytest.mark.parametrize("fields", [{"registration_open": False}, {}])
def test_a_subnet_that_is_closed_to_newcomers_or_not_started_gets_no_tao(
    fields: dict[str, bool],
) -> None:
    draft = Draft(_make_priced())
    subnet = get_subnet(draft, ONE)
    hyper = replace(subnet.hyper, **fields)
    put_subnet(draft, ONE, replace(subnet, hyper=hyper, is_started=bool(fields)))
    _emit_on(draft)
    assert get_market(draft, ONE).injected == 0
    assert get_market(draft, TWO).injected == REST


def test_a_subnet_under_notice_gets_no_tao_and_keeps_its_alpha() -> None:
    draft = Draft(_make_priced())
    draft.put(keys.of(Family.ENDING, keys.u16(ONE)), MARK)
    _emit_on(draft)
    assert get_market(draft, ONE).injected == 0
    assert get_market(draft, ONE).miner_pot > 0


def test_tao_that_no_subnet_is_eligible_for_is_not_minted() -> None:
    draft = Draft(_make_priced())
    for netuid in (ONE, TWO):
        draft.put(keys.of(Family.ENDING, keys.u16(netuid)), MARK)
    issued = draft.get_total(ROOT, Total.ISSUED)
    _emit_on(draft)
    assert draft.get_total(ROOT, Total.ISSUED) == issued


def test_tao_follows_the_average_price() -> None:
    params = {**REWARD, "bootstrap_blocks": U32(0)}
    draft = _edit(make_market(params), ONE, price_average=U64(3 << 40))
    put_market(draft, TWO, replace(get_market(draft, TWO), price_average=U64(1 << 40)))
    _emit_on(draft, 4 * TAO)
    assert [get_market(draft, netuid).injected for netuid in (ONE, TWO)] == [3 * TAO, TAO]


def test_while_there_is_no_average_only_the_bootstrap_share_is_issued() -> None:
    draft = _emit(make_market(REWARD))
    part = REST * 3_277 // 65_535
    assert get_market(draft, ONE).injected + get_market(draft, TWO).injected == part


def test_a_subnet_whose_owner_pays_its_own_miners_gets_less() -> None:
    params = {**REWARD, "bootstrap_blocks": U32(0)}
    half = {"price_average": U64(1 << 40)}
    draft = _edit(make_market(params), ONE, miner_burned=U64(1 << 31), **half)
    put_market(draft, TWO, replace(get_market(draft, TWO), **half))
    _emit_on(draft, 3 * TAO)
    assert [get_market(draft, netuid).injected for netuid in (ONE, TWO)] == [TAO, 2 * TAO]


# -- alpha ----------------------------------------------------------------------------------------


def test_a_subnet_that_has_not_started_mints_no_alpha() -> None:
    draft = Draft(_make_priced())
    subnet = get_subnet(draft, ONE)
    put_subnet(draft, ONE, replace(subnet, is_started=False))
    issued = draft.get_total(ONE, Total.ISSUED)
    _emit_on(draft)
    assert draft.get_total(ONE, Total.ISSUED) == issued
    assert get_market(draft, ONE).miner_pot == 0


def test_alpha_of_pool_and_pots_stays_within_the_cap() -> None:
    pools = {"pool_tao": Amount(TAO), "pool_alpha": Amount(SUPPLY_CAP - 150 * TAO - 10)}
    state = make_market({"block_reward": Amount(SUPPLY_CAP)}, **pools)
    draft = _emit(state, 1_000 * TAO)
    assert draft.get_total(ONE, Total.ISSUED) <= SUPPLY_CAP


def test_the_registration_price_decays_in_every_block() -> None:
    state = make_market()
    draft = _edit(state, ONE, burn=Amount(TAO))
    _emit_on(draft)
    assert get_market(draft, ONE).burn < TAO


# -- averages -------------------------------------------------------------------------------------


def test_the_price_average_starts_at_zero_and_follows_the_settled_price() -> None:
    state = advance(make_market(), 1)
    first = get_market(state, ONE).price_average
    assert 0 < first < PRICE_ONE // 4
    calm, bought = apply(state).state, trade(state, ("alice", buy(99 * TAO))).state
    assert get_market(bought, ONE).price_average > get_market(calm, ONE).price_average > first


def test_what_buyers_paid_moves_into_the_demand_and_starts_anew() -> None:
    state = make_market()
    draft = _edit(state, ONE, paid=Amount(TAO))
    process_averages(draft, get_network(state).params, _subnets(draft))
    market = get_market(draft, ONE)
    assert (market.paid, market.demand_average) == (0, TAO)
    process_averages(draft, get_network(state).params, _subnets(draft))
    assert TAO - TAO // 1_000 < get_market(draft, ONE).demand_average < TAO


def test_a_subnet_without_demand_keeps_a_demand_of_zero() -> None:
    assert get_market(advance(make_market(), 5), ONE).demand_average == 0


def test_a_network_without_subnets_issues_the_security_share_alone() -> None:
    before = make_state(params=make_params(**REWARD), subnets=())
    after = apply(before).state
    assert get_supply(after).issued - get_supply(before).issued == SECURITY


def test_a_closed_subnet_is_passed_over_by_the_emission() -> None:
    state = _make_priced()
    draft = Draft(state)
    subnet = get_subnet(draft, ONE)
    put_subnet(draft, ONE, replace(subnet, is_closed=True, is_started=False))
    closed = draft.freeze()
    market = get_market(closed, ONE)
    assert get_market(apply(replace(closed, height=state.height)).state, ONE) == market
