"""The simulator bites: with any one rule taken out it finds the harm within 400 seeds."""

import pytest

from tests.sim.campaign import Choice, run_seed
from tests.sim.mutants import MUTANTS

SEEDS = 400


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_caught(name: str) -> None:
    harm = "stall" if MUTANTS[name].is_stalling else "violation"
    outcomes = (run_seed(seed, Choice(mutant=name)) for seed in range(SEEDS))
    assert any(outcome.kind == harm for outcome in outcomes)
