"""The verbs of `neurond wallet` by name, each with an example in its help."""

import typer

from daemon.cli.wallet.creating import create, new_hotkey
from daemon.cli.wallet.exporting import export
from daemon.cli.wallet.importing import import_key
from daemon.cli.wallet.listing import list_keys, show
from daemon.cli.wallet.removing import remove
from daemon.cli.wallet.resealing import change_password
from daemon.cli.wallet.signing import sign, verify

wallet_app = typer.Typer(no_args_is_help=True, help="Make, keep and use keys.")
_add = wallet_app.command
_add("create", epilog="Example: neurond wallet create alice --hotkey miner")(create)
_add("new-hotkey", epilog="Example: neurond wallet new-hotkey miner2 --coldkey alice")(new_hotkey)
_add("list", epilog="Example: neurond wallet list --json")(list_keys)
_add("show", epilog="Example: neurond wallet show alice")(show)
_add("import", epilog="Example: neurond wallet import alice --mnemonic-file words.txt")(import_key)
_add("export", epilog="Example: neurond wallet export alice --as file --to alice-copy.json")(export)
_add("sign", epilog="Example: neurond wallet sign alice --message 'I am alice'")(sign)
_add(
    "verify",
    epilog="Example: neurond wallet verify alice SIGNATURE --message 'I am alice'",
)(verify)
_add("change-password", epilog="Example: neurond wallet change-password --all")(change_password)
_add("remove", epilog="Example: neurond wallet remove miner2")(remove)
