"""Tell typer what a verb made of an entry takes: typer reads a function's signature."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Annotated, get_args

import typer

from daemon.cli.tx.entry import Ask

PANEL = "Common options"
"""Where help shows what every verb of a group takes."""


def give_signature(
    verb: Callable[..., None],
    parameters: Sequence[inspect.Parameter],
    common: Mapping[str, tuple[object, object]],
) -> None:
    """Let `verb`, which takes anything by name, show `parameters` and the `common` options."""
    options = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, annotation=_set_apart(kind), default=default
        )
        for name, (kind, default) in common.items()
    ]
    shown = [*parameters, *options]
    verb.__signature__ = inspect.Signature(shown)  # pyright: ignore[reportFunctionMemberAccess]  # what typer reads
    verb.__annotations__ = {each.name: each.annotation for each in shown}


def _set_apart(kind: object) -> object:
    """Return an annotated option whose help stands in the panel of common options."""
    inner, option = get_args(kind)
    apart = copy(option)
    apart.rich_help_panel = PANEL
    return Annotated[inner, apart]


def make_parameter(ask: Ask) -> inspect.Parameter:
    """Return what typer is to make of one thing that is asked for."""
    is_needed = ask.is_needed or (ask.is_argument and not ask.is_optional)
    if ask.is_argument:
        shown: object = typer.Argument(help=ask.help, show_default=False)
    else:
        option = f"--{ask.name.replace('_', '-')}"
        shown = typer.Option(option, help=ask.help, show_default=False)
    kind: object = list[str] if ask.is_list else str
    if not is_needed:
        kind = list[str] | None if ask.is_list else str | None
    return inspect.Parameter(
        ask.name,
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Annotated[kind, shown],
        default=inspect.Parameter.empty if is_needed else None,
    )
