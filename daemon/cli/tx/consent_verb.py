"""`neurond tx consent`: a hotkey's consent to a coldkey, for when the two are on two machines."""

from dataclasses import replace

import click

from config.address import format_address
from daemon.cli.options import JSON, SIGNING, YES, Common, verb
from daemon.cli.output import print_json
from daemon.cli.tx.consents import sign_claim
from daemon.cli.tx.flow import open_desk
from storage.keys.keyfile import KeyKind


@verb("consent", "tx consent 5F... --hotkey miner", *SIGNING, JSON, YES)
@click.argument("coldkey", help="The coldkey that is to own it: an address.")
@click.option(
    "--hotkey", metavar="KEY", help="The local hotkey; else neuron.hotkey of the settings."
)
def consent(common: Common, coldkey: str, hotkey: str | None) -> None:
    """Print a hotkey's consent to a coldkey, for --consent on the coldkey's machine.

    It is good for that coldkey and network alone, and only while nobody owns the hotkey.
    """
    desk = open_desk(replace(common, signer=hotkey), (KeyKind.HOTKEY,))
    owner = desk.find(coldkey)
    signature = sign_claim(desk, desk.signer, owner).hex()
    if common.as_json:
        addresses = {"hotkey": format_address(desk.signer), "coldkey": format_address(owner)}
        print_json({**addresses, "consent": signature})
    else:
        click.echo(signature)
