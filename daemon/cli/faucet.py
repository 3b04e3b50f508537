"""`neurond faucet`: ask a devnet's or testnet's node for TAO."""

import json

import click

from config.address import format_address
from daemon.cli.client import JSON_BODY, connect
from daemon.cli.keys import find_keys, resolve_address
from daemon.cli.options import API, JSON, KEYS, Common, verb
from daemon.cli.output import print_json, print_note


@verb("faucet", "faucet coldkey", *KEYS, API, JSON)
@click.argument("to", default="coldkey", help="Who gets it: an address, or a local key's name.")
def faucet(common: Common, to: str) -> None:
    """Ask the node's faucet for TAO; only devnets and testnets have one."""
    address = format_address(resolve_address(to, find_keys(common).keystore))
    body = json.dumps({"address": address}).encode()
    answer = connect(common).post_ok("/faucet", body, JSON_BODY)
    if common.as_json:
        print_json({**answer, "to": address})
    else:
        print_note(f"TAO is on its way to {address}: transaction {answer['id']}")
