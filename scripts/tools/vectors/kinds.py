"""Cases of single rules: which of our functions each kind is put to, and why some are not ours.

Every comparer calls the product's own function; those of the economy and of whole epochs have files
of their own.
"""

from collections.abc import Callable

import numpy as np

from consensus import fixed
from consensus.ledger.membership.registration import choose_pruned
from consensus.params import Q32
from consensus.reward.bonds import blend, compute_alpha, compute_difference
from consensus.reward.emission import compute_block_emission
from consensus.reward.medians import compute_weighted_medians
from consensus.reward.yuma import select_top
from scripts.tools.vectors.decimals import (
    Case,
    compare_equal,
    compare_q32,
    scale,
    to_q32,
    to_q32_table,
)
from scripts.tools.vectors.epoch import NOT_OURS, check_epoch, check_permits
from scripts.tools.vectors.market import (
    EQUAL_WEIGHTS,
    check_dividend_distribution,
    check_lock_cost,
    check_median_price,
    check_moving_price,
    check_pool_price,
    check_pool_swap,
    check_prune_subnet,
    check_subnet_shares,
    check_subnet_terms,
)
from scripts.tools.vectors.retention import check_retention, check_retention_utility

Comparer = Callable[[Case], list[str]]

_WINDOW = "epochs stand at fixed heights, reveals open at once for R blocks"
_ALGEBRA = "plain linear algebra without a function of ours; the epoch kinds cover it"
_POOL = "weighted pools: ours have equal weights and one price per block"

OTHER_RULES = {
    "activity_cutoff_blocks": "our cut-off is given in blocks, not as a factor of the tempo",
    "col_clip": _ALGEBRA,
    "col_max_upscale": "bonds are shares, never scaled up (ancestor's v2)",
    "flow_shares": "emission does not follow flows",
    "interpolate": _ALGEBRA,
    "lock_roll": "no conviction locks",
    "mask_diag": _ALGEBRA,
    "mask_rows": _ALGEBRA,
    "mask_vec": _ALGEBRA,
    "mask_vector": _ALGEBRA,
    "mat_vec_mul": _ALGEBRA,
    "matmul": _ALGEBRA,
    "matmul_transpose": _ALGEBRA,
    "mechanism_split": "one mechanism per subnet",
    "mul_ratio_round": _POOL,
    "next_epoch": _WINDOW,
    "pending_split": "18/41/41 without a root share; root's part is sold at payout",
    "pool_exp": _POOL,
    "pool_limit_in": _POOL,
    "pool_weights": _POOL,
    "pow_shares": "emission does not follow flows",
    "reveal_window": _WINDOW,
    "root_proportion": "no root share of emission",
    "row_hadamard": _ALGEBRA,
    "row_sum": _ALGEBRA,
    "should_run_epoch": _WINDOW,
}
"""Kinds that none of our functions answers, and why."""

WEIGHTED_POOLS = ("pool_price", "pool_swap")
"""Kinds whose cases are ours where the weights are equal."""


def explain_omission(case: Case) -> str | None:
    """Return why a case is not compared; None if it is."""
    if case["id"] in NOT_OURS:
        return NOT_OURS[case["id"]]
    if case["kind"] == "ema_alpha":
        if case["input"]["sparse"]:
            return "a missing weight is a zero, its bond decays instead of vanishing"
        if max(map(max, case["input"]["new"] + case["input"]["old"])) > 1:
            return "weights and bonds above one, which shares never are"
    if case["kind"] in WEIGHTED_POOLS and case["input"]["w_quote"] != EQUAL_WEIGHTS:
        return _POOL
    if case["kind"] == "prune_neuron" and case["input"]["immortal"]:
        return "no neuron is immortal, the subnet owner's no more than others"
    return OTHER_RULES.get(case["kind"])


# -- one function per kind -----------------------------------------------------------------------


def _check_block_emission(case: Case) -> list[str]:
    got = compute_block_emission(case["input"]["issuance"], 10**9)
    return compare_equal(got, case["expect"]["emission"])


def _check_weighted_median(case: Case) -> list[str]:
    source = case["input"]
    scores = to_q32_table([[score] for score in source["score"]])
    got = compute_weighted_medians(scores, scale(source["stake"]), to_q32(source["majority"]))
    return compare_equal(got.tolist(), [to_q32(case["expect"]["median"])])


def _check_weighted_median_col(case: Case) -> list[str]:
    source = case["input"]
    kappa = to_q32(source["majority"])
    got = compute_weighted_medians(to_q32_table(source["score"]), scale(source["stake"]), kappa)
    return compare_equal(got.tolist(), [to_q32(value) for value in case["expect"]["median"]])


def _check_topk(case: Case) -> list[str]:
    got = select_top(scale(case["input"]["values"]), case["input"]["k"])
    return compare_equal(got, case["expect"]["keep"])


def _check_upscale(case: Case) -> list[str]:
    return compare_equal(
        fixed.upscale_u16(scale(case["input"]["values"])), case["expect"]["values"]
    )


def _check_limited(case: Case) -> list[str]:
    got = fixed.is_limited(case["input"]["weights"], case["input"]["limit_u16"])
    return compare_equal(got, case["expect"]["ok"])


def _check_share(case: Case) -> list[str]:
    """One figure with a relative tolerance; Q32 can't resolve below 1 / 2^32."""
    got = fixed.div(case["input"]["value"], case["input"]["total"])
    if "q32" in case["expect"]:
        return compare_equal(got, case["expect"]["q32"])
    return compare_q32({"tol": {"rel": case["tol"]["share_rel"]}}, [got], [case["expect"]["share"]])


def _check_to_u16(case: Case) -> list[str]:
    return compare_equal(fixed.to_u16(to_q32(case["input"]["x"])), case["expect"]["u16"])


def _check_exp(case: Case) -> list[str]:
    assert case["input"]["clamp"] == [-20, 20]
    return compare_q32(case, [fixed.compute_exp(case["input"]["x"] * Q32)], [case["expect"]["y"]])


def _check_sigmoid(case: Case) -> list[str]:
    """The sigmoid is liquid alpha between the rates 0 and 1."""
    source = case["input"]
    assert source["kappa"] == 0.5  # noqa: PLR2004 - where ours is centred
    got = [compute_alpha(to_q32(x), 0, Q32, source["rho"] * 100) for x in source["x"]]
    return compare_q32(case, got, case["expect"]["y"])


def _check_alpha_sigmoid(case: Case) -> list[str]:
    source = case["input"]
    pair = [to_q32_table([[source[key]]]) for key in ("weight", "bond", "consensus")]
    low = fixed.div(source["alpha_low_u16"], 65_535)
    high = fixed.div(source["alpha_high_u16"], 65_535)
    difference = int(compute_difference(*pair)[0, 0])
    got = compute_alpha(difference, low, high, source["steepness"])
    return compare_q32(case, [got], [case["expect"]["alpha"]])


def _check_ema_alpha(case: Case) -> list[str]:
    source = case["input"]
    got = blend(*[to_q32_table(source[key]) for key in ("alpha", "new", "old")])
    want = [value for row in case["expect"]["m"] for value in row]
    return compare_q32(case, got.ravel().tolist(), want)


def _check_normalize(case: Case) -> list[str]:
    return compare_q32(case, fixed.share(scale(case["input"]["x"])), case["expect"]["y"])


def _check_row_normalize(case: Case) -> list[str]:
    pairs = zip(case["input"]["m"], case["expect"]["m"], strict=True)
    return [text for row, want in pairs for text in compare_q32(case, fixed.share(row), want)]


def _check_col_normalize(case: Case) -> list[str]:
    columns = zip(*case["input"]["m"], strict=True)
    wanted = zip(*case["expect"]["m"], strict=True)
    pairs = zip(columns, wanted, strict=True)
    return [text for column, want in pairs for text in compare_q32(case, fixed.share(column), want)]


def _check_pro_rata(case: Case) -> list[str]:
    got = fixed.split_largest_remainder(case["input"]["pot"], case["input"]["values"])
    return compare_equal(got, case["expect"]["shares"])


def _check_decay_factor(case: Case) -> list[str]:
    return compare_equal(
        fixed.compute_decay_factor(case["input"]["half_life"]), case["expect"]["factor"]
    )


def _check_burn_decay(case: Case) -> list[str]:
    source = case["input"]
    factor = fixed.compute_decay_factor(source["half_life"])
    got = fixed.decay(source["burn"], factor, source["blocks"], source["min"], source["max"])
    return compare_equal(got, case["expect"]["burn"])


def _check_burn_bump(case: Case) -> list[str]:
    source = case["input"]
    burn = source["burn"]
    for _ in range(source["times"]):
        burn = fixed.bump(burn, source["mult"] * 1_000_000, source["min"], source["max"])
    return compare_equal(burn, case["expect"]["burn"])


def _check_prune_neuron(case: Case) -> list[str]:
    source = case["input"]
    emission, registered = np.array(source["neurons"], dtype=np.int64).T
    rules = (source["block"], source["immunity"], source["min_non_immune"])
    return compare_equal(choose_pruned(emission, registered, *rules), case["expect"]["uid"])


COMPARERS: dict[str, Comparer] = {
    "alpha_sigmoid": _check_alpha_sigmoid,
    "block_emission": _check_block_emission,
    "burn_bump": _check_burn_bump,
    "burn_decay": _check_burn_decay,
    "col_normalize": _check_col_normalize,
    "decay_factor_q32": _check_decay_factor,
    "dividend_distribution": check_dividend_distribution,
    "ema_alpha": _check_ema_alpha,
    "epoch": check_epoch,
    "exp_clamped": _check_exp,
    "lock_cost": check_lock_cost,
    "max_upscale_u16": _check_upscale,
    "max_weight_limited": _check_limited,
    "median_price": check_median_price,
    "moving_price": check_moving_price,
    "normalize": _check_normalize,
    "pool_price": check_pool_price,
    "pool_swap": check_pool_swap,
    "pro_rata": _check_pro_rata,
    "proportion_to_u16": _check_to_u16,
    "prune_neuron": _check_prune_neuron,
    "prune_subnet": check_prune_subnet,
    "retention": check_retention,
    "retention_utility": check_retention_utility,
    "row_normalize": _check_row_normalize,
    "sigmoid": _check_sigmoid,
    "subnet_shares": check_subnet_shares,
    "subnet_terms": check_subnet_terms,
    "topk": _check_topk,
    "u64_share": _check_share,
    "validator_permits": check_permits,
    "weighted_median": _check_weighted_median,
    "weighted_median_col": _check_weighted_median_col,
}
"""Every kind that a function of ours answers."""
