"""What the operator's verbs print: results on stdout, everything else on stderr; exit codes.

With `--json` stdout carries exactly one JSON document, the result or `{"error": {...}}`. Without a
terminal nothing is asked: what needs a yes is declined (`Declined`) unless `--yes` was given.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

import click

from consensus.errors import NeurondError

if TYPE_CHECKING:
    from rich.table import Table


class Exit(IntEnum):
    """Exit codes; `docs/errors.md` documents them. Never renumber one."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    DATA = 4
    KEY = 5
    PORT = 6
    DECLINED = 7
    PROTOCOL = 8


class CliError(NeurondError):
    """A verb that can't do what it was asked; `exit_code` and `code` never change their meaning."""

    def __init__(self, exit_code: Exit, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.code = code
        self.remedy = remedy


class Declined(CliError):
    """A question that nobody was there to answer, or that was answered with no."""

    def __init__(self, question: str) -> None:
        super().__init__(
            Exit.DECLINED, "declined", f"Not done: {question}", "Say yes, or give --yes."
        )


def confirm(question: str, *, yes: bool) -> None:
    """Return if the operator agrees.

    Raises:
        Declined: they don't, or there is no terminal to ask at.
    """
    if yes:
        return
    try:
        if sys.stdin.isatty() and click.confirm(question, err=True):
            return
    except click.Abort:
        pass  # no answer is no yes
    raise Declined(question)


def print_json(value: object) -> None:
    """Print `value` as the one JSON document of this run."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_fields(title: str, rows: Mapping[str, object]) -> None:
    """Print names and values below one another."""
    table = _table(title, ("", ""))
    for name, value in rows.items():
        table.add_row(f"[bold]{_plain(name)}[/]", _plain(value))
    _print(table)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their columns' names."""
    table = _table(title, columns)
    for row in rows:
        table.add_row(*map(_plain, row))
    _print(table)


def print_note(text: str) -> None:
    """Tell the operator something that is not the result."""
    click.echo(text, err=True)


def snake(name: str) -> str:
    """Return a class's name as the codes of errors are written."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _table(title: str, columns: Sequence[str]) -> "Table":
    from rich import box  # noqa: PLC0415 - verbs with --json never need it
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.show_header = any(columns)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print(table: "Table") -> None:
    from rich.console import Console  # noqa: PLC0415 - as above

    # Rich cuts cells at 80 columns when there is no terminal to measure; a pipe has room.
    width = None if sys.stdout.isatty() else 200
    Console(width=width).print(table)


def _plain(value: object) -> str:
    from rich.markup import escape  # noqa: PLC0415 - as above

    return "-" if value is None else escape(str(value))
