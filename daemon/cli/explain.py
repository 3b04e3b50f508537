"""`neurond explain` and `neurond what-if`: why a neuron earned what it did, or might have."""

import click

from daemon.cli.options import API, CONFIG, HEIGHT, JSON, KEYSTORE, NETWORK, SET, Common, verb
from daemon.cli.output import print_json
from daemon.cli.query import OF_STATE, ask_node
from daemon.cli.reward import print_reward
from daemon.cli.what_if import ask_what_if, print_what_if
from daemon.views import neurons


@verb("explain", "explain 1 0", *OF_STATE)
@click.argument("netuid", help="The subnet.")
@click.argument("uid", help="The neuron.")
def explain(common: Common, netuid: str, uid: str) -> None:
    """Take a neuron's reward of the last epoch apart: every validator's part, to the rao."""
    answer = ask_node(neurons.explain, common, {"netuid": netuid, "uid": uid})
    if common.as_json:
        print_json(answer)
    else:
        print_reward(answer)


@verb(
    "what-if",
    "what-if 1 --weights 0:2=1,3=0.5",
    *(HEIGHT, CONFIG, SET, NETWORK, API, KEYSTORE, JSON),
)
@click.argument("netuid", help="The subnet.")
@click.option(
    "--weights",
    metavar="ROW",
    multiple=True,
    help="VALIDATOR:UID=WEIGHT,UID=WEIGHT: another row of a validator's. Repeatable.",
)
@click.option(
    "--stake",
    metavar="UID=AMOUNT",
    multiple=True,
    help="Another stake weight of a neuron's. Repeatable.",
)
@click.option(
    "--rule",
    metavar="NAME=NUMBER",
    multiple=True,
    help="Another number of the law, like kappa=32767. Repeatable.",
)
def what_if(
    common: Common,
    netuid: str,
    *,
    weights: tuple[str, ...],
    stake: tuple[str, ...],
    rule: tuple[str, ...],
) -> None:
    """Replay the last epoch of a subnet with other weights, stakes or rules. Changes nothing."""
    answer = ask_what_if(common, netuid, weights, stake, rule)
    if common.as_json:
        print_json(answer)
    else:
        print_what_if(answer)
