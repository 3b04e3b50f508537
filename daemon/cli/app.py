"""The command line: every verb by name, where it is, and what it is for.

A verb is imported when it is called, so that `neurond --help` answers at once. To add one, write
its file and a line of `COMMANDS`. What goes wrong is put into words by `daemon/cli/failures.py`; a
bug shows its traceback and exits with 1.
"""

import sys
from collections.abc import Sequence

import click

from daemon.cli.failures import describe, report
from daemon.cli.groups import VerbGroup
from daemon.cli.output import Exit

COMMANDS = {
    "init": ("daemon.cli.init:init", "Make a node's folder: settings, keys, network."),
    "check-config": ("daemon.cli.settings_verbs:check_config", "Find every mistake in settings."),
    "config": ("daemon.cli.settings_verbs:config", "Look at the settings in force."),
    "run": ("daemon.cli.run:run", "Run the node until it is told to stop."),
    "status": ("daemon.cli.status:status", "Show the running node at a glance."),
    "wallet": ("daemon.cli.wallet.app:wallet", "Make, keep and use keys."),
    "tx": ("daemon.cli.tx.app:tx", "Change the chain: transfer, stake, register, vote."),
    "query": ("daemon.cli.query:query", "Ask about the chain: accounts, subnets, prices."),
    "subnet": ("daemon.cli.subnet:subnet", "Open a market, start it, set its rules."),
    "voucher": ("daemon.cli.voucher:voucher", "Pay a miner off chain; check such a payment."),
    "task": ("daemon.cli.task:task", "The tasks subnets can have: list, check, make one."),
    "explain": ("daemon.cli.explain:explain", "Take a neuron's last reward apart."),
    "what-if": ("daemon.cli.explain:what_if", "Replay an epoch with other weights or rules."),
    "faucet": ("daemon.cli.faucet:faucet", "Ask a devnet's or testnet's node for TAO."),
    "wait": ("daemon.cli.wait:wait", "Wait for a height, or a moment of an epoch."),
    "verbs": ("daemon.cli.catalogue:verbs", "List every verb with its options."),
}
"""Name, place and purpose of every verb and group, in the order in which help lists them."""

EPILOG = (
    "Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 no node answers, 4 data folder, "
    "5 keys, 6 port, 7 declined, 8 protocol. docs/errors.md explains them."
)


def _print_version(ctx: click.Context, _option: click.Parameter, is_asked: object) -> None:
    if is_asked:
        from daemon.version import read_version  # noqa: PLC0415 - reading metadata takes its time

        click.echo(f"neurond {read_version()}")
        ctx.exit()


@click.group(
    "neurond",
    cls=VerbGroup,
    epilog=EPILOG,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and exit.",
)
def app() -> None:
    """One daemon for a peer-to-peer market of machine intelligence."""


app.add_table(COMMANDS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the process's exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code: object = app.main(given, prog_name="neurond", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return Exit.USAGE
    except Exception as error:
        failure = describe(error)
        if failure is None:
            raise
        return report(failure, as_json="--json" in given)
    return code if isinstance(code, int) else Exit.OK
