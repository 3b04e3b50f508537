"""`neurond wait`: come back when the chain has reached a height or a phase of a subnet's epoch."""

import click

from consensus.quantities import U16_MAX
from daemon.cli.amounts import misused, parse_height, parse_number
from daemon.cli.client import NodeClient, connect
from daemon.cli.options import JSON, NODE, Common, verb
from daemon.cli.output import print_json, print_note
from daemon.cli.progress import wait_for_height
from daemon.cli.tx.desk import read_int


@verb("wait", "wait --height +20", *NODE, JSON)
@click.option("--height", metavar="HEIGHT", help="Until that block is final: 500, or +20 from now.")
@click.option(
    "--start",
    metavar="NETUID",
    help="Until the subnet's owner may start it in the next block.",
)
@click.option("--epoch-step", metavar="NETUID", help="Until the subnet's next epoch step is final.")
@click.option(
    "--reveals",
    metavar="NETUID",
    help="Until the weights of the epoch that runs now can be opened in the next block.",
)
def wait(common: Common, **moments: str | None) -> None:
    """Wait for a height, or for a moment in a subnet's life: its start, epoch step or reveals."""
    chosen = [(what, text) for what, text in moments.items() if text is not None]
    if len(chosen) != 1:
        remedy = "Give one of --height +20, --start 2, --epoch-step 1 and --reveals 1."
        raise misused("What to wait for?", remedy)
    client = connect(common)
    goal, words = find_goal(client, *chosen[0])
    height = _ask_height(client)
    if height < goal:
        print_note(f"At block {height}; waiting for block {goal}: {words}.")
        height = wait_for_height(client, goal)
    if common.as_json:
        print_json({"height": height, "waited_for": words})
    else:
        click.echo(f"Block {height} is final: {words}.")


def find_goal(client: NodeClient, what: str, text: str) -> tuple[int, str]:
    """Return the block to wait for, and in words what it brings.

    Raises:
        CliError: no node answers, no such subnet, or not a number.
    """
    if what == "height":
        goal = int(parse_height(text, _ask_height(client)))
        return goal, f"height {goal}"
    netuid = parse_number(text, 0, U16_MAX)
    subnet = client.get_ok(f"/chain/subnets/{netuid}")
    # What a call can do from some block on, it can do when the block before is the head.
    match what:
        case "start":
            return read_int(subnet, "starts_from") - 1, f"subnet {netuid} may be started now"
        case "epoch_step":
            return read_int(subnet, "next_step"), f"the epoch step of subnet {netuid}"
        case _:
            epoch = read_int(subnet, "epoch")
            first = (epoch + 1) * read_int(subnet, "tempo")
            return first - 1, f"weights of epoch {epoch} of subnet {netuid} can be opened now"


def _ask_height(client: NodeClient) -> int:
    return read_int(client.get_ok("/chain/status"), "height")
