"""`neurond wallet`: its verbs are put together when somebody looks for one."""

import typer

from daemon.cli.later import make_later


def _load() -> typer.Typer:
    from daemon.cli.wallet.verbs import make_wallet_app  # noqa: PLC0415 - ten verbs' options

    return make_wallet_app()


wallet_app = typer.Typer(
    cls=make_later(_load), no_args_is_help=True, help="Make, keep and use keys."
)
