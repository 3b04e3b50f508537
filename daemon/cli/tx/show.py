"""How a preview, a refusal and a receipt look to people."""

from collections.abc import Mapping, Sequence
from typing import cast

import click

from config.address import format_address, parse_address
from consensus import refusals
from consensus.errors import CallError
from consensus.quantities import PublicKey
from consensus.types import Transaction
from daemon.cli.amounts import format_ratio
from daemon.cli.output import CliError, Exit, print_note, print_table, snake
from daemon.cli.tx.desk import Desk, read_int, read_rows
from daemon.unit import Fields, format_amount

_LABELS = {
    "free": "balance",
    "stake": "stake",
    "unbonding": "unbonding",
    "pool_tao": "pool, TAO",
    "pool_alpha": "pool, alpha",
    "price": "price of one alpha",
    "registration": "price of a uid",
    "take": "take",
    "uid": "uid",
    "channel": "left in channel",
    "burned": "burned so far",
}
_OUTCOMES = {
    "succeeds": "would succeed",
    "fails": "would FAIL and cost the fee",
    "impossible": "can't be in a block",
}
_PLACES = 10_000
"""Of a percentage shown to two decimals: ten-thousandths of the whole."""


def print_preview(
    desk: Desk, words: str, transaction: Transaction, preview: Fields, *, is_error: bool = False
) -> None:
    """Print what a transaction would do; on stderr if stdout is for a result."""
    lines = [
        words,
        f"  outcome  {_OUTCOMES[str(preview['outcome'])]}, in block {preview['height']}",
    ]
    if preview.get("error"):
        lines += [f"  why      {preview['message']}", f"  remedy   {preview['remedy']}"]
    lines.append(f"  signer   {_name(desk.names(), desk.signer)}")
    lines.append(f"  fee      {format_amount(read_int(preview, 'fee'))}")
    if transaction.tip:
        lines.append(f"  tip      {format_amount(transaction.tip)}")
    lines += [f"  {line}" for line in _word_events(preview)]
    rows = word_effects(desk.names(), read_rows(preview, "effects"))
    if is_error:
        lines += [f"  {_word_change(row)}" for row in rows]
        print_note("\n".join(lines))
        return
    click.echo("\n".join(lines))
    if rows:
        print_table("Effect", ("what", "before", "after", "change"), rows)


def print_receipt(
    desk: Desk, receipt: Fields, words: str, changes: Sequence[Mapping[str, object]]
) -> None:
    """Print what became of a transaction that was done, and what it did to its signer."""
    click.echo(f"Done: {words}")
    click.echo(
        f"  final in block {receipt['height']}, fee {format_amount(read_int(receipt, 'fee'))}, "
        f"id {receipt['id']}"
    )
    for row in word_effects(desk.names(), changes):
        click.echo(f"  {_word_change(row)}")


def print_more(more: Mapping[str, str]) -> None:
    """Print what a transaction brought into being."""
    for name, value in more.items():
        click.echo(f"  {name} {value}")


def find_made(preview: Fields) -> dict[str, str]:
    """Return the number of what a transaction made, as the preview had it.

    Another transaction of the same block may have taken it first, which is seldom.
    """
    made = {"subnet_founded": ("subnet", "netuid"), "proposal_opened": ("proposal", "proposal")}
    found: dict[str, str] = {}
    for event in read_rows(preview, "events"):
        name, field = made.get(str(event.get("what")), ("", ""))
        if name:
            found[name] = str(event.get(field))
    return found


def make_refusal(preview: Fields, before: str) -> CliError:
    """Return the error for a transaction that would be refused."""
    code = snake(str(preview.get("error") or "refused"))
    message = f"{before}{preview.get('message')}"
    return CliError(Exit.FAILED, code, message, str(preview.get("remedy") or ""))


def make_failure(receipt: Fields) -> CliError:
    """Return the error for a transaction that was included and refused."""
    name = str(receipt.get("error") or "CallError")
    fee = format_amount(read_int(receipt, "fee"))
    message = (
        f"{_explain(read_int(receipt, 'code'))} It is final in block {receipt.get('height')}: "
        f"refused with code {receipt.get('code')} ({name}), the fee of {fee} is paid."
    )
    return CliError(Exit.FAILED, snake(name), message, str(receipt.get("remedy") or ""))


def _explain(code: int) -> str:
    kinds = {kind.code: kind for kind in CallError.__subclasses__()}
    assert refusals.__doc__, "one import brings them all in"
    return (kinds.get(code, CallError).__doc__ or "").partition("\n")[0]


# -- effects --------------------------------------------------------------------------------------


def _word_events(preview: Fields) -> list[str]:
    """Return a line for every event; of a swap what it brings, at what price, how far off."""
    before = {
        effect["netuid"]: read_int(effect, "before")
        for effect in read_rows(preview, "effects")
        if effect["what"] == "price"
    }
    lines: list[str] = []
    for event in read_rows(preview, "events"):
        if event.get("what") not in {"stake_bought", "stake_sold"}:
            if event.get("what") == "order_dropped":
                lines.append("swap     would NOT be done: the price is beyond the limit")
            else:
                lines.append(f"event    {_word_event(event)}")
            continue
        price, usual = read_int(event, "price"), before.get(event.get("netuid"))
        alpha = format_amount(read_int(event, "alpha"), f"alpha of subnet {event['netuid']}")
        verb = "buys" if event["what"] == "stake_bought" else "sells"
        tao = format_amount(read_int(event, "tao"))
        moved = f", {_percent(price - usual, usual)} from the price now" if usual else ""
        lines.append(f"swap     {verb} {alpha} for {tao}, at {format_amount(price)}{moved}")
    return lines


def _word_event(event: Fields) -> str:
    """Return an event as the stream has it: its kind, and what it says."""
    said = ", ".join(f"{name} {value}" for name, value in event.items() if name != "what")
    return f"{str(event['what']).replace('_', ' ')}: {said}"


def word_effects(
    names: Mapping[PublicKey, str], effects: Sequence[Fields]
) -> list[tuple[str, str, str, str]]:
    """Return a row for every figure that changes: what, before, after, by how much."""
    rows: list[tuple[str, str, str, str]] = []
    for effect in effects:
        what, netuid = str(effect["what"]), read_int(effect, "netuid")
        before, after = read_int(effect, "before"), read_int(effect, "after")
        who = [_name(names, parse_address(each)) for each in cast("list[str]", effect["who"])]
        place = f" in subnet {netuid}" if netuid else " at root" if what == "stake" else ""
        label = f"{_LABELS.get(what, what)}{place}" + (f" of {' on '.join(who)}" if who else "")
        shown = [_figure(what, netuid, value) for value in (before, after)]
        rows.append((label, *shown, _change(what, netuid, before, after)))  # pyright: ignore[reportArgumentType]  # two figures
    return rows


def _word_change(row: tuple[str, str, str, str]) -> str:
    """Return a row of `word_effects` as a line."""
    what, before, after, change = row
    return f"{what}: {before} -> {after}" + (f" ({change})" if change else "")


def _figure(what: str, netuid: int, value: int) -> str:
    match what:
        case "take":
            return format_ratio(value)
        case "uid":
            return "none" if value < 0 else str(value)
        case "stake" | "burned" | "pool_alpha" if netuid:
            return format_amount(value, "alpha")
        case _:
            return format_amount(value)


def _change(what: str, netuid: int, before: int, after: int) -> str:
    if what in {"uid", "take"}:
        return ""
    if what == "price" and before:
        return _percent(after - before, before)
    sign = "+" if after > before else ""
    return sign + _figure(what, netuid, after - before)


def _percent(difference: int, whole: int) -> str:
    hundredths = abs(difference) * _PLACES // whole
    sign = "-" if difference < 0 else "+"
    return f"{sign}{hundredths // 100}.{hundredths % 100:02d} %"


def _name(names: Mapping[PublicKey, str], key: PublicKey) -> str:
    """Return a local key's name, or an address."""
    return names.get(key) or format_address(key)
