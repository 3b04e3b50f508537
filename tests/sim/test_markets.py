"""Villains in a small market: cheating costs money, and the arena itself tells no tales."""

import pytest

from consensus.ledger.supply import check_invariants
from scripts.tools.villains.app import list_villains, run_seed, summarise
from tests.sim.markets.arena import Arena
from tests.sim.markets.cartel import Cartel
from tests.sim.markets.founding import MARKET, Size
from tests.sim.markets.honest import Honest
from tests.sim.markets.shuffler import Shuffler

SMALL = Size(validators=12, miners=20, epochs=5)


@pytest.mark.slow
def test_no_villain_profits_in_a_small_market() -> None:
    lines = summarise(run_seed((SMALL, 3)))
    assert len(lines) == len(list_villains())
    assert [line.villain for line in lines if line.gain > 0] == []


@pytest.mark.parametrize("villain", [Honest(), Cartel(30), Shuffler()], ids=lambda v: v.name)
def test_a_market_adds_up_at_its_end(villain: Honest) -> None:
    arena = Arena(Size(validators=4, miners=4, epochs=2), 1, villain)
    arena.play()
    check_invariants(arena.state)
    assert arena.price(MARKET) > 0


def test_one_seed_plays_one_market() -> None:
    roots: set[bytes] = set()
    for _ in range(2):
        arena = Arena(Size(validators=4, miners=4, epochs=2), 1, Honest())
        arena.play()
        roots.add(arena.state.root)
    assert len(roots) == 1
