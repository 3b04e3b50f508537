"""Fixed-point integers with the rounding named in every function.

A *Q32* figure is an integer that stands for itself over 2^32; one is `Q32`. Vectors of length n
are Python integers, which cannot overflow; matrices are `np.int64` arrays, where each product
below has its bound beside it. Never uint64 (mixed with int64 it becomes float64), never `/`.

The fast array forms rest on one identity. For c above one half, c = 1 - c', so
`floor(c * b) = b + floor(-c' * b)`: one factor of every product stays at or below 2^31 in size,
and with |b| <= 2^32 the product stays within int64.

Source: `docs/spec/ledger.md` 6; subtensor's `utils/misc.rs` (decay factor) and `epoch/math.rs`.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from consensus.params import Q32

Matrix = NDArray[np.int64]
"""A table or vector of int64; never another dtype."""

_HALF = Q32 >> 1
_LOW16 = 0xFFFF
EXP_MAX = 20 * Q32
"""Where the exponent of `compute_exp` is clamped: e^20 still fits 2^63 as a Q32."""


# -- Python integers ------------------------------------------------------------------------------


def mul(a: int, b: int) -> int:
    """Return the Q32 product of `a` and `b`, rounded toward minus infinity."""
    return (a * b) >> 32


def div(a: int, b: int) -> int:
    """Return `a` over `b` as a Q32, rounded down; 0 when `b` is 0. Both non-negative."""
    return (a << 32) // b if b else 0


def share(values: Sequence[int]) -> list[int]:
    """Return each value's part of their sum as a Q32, rounded down; zeros when all are zero."""
    total = sum(values)
    if total == 0:
        return [0] * len(values)
    return [(value << 32) // total for value in values]


def to_u16(q32: int) -> int:
    """Return a Q32 proportion (0..1) as u16 over 65535, rounded down."""
    return (q32 * 65_535) >> 32


def split_largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` in proportion to `weights` so that the parts sum to it exactly.

    Every part is its exact quota rounded down, then the units left over go one each to the largest
    remainders, ties to the lowest index. The weights must not all be zero unless `total` is.
    """
    whole = sum(weights)
    if whole == 0:
        assert total == 0, "nothing to split by: the caller decides where such an amount goes"
        return [0] * len(weights)
    quotas = [divmod(total * weight, whole) for weight in weights]
    parts = [part for part, _ in quotas]
    left = total - sum(parts)
    if left:
        rests = [-rest for _, rest in quotas]
        for index in sorted(range(len(rests)), key=rests.__getitem__)[:left]:  # stable
            parts[index] += 1
    return parts


def upscale_u16(values: Sequence[int]) -> list[int]:
    """Scale `values` so that the largest becomes 65535, rounding half up; zeros stay zeros.

    Source: subtensor `epoch/math.rs`, vec_max_upscale_to_u16.
    """
    top = max(values, default=0)
    if top == 0:
        return [0] * len(values)
    return [(2 * 65_535 * value + top) // (2 * top) for value in values]


def is_limited(values: Sequence[int], limit: int) -> bool:
    """Tell whether the largest of `values` is at most `limit` / 65535 of their sum (exact)."""
    return not values or max(values) * 65_535 <= limit * sum(values)


def compute_exp(x: int) -> int:
    """Return e^x, all Q32, `x` clamped to ±20.

    The Taylor series of |x|, each term rounded down, is summed until a term vanishes; a negative
    `x` gives the reciprocal, rounded down. Up to |x| = 5, all that a steepness of ±1000 can ask
    for, no term beyond the 31st differs from zero, so this is the law's series of 31 terms.
    """
    size = min(abs(x), EXP_MAX)
    total, term, k = Q32 + size, size, 2
    while term:
        term = ((term * size) >> 32) // k
        total += term
        k += 1
    return total if x >= 0 else Q32 * Q32 // total


# -- the registration price ------------------------------------------------------------------------


def compute_power(factor: int, exponent: int) -> int:
    """Return the Q32 `factor` to a whole power by squaring, each product rounded down."""
    result = Q32
    while exponent:
        if exponent & 1:
            result = (result * factor) >> 32
        factor = (factor * factor) >> 32
        exponent >>= 1
    return result


@lru_cache(maxsize=256)  # asked for every subnet at every block; few half-lives are in use
def compute_decay_factor(half_life: int) -> int:
    """Return the per-block Q32 factor that halves an amount in `half_life` blocks.

    It is the largest f with `compute_power(f, half_life)` at most one half, found by bisection.

    Source: subtensor `utils/misc.rs`, decay_factor_q32.
    """
    low, high = 0, Q32
    while low < high:
        middle = (low + high + 1) >> 1
        if compute_power(middle, half_life) <= _HALF:
            low = middle
        else:
            high = middle - 1
    return low


def decay(amount: int, factor: int, blocks: int, low: int, high: int) -> int:
    """Return `amount` after `blocks` blocks of decay by `factor`, clamped to low..high each block.

    Rounded down once per block, so that ten blocks at once equal ten times one block.
    """
    for _ in range(blocks):
        after = min(max((amount * factor) >> 32, low), high)
        if after == amount:
            break
        amount = after
    return amount


def bump(amount: int, ppm: int, low: int, high: int) -> int:
    """Return `amount` times `ppm` millionths, rounded down, clamped to low..high."""
    return min(max(amount * ppm // 1_000_000, low), high)


# -- int64 arrays ---------------------------------------------------------------------------------


def mul_scalar(factor: int, values: Matrix) -> Matrix:
    """Return the Q32 product of one `factor` in 0..1 and an array within ±1, rounded down."""
    if factor == Q32:
        return values.copy()
    if factor < _HALF:  # |product| < 2^31 * 2^32 = 2^63
        return (values * factor) >> 32
    if factor == _HALF:
        return values >> 1
    product = values * (factor - Q32)  # |factor - Q32| < 2^31
    product >>= 32
    product += values
    return product


def mul_rows(factors: Matrix, table: Matrix) -> Matrix:
    """Return `table` with row i times `factors[i]`, Q32, rounded down.

    Factors are in 0..1, cells in 0..1. A factor of one half or more is replaced by its distance to
    one, at least -2^31, and made good afterwards: products stay within -2^63..2^63 - 2^32.
    """
    near, large = _centre(factors)
    product = table * near[:, None]
    product >>= 32
    product[large] += table[large]
    return product


def mul_columns_sum(table: Matrix, factors: Matrix) -> Matrix:
    """Return, per row, the sum over columns of the Q32 products of cell and factor, rounded down.

    As `mul_rows`: cells and factors in 0..1. Each sum is below n * 2^32 < 2^45 for n <= 4096.
    """
    near, large = _centre(factors)
    product = table * near
    product >>= 32
    total: Matrix = product.sum(axis=1)
    for index in large.tolist():
        total += table[:, index]
    return total


def _centre(factors: Matrix) -> tuple[Matrix, Matrix]:
    """Return factors of a half or more less one, and where those are."""
    large = np.flatnonzero(factors >= _HALF)
    near = factors.copy()
    near[large] -= Q32
    return near, large


def mul_table(a: Matrix, b: Matrix) -> Matrix:
    """Return the elementwise Q32 product, rounded down.

    `a` below 2^40 and non-negative, |b| at most 2^36: `a` is cut at 16 bits so that each product
    stays below 2^60 (upper part below 2^24, times 2^36) or 2^52 (lower part).
    """
    low = a & _LOW16
    low *= b
    low >>= 16
    high = a >> 16
    high *= b
    high += low
    high >>= 16
    return high


def div_table(a: Matrix, b: Matrix) -> Matrix:
    """Return `a` over `b` elementwise as Q32, rounded down; `b` positive and broadcast against `a`.

    `b` in 1..2^46 and `a` in 0..2^32, at most `b`: a part of a whole. Two steps of 16 bits, since
    `a << 32` may not fit: the first numerator is at most 2^48, the second below 2^46 * 2^16 = 2^62.
    """
    numerator = a << 16
    quotient = numerator // b
    numerator -= quotient * b
    numerator <<= 16
    numerator //= b
    quotient <<= 16
    quotient += numerator
    return quotient


def invert_table(values: Matrix) -> Matrix:
    """Return one over each Q32 value as a Q32, rounded down; values in 2^32..2^48.

    2^64 // value in two steps: 2^62 // value, then the two bits left, with the rest below 2^48.
    """
    start = np.int64(1 << 62)
    quotient = start // values
    rest = start - quotient * values
    return (quotient << 2) + ((rest << 2) // values)


def compute_exp_array(x: Matrix) -> Matrix:
    """Return `compute_exp` of every element; |x| at most 5.

    The terms stay below 27 * 2^32 < 2^37 and |x| below 2^35, within the bounds of `mul_table`; the
    sum stays below 149 * 2^32 < 2^40, and 2^62 over it is the reciprocal's first step.
    """
    size = np.abs(x)
    assert size.size == 0 or int(size.max()) <= 5 * Q32
    total, term, k = size + Q32, size, 2
    while term.any():
        term = mul_table(term, size)
        term //= k
        total += term
        k += 1
    return np.where(x < 0, invert_table(total), total)
