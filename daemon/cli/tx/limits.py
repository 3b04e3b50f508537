"""Fields for the worst price a caller accepts: as given, or the price now and some slippage.

Prices are TAO for one alpha. Without a limit, a swap that others make much dearer in the same block
would be done all the same.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import cast

from consensus.quantities import U64_MAX, Amount, NetUid
from daemon.cli.amounts import misused, parse_amount
from daemon.cli.tx.desk import Desk, read_int
from daemon.cli.tx.entry import Field, Given, Prompt
from daemon.unit import Fields, format_amount

SLIPPAGE = Prompt(
    "slippage",
    "How far the price may move against you, percent of the price now. Else 1.",
    metavar="PERCENT",
)
_SLIPPAGE_MAX = 100
ANY = "any"
"""Instead of a limit: whatever it costs or brings."""


def buy_limit(name: str = "limit", netuid: str = "netuid") -> Field:
    """Return a field for the highest price of a purchase in the subnet of the field `netuid`."""

    def read(desk: Desk, given: Given) -> Amount:
        price = None if given.text(name) else read_market(desk, given, "price", netuid)
        return _above(given, name, price)

    return Field(name, read, _show_price, (_prompt(name, "Highest price to buy at"), SLIPPAGE))


def sell_limit(name: str = "limit", netuid: str = "netuid") -> Field:
    """Return a field for the lowest price of a sale in the subnet of the field `netuid`."""

    def read(desk: Desk, given: Given) -> Amount:
        text = given.text(name)
        if text is not None:
            return Amount(0) if text == ANY else parse_amount(text)
        kept = max(Fraction(0), 1 - read_slippage(given))
        return Amount(int(read_market(desk, given, "price", netuid) * kept))

    return Field(name, read, _show_price, (_prompt(name, "Lowest price to sell at"), SLIPPAGE))


def cost_limit(name: str, cost: Callable[[Desk, Given], int], about: str) -> Field:
    """Return a field for the most something may cost; `cost` asks the node, in rao."""

    def read(desk: Desk, given: Given) -> Amount:
        return _above(given, name, None if given.text(name) else cost(desk, given))

    def show(_desk: Desk, value: object) -> str:
        assert isinstance(value, int)
        return "whatever it costs" if value == U64_MAX else format_amount(value)

    help_text = f"{about} In TAO, or any; else what it costs now and --slippage."
    return Field(name, read, show, (Prompt(name, help_text, metavar="TAO"), SLIPPAGE))


def read_market(desk: Desk, given: Given, figure: str, netuid: str = "netuid") -> int:
    """Return a figure, rao, of the market in the subnet of the field `netuid`."""
    number = given.values[netuid]
    assert isinstance(number, int)
    return read_int(cast("Fields", desk.subnet(NetUid(number))["row"]), figure)


def read_slippage(given: Given) -> Fraction:
    """Return the accepted slippage as a fraction of the price.

    Raises:
        CliError: `usage`.
    """
    text = (given.text(SLIPPAGE.name) or "1").strip().removesuffix("%").strip()
    try:
        percent = Fraction(text)
    except (ValueError, ZeroDivisionError):
        percent = Fraction(-1)
    if not 0 <= percent <= _SLIPPAGE_MAX:
        raise misused(f"--slippage {text[:40]!r} is no percentage.", "Write --slippage 1.5")
    return percent / 100


def _above(given: Given, name: str, figure: int | None) -> Amount:
    text = given.text(name)
    if text is not None:
        return Amount(U64_MAX) if text == ANY else parse_amount(text)
    raised = (figure or 0) * (1 + read_slippage(given))
    return Amount(min(U64_MAX, -(-raised.numerator // raised.denominator)))


def _prompt(name: str, about: str) -> Prompt:
    return Prompt(
        name,
        f"{about}: TAO for one alpha, or any; else the price now and --slippage.",
        metavar="TAO",
    )


def _show_price(_desk: Desk, value: object) -> str:
    assert isinstance(value, int)
    return "any price" if value in {0, U64_MAX} else f"{format_amount(value)} for one alpha"
