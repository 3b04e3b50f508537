"""What a block issues and to whom: the security share, each subnet's TAO, each subnet's alpha.

TAO: of the block's emission the security share goes to the proposer's hotkey, its owner and root
delegators. The rest is split over the subnets (`reward/market.py`) and goes into their pools,
beside as much new alpha as keeps the price, at most the subnet's alpha emission; TAO beyond that
buys alpha at the block's end, which is destroyed. What no subnet is eligible for is not minted.
Fees are destroyed, tips go to the owner of the proposer's hotkey.

Alpha: each started subnet's emission waits in three pots (owner, miners, validators) for the epoch
step. A subnet without an owner does not mint the owner's share. The registration price decays each
block.

The averages that the next split follows move after the block's swaps have settled.

Source: `docs/spec/ledger.md` 2 and 4.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

from consensus.fixed import compute_decay_factor, decay
from consensus.ledger import keys
from consensus.ledger.keys import Family
from consensus.ledger.records import (
    ROOT,
    Member,
    credit,
    destroy,
    get_hotkey,
    mint,
)
from consensus.ledger.stake.shares import reward
from consensus.ledger.state import Draft, Total
from consensus.ledger.subnet.records import Market, Subnet, find_market, get_market, put_market
from consensus.ledger.trade.orders import buy_and_destroy
from consensus.ledger.validators.eras import find_current
from consensus.params import SUPPLY_CAP, Params
from consensus.quantities import U64, Amount, NetUid
from consensus.reward.emission import (
    SubnetShares,
    compute_block_emission,
    split_block_emission,
    split_subnet_emission,
)
from consensus.reward.market import (
    Burn,
    Injection,
    SubnetFigures,
    cap_demand_share,
    compute_injection,
    split_tao_emission,
    update_demand_ema,
    update_price_ema,
)


def process_coinbase(
    draft: Draft, params: Params, proposer: Member, fees: int, tips: int
) -> Amount:
    """Destroy the block's fees, pay its tips, and mint the security share; all in rao.

    Returns:
        The subnets' part of the block's TAO, which is not minted yet.
    """
    if fees:
        destroy(draft, ROOT, fees)
    hotkey = find_current(draft, proposer.entry.hotkey)  # it may have been swapped since
    if tips:
        record = get_hotkey(draft, hotkey)
        assert record is not None, "a validator's hotkey is nobody's"
        credit(draft, record.owner, tips)
    emission = compute_block_emission(draft.get_total(ROOT, Total.ISSUED), params.block_reward)
    shares = split_block_emission(emission, params)
    mint(draft, ROOT, shares.security)
    reward(draft, ROOT, hotkey, shares.security)
    return shares.subnets


def process_emission(
    draft: Draft, params: Params, subnets: Sequence[tuple[NetUid, Subnet]], tao: int
) -> None:
    """Mint a block's TAO and alpha for its `subnets`, and let their registration prices decay."""
    markets = [get_market(draft, netuid) for netuid, _ in subnets]
    figures = [
        _get_figures(draft, params, netuid, subnet, market)
        for (netuid, subnet), market in zip(subnets, markets, strict=True)
    ]
    burn = Burn(params.payment_burn_ppm, params.average_half_life_blocks)
    demands = [market.demand_average for market in markets]
    demand_share = cap_demand_share(params.demand_share, tao, demands, burn)
    parts = split_tao_emission(tao, figures, params.bootstrap_share, demand_share)
    if any(parts):
        mint(draft, ROOT, sum(parts))
    split = cache(partial(split_subnet_emission, params=params))
    for (netuid, subnet), market, part in zip(subnets, markets, parts, strict=True):
        emission = 0
        if subnet.is_started:
            issued = draft.get_total(netuid, Total.ISSUED)
            emission = compute_block_emission(issued, params.block_reward)
        injection = Injection(0, 0, 0)
        if part:
            injection = compute_injection(part, market.tao, market.alpha, emission)
        left = SUPPLY_CAP - draft.get_total(netuid, Total.ISSUED) - injection.alpha_in
        _fill(draft, (netuid, subnet), market, injection, split(min(emission, left)))


def process_averages(
    draft: Draft, params: Params, subnets: Sequence[tuple[NetUid, Subnet]]
) -> None:
    """Move the averages of price and demand to where the block has left both."""
    half_life = params.average_half_life_blocks
    for netuid, subnet in subnets:
        market = find_market(draft, netuid)
        if market is None:
            continue
        price, demand = market.price_average, market.demand_average
        if market.alpha and subnet.is_started:
            age = draft.height - subnet.created_at
            price = update_price_ema(price, market.tao, market.alpha, age, half_life)
        if demand or market.paid:
            demand = update_demand_ema(demand, market.paid, half_life)
        changed = replace(
            market, price_average=U64(price), demand_average=U64(demand), paid=Amount(0)
        )
        put_market(draft, netuid, changed)


def _get_figures(
    draft: Draft, params: Params, netuid: NetUid, subnet: Subnet, market: Market
) -> SubnetFigures:
    is_open = subnet.is_started and subnet.hyper.registration_open
    is_ending = draft.get(keys.of(Family.ENDING, keys.u16(netuid))) is not None
    return SubnetFigures(
        is_eligible=is_open and not is_ending and market.tao > 0 and market.alpha > 0,
        is_young=draft.height - subnet.created_at < params.bootstrap_blocks,
        price_ema=market.price_average,
        demand_ema=market.demand_average,
        miner_burned=market.miner_burned,
    )


def _fill(
    draft: Draft,
    which: tuple[NetUid, Subnet],
    market: Market,
    injection: Injection,
    parts: SubnetShares,
) -> None:
    """Give one subnet its part of the block's TAO and its alpha."""
    netuid, subnet = which
    owner = parts.owner if subnet.owner else 0
    pots = owner + parts.miners + parts.validators
    if pots or injection.alpha_in:
        mint(draft, netuid, pots + injection.alpha_in)
        draft.add_total(netuid, Total.PENDING, pots)
    hyper = subnet.hyper
    factor = compute_decay_factor(hyper.burn_half_life)
    changed = Market(
        burn=Amount(decay(market.burn, factor, 1, hyper.min_burn, hyper.max_burn)),
        owner_pot=Amount(market.owner_pot + owner),
        miner_pot=Amount(market.miner_pot + parts.miners),
        validator_pot=Amount(market.validator_pot + parts.validators),
        stepped_at=market.stepped_at,
        tao=Amount(market.tao + injection.tao_in),
        alpha=Amount(market.alpha + injection.alpha_in),
        price_average=market.price_average,
        demand_average=market.demand_average,
        paid=market.paid,
        miner_burned=market.miner_burned,
        injected=Amount(injection.tao_in + injection.excess_tao),
    )
    put_market(draft, netuid, changed)
    buy_and_destroy(draft, netuid, injection.excess_tao)
