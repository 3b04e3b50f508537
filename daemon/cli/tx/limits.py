"""Fields for the worst price a caller accepts: as given, or the price now and some slippage.

Prices are TAO for one alpha. Without a limit, a swap that others make much dearer in the same block
would be done all the same.
"""

from fractions import Fraction

from consensus.quantities import U64_MAX, Amount, NetUid
from daemon.cli.amounts import misused, parse_amount
from daemon.cli.tx.desk import Desk, read_int
from daemon.cli.tx.entry import Field, Given, Prompt
from daemon.unit import format_amount

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
        price = None if given.text(name) else _price(desk, given, netuid)
        return _above(given, name, price)

    return Field(name, read, _show_price, (_prompt(name, "Highest price to buy at"), SLIPPAGE))


def sell_limit(name: str = "limit", netuid: str = "netuid") -> Field:
    """Return a field for the lowest price of a sale in the subnet of the field `netuid`."""

    def read(desk: Desk, given: Given) -> Amount:
        text = given.text(name)
        if text is not None:
            return Amount(0) if text == ANY else parse_amount(text)
        kept = max(Fraction(0), 1 - read_slippage(given))
        return Amount(int(_price(desk, given, netuid) * kept))

    return Field(name, read, _show_price, (_prompt(name, "Lowest price to sell at"), SLIPPAGE))


def cost_limit(name: str, path: str, figure: str, about: str) -> Field:
    """Return a field for the most something may cost, whose cost the node tells.

    Args:
        name: of the field and its option.
        path: of the node's answer; `{netuid}` stands for that field.
        figure: of the answer.
        about: what it is the limit of.
    """

    def read(desk: Desk, given: Given) -> Amount:
        cost = None
        if not given.text(name):
            cost = read_int(desk.ask(path.format(**given.values)), figure)
        return _above(given, name, cost)

    def show(_desk: Desk, value: object) -> str:
        assert isinstance(value, int)
        return "whatever it costs" if value == U64_MAX else format_amount(value)

    help_text = f"{about} In TAO, or any; else what it costs now and --slippage."
    return Field(name, read, show, (Prompt(name, help_text, metavar="TAO"), SLIPPAGE))


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


def _price(desk: Desk, given: Given, netuid: str) -> int:
    number = given.values[netuid]
    assert isinstance(number, int)
    return read_int(desk.subnet(NetUid(number)), "price")


def _show_price(_desk: Desk, value: object) -> str:
    assert isinstance(value, int)
    return "any price" if value in {0, U64_MAX} else f"{format_amount(value)} for one alpha"
