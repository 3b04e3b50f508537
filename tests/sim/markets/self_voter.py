"""Self-voting owner: the subnet's owner judges, and finds its own poor miners the best."""

from tests.sim.markets.arena import Arena, Party, Weights
from tests.sim.markets.cartel import Cartel
from tests.sim.markets.founding import OWNER

MINERS = 4


class SelfVoter(Cartel):
    """The owner's validator, with whatever stake it has, and the owner's miners."""

    def __init__(self) -> None:
        super().__init__(0)
        self.name = "self-voting owner"

    def choose(self, arena: Arena) -> Party:
        worst = sorted(range(arena.size.miners), key=lambda miner: arena.quality[miner])
        return Party((OWNER,), tuple(worst[:MINERS]))

    def weigh(self, arena: Arena, validator: int) -> Weights | None:
        return super().weigh(arena, validator)
