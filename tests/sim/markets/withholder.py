"""Withholder: commits, looks at what others reveal, and opens only what it does not regret.

It goes last in the block and sees every other reveal. It withholds when its row would lose more to
the clip than the median of the other epochs did.
"""

from consensus.ledger.subnet.records import Column, get_cell
from consensus.quantities import Uid
from tests.sim.markets.arena import Arena, Weights
from tests.sim.markets.copier import Copier
from tests.sim.markets.founding import MARKET


class Withholder(Copier):
    """A validator of middling stake with one bit of hindsight."""

    name = "withholder"

    def weigh(self, arena: Arena, validator: int) -> Weights | None:
        return arena.weigh_honestly(validator)

    def reveals(self, arena: Arena, validator: int) -> bool:
        """Open the row only if its trust was good last time, or every other epoch."""
        trust = get_cell(arena.state, MARKET, Column.TRUST, Uid(validator))
        return trust > (1 << 32) * 93 // 100 or arena.epoch % 2 == 0
