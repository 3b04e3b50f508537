"""Cartel: a share of the stake weighs nobody but its own miners, who are the worst of all."""

from collections.abc import Sequence

from tests.sim.markets.arena import Arena, Party, Weights
from tests.sim.markets.honest import Honest

MINERS = 8


class Cartel(Honest):
    """Validators with `percent` of the stake, as near as whole validators come to it."""

    def __init__(self, percent: int) -> None:
        self.percent = percent
        self.name = f"cartel of {percent} %"

    def choose(self, arena: Arena) -> Party:
        worst = sorted(range(arena.size.miners), key=lambda miner: arena.quality[miner])
        return Party(_gather(arena.stakes, self.percent), tuple(worst[:MINERS]))

    def weigh(self, arena: Arena, validator: int) -> Weights | None:
        del validator
        return {arena.miner_uid(miner): 1.0 for miner in arena.party.miners}


def _gather(stakes: Sequence[int], percent: int) -> tuple[int, ...]:
    """Return validators, the largest that fit, that hold at most `percent` of the stake."""
    chosen: list[int] = []
    held = 0
    for validator in sorted(range(len(stakes)), key=lambda each: stakes[each], reverse=True):
        if 100 * (held + stakes[validator]) <= percent * sum(stakes):
            chosen.append(validator)
            held += stakes[validator]
    return tuple(sorted(chosen))
