"""`neurond subnet`: a market as its owner sees it; the same verbs as `tx` and `query` have."""

import typer

from daemon.cli.later import make_later

VERBS = {
    "create": "register-subnet",
    "start": "start-subnet",
    "set": "set-hyperparameter",
    "mechanism": "set-mechanism",
    "identity": "set-subnet-identity",
}
"""The owner's word for each verb of `neurond tx`."""


def _load() -> typer.Typer:
    from daemon.cli.query.app import add_query  # noqa: PLC0415 - every question's sheet
    from daemon.cli.query.owner import SHOW  # noqa: PLC0415 - as above
    from daemon.cli.tx.app import add_entry  # noqa: PLC0415 - every call's type
    from daemon.cli.tx.catalog import get_entry  # noqa: PLC0415 - as above

    app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
    for name, verb in VERBS.items():
        add_entry(app, get_entry(verb), name, "subnet")
    add_query(app, SHOW, "subnet")
    return app


subnet_app = typer.Typer(
    cls=make_later(_load),
    no_args_is_help=True,
    help="Open a market, start it, set its rules, and look at it as its owner.",
)
