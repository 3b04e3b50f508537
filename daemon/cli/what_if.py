"""What the last epoch would have paid with other weights, stakes or rules."""

import json
import re
from collections.abc import Sequence
from typing import cast

import click

from consensus.quantities import U16_MAX
from daemon.cli.amounts import misused, parse_amount, parse_number
from daemon.cli.client import JSON_BODY, connect
from daemon.cli.options import Common
from daemon.cli.output import print_table
from daemon.cli.tx.desk import read_int, read_rows
from daemon.cli.tx.weighing import parse_weights
from daemon.unit import Fields, format_amount
from daemon.views.what_if import WHAT_IF_PATH

_I64 = 2**63


def ask_what_if(
    common: Common,
    netuid: str,
    weights: Sequence[str],
    stakes: Sequence[str],
    rules: Sequence[str],
) -> Fields:
    """Return the node's answer.

    Raises:
        CliError: something typed makes no sense, here or to the node.
    """
    edits = {
        "weights": [_read_row(text) for text in weights],
        "stakes": [_read_stake(text) for text in stakes],
        "hyperparameters": dict(_read_rule(text) for text in rules),
    }
    path = WHAT_IF_PATH.format(netuid=parse_number(netuid, 0, U16_MAX))
    if common.height is not None:
        path += f"?height={common.height}"
    return connect(common).post_ok(path, json.dumps(edits).encode(), JSON_BODY)


def print_what_if(answer: Fields) -> None:
    """Print every neuron whose pay changes, and the sums."""
    click.echo(f"Subnet {answer['netuid']}, epoch {answer['epoch']}, replayed with your edits")
    rows: list[tuple[str, ...]] = []
    for neuron in read_rows(answer, "neurons"):
        before, after = (cast("Fields", neuron[name]) for name in ("before", "after"))
        if before != after:
            rows.append(_row(neuron, before, after))
    if not rows:
        click.echo("No neuron's pay changes.")
        return
    columns = ("uid", "hotkey", "incentive", "dividends", "alpha before", "after", "change")
    print_table("", columns, rows)


def _row(neuron: Fields, before: Fields, after: Fields) -> tuple[str, ...]:
    paid, would = read_int(before, "emission"), read_int(after, "emission")
    sign = "+" if would > paid else ""
    return (
        str(neuron["uid"]),
        str(neuron["hotkey"]),
        f"{before['incentive']:.4f} -> {after['incentive']:.4f}",
        f"{before['dividends']:.4f} -> {after['dividends']:.4f}",
        format_amount(paid, ""),
        format_amount(would, ""),
        sign + format_amount(would - paid, ""),
    )


def _read_row(text: str) -> dict[str, object]:
    who, colon, row = text.partition(":")
    if not colon:
        raise misused(f"{text[:60]!r} has no ':'.", "Write --weights 0:2=1,3=0.5.")
    uids, values = parse_weights([row]) if row else ((), ())
    return {"uid": parse_number(who, 0, U16_MAX), "uids": list(uids), "values": list(values)}


def _read_stake(text: str) -> dict[str, object]:
    who, equals, amount = text.partition("=")
    if not equals:
        raise misused(f"{text[:60]!r} has no '='.", "Write --stake 0=1000.")
    return {"uid": parse_number(who, 0, U16_MAX), "stake": parse_amount(amount)}


def _read_rule(text: str) -> tuple[str, int]:
    name, equals, value = text.partition("=")
    if not equals or re.fullmatch(r"[a-z_]{1,40}", name) is None:
        raise misused(f"{text[:60]!r} is no rule.", "Write --rule kappa=32767.")
    return name, parse_number(value, -_I64, _I64 - 1)
