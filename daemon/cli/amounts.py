"""Amounts, proportions and heights as people write and read them; exact, never through a float.

An amount is decimal coins ("1.5") or whole rao ("1500000000rao"); a proportion is a percentage
("18%"), a fraction ("0.18") or exact sixty-five-thousandths ("11796/65535"), rounded down; a height
is a number, or relative to the chain's head ("+100").
"""

import re
from fractions import Fraction

from consensus.quantities import RAO_PER_TAO, U16_MAX, U64_MAX, Amount, Height, Ratio16
from daemon.cli.output import CliError, Exit

_DECIMALS = 9
"""A rao is the ninth decimal of a coin."""
_COINS = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,9}))?")
_RAO = re.compile(r"([0-9]{1,20}) ?rao")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,12})?) ?%")
_FRACTION = re.compile(r"[0-9](?:\.[0-9]{1,12})?")
_EXACT = re.compile(r"([0-9]{1,5})/65535")
_HEIGHT = re.compile(r"(\+?)([0-9]{1,20})")


def parse_amount(text: str) -> Amount:
    """Return the amount, rao of TAO or alpha rao, that `text` says.

    Raises:
        CliError: `usage`: not an amount, finer than a rao, or over 2^64 - 1 rao.
    """
    coins, rao = _COINS.fullmatch(text), _RAO.fullmatch(text)
    if rao is not None:
        amount = int(rao.group(1))
    elif coins is not None:
        amount = int(coins.group(1)) * RAO_PER_TAO + int(
            (coins.group(2) or "").ljust(_DECIMALS, "0")
        )
    else:
        raise misused(
            f"{text[:40]!r} is no amount.",
            "Write coins with at most nine decimals, 1.5, or whole rao, 1500000000rao.",
        )
    if amount > U64_MAX:
        raise misused(f"{text[:40]!r} is more than there can be.", "Write a smaller amount.")
    return Amount(amount)


def parse_ratio(text: str) -> Ratio16:
    """Return a proportion of at most one, over 65535, rounded down.

    Raises:
        CliError: `usage`.
    """
    percent, exact = _PERCENT.fullmatch(text), _EXACT.fullmatch(text)
    if percent is not None:
        share = Fraction(percent.group(1)) / 100
    elif exact is not None:
        share = Fraction(int(exact.group(1)), U16_MAX)
    elif _FRACTION.fullmatch(text) is not None:
        share = Fraction(text)
    else:
        raise misused(f"{text[:40]!r} is no proportion.", "Write 18%, 0.18 or 11796/65535.")
    if share > 1:
        raise misused(f"{text[:40]!r} is more than all.", "Write at most 100%.")
    return Ratio16(int(share * U16_MAX))


def format_ratio(ratio: int) -> str:
    """Return a proportion over 65535 for people: `18 %`, to a hundredth of a percent."""
    hundredths = (ratio * 20_000 + U16_MAX) // (2 * U16_MAX)
    return f"{hundredths // 100}.{hundredths % 100:02d}".rstrip("0").rstrip(".") + " %"


def parse_height(text: str, head: int) -> Height:
    """Return a height: as it stands, or `+N` blocks after the head.

    Raises:
        CliError: `usage`.
    """
    found = _HEIGHT.fullmatch(text)
    height = -1 if found is None else int(found.group(2)) + (head if found.group(1) else 0)
    if not 0 <= height <= U64_MAX:
        raise misused(f"{text[:40]!r} is no height.", "Write a height, or +100 from the head.")
    return Height(height)


def parse_number(text: str, low: int, high: int) -> int:
    """Return a whole number within its bounds, both included.

    Raises:
        CliError: `usage`.
    """
    if re.fullmatch(r"-?[0-9]{1,20}", text) is None or not low <= int(text) <= high:
        raise misused(f"{text[:40]!r} is no number from {low} to {high}.", "Write digits alone.")
    return int(text)


def misused(message: str, remedy: str) -> CliError:
    """Return the error for something that can't be what was meant."""
    return CliError(Exit.USAGE, "usage", message, remedy)
