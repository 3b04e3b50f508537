"""Many seeds: draw each world, run it, and count what was seen."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from consensus.agreement.messages import Timing
from tests.sim.checkers import Stall, Violation
from tests.sim.mutants import HONEST, MUTANTS, Mutant
from tests.sim.villains import Coalition, Silent, Twins, Villain
from tests.sim.world import GENESIS_MS, TIMER_MS_MAX, Plan, World

VILLAINS = ("coalition", "twins", "silent", "none")
_CHANCES = (5, 2, 1, 2)
"""How often each villain is drawn when none is named."""
ERA_BLOCKS = (0, 4, 8, 8, 16)
"""Lengths of eras to draw from; 0: one without end."""
NODES = 7
BLOCKS_AFTER = 20


@dataclass(frozen=True, slots=True)
class Choice:
    """What the caller fixes; None leaves it to the seed."""

    nodes: int = NODES
    villain: str | None = None
    mutant: str | None = None
    until: int | None = None
    era_blocks: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one seed: `kind` is ok, violation or stall."""

    seed: int
    kind: str
    detail: str
    events: int
    height: int
    after_ms: int
    """Virtual time from the healing of the network to the end of the run."""
    accusations: int
    villain: str


def draw_hostile(rng: Random, stakes: tuple[int, ...], percent: int) -> tuple[int, ...]:
    """Return places that together hold as much stake as fits under the bound."""
    order = list(range(len(stakes)))
    rng.shuffle(order)
    held, chosen = 0, list[int]()
    for index in order:
        stake = held + stakes[index]
        is_under = (
            3 * stake < sum(stakes) if percent == 33 else 100 * stake <= percent * sum(stakes)
        )
        if is_under:
            held = stake
            chosen.append(index)
    return tuple(sorted(chosen))


def draw_plan(seed: int, choice: Choice, mutant: Mutant) -> Plan:
    """Return what `seed` decides, where the caller has not."""
    rng = Random(f"plan {seed}")
    villain = rng.choices(VILLAINS, _CHANCES)[0]
    villain = choice.villain or villain
    stakes = tuple(rng.randint(5, 40) for _ in range(choice.nodes))
    hostile = draw_hostile(rng, stakes, mutant.hostile_percent)
    era_blocks = Random(f"eras {seed}").choice(ERA_BLOCKS)
    if choice.era_blocks is not None:
        era_blocks = choice.era_blocks
    timing = Timing(
        block_ms=rng.choice((20, 60, 150)),
        delta_ms=200,
        drift_ms=100,
        timer_ms_max=TIMER_MS_MAX,
    )
    return Plan(
        seed=seed,
        stakes=stakes,
        villain=villain,
        hostile=() if villain == "none" else hostile,
        has_follower=rng.random() < 0.15,
        timing=timing,
        skew_ms=rng.choice((0, 40)),
        ledger_ms=rng.choice((0, 0, 30)),
        loss=0.4 * rng.random() ** 2,
        spike=rng.random() * 0.15,
        gst_ms=GENESIS_MS + rng.randint(1_000, 6_000),
        blocks_after=BLOCKS_AFTER,
        until=choice.until,
        era_blocks=era_blocks,
        hostile_percent=mutant.hostile_percent,
    )


def build_world(seed: int, choice: Choice, trace: Callable[[str], None] | None = None) -> World:
    """Return the world of one seed, before its first event."""
    mutant = HONEST if choice.mutant is None else MUTANTS[choice.mutant]
    plan = draw_plan(seed, choice, mutant)
    villains: dict[str, Callable[[], Villain]] = {
        "coalition": Coalition,
        "twins": lambda: Twins(mutant),
        "silent": Silent,
        "none": Silent,
    }
    world = World(plan, mutant, villains[plan.villain](), trace)
    world.plan_faults(world.random.randint(3, 10))
    return world


def run_seed(seed: int, choice: Choice, trace: Callable[[str], None] | None = None) -> Outcome:
    """Run one world to its end and say what became of it."""
    world = build_world(seed, choice, trace)
    kind, detail = "ok", ""
    try:
        world.run()
    except Violation as error:
        kind, detail = "violation", str(error)
    except Stall as error:
        kind, detail = "stall", str(error)
    except AssertionError as error:
        kind, detail = "violation", f"assertion: {error}"
    return Outcome(
        seed=seed,
        kind=kind,
        detail=detail,
        events=world.events,
        height=max(node.height for node in world.honest),
        after_ms=world.now - world.plan.gst_ms,
        accusations=world.checker.accusations,
        villain=world.plan.villain,
    )
