"""Cases of the economy: pools, prices, what subnets get, and which of them makes way."""

from fractions import Fraction

from consensus.quantities import NetUid, Ratio16
from consensus.reward.clearing import (
    BUY_AT_ANY,
    SELL_AT_ANY,
    Offer,
    Side,
    compute_fee,
    quote,
    settle,
)
from consensus.reward.emission import split_dividend
from consensus.reward.market import (
    PRICE_ONE,
    Candidate,
    SubnetFigures,
    approach,
    choose_dissolved,
    compute_injection,
    compute_lock_cost,
    compute_median_price,
    compute_price,
    shrink_interval,
    slow_rate,
    split_tao_emission,
)
from scripts.tools.vectors.decimals import (
    Case,
    compare_equal,
    compare_near,
    read_exact,
    scale,
    to_q32,
)

EQUAL_WEIGHTS = 0.5
"""Our pools are the ancestor's with this weight of TAO."""
_RAO = 10**9
_U16 = 65_535
_FINE = 10**12
"""What a share of an emission is measured by, and how finely a dividend is split."""


def check_pool_swap(case: Case) -> list[str]:
    """A swap alone in its block, as it is quoted and as it settles."""
    source = case["input"]
    side = Side.BUY if source["side"] == "buy" else Side.SELL
    fee = compute_fee(source["amount"], source["fee_rate_u16"] * 10**6 // _U16)
    amount = source["amount"] - fee
    got = quote(source["tao"], source["alpha"], side, amount)
    offer = Offer(side, amount, BUY_AT_ANY if side is Side.BUY else SELL_AT_ANY)
    settled = settle(source["tao"], source["alpha"], [offer]).outputs
    want = case["expect"]
    found = compare_near(case, [fee, got], [want["fee"], want["out"]])
    return found + compare_equal(settled, (got,))


def check_pool_price(case: Case) -> list[str]:
    """The price that an empty block leaves."""
    done = settle(case["input"]["tao"], case["input"]["alpha"], [])
    price = Fraction(done.price_tao, done.price_alpha)
    return compare_near(case, [price], [case["expect"]["price"]])


def check_moving_price(case: Case) -> list[str]:
    """The ancestor's smoothing constant stands where ours follows from the half-life."""
    source = case["input"]
    spot = read_exact(source["spot"])
    price = compute_price(spot.numerator, spot.denominator)
    full = int(read_exact(source["alpha"]) * 2**64)
    rate = slow_rate(full, source["blocks_since_start"], source["halving"])
    ema = int(read_exact(source["ema"]) * PRICE_ONE)
    for _ in range(source["steps"]):
        ema = approach(ema, price, rate)
    return compare_near(case, [Fraction(ema, PRICE_ONE)], [case["expect"]["ema"]])


def check_median_price(case: Case) -> list[str]:
    """Pools of the prices given."""
    prices = [read_exact(price) for price in case["input"]["prices"]]
    got = compute_median_price([(price.numerator, price.denominator) for price in prices])
    return compare_near(case, [Fraction(*got)], [case["expect"]["median"]])


def check_lock_cost(case: Case) -> list[str]:
    """The interval shrinks with the block emission."""
    source = case["input"]
    interval = shrink_interval(source["interval"], source["block_emission"], _RAO)
    locks = (source["last_lock"], source["min_lock"])
    got = compute_lock_cost(*locks, source["last_block"], source["block"], interval)
    return compare_equal(got, case["expect"]["cost"])


def check_subnet_shares(case: Case) -> list[str]:
    """Without bootstrap and demand, which the ancestor does not have."""
    source = case["input"]
    columns = (source["enabled"], source["prices"], source["miner_burned"])
    subnets = [
        SubnetFigures(
            is_eligible=enabled,
            is_young=False,
            price_ema=int(read_exact(price) * PRICE_ONE),
            demand_ema=0,
            miner_burned=to_q32(burned),
        )
        for enabled, price, burned in zip(*columns, strict=True)
    ]
    parts = split_tao_emission(_FINE, subnets, Ratio16(0), Ratio16(0))
    return compare_near(case, [Fraction(part, _FINE) for part in parts], case["expect"]["shares"])


def check_subnet_terms(case: Case) -> list[str]:
    """The ancestor's root proportion does nothing but lower the cap on injected alpha; ours is 1.

    `alpha_out` is the alpha emission itself and takes no function.
    """
    source = case["input"]
    price = read_exact(source["price"])
    cap = int(read_exact(source["alpha_emission"]) * read_exact(source["root_proportion"]))
    share = int(source["tao_emission"])
    got = compute_injection(share, price.numerator, price.denominator, cap)
    want = case["expect"]
    return compare_near(
        case,
        [got.tao_in, got.alpha_in, got.excess_tao],
        [want["tao_in"], want["alpha_in"], want["excess_tao"]],
    )


def check_dividend_distribution(case: Case) -> list[str]:
    """Two pots by two claims; ours has one pot and the same claims, alpha's and root's."""
    source = case["input"]
    weight = to_q32(source["tao_weight"])
    claims = [
        split_dividend(dividend * _FINE, alpha, root, weight)
        for dividend, (alpha, root) in zip(source["dividends"], source["stakes"], strict=True)
    ]
    found: list[str] = []
    for kind, pot in (("alpha", "pending_alpha"), ("root", "pending_root")):
        mine = [claim[kind == "root"] for claim in claims]
        got = [Fraction(source[pot] * claim, sum(mine)) for claim in mine]
        found += compare_near({"tol": {"rel": case["tol"]["rel"]}}, got, case["expect"][kind])
        total = {"tol": {"abs": case["tol"]["total"]}}
        found += compare_near(total, [sum(got)], [case["expect"][f"{kind}_total"]])
    return found


def check_prune_subnet(case: Case) -> list[str]:
    """Prices in any unit: only their order counts."""
    source = case["input"]
    prices = scale([price for _, price, _ in source["subnets"]])
    candidates = [
        Candidate(NetUid(netuid), price, registered)
        for (netuid, _, registered), price in zip(source["subnets"], prices, strict=True)
    ]
    got = choose_dissolved(candidates, source["block"], source["immunity"])
    return compare_equal(got, case["expect"]["netuid"])
