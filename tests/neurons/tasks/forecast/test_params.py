"""What a subnet's owner may choose of forecasts."""

from dataclasses import replace

import pytest

from consensus import codec
from consensus.quantities import U16
from neurons.errors import InvalidTaskParams
from neurons.tasks.forecast.params import (
    DEFAULTS,
    LEAD_MIN,
    ForecastParams,
    find_problem,
    read_params,
)


def test_no_bytes_are_the_defaults_and_the_defaults_are_sound():
    assert read_params(b"") == DEFAULTS
    assert find_problem(DEFAULTS) == ""


def test_params_come_back_as_they_were():
    params = ForecastParams(U16(25), U16(3), U16(6), U16(12), U16(8))
    assert read_params(codec.encode(params)) == params
    assert params.history == 75


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("season", 0, "seasons"),
        ("season", 2_049, "4096 blocks in all"),
        ("seasons", 1, "two or more seasons"),
        ("lead", LEAD_MIN - 1, "lead"),
        ("lead", 1_025, "lead"),
        ("targets", 0, "targets"),
        ("targets", 61, "within 60"),
        ("horizon", 1_025, "horizon"),
    ],
)
def test_params_out_of_bounds_are_refused(field: str, value: int, reason: str):
    params = replace(replace(DEFAULTS, seasons=U16(2)), **{field: U16(value)})
    with pytest.raises(InvalidTaskParams, match=reason):
        read_params(codec.encode(params))


def test_bytes_that_are_no_params_are_refused():
    with pytest.raises(InvalidTaskParams, match="task params 80"):
        read_params(b"\x80")
