"""Wait for the chain: for a height, or for a transaction to be final."""

import time
from collections.abc import Iterator
from typing import cast

from consensus.quantities import Hash32
from daemon.cli.client import NodeClient
from daemon.cli.output import CliError, Exit
from daemon.cli.tx.desk import read_int
from daemon.unit import Fields

POLL_S = 0.25
"""Between two looks; blocks come once a second or slower."""
STILL_S = 120.0
"""How long the height may stay as it is before the chain counts as standing still."""


def watch_heights(client: NodeClient, remedy: str = "Look at neurond status.") -> Iterator[int]:
    """Yield the height of the head, again and again.

    Raises:
        CliError: `no_progress`: no block comes; or the node does not answer any more.
    """
    height, since = -1, time.monotonic()
    while True:
        now = read_int(client.get_ok("/chain/status"), "height")
        if now > height:
            height, since = now, time.monotonic()
        elif time.monotonic() - since > STILL_S:
            message = f"No block came for {STILL_S:.0f} s; the chain stands at {height}."
            raise CliError(Exit.FAILED, "no_progress", message, remedy)
        yield now
        time.sleep(POLL_S)


def wait_for_height(client: NodeClient, goal: int) -> int:
    """Return the height once block `goal` is final. Raises as `watch_heights`."""
    return next(height for height in watch_heights(client) if height >= goal)


def wait_final(client: NodeClient, identity: Hash32, valid_until: int) -> Fields:
    """Return the receipt of a transaction once it is final.

    Raises:
        CliError: `expired`: no block took it in time; or as `watch_heights`.
    """
    name = identity.hex()
    remedy = f"It waits. Look at neurond status, then neurond query receipt {name}."
    for height in watch_heights(client, remedy):
        _, answer = client.get(f"/chain/transactions/{name}")
        if answer.get("status") == "final":
            return answer
        if height >= valid_until and _get_code(answer) == "not_found":
            break
    message = f"Transaction {name} was in no block up to {valid_until}."
    remedy = "It can't be included any more. Look at the signer's account and send anew."
    raise CliError(Exit.FAILED, "expired", message, remedy)


def _get_code(answer: Fields) -> object:
    error = answer.get("error")
    return cast("Fields", error).get("code") if isinstance(error, dict) else None
