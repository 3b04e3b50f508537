"""Nobody sins: what every villain is measured against."""

from collections.abc import Sequence

from consensus.types import Call
from tests.sim.markets.arena import Arena, Party, Weights


class Honest:
    """Does what an honest validator does. `party` says whose profit is asked for."""

    name = "honest"

    def choose(self, arena: Arena) -> Party:
        del arena
        return Party()

    def weigh(self, arena: Arena, validator: int) -> Weights | None:
        return arena.weigh_honestly(validator)

    def reveals(self, arena: Arena, validator: int) -> bool:
        del arena, validator
        return True

    def act(self, arena: Arena) -> Sequence[tuple[str, Call]]:
        del arena
        return ()
