"""The verbs of `neurond tx`, made from their entries, and `tx consent`."""

from collections.abc import Callable

import typer

from daemon.cli.tx.catalog import ENTRIES
from daemon.cli.tx.consent_verb import print_consent
from daemon.cli.tx.entry import Entry
from daemon.cli.tx.flow import run_entry
from daemon.cli.tx.options import COMMON, read_options
from daemon.cli.tx.signatures import give_signature, make_parameter


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

    parameters = [make_parameter(ask) for ask in entry.asks()]
    give_signature(verb, parameters, COMMON)
    verb.__doc__ = entry.summary
    return verb
