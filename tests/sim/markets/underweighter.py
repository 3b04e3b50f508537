"""Under-weighting small validator (upstream issue sub#1868).

A weight below consensus is never clipped, so a small validator may weigh only the few miners it
expects most incentive from, in the hope of cheap bonds where they pay best.
"""

from tests.sim.markets.arena import Arena, Party, Weights
from tests.sim.markets.honest import Honest

KEPT = 12


class UnderWeighter(Honest):
    """The smallest validator: the strongest miners in full, all others at half of their worth."""

    name = "under-weighting small validator"

    def choose(self, arena: Arena) -> Party:
        smallest = min(range(arena.size.validators), key=lambda each: arena.stakes[each])
        return Party(validators=(smallest,))

    def weigh(self, arena: Arena, validator: int) -> Weights | None:
        honest = arena.weigh_honestly(validator)
        best = sorted(honest, key=lambda uid: honest[uid], reverse=True)[:KEPT]
        return {uid: value if uid in best else value / 2 for uid, value in honest.items()}
