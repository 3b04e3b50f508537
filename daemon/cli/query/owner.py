"""A market as its owner sees it."""

from daemon.cli.query import market_sheets
from daemon.cli.query.catalog import NETUID, ask_subnet, get_netuid
from daemon.cli.query.query import Query
from daemon.cli.query.sheet import Fields


class OwnerSheet:
    """Prints one market and its rules."""

    def print(self, answer: Fields) -> None:
        """Print it."""
        market_sheets.SUBNET.print(answer)
        market_sheets.HYPERPARAMETERS.print(answer)


SHOW = Query(
    "show",
    "One market: state, pool, owner, mechanism, rules, and what is announced.",
    "neurond query show 1",
    (NETUID,),
    lambda seeker: f"/chain/subnets/{get_netuid(seeker)}",
    OwnerSheet(),
    ask_subnet,
)
"""The verb `neurond subnet show`."""
