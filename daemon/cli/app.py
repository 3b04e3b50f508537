# pyright: reportPrivateUsage=false
# typer carries the exceptions of wrong usage in a private copy of click.
"""The command line: every verb under its name, with an example in its help.

Verbs import what they need when they run, so that `neurond --help` answers at once. What goes wrong
is put into words by `daemon/cli/failures.py`; a bug shows its traceback and exits with 1.
"""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer._click.exceptions import ClickException, UsageError

from daemon.cli.catalogue import make_verbs
from daemon.cli.explain import explain, what_if
from daemon.cli.failures import describe, report
from daemon.cli.faucet import faucet
from daemon.cli.init import init
from daemon.cli.output import CliError, Declined, Exit
from daemon.cli.query_group import query_app
from daemon.cli.run import run
from daemon.cli.settings_verbs import check_config, config_app
from daemon.cli.status import status
from daemon.cli.subnet_group import subnet_app
from daemon.cli.tx_group import tx_app
from daemon.cli.voucher_group import voucher_app
from daemon.cli.wait import wait
from daemon.cli.wallet.app import wallet_app

EPILOG = (
    "Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 no node answers, 4 data folder, "
    "5 keys, 6 port, 7 declined, 8 protocol. docs/errors.md explains them."
)


def _print_version(is_asked: bool) -> None:  # noqa: FBT001 - typer's callback
    if is_asked:
        from daemon.version import read_version  # noqa: PLC0415 - reading metadata takes its time

        typer.echo(f"neurond {read_version()}")
        raise typer.Exit


app = typer.Typer(
    name="neurond",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", callback=_print_version),
    ] = False,
) -> None:
    """One daemon for a peer-to-peer market of machine intelligence."""


app.command("init", epilog="Example: neurond init --network devnet --role validator")(init)
app.command("check-config", epilog="Example: neurond check-config --config node.toml")(check_config)
app.add_typer(config_app, name="config")
app.command("run", epilog="Example: neurond run --config node.toml")(run)
app.command("status", epilog="Example: neurond status --json")(status)
app.add_typer(wallet_app, name="wallet")
app.add_typer(tx_app, name="tx")
app.add_typer(query_app, name="query")
app.add_typer(subnet_app, name="subnet")
app.add_typer(voucher_app, name="voucher")
app.command("explain", epilog="Example: neurond explain 1 0")(explain)
app.command("what-if", epilog="Example: neurond what-if 1 --weights 0:2=1,3=0.5")(what_if)
app.command("faucet", epilog="Example: neurond faucet coldkey")(faucet)
app.command("wait", epilog="Example: neurond wait --height +20")(wait)
app.command("verbs", epilog="Example: neurond verbs --json")(make_verbs(app))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the process's exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    try:
        return _run_for_programs(given) if as_json else _run(given)
    except Exception as error:
        failure = describe(error)
        if failure is None:
            raise
        return report(failure, as_json=as_json)


def _run(given: list[str]) -> int:
    """Run a verb; typer words wrong usage and colours it."""
    try:
        app(args=given, prog_name="neurond")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _run_for_programs(given: list[str]) -> int:
    """Run a verb with --json; wrong usage is an error document like any other."""
    try:
        code: object = app(args=given, prog_name="neurond", standalone_mode=False)
    except ClickException as error:
        verb = error.ctx.command_path if isinstance(error, UsageError) and error.ctx else "neurond"
        remedy = f"{verb} --help says what it takes."
        raise CliError(Exit.USAGE, "usage", error.format_message(), remedy) from error
    except typer.Abort as error:
        raise Declined("stopped at a question") from error
    return code if isinstance(code, int) else 0
