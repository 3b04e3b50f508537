"""`neurond faucet`: ask a devnet's or testnet's node for TAO, and wait until it is there."""

import json

import click

from config.address import format_address
from consensus.quantities import Hash32
from daemon.cli.client import JSON_BODY, connect
from daemon.cli.keys import find_keys, resolve_address
from daemon.cli.options import API, JSON, KEYS, WAIT, Common, verb
from daemon.cli.output import print_json
from daemon.cli.progress import wait_final
from daemon.cli.tx.desk import read_int


@verb("faucet", "faucet coldkey", WAIT, *KEYS, API, JSON)
@click.argument("to", default="coldkey", help="Who gets it: an address, or a local key's name.")
def faucet(common: Common, to: str) -> None:
    """Ask the node's faucet for TAO; only devnets and testnets have one."""
    address = format_address(resolve_address(to, find_keys(common).keystore))
    client = connect(common)
    answer = client.post_ok("/faucet", json.dumps({"address": address}).encode(), JSON_BODY)
    words = f"TAO is on its way to {address}: transaction {answer['id']}"
    if common.wait:
        last = read_int(client.get_ok("/chain/status"), "height") + common.valid_for
        answer = wait_final(client, Hash32(bytes.fromhex(str(answer["id"]))), last)
        words = f"{address} has it: block {answer['height']}, transaction {answer['id']}"
    if common.as_json:
        print_json({**answer, "to": address})
    else:
        click.echo(words)
