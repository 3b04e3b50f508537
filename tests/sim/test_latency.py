"""Without faults agreement is as quick as its paper says: final in 3 delays, a block every 2."""

from dataclasses import replace
from itertools import pairwise

import pytest

from consensus.agreement import messages as m
from consensus.agreement.messages import Timing
from consensus.quantities import Hash32
from consensus.types import Block
from tests.sim.campaign import Choice, draw_plan
from tests.sim.checkers import Checker
from tests.sim.mutants import HONEST
from tests.sim.node import Asked, SimNode
from tests.sim.villains import Silent
from tests.sim.world import GENESIS_MS, World

DELAY_MS = 50


class EvenWorld(World):
    """Every message takes the same time and arrives."""

    def transmit(self, node: SimNode, other: SimNode, event: m.Event | Asked) -> None:
        assert node is not other
        self.post(other, DELAY_MS, event)


class Watch(Checker):
    """Notes when each height was final first."""

    def __init__(self, world: World) -> None:
        super().__init__(world, is_watched=True)
        self.world = world
        self.final_ms: dict[int, int] = {}

    def on_commit(
        self, node: SimNode, digests: list[Hash32], blocks: tuple[Block, ...], post: Hash32
    ) -> None:
        super().on_commit(node, digests, blocks, post)
        self.final_ms.setdefault(node.height, self.world.now)


def run_even(nodes: int) -> list[tuple[int, int]]:
    """Return when each height was proposed and when it was final, block by block."""
    plan = replace(
        draw_plan(1, Choice(nodes=nodes, villain="none", era_blocks=0), HONEST),
        timing=Timing(block_ms=1, delta_ms=1_000),
        has_follower=False,
        skew_ms=0,
        ledger_ms=0,
        gst_ms=GENESIS_MS,
    )
    world = EvenWorld(plan, HONEST, Silent(), None)
    world.checker = watch = Watch(world)
    world.run()
    begun = {int(header.height): header.time_ms for header in watch.headers.values()}
    return [(begun[height], done) for height, done in sorted(watch.final_ms.items())]


@pytest.mark.parametrize("nodes", [4, 7])
def test_a_block_is_final_three_delays_after_its_proposal(nodes: int) -> None:
    times = run_even(nodes)
    assert {done - begun for begun, done in times} == {3 * DELAY_MS}


@pytest.mark.parametrize("nodes", [4, 7])
def test_a_block_is_proposed_every_two_delays(nodes: int) -> None:
    begun = [begin for begin, _ in run_even(nodes)]
    gaps = {later - earlier for earlier, later in pairwise(begun[1:])}
    assert gaps == {2 * DELAY_MS}
