"""Queries and answers of forecasts: what is read, and what is refused."""

import pytest

from consensus import codec
from consensus.quantities import U16, U64, U64_MAX, Height, ShortText
from neurons.errors import MalformedAnswer, MalformedQuery
from neurons.tasks.forecast.query import (
    ANSWER_BYTES_MAX,
    LEVELS,
    QUERY_BYTES_MAX,
    TARGETS_MAX,
    VALUES_MAX,
    ForecastAnswer,
    ForecastQuery,
    encode_answer,
    read_answer,
    read_query,
)

ROW = tuple(range(1, LEVELS + 1))


def make_query(
    values: tuple[int, ...] = tuple(range(12)),
    targets: tuple[int, ...] = (120, 123),
    season: int = 4,
) -> ForecastQuery:
    return ForecastQuery(
        ShortText("transactions"),
        Height(100),
        U16(season),
        tuple(map(U64, values)),
        tuple(map(Height, targets)),
    )


def test_a_query_comes_back_as_it_was():
    query = make_query()
    assert read_query(codec.encode(query)) == query
    assert query.last == 111


def test_the_longest_query_and_answer_fit_their_bounds():
    values = (U64_MAX,) * VALUES_MAX
    targets = tuple(range(2**63, 2**63 + TARGETS_MAX))
    name = ShortText("x" * 128)
    longest = ForecastQuery(
        name, Height(2**62), U16(65_535), tuple(map(U64, values)), tuple(map(Height, targets))
    )
    assert len(codec.encode(longest)) <= QUERY_BYTES_MAX < 65_536
    answer = encode_answer([(U64_MAX,) * LEVELS] * TARGETS_MAX)
    assert len(answer) <= ANSWER_BYTES_MAX
    assert len(read_answer(answer, TARGETS_MAX)) == TARGETS_MAX


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (make_query(values=tuple(range(8))), "9 values"),
        (make_query(season=0), "season"),
        (make_query(targets=()), "ascending"),
        (make_query(targets=(111,)), "above"),
        (make_query(targets=(123, 120)), "ascending"),
        (make_query(targets=(120, 120)), "ascending"),
    ],
)
def test_a_query_that_asks_nonsense_is_malformed(query: ForecastQuery, reason: str):
    with pytest.raises(MalformedQuery, match=reason):
        read_query(codec.encode(query))


@pytest.mark.parametrize("body", [b"", b"\x80", codec.encode(make_query()) + b"\x00"])
def test_bytes_that_are_no_query_are_malformed(body: bytes):
    with pytest.raises(MalformedQuery):
        read_query(body)


def test_an_answer_comes_back_as_it_was():
    rows = (ROW, (7,) * LEVELS)
    assert read_answer(encode_answer(rows), 2) == rows


def test_an_answer_of_another_number_of_targets_is_malformed():
    with pytest.raises(MalformedAnswer, match="9 quantiles are not 9 of each of 2"):
        read_answer(encode_answer([ROW]), 2)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        codec.encode(ForecastAnswer(tuple(map(U64, reversed(ROW))))),
        b"\x81\x89" + b"\xf9\x3e\x00" * LEVELS,
        b"\x81\x89" + b"\x20" * LEVELS,
        encode_answer([ROW]) + b"\x00",
    ],
    ids=["empty", "falling", "floats", "negative", "a byte too many"],
)
def test_an_answer_that_is_no_ascending_quantiles_is_malformed(answer: bytes):
    with pytest.raises(MalformedAnswer):
        read_answer(answer, 1)
