"""The verbs of `neurond tx`, made from their entries, and `tx consent`."""

import inspect
from collections.abc import Callable
from typing import Annotated

import typer

from daemon.cli.tx.catalog import ENTRIES
from daemon.cli.tx.consent_verb import print_consent
from daemon.cli.tx.entry import Ask, Entry
from daemon.cli.tx.flow import run_entry
from daemon.cli.tx.options import COMMON, read_options


def make_tx_app() -> typer.Typer:
    """Return the group of verbs, one per entry."""
    app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
    for entry in ENTRIES:
        add_entry(app, entry)
    app.command(
        "consent", epilog="Example: neurond tx consent 5F... --hotkey miner", rich_help_panel="Keys"
    )(print_consent)
    return app


def add_entry(app: typer.Typer, entry: Entry, verb: str | None = None, group: str = "tx") -> None:
    """Add the verb of `entry` to `app`, under its own name or `verb`."""
    name = entry.verb if verb is None else verb
    example = entry.example.replace(f"neurond tx {entry.verb}", f"neurond {group} {name}", 1)
    words = f"{entry.summary}\n\nSigned by a {entry.signer}. --dry-run shows what it would do."
    app.command(name, help=words, epilog=f"Example: {example}")(_make_verb(entry))


def _make_verb(entry: Entry) -> Callable[..., None]:
    """Return a function with the parameters that typer is to ask for."""

    def verb(**given: object) -> None:
        run_entry(entry, given, read_options(given))

    parameters = [_make_parameter(ask) for ask in entry.asks()]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, (kind, default) in COMMON.items()
    ]
    verb.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportFunctionMemberAccess]  # what typer reads
    verb.__annotations__ = {each.name: each.annotation for each in parameters}
    verb.__doc__ = entry.summary
    return verb


def _make_parameter(ask: Ask) -> inspect.Parameter:
    """Return what typer is to make of one thing that is asked for."""
    option = f"--{ask.name.replace('_', '-')}"
    is_needed = ask.is_argument or ask.is_needed
    if ask.is_argument:
        shown: object = typer.Argument(help=ask.help, show_default=False)
    else:
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
