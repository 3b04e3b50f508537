"""The decimals of a case: read exactly, brought to integers, compared within its tolerance.

Every function that compares returns what differs, in words; nothing if nothing does.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np

from consensus.fixed import Matrix
from consensus.params import Q32

Case = dict[str, Any]


def read_exact(value: float | str) -> Fraction:
    """Return the decimal as it was written."""
    return Fraction(str(value))


def to_q32(value: float | str) -> int:
    """Return the decimal as Q32, rounded toward zero."""
    return int(read_exact(value) * Q32)


def to_q32_table(rows: Sequence[Sequence[float]]) -> Matrix:
    """Return a table of decimals as Q32."""
    return np.array([[to_q32(value) for value in row] for row in rows], dtype=np.int64)


def scale(values: Sequence[float]) -> list[int]:
    """Return the decimals as integers in the same proportions, exactly."""
    exact = [read_exact(value) for value in values]
    unit = lcm(*[value.denominator for value in exact])
    return [int(value * unit) for value in exact]


def compare_equal(got: object, want: object) -> list[str]:
    """Compare what must be the same."""
    return [] if got == want else [f"{got} instead of {want}"]


def compare_q32(case: Case, got: Sequence[int], want: Sequence[float]) -> list[str]:
    """Compare Q32 figures with decimals; default tolerance 1e-12 relative plus one unit of Q32."""
    pairs = [(Fraction(figure, Q32), value) for figure, value in zip(got, want, strict=True)]
    tolerance = {"abs": 0, "rel": 1e-12} | case.get("tol", {})
    return _compare(pairs, tolerance, Fraction(1, Q32))


def compare_near(case: Case, got: Sequence[Fraction | int], want: Sequence[float]) -> list[str]:
    """Compare figures with decimals within the case's own tolerance; exactly if it has none."""
    pairs = [(Fraction(figure), value) for figure, value in zip(got, want, strict=True)]
    return _compare(pairs, {"abs": 0, "rel": 0} | case.get("tol", {}), Fraction(0))


def _compare(
    pairs: Sequence[tuple[Fraction, float]], tolerance: dict[str, float], unit: Fraction
) -> list[str]:
    found: list[str] = []
    for figure, value in pairs:
        exact = read_exact(value)
        slack = read_exact(tolerance["abs"]) + read_exact(tolerance["rel"]) * abs(exact) + unit
        if abs(figure - exact) > slack:
            found.append(f"{float(figure)} instead of {value}")
    return found
