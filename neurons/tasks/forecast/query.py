"""What a forecast is asked and answered with: bounded, canonical CBOR, integers only.

A query is a `ForecastQuery`: the series' latest values, one number a block, and the heights whose
values are asked for. It carries all that a miner needs: no chain, no clock. An answer is a
`ForecastAnswer`: for each target, in the query's order, the `LEVELS` quantiles 0.1, 0.2 .. 0.9 of
what its value will be, ascending.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

from consensus import codec
from consensus.errors import DecodeError
from consensus.quantities import U16, U64, U64_MAX, CountMax, Height, ShortText
from neurons.errors import MalformedAnswer, MalformedQuery

LEVELS = 9
"""Quantiles of each target: level i / 10 for i of 1 to 9."""
VALUES_MIN = 9
"""Shortest history, in blocks: its eight differences are a spread."""
VALUES_MAX = 4_096
TARGETS_MAX = 64
QUERY_BYTES_MAX = 9 * VALUES_MAX + 9 * TARGETS_MAX + 160
"""Each number takes up to 9 bytes."""
ANSWER_BYTES_MAX = 9 * LEVELS * TARGETS_MAX + 8
VALUE_MAX = U64_MAX

Quantiles = tuple[int, ...]
"""The `LEVELS` quantiles of one target, ascending."""


@dataclass(frozen=True, slots=True)
class ForecastQuery:
    """The past of one series and the heights whose values are asked for."""

    series: ShortText
    """Its name in `neurons.ports.SERIES`."""
    first: Height
    """Height of the block of `values[0]`."""
    season: U16
    """Blocks after which the series may repeat; what the baseline goes by."""
    values: Annotated[tuple[U64, ...], CountMax(VALUES_MAX)]
    targets: Annotated[tuple[Height, ...], CountMax(TARGETS_MAX)]
    """Ascending, all above the last height of `values`."""

    @property
    def last(self) -> Height:
        """The height of the last of `values`."""
        return Height(self.first + len(self.values) - 1)


@dataclass(frozen=True, slots=True)
class ForecastAnswer:
    """The quantiles of all targets, one target after the other."""

    quantiles: Annotated[tuple[U64, ...], CountMax(LEVELS * TARGETS_MAX)]


def read_query(body: bytes) -> ForecastQuery:
    """Return the query of a body.

    Raises:
        MalformedQuery: no `ForecastQuery`, too short a history, or targets out of order.
    """
    try:
        query = codec.decode(ForecastQuery, body, QUERY_BYTES_MAX)
    except DecodeError as error:
        raise MalformedQuery(str(error)) from error
    if len(query.values) < VALUES_MIN or not query.season:
        raise MalformedQuery(f"a query has {VALUES_MIN} values or more, and a season")
    heights = (query.last, *query.targets)
    is_ordered = all(low < high for low, high in pairwise(heights))
    if not query.targets or not is_ordered:
        raise MalformedQuery("targets are ascending heights above that of the last value")
    return query


def encode_answer(quantiles: Sequence[Quantiles]) -> bytes:
    """Return the answer of each target's quantiles."""
    return codec.encode(ForecastAnswer(tuple(U64(value) for row in quantiles for value in row)))


def read_answer(answer: bytes, targets: int) -> tuple[Quantiles, ...]:
    """Return the quantiles of each of `targets` targets.

    Raises:
        MalformedAnswer: no `ForecastAnswer` of so many, or quantiles that are not ascending.
    """
    try:
        flat = codec.decode(ForecastAnswer, answer, ANSWER_BYTES_MAX).quantiles
    except DecodeError as error:
        raise MalformedAnswer(str(error)) from error
    if len(flat) != LEVELS * targets:
        raise MalformedAnswer(
            f"{len(flat)} quantiles are not {LEVELS} of each of {targets} targets"
        )
    rows = tuple(flat[start : start + LEVELS] for start in range(0, len(flat), LEVELS))
    if any(low > high for row in rows for low, high in pairwise(row)):
        raise MalformedAnswer("the quantiles of a target are not ascending")
    return rows
