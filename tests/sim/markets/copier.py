"""Weight copier: judges nobody, and commits what consensus said of the last epoch."""

from consensus.ledger.subnet.records import Column, get_column
from tests.sim.markets.arena import Arena, Party, Weights
from tests.sim.markets.founding import MARKET
from tests.sim.markets.honest import Honest


class Copier(Honest):
    """A validator of middling stake that copies."""

    name = "weight copier"

    def choose(self, arena: Arena) -> Party:
        ranked = sorted(range(arena.size.validators), key=lambda each: arena.stakes[each])
        return Party(validators=(ranked[len(ranked) // 2],))

    def weigh(self, arena: Arena, validator: int) -> Weights | None:
        """Return the newest thing public: the consensus of the last epoch step."""
        consensus = get_column(arena.state, MARKET, Column.CONSENSUS).tolist()
        copied = {uid: float(value) for uid, value in enumerate(consensus) if value and uid}
        return copied or arena.weigh_honestly(validator)
