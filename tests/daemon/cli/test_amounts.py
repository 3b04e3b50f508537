"""What people write for amounts, proportions, heights and numbers is read exactly or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.quantities import U64_MAX
from daemon.cli.amounts import (
    format_ratio,
    parse_amount,
    parse_height,
    parse_number,
    parse_ratio,
)
from daemon.cli.output import CliError, Exit
from daemon.unit import format_amount


@pytest.mark.parametrize(
    ("text", "rao"),
    [
        ("1.5", 1_500_000_000),
        ("0", 0),
        ("0.000000001", 1),
        ("1500000000rao", 1_500_000_000),
        ("1 rao", 1),
        ("18446744073.709551615", U64_MAX),
        (f"{U64_MAX}rao", U64_MAX),
    ],
)
def test_an_amount_is_exact_to_the_rao(text: str, rao: int):
    assert parse_amount(text) == rao


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "1e9",
        ".5",
        "1.",
        "1,5",
        "1.0000000001",
        "1.5rao",
        "all",
        "\u0661",  # a digit to Python
        "18446744073.709551616",
        f"{U64_MAX + 1}rao",
        "9" * 40,
    ],
)
def test_what_is_no_amount_is_wrong_usage_with_a_remedy(text: str):
    with pytest.raises(CliError) as caught:
        parse_amount(text)
    assert caught.value.exit_code is Exit.USAGE
    assert caught.value.remedy


@given(st.integers(0, U64_MAX))
def test_an_amount_that_is_shown_reads_back(rao: int):
    assert parse_amount(format_amount(rao, "").replace(",", "")) == rao


def test_amounts_are_shown_with_sign_and_groups():
    assert format_amount(1_234_500_000_000) == "1,234.5 TAO"
    assert format_amount(-1, "alpha") == "-0.000000001 alpha"
    assert format_amount(0) == "0 TAO"


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("18%", 11_796),
        ("0.18", 11_796),
        ("11796/65535", 11_796),
        ("100%", 65_535),
        ("1", 65_535),
        ("0", 0),
        ("33.3333%", 21_844),
    ],
)
def test_a_proportion_is_rounded_down(text: str, ratio: int):
    assert parse_ratio(text) == ratio


@pytest.mark.parametrize("text", ["101%", "1.1", "18", "-1%", "65536/65535", "1/3", "x", ""])
def test_what_is_no_proportion_is_refused(text: str):
    with pytest.raises(CliError):
        parse_ratio(text)


@given(st.integers(0, 65_535))
def test_a_proportion_is_shown_to_a_hundredth_of_a_percent(ratio: int):
    shown = float(format_ratio(ratio).removesuffix(" %"))
    assert abs(shown - 100 * ratio / 65_535) <= 0.005 + 1e-9


def test_a_height_may_be_relative_to_the_head():
    assert parse_height("7", 100) == 7
    assert parse_height("+7", 100) == 107
    for text in ("-1", "+", "7.5", str(U64_MAX + 1), f"+{U64_MAX}", ""):
        with pytest.raises(CliError):
            parse_height(text, 100)


def test_a_number_keeps_its_bounds():
    assert parse_number("-5", -5, 5) == -5
    for text in ("6", "-6", "1.0", " 1", "", "0x1"):
        with pytest.raises(CliError, match="no number from -5 to 5"):
            parse_number(text, -5, 5)
