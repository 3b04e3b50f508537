"""The verbs of `neurond wallet` by name, each with an example in its help."""

import typer

from daemon.cli.wallet.creating import create, new_hotkey
from daemon.cli.wallet.exporting import export
from daemon.cli.wallet.importing import import_key
from daemon.cli.wallet.listing import list_keys, show
from daemon.cli.wallet.removing import remove
from daemon.cli.wallet.resealing import change_password
from daemon.cli.wallet.signing import sign, verify

VERBS = (
    ("create", create, "create alice --hotkey miner"),
    ("new-hotkey", new_hotkey, "new-hotkey miner2 --coldkey alice"),
    ("list", list_keys, "list --json"),
    ("show", show, "show alice"),
    ("import", import_key, "import alice --mnemonic-file words.txt"),
    ("export", export, "export alice --as file --to alice-copy.json"),
    ("sign", sign, "sign alice --message 'I am alice'"),
    ("verify", verify, "verify alice SIGNATURE --message 'I am alice'"),
    ("change-password", change_password, "change-password --all"),
    ("remove", remove, "remove miner2"),
)
"""Name, function and example, in the order of the help."""


def make_wallet_app() -> typer.Typer:
    """Return the group of all verbs that work on keys."""
    made = typer.Typer()
    for name, verb, example in VERBS:
        made.command(name, epilog=f"Example: neurond wallet {example}")(verb)
    return made
