"""How an answer looks to people: a few labelled figures, then a table per list.

A `Sheet` says which parts of the JSON are shown and how each is written; programs get the JSON.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import click

from daemon.cli.amounts import format_amount
from daemon.cli.output import print_fields, print_table

Fields = Mapping[str, object]
Write = Callable[[object, Fields], str]
"""Writes one value; the row (or the whole answer) is there for what it is measured in."""
SHORT = 12


def set_height(value: object, _row: Fields) -> str:
    """Write a height that is 0 until it is known."""
    return str(value) if value else "-"


def plain(value: object, _row: Fields) -> str:
    """Write a value as it is."""
    if isinstance(value, list):
        return ", ".join(map(str, cast("list[object]", value))) or "-"
    return "-" if value is None or value == "" else str(value)


def tao(value: object, _row: Fields) -> str:
    """Write rao as TAO."""
    return format_amount(value) if isinstance(value, int) else "-"


def alpha(value: object, _row: Fields) -> str:
    """Write alpha rao as alpha."""
    return format_amount(value, "alpha") if isinstance(value, int) else "-"


def coin(value: object, row: Fields) -> str:
    """Write an amount in the coin of the row's subnet."""
    return alpha(value, row) if row.get("netuid") else tao(value, row)


def percent(value: object, _row: Fields) -> str:
    """Write a fraction as a percentage."""
    return f"{value:.2%}" if isinstance(value, float | int) else "-"


def figure(value: object, _row: Fields) -> str:
    """Write a fraction with four decimals."""
    return f"{value:.4f}" if isinstance(value, float | int) else "-"


def figures(value: object, row: Fields) -> str:
    """Write a list of fractions with four decimals."""
    items = cast("list[object]", value) if isinstance(value, list) else []
    return ", ".join(figure(item, row) for item in items) or "-"


def yes(value: object, _row: Fields) -> str:
    """Write a flag."""
    return "yes" if value else "-"


def short(value: object, _row: Fields) -> str:
    """Write the beginning of a long hash."""
    text = str(value or "")
    return text if len(text) <= SHORT else text[:SHORT] + "..."


def block(value: object, _row: Fields) -> str:
    """Write a height; a negative one means never."""
    return "never" if value is None or (isinstance(value, int) and value < 0) else str(value)


@dataclass(frozen=True, slots=True)
class Part:
    """One figure or column: its heading, where it lies (dots lead inside), how it is written."""

    heading: str
    path: str
    write: Write = plain


@dataclass(frozen=True, slots=True)
class Table:
    """One list of an answer."""

    title: str
    path: str
    columns: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is shown of an answer; braces in the title stand for its figures."""

    title: str
    parts: tuple[Part, ...] = ()
    tables: tuple[Table, ...] = ()

    def print(self, answer: Fields) -> None:
        """Print it."""
        click.echo(self.title.format_map(answer))
        if self.parts:
            shown = {
                part.heading: part.write(get(answer, part.path), answer) for part in self.parts
            }
            print_fields("", shown)
        found = [table for table in self.tables if get_rows(answer, table.path)]
        if not found and not self.parts:
            click.echo("  none")
        for table in found:
            rows = [
                [part.write(get(row, part.path), row) for part in table.columns]
                for row in get_rows(answer, table.path)
            ]
            is_alone = len(self.tables) == 1 and not self.parts
            headings = [part.heading for part in table.columns]
            print_table("" if is_alone else table.title, headings, rows)


def get(answer: Fields, path: str) -> object:
    """Return what lies at a path of names, or None."""
    value: object = answer
    for name in path.split("."):
        found = _as_fields(value)
        value = None if found is None else found.get(name)
    return value


def get_rows(answer: Fields, path: str) -> Sequence[Fields]:
    """Return the list at a path; numbers and texts in it become rows with one `value`."""
    value = get(answer, path)
    table = _as_fields(value)
    if table is not None:
        return [{"name": name, "value": item} for name, item in table.items()]
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [_as_fields(item) or {"value": item} for item in items]


def _as_fields(value: object) -> Fields | None:
    return cast("Fields", value) if isinstance(value, Mapping) else None
