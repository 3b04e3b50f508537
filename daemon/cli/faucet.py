"""`neurond faucet`: ask a devnet's or testnet's node for TAO."""

import json
from typing import Annotated

import typer

from config.address import format_address
from daemon.cli.client import open_client
from daemon.cli.keys import KeystoreOption, PasswordFileOption, find_keys, resolve_address
from daemon.cli.output import JsonFlag, print_json, print_note
from daemon.cli.sources import ConfigOption, SetOption, load
from daemon.cli.status import ApiOption

To = Annotated[str, typer.Argument(help="Who gets it: an address, or a local key's name.")]


def faucet(  # noqa: PLR0913 - each is an option of its own
    to: To = "coldkey",
    config: ConfigOption = None,
    settings: SetOption = None,
    keystore: KeystoreOption = None,
    password_file: PasswordFileOption = None,
    api: ApiOption = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """Ask the node's faucet for TAO; only devnets and testnets have one."""
    keys = find_keys(config, settings, keystore, password_file)
    address = format_address(resolve_address(to, keys.keystore))
    client = open_client(load(config, settings).settings.api, api)
    body = json.dumps({"address": address}).encode()
    answer = client.post_ok("/faucet", body, "application/json")
    if as_json:
        print_json({**answer, "to": address})
    else:
        print_note(f"TAO is on its way to {address}: transaction {answer['id']}")
