"""`neurond wait`: come back when the chain has reached a height or a phase of a subnet's epoch."""

import time
from typing import Annotated

import typer

from daemon.cli.amounts import misused, parse_height, parse_number
from daemon.cli.client import NodeClient, open_client
from daemon.cli.output import CliError, Exit, JsonFlag, print_json, print_note
from daemon.cli.sources import ConfigOption, SetOption, load
from daemon.cli.status import ApiOption
from daemon.cli.tx.desk import Fields, read_int

POLL_S = 0.25
"""Between two looks; blocks come once a second or slower."""
STILL_S = 120.0
"""How long the height may stay as it is before the chain counts as standing still."""
_U16_MAX = 2**16 - 1

Height = Annotated[
    str | None,
    typer.Option(help="Until that block is final: 500, or +20 from now.", show_default=False),
]
EpochStep = Annotated[
    str | None,
    typer.Option(
        metavar="NETUID", help="Until the subnet's next epoch step is final.", show_default=False
    ),
]
Reveals = Annotated[
    str | None,
    typer.Option(
        metavar="NETUID",
        help="Until the weights of the epoch that runs now can be opened in the next block.",
        show_default=False,
    ),
]


def wait(  # noqa: PLR0913 - the options of one verb
    *,
    height: Height = None,
    epoch_step: EpochStep = None,
    reveals: Reveals = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    api: ApiOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Wait for a height, a subnet's next epoch step, or the time to open weights."""
    if [height, epoch_step, reveals].count(None) != 2:  # noqa: PLR2004 - exactly one is given
        raise misused(
            "What to wait for?", "Give one of --height +20, --epoch-step 1 and --reveals 1."
        )
    client = open_client(load(config, settings).settings.api, api)
    goal, words = find_goal(client, height, epoch_step, reveals)
    reached = wait_for_height(client, goal, words)
    if as_json:
        print_json({"height": reached, "waited_for": words})
    else:
        typer.echo(f"Block {reached} is final: {words}.")


def find_goal(
    client: NodeClient, height: str | None, epoch_step: str | None, reveals: str | None
) -> tuple[int, str]:
    """Return the block to wait for, and in words what it brings.

    Raises:
        CliError: none answers, no such subnet, or a number that is none.
    """
    if height is not None:
        goal = int(parse_height(height, _ask_height(client)))
        return goal, f"height {goal}"
    if epoch_step is not None:
        subnet = _ask_subnet(client, epoch_step)
        goal = read_int(subnet, "next_step")
        return goal, f"the epoch step of subnet {epoch_step}"
    assert reveals is not None, "one of three was given"
    subnet = _ask_subnet(client, reveals)
    epoch, tempo = read_int(subnet, "epoch"), read_int(subnet, "tempo")
    # The next block is the first that takes a reveal; asking then lands in it or soon after.
    goal = (epoch + 1) * tempo - 1
    return goal, f"the weights of epoch {epoch} of subnet {reveals} can be opened now"


def wait_for_height(client: NodeClient, goal: int, words: str) -> int:
    """Return the height once block `goal` is final.

    Raises:
        CliError: `no_progress`: no block comes; or none answers any more.
    """
    height = _ask_height(client)
    if height < goal:
        print_note(f"At block {height}; waiting for block {goal}: {words}.")
    since = time.monotonic()
    while height < goal:
        time.sleep(POLL_S)
        now = _ask_height(client)
        if now > height:
            height, since = now, time.monotonic()
        elif time.monotonic() - since > STILL_S:
            message = f"No block came for {STILL_S:.0f} s; the chain stands at {height}."
            raise CliError(Exit.FAILED, "no_progress", message, "Look at neurond status.")
    return height


def _ask_height(client: NodeClient) -> int:
    return read_int(client.get_ok("/chain/status"), "height")


def _ask_subnet(client: NodeClient, netuid: str) -> Fields:
    return client.get_ok(f"/chain/subnets/{parse_number(netuid, 0, _U16_MAX)}")
