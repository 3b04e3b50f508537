"""`neurond tx consent`: a hotkey's consent to a coldkey, for when the two are on two machines."""

from typing import Annotated

import typer

from config.address import format_address
from daemon.cli.keys import KeystoreOption, Kind, PasswordFileOption
from daemon.cli.output import JsonFlag, YesFlag, print_json
from daemon.cli.sources import ConfigOption, SetOption
from daemon.cli.status import ApiOption
from daemon.cli.tx.consents import sign_claim
from daemon.cli.tx.flow import open_desk
from daemon.cli.tx.options import NetworkOption, Options


def print_consent(  # noqa: PLR0913 - the options of one verb
    coldkey: Annotated[str, typer.Argument(help="The coldkey that is to own it: an address.")],
    *,
    hotkey: Annotated[
        str | None,
        typer.Option(
            help="The local hotkey; else neuron.hotkey of the settings.", show_default=False
        ),
    ] = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    network: NetworkOption = None,
    api: ApiOption = None,
    keystore: KeystoreOption = None,
    password_file: PasswordFileOption = None,
    as_json: JsonFlag = False,
    yes: YesFlag = False,
) -> None:
    """Print a hotkey's consent to be owned by a coldkey, for --consent on the coldkey's machine.

    It is good for that coldkey and network alone, and only while nobody owns the hotkey.
    """
    options = Options(
        signer=hotkey,
        tip=None,
        valid_for=1,
        dry_run=False,
        wait=False,
        config=config,
        settings=settings,
        network=network,
        api=api,
        keystore=keystore,
        password_file=password_file,
        as_json=as_json,
        yes=yes,
    )
    desk = open_desk(options, (Kind.HOTKEY,))
    owner = desk.find(coldkey)
    signature = sign_claim(desk, desk.signer, owner).hex()
    if as_json:
        addresses = {"hotkey": format_address(desk.signer), "coldkey": format_address(owner)}
        print_json({**addresses, "consent": signature})
    else:
        typer.echo(signature)
