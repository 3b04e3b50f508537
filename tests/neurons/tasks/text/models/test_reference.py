"""The reference miner answers whole queries, and one bad query costs the others nothing."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from neurons.backends.backend import Setup
from neurons.errors import InvalidOptions, MalformedQuery, ModelFault
from neurons.tasks.text.distributions import read_answer
from neurons.tasks.text.models import ngram
from neurons.tasks.text.models.reference import TextModel
from neurons.tasks.text.task import encode_query


def make_setup(**options: object) -> Setup:
    return Setup("text", b"", "cpu", 1, "", options, lambda _stage, _part: None)


@pytest.fixture(scope="module")
def model() -> TextModel:
    return TextModel(make_setup(kind="ngram", corpus_bytes=20_000))


def test_each_query_gets_its_own_prefixes_rows(model: TextModel) -> None:
    queries = [encode_query([b"import o", b"def "]), encode_query([b"x"])]
    together = model.answer(queries)
    assert [len(answer) for answer in together if isinstance(answer, bytes)] == [1_024, 512]
    assert together == [model.answer([query])[0] for query in queries]


def test_what_is_no_query_is_left_out(model: TextModel) -> None:
    query = encode_query([b"x"])
    first, second, third = model.answer([query, b"?", query])
    assert isinstance(second, MalformedQuery)
    assert first == third
    assert isinstance(first, bytes)
    assert isinstance(model.answer([b"?"])[0], MalformedQuery)


def test_a_query_with_no_distribution_fails_alone(
    model: TextModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def predict(_self: ngram.NGram, prefixes: Sequence[bytes]) -> NDArray[np.float64]:
        return np.array([np.full(256, np.nan if prefix == b"nan" else 1.0) for prefix in prefixes])

    monkeypatch.setattr(ngram.NGram, "predict", predict)
    first, second = model.answer([encode_query([b"x"]), encode_query([b"x", b"nan"])])
    assert isinstance(first, bytes)
    assert read_answer(first, 1).shape == (1, 256)
    assert isinstance(second, ModelFault)


def test_an_option_it_has_not_is_named() -> None:
    with pytest.raises(InvalidOptions, match="colour"):
        TextModel(make_setup(colour="red"))
