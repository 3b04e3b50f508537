"""The command line: every verb under its name, with an example in its help.

Verbs import what they need when they run, so that `neurond --help` answers at once. What goes wrong
is put into words by `daemon/cli/failures.py`; a bug shows its traceback and exits with 1.
"""

import sys
from collections.abc import Sequence

import typer

from daemon.cli.catalogue import make_verbs
from daemon.cli.failures import describe, report
from daemon.cli.init import init
from daemon.cli.run import run
from daemon.cli.settings_verbs import check_config, config_app
from daemon.cli.status import status
from daemon.cli.wallet import wallet_app

EPILOG = (
    "Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 no node answers, 4 data folder, "
    "5 keys, 6 port, 7 declined. docs/errors.md explains them."
)

app = typer.Typer(
    name="neurond",
    help="One daemon for a peer-to-peer market of machine intelligence.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init", epilog="Example: neurond init --network devnet --role validator")(init)
app.command("check-config", epilog="Example: neurond check-config --config node.toml")(check_config)
app.add_typer(config_app, name="config")
app.command("run", epilog="Example: neurond run --config node.toml")(run)
app.command("status", epilog="Example: neurond status --json")(status)
app.add_typer(wallet_app, name="wallet")
app.command("verbs", epilog="Example: neurond verbs --json")(make_verbs(app))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the process's exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app(args=given, prog_name="neurond")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:
        failure = describe(error)
        if failure is None:
            raise
        return report(failure, as_json="--json" in given)
    return 0
