"""Which model: one name for equal specs, and none for what no model can be."""

import pytest

from neurons.tasks.text.models.spec import (
    ModelSpec,
    compute_orders,
    compute_spec_hash,
    make_spec,
)
from neurons.tasks.text.options import read_options


def test_a_spec_has_one_name() -> None:
    assert len({compute_spec_hash(ModelSpec(seed=seed)) for seed in (1, 1, 2)}) == 2


def test_a_spec_is_made_of_options_and_the_defaults_are_the_same() -> None:
    assert make_spec(read_options({})) == ModelSpec()
    options = read_options({"kind": "ngram", "train_steps": 7, "train_s": 3})
    assert make_spec(options) == ModelSpec(model="ngram", steps=7, train_s=3.0)


def test_orders_go_down_by_twos_to_zero() -> None:
    assert [compute_orders(order) for order in (0, 1, 3, 4)] == [(0,), (0, 1), (0, 1, 3), (0, 2, 4)]


@pytest.mark.parametrize(
    "wrong",
    [{"model": "gpt"}, {"order": 7}, {"width": 30}, {"steps": 0}, {"corpus_bytes": 9}],
)
def test_spec_no_model_can_have_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|none of"):
        ModelSpec(**wrong)  # pyright: ignore[reportArgumentType]
