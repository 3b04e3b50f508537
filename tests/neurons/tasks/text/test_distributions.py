"""Floats to u16 that sum to 65535."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neurons.errors import ModelFault
from neurons.tasks.text import distributions


@given(arrays(np.float64, (3, 256), elements=st.floats(0, 1e6)))
def test_quantised_rows_sum_to_65535_and_rule_nothing_out(rows: np.ndarray) -> None:
    rows[:, 0] += 1e-3
    quantised = distributions.quantise(rows)
    assert (quantised.sum(axis=1, dtype=np.int64) == 65_535).all()
    assert quantised.min() >= 1


def test_certainty_survives_quantising() -> None:
    row = np.zeros((1, 256))
    row[0, 65] = 1
    assert distributions.quantise(row)[0, 65] == 65_535 - 255


@pytest.mark.parametrize(
    "rows",
    [
        np.full((1, 256), np.nan),
        np.full((1, 256), np.inf),
        np.zeros((1, 256)),
        np.full((1, 256), -1.0),
        np.ones((1, 255)),
        np.ones(256),
    ],
)
def test_what_is_no_distribution_is_refused(rows: np.ndarray) -> None:
    with pytest.raises(ModelFault):
        distributions.quantise(rows)
