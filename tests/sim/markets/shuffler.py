"""Stake shuffler: holds stake only across the epoch step, and is in TAO the rest of the time.

It buys in the block before the step and sells in the block after it. Root stake can't be shuffled:
it takes the unbonding time to come back.
"""

from collections.abc import Sequence

from consensus.calls.staking import StakeAlpha, UnstakeAlpha
from consensus.ledger import queries
from consensus.quantities import U64_MAX, Amount
from consensus.types import Call
from tests.builders import key_of
from tests.sim.markets.arena import Arena, Party
from tests.sim.markets.founding import MARKET, OUTSIDER, REVEAL_BLOCKS, TAO
from tests.sim.markets.honest import Honest

STAKE = 1_000 * TAO
HOTKEY = "hot0"


class Holder(Honest):
    """The honest counterpart: buys the same stake once and keeps it."""

    name = "steady holder"

    def choose(self, arena: Arena) -> Party:
        del arena
        return Party(others=(OUTSIDER,))

    def act(self, arena: Arena) -> Sequence[tuple[str, Call]]:
        if arena.state.height == 0:
            return [_buy()]
        return ()


class Shuffler(Holder):
    """In before every step, out after it."""

    name = "stake shuffler"

    def act(self, arena: Arena) -> Sequence[tuple[str, Call]]:
        if arena.phase == REVEAL_BLOCKS - 1:
            return [_buy()]
        if arena.phase == REVEAL_BLOCKS + 1:
            stakes = queries.account(arena.state, key_of(OUTSIDER)).stakes
            return [
                (OUTSIDER, UnstakeAlpha(MARKET, stake.hotkey, stake.amount, Amount(0)))
                for stake in stakes
                if stake.netuid == MARKET
            ]
        return ()


def _buy() -> tuple[str, Call]:
    return OUTSIDER, StakeAlpha(MARKET, key_of(HOTKEY), Amount(STAKE), Amount(U64_MAX))
