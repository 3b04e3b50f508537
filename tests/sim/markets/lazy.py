"""Lazy validator: judged the miners once, and commits the same row ever after."""

from tests.sim.markets.arena import Arena, Party, Weights
from tests.sim.markets.copier import Copier


class Lazy(Copier):
    """A validator of middling stake that stopped working after the first epoch."""

    name = "lazy validator"

    def __init__(self) -> None:
        self._row: Weights = {}

    def choose(self, arena: Arena) -> Party:
        self._row = {}
        return super().choose(arena)

    def weigh(self, arena: Arena, validator: int) -> Weights | None:
        self._row = self._row or arena.weigh_honestly(validator)
        return self._row
