"""`neurond tx`: the verbs that change the chain, put together when somebody looks for one."""

import typer

from daemon.cli.later import make_later


def _load() -> typer.Typer:
    from daemon.cli.tx.app import make_tx_app  # noqa: PLC0415 - every call's type

    return make_tx_app()


tx_app = typer.Typer(
    cls=make_later(_load),
    no_args_is_help=True,
    help="Change the chain: transfer, stake, register, vote and all other calls.",
)
