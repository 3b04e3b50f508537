"""What subnets are worth, and what that gives them: averages, shares, injection, the lock, the end.

Units. A *Q63* figure is an integer over 2^63: one is `PRICE_ONE`, which still fits u64; it is so
fine because a half-life of 30 days moves an average by three millionths of the distance per block,
less while a subnet is young. A demand figure is in rao: what buyers paid, each rao counting
half after a half-life. It is the moving average times a constant (half-life over ln 2), so shares
of it are the average's shares; no payment is too small for it, and no division is needed.

Source: `docs/spec/ledger.md` 2 and 3; subtensor `coinbase/root.rs` (lock cost),
`staking/stake_utils.rs` (moving price), `coinbase/subnet_emissions.rs` (shares) and
`coinbase/run_coinbase.rs` (injection).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from consensus.fixed import split_largest_remainder
from consensus.params import Q32
from consensus.quantities import U16_MAX, U64_MAX, NetUid, Ratio16

PRICE_ONE = 1 << 63
"""A price of one rao per alpha rao, as Q63: the most that counts."""
_RATE_BITS = 64
_FINE_BITS = 128
"""Bits of the powers that a rate is found by: 18 squarings leave the 64 kept bits untouched."""


@dataclass(frozen=True, slots=True)
class SubnetFigures:
    """What decides a subnet's part of a block's TAO."""

    is_eligible: bool
    """It has started and its registration is open."""
    is_young: bool
    """It shares in the bootstrap part."""
    price_ema: int
    """Q63, see `update_price_ema`."""
    demand_ema: int
    """Rao, see `update_demand_ema`."""
    miner_burned: int
    """Part of the last epoch's miner emission that went to the owner's own hotkeys, Q32."""


@dataclass(frozen=True, slots=True)
class Injection:
    """What a subnet's part of a block's TAO does; tao_in + excess_tao is that part."""

    tao_in: int
    """Rao added to the pool."""
    alpha_in: int
    """Alpha rao minted into the pool."""
    excess_tao: int
    """Rao that buys alpha from the pool, which is destroyed."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A subnet that may have to make way for a new one."""

    netuid: NetUid
    price_ema: int
    """Q63."""
    registered_block: int


# -- averages -------------------------------------------------------------------------------------


@lru_cache(maxsize=64)  # asked for every subnet at every block; one or two half-lives are in use
def compute_rate(half_life_blocks: int) -> int:
    """Return the part of the distance to go per block to halve it in `half_life_blocks`, Q64.

    One less the largest f in Q64 whose power to `half_life_blocks` is at most one half.
    """
    assert half_life_blocks > 0
    low, high = 0, 1 << _RATE_BITS
    while low < high:
        middle = (low + high + 1) >> 1
        if _compute_power(middle << (_FINE_BITS - _RATE_BITS), half_life_blocks) <= _FINE_HALF:
            low = middle
        else:
            high = middle - 1
    return (1 << _RATE_BITS) - low


_FINE_HALF = 1 << (_FINE_BITS - 1)


def _compute_power(factor: int, exponent: int) -> int:
    result = 1 << _FINE_BITS
    while exponent:
        if exponent & 1:
            result = (result * factor) >> _FINE_BITS
        factor = (factor * factor) >> _FINE_BITS
        exponent >>= 1
    return result


def slow_rate(rate: int, age_blocks: int, half_life_blocks: int) -> int:
    """Return `rate` times age / (age + half-life), rounded down: the young follow slowly."""
    return rate * age_blocks // (age_blocks + half_life_blocks)


def compute_price(tao: int, alpha: int) -> int:
    """Return a pool's price as Q63, rounded down, at most one; `alpha` positive."""
    return min(PRICE_ONE, tao * PRICE_ONE // alpha)


def approach(ema: int, price: int, rate: int) -> int:
    """Return `ema` moved toward `price` (both Q63) by the part `rate` (Q64), to the nearest."""
    return ema + (((price - ema) * rate + (1 << (_RATE_BITS - 1))) >> _RATE_BITS)


def update_price_ema(ema: int, tao: int, alpha: int, age_blocks: int, half_life_blocks: int) -> int:
    """Return a subnet's price average (Q63) after a block that left the pool at `tao`, `alpha`.

    The price counts as at most one. `age_blocks` is since the subnet's creation. Rounded to the
    nearest: with a half-life of 30 days an average of full age stops within 10^-13 of the price.
    """
    rate = slow_rate(compute_rate(half_life_blocks), age_blocks, half_life_blocks)
    return approach(ema, compute_price(tao, alpha), rate)


def update_demand_ema(ema: int, paid_rao: int, half_life_blocks: int) -> int:
    """Return a subnet's demand (rao) after a block in which buyers paid `paid_rao`.

    The old sum decays, rounded down, so that it ends at zero; the payment is added whole. Clamped
    to u64, out of reach: a tenth of every payment is burned, so 10^18 rao can't be standing.
    """
    rate = compute_rate(half_life_blocks)
    return min(U64_MAX, (ema * ((1 << _RATE_BITS) - rate) >> _RATE_BITS) + paid_rao)


# -- a block's TAO --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Burn:
    """What buyers' payments destroy: millionths of each; and the half-life of their averages."""

    ppm: int
    half_life_blocks: int


def cap_demand_share(share: Ratio16, amount: int, demands: Sequence[int], burn: Burn) -> Ratio16:
    """Return the part of a block's `amount` rao that follows demand: at most what demand burned.

    Whoever feigns demand moves no more TAO to a subnet than his payments destroy, so it can't pay,
    however little others buy.

    Args:
        share: the most there is for demand, over 65535.
        amount: the TAO to be split.
        demands: the subnets' averages, as `update_demand_ema` has them.
        burn: what part of a payment is burned, and the averages' half-life.
    """
    paid = sum(demands) * compute_rate(burn.half_life_blocks) >> _RATE_BITS
    burned = paid * burn.ppm // 1_000_000
    return Ratio16(min(share, burned * U16_MAX // amount if amount else 0))


def split_tao_emission(
    amount: int,
    subnets: Sequence[SubnetFigures],
    bootstrap_share: Ratio16,
    demand_share: Ratio16,
) -> list[int]:
    """Divide the subnets' TAO of one block, in rao, among them; zero for those not eligible.

    The bootstrap share goes to the young in equal parts; the rest by price and demand, less the
    part of the miners' pay that owners gave themselves. Without a young subnet the bootstrap share
    joins the rest. If that factor leaves nobody, it is left out; if there is no price and no demand
    at all, the rest is not issued. Otherwise the parts sum to `amount`: every part is exact but
    for one division by largest remainder, ties to the lowest index.
    """
    weights = _compute_weights(subnets, demand_share)
    young = [int(figures.is_young and figures.is_eligible) for figures in subnets]
    total, count = sum(weights), sum(young)
    if count == 0 and total == 0:
        return [0] * len(subnets)
    if total == 0:
        return split_largest_remainder(amount * bootstrap_share // U16_MAX, young)
    if count == 0:
        return split_largest_remainder(amount, weights)
    equal, rest = bootstrap_share * total, (U16_MAX - bootstrap_share) * count
    merged = [equal * one + rest * weight for one, weight in zip(young, weights, strict=True)]
    return split_largest_remainder(amount, merged)


def _compute_weights(subnets: Sequence[SubnetFigures], demand_share: int) -> list[int]:
    """Return the subnets' parts of the rest, in integers of the same proportions."""
    prices = [figures.price_ema if figures.is_eligible else 0 for figures in subnets]
    demands = [figures.demand_ema if figures.is_eligible else 0 for figures in subnets]
    all_prices, all_demands = sum(prices), sum(demands)
    by_price, by_demand = 1, 0
    if all_demands and all_prices:  # (1 - d) price / sum + d demand / sum, times both sums
        by_price = (U16_MAX - demand_share) * all_demands
        by_demand = demand_share * all_prices
    elif all_demands:
        by_price, by_demand = 0, demand_share
    wanted = [
        by_price * price + by_demand * demand for price, demand in zip(prices, demands, strict=True)
    ]
    kept = [
        weight * (Q32 - figures.miner_burned)
        for weight, figures in zip(wanted, subnets, strict=True)
    ]
    return kept if any(kept) else wanted


def compute_injection(tao_share: int, tao: int, alpha: int, alpha_emission: int) -> Injection:
    """Return what `tao_share` rao do in a pool of `tao` and `alpha`, both positive.

    Alpha is minted at the pool's price, at most `alpha_emission`; TAO that this leaves without
    alpha is excess. Alpha is rounded down, and under the cap so is the TAO beside it, so the price
    moves by less than one unit of either reserve.
    """
    alpha_in = tao_share * alpha // tao
    if alpha_in <= alpha_emission:
        return Injection(tao_share, alpha_in, 0)
    tao_in = alpha_emission * tao // alpha
    return Injection(tao_in, alpha_emission, tao_share - tao_in)


# -- subnets come and go --------------------------------------------------------------------------


def compute_lock_cost(
    last_lock: int, floor: int, last_block: int, block: int, interval: int
) -> int:
    """Return what a new subnet costs at `block`, in rao.

    Twice the last lock, less one last lock per `interval` blocks (the slope is rounded down), at
    least `floor`. `last_block` 0 means that nobody has locked yet: then `last_lock` is the start,
    not doubled.
    """
    slope = last_lock // interval
    start = last_lock * 2 if last_block else last_lock
    return max(floor, start - slope * (block - last_block))


def shrink_interval(interval: int, emission: int, block_reward: int) -> int:
    """Return `interval` shortened as the halvings shorten the block emission; at least 1."""
    return max(1, interval * emission // block_reward)


def compute_median_price(pools: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the median of the prices of pools (TAO, alpha) as an exact fraction; 1 if none.

    Of an even number, the mean of the middle two. Pools without TAO or alpha don't count.
    """
    prices = sorted(Fraction(tao, alpha) for tao, alpha in pools if tao and alpha)
    if not prices:
        return 1, 1
    middle = (prices[(len(prices) - 1) // 2] + prices[len(prices) // 2]) * Fraction(1, 2)
    return middle.numerator, middle.denominator


def choose_dissolved(candidates: Sequence[Candidate], height: int, immunity: int) -> NetUid | None:
    """Return the subnet that must make way: the lowest price average among those past immunity.

    Ties: the oldest, then the lowest netuid. None if all are immune.
    """
    grown = [one for one in candidates if height >= one.registered_block + immunity]
    key = min(((one.price_ema, one.registered_block, one.netuid) for one in grown), default=None)
    return None if key is None else key[2]
