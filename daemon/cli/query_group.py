"""`neurond query`: the verbs that ask about the chain, put together when somebody looks for one."""

import typer

from daemon.cli.later import make_later


def _load() -> typer.Typer:
    from daemon.cli.query.app import make_query_app  # noqa: PLC0415 - every question's sheet

    return make_query_app()


query_app = typer.Typer(
    cls=make_later(_load),
    no_args_is_help=True,
    help="Ask about the chain: accounts, subnets, prices, delegates, proposals and more.",
)
