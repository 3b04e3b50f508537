"""Bonds: the moving average of a validator's weights, which shares out what miners earned.

The average moves by one rate for all (plain), or by a rate of its own for each validator and miner,
faster where the weight or the bond stands out from consensus (liquid alpha).

Source: `docs/spec/ledger.md` 6; subtensor `epoch/run_epoch.rs`, compute_bonds and alpha_sigmoid.
"""

import numpy as np

from consensus.fixed import (
    Matrix,
    compute_exp,
    compute_exp_array,
    div,
    invert_table,
    mul,
    mul_scalar,
    mul_table,
)
from consensus.params import Q32
from consensus.quantities import U16_MAX
from consensus.reward.epoch import YumaParams


def compute_alpha(difference: int, low: int, high: int, steepness: int) -> int:
    """Return the liquid-alpha rate of one pair, Q32, in low..high.

    Args:
        difference: how far the weight is above consensus, or the bond above the weight; 0..2^32.
        low: smallest rate, Q32.
        high: largest rate, Q32.
        steepness: of the sigmoid, in hundredths.
    """
    slope = steepness * Q32 // 100
    exponent = -mul(slope, difference - (Q32 >> 1))
    sigmoid = div(Q32, Q32 + compute_exp(exponent))
    return min(max(low + mul(sigmoid, high - low), low), high)


def compute_bought(penalty: int, weights: Matrix, clipped: Matrix) -> Matrix:
    """Return Wb, between the weights (penalty 0) and the clipped weights (penalty 65535)."""
    if penalty == U16_MAX:
        return clipped
    if penalty == 0:
        return weights
    return weights + mul_scalar(div(penalty, U16_MAX), clipped - weights)


def mix_plain(hyper: YumaParams, bought: Matrix, old: Matrix, _consensus: Matrix) -> Matrix:
    """Return mul(a, Wb) + mul(1 - a, B); at most one, since both products round down."""
    rate = Q32 - div(hyper.bonds_moving_average, 1_000_000)
    fresh = mul_scalar(rate, bought)
    fresh += mul_scalar(Q32 - rate, old)
    return fresh


def mix_liquid(hyper: YumaParams, bought: Matrix, old: Matrix, consensus: Matrix) -> Matrix:
    """Return the bonds with a rate of its own for each cell where a weight or a bond is."""
    used = np.flatnonzero(bought | old)
    b, w = old.ravel()[used], bought.ravel()[used]
    c = np.broadcast_to(consensus, bought.shape).ravel()[used]
    rate = _compute_alphas(compute_difference(w, b, c), hyper)
    fresh = np.zeros(bought.size, dtype=np.int64)
    fresh[used] = blend(rate, w, b)
    return fresh.reshape(bought.shape)


def compute_difference(bought: Matrix, old: Matrix, consensus: Matrix) -> Matrix:
    """Return how far each weight is above consensus, or where it fell, the bond above the weight.

    Within 0..1.
    """
    difference = np.where(bought >= old, bought - consensus, old - bought)
    return np.clip(difference, 0, Q32)


def blend(rate: Matrix, bought: Matrix, old: Matrix) -> Matrix:
    """Return mul(rate, bought) + mul(1 - rate, old), at most one; `rate` has a cell for each."""
    return np.minimum(mul_table(Q32 - rate, old) + mul_table(rate, bought), Q32)


def _compute_alphas(difference: Matrix, hyper: YumaParams) -> Matrix:
    """Return `compute_alpha` of each; the many cells without a difference share one figure."""
    low, high = div(hyper.alpha_low, U16_MAX), div(hyper.alpha_high, U16_MAX)
    none = compute_alpha(0, low, high, hyper.alpha_steepness)
    rates = np.full(difference.shape, none, dtype=np.int64)
    apart = np.flatnonzero(difference)
    slope = hyper.alpha_steepness * Q32 // 100  # |slope| <= 10 * 2^32
    centred = difference[apart] - (Q32 >> 1)
    size = np.full(centred.shape, abs(slope), dtype=np.int64)
    exponent = -mul_table(size, centred if slope >= 0 else -centred)  # within ±5
    sigmoid = invert_table(compute_exp_array(exponent) + Q32)
    rates[apart] = np.clip(mul_scalar(high - low, sigmoid) + low, low, high)
    return rates
