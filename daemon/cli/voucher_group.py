"""`neurond voucher`: the off-chain side of payments, put together when somebody looks for it."""

import typer

from daemon.cli.later import make_later


def _load() -> typer.Typer:
    from daemon.cli.voucher import check, make  # noqa: PLC0415 - the types of calls

    app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")
    channel = "ab" * 32
    app.command("make", epilog=f"Example: neurond voucher make {channel} 0.5 --out v.json")(make)
    app.command("check", epilog="Example: neurond voucher check v.json")(check)
    return app


voucher_app = typer.Typer(
    cls=make_later(_load),
    no_args_is_help=True,
    help="Pay a miner off chain: sign a voucher, or check one that was signed.",
)
