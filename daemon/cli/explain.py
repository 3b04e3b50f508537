"""`neurond explain` and `neurond what-if`: why a neuron earned what it did, and what it might have.

Both load what they need when they run: they stand beside `neurond --help`.
"""

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.keys import KeystoreOption
from daemon.cli.output import JsonFlag, print_json
from daemon.cli.query.options import HeightOption, ProofFlag
from daemon.cli.sources import ConfigOption, SetOption
from daemon.cli.status import ApiOption
from daemon.cli.tx.options import NetworkOption

NetuidArgument = Annotated[str, typer.Argument(help="The subnet.", show_default=False)]


def explain(  # noqa: PLR0913 - the options of one verb
    netuid: NetuidArgument,
    uid: Annotated[str, typer.Argument(help="The neuron.", show_default=False)],
    *,
    height: HeightOption = None,
    proof: ProofFlag = False,
    config: ConfigOption = None,
    settings: SetOption = None,
    network: NetworkOption = None,
    api: ApiOption = None,
    keystore: KeystoreOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take a neuron's reward of the last epoch apart: every validator's part, to the rao."""
    from daemon.cli.query.app import ask_node  # noqa: PLC0415 - see above
    from daemon.cli.query.reward import EXPLAIN  # noqa: PLC0415 - see above

    typed = {
        "netuid": netuid,
        "uid": uid,
        "height": height,
        "proof": proof,
        **_gather(config, settings, network, api, keystore),
    }
    answer = ask_node(EXPLAIN, typed)
    if as_json:
        print_json(answer)
    else:
        EXPLAIN.sheet.print(answer)


def what_if(  # noqa: PLR0913 - the options of one verb
    netuid: NetuidArgument,
    *,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            help="VALIDATOR:UID=WEIGHT,UID=WEIGHT: another row of a validator's. Repeatable.",
            show_default=False,
        ),
    ] = None,
    stake: Annotated[
        list[str] | None,
        typer.Option(
            help="UID=AMOUNT: another stake weight of a neuron's. Repeatable.", show_default=False
        ),
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=NUMBER: another number of the law, like kappa=32767. Repeatable.",
            show_default=False,
        ),
    ] = None,
    height: HeightOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    network: NetworkOption = None,
    api: ApiOption = None,
    keystore: KeystoreOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Replay the last epoch of a subnet with other weights, stakes or rules. Changes nothing."""
    from daemon.cli.query.what_if import ask_what_if, print_what_if  # noqa: PLC0415 - see above

    typed = {"netuid": netuid, **_gather(config, settings, network, api, keystore)}
    answer = ask_what_if(typed, weights or [], stake or [], rule or [], height)
    if as_json:
        print_json(answer)
    else:
        print_what_if(answer)


def _gather(
    config: Path | None,
    settings: list[str] | None,
    network: str | None,
    api: str | None,
    keystore: Path | None,
) -> dict[str, object]:
    return {
        "config": config,
        "settings": settings,
        "network": network,
        "api": api,
        "keystore": keystore,
    }
