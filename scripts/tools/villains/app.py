"""Measure what every villain earns against honest play on the same seeds; table and plot for docs.

Each run is one market of 64 validators and 192 miners for 50 epochs on the real ledger
(`tests/sim/markets/arena.py`). A villain's profit is what its party owns at the end less what it
owned at the start, in TAO per 1,000 TAO owned; the honest profit is that of the same identities on
the same seed when they play as everybody does. Only the difference tells whether the sin pays.
"""

import argparse
import json
import multiprocessing
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, pstdev

from scripts.tools.villains.report import render_page, save_plot
from tests.sim.markets.arena import Arena, Villain
from tests.sim.markets.cartel import Cartel
from tests.sim.markets.copier import Copier
from tests.sim.markets.farm import Farm
from tests.sim.markets.founding import Size
from tests.sim.markets.honest import Honest
from tests.sim.markets.lazy import Lazy
from tests.sim.markets.self_voter import SelfVoter
from tests.sim.markets.shuffler import Holder, Shuffler
from tests.sim.markets.underweighter import UnderWeighter
from tests.sim.markets.washer import Washer
from tests.sim.markets.withholder import Withholder

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "villains.md"
PLOT = ROOT / "docs" / "villains.svg"


@dataclass(frozen=True, slots=True)
class Trial:
    """One villain on one seed; TAO, and profit per 1,000 TAO owned at the start."""

    villain: str
    seed: int
    owned: float
    honest: float
    profit: float


@dataclass(frozen=True, slots=True)
class Line:
    """One villain over all seeds; `gain` is profit less honest profit."""

    villain: str
    owned: float
    honest: float
    profit: float
    gain: float
    spread: float
    """Standard deviation of the gain over the seeds."""
    worst: float
    best: float


def list_villains() -> list[tuple[Villain, Villain]]:
    """Return every villain and the honest play it is measured against."""
    honest = Honest()
    return [
        (Copier(), honest),
        (Lazy(), honest),
        (Withholder(), honest),
        *[(Cartel(percent), honest) for percent in (10, 20, 30, 40, 49)],
        (SelfVoter(), honest),
        (Farm(), honest),
        *[(Washer(per_epoch), honest) for per_epoch in (1, 10, 100)],
        (Shuffler(), Holder()),
        (UnderWeighter(), honest),
    ]


def run_seed(job: tuple[Size, int]) -> list[Trial]:
    """Play every villain on one seed."""
    size, seed = job
    played: dict[str, Arena] = {}
    trials: list[Trial] = []
    for villain, counterpart in list_villains():
        if counterpart.name not in played:
            played[counterpart.name] = Arena(size, seed, counterpart)
            played[counterpart.name].play()
        arena = Arena(size, seed, villain)
        owned = arena.wealth(arena.party)
        arena.play()
        honest = played[counterpart.name].wealth(arena.party)
        ended = arena.wealth(arena.party)
        gains = [1_000 * (each - owned) / owned for each in (honest, ended)]
        trials.append(Trial(villain.name, seed, owned, *gains))
    return trials


def summarise(trials: Sequence[Trial]) -> list[Line]:
    """Return one line per villain, in the order of the trials."""
    lines: list[Line] = []
    for name in dict.fromkeys(trial.villain for trial in trials):
        own = [trial for trial in trials if trial.villain == name]
        gains = [trial.profit - trial.honest for trial in own]
        lines.append(
            Line(
                villain=name,
                owned=mean(trial.owned for trial in own),
                honest=mean(trial.honest for trial in own),
                profit=mean(trial.profit for trial in own),
                gain=mean(gains),
                spread=pstdev(gains),
                worst=min(gains),
                best=max(gains),
            )
        )
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; exit 1 if some villain profits on average."""
    parser = argparse.ArgumentParser(
        prog="scripts/villains", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--seeds", type=int, default=10, help="markets per villain (10)")
    parser.add_argument("--epochs", type=int, default=50, help="epochs per market (50)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--write", action="store_true", help="write docs/villains.md and its plot")
    asked = parser.parse_args(arguments)
    if asked.seeds < 1 or asked.epochs < 4:  # noqa: PLR2004 - immunity and cut-off have to show
        parser.error("--seeds is at least 1, --epochs at least 4")
    size = Size(epochs=asked.epochs)
    jobs = [(size, seed) for seed in range(asked.seeds)]
    with multiprocessing.get_context("spawn").Pool() as pool:
        trials = [trial for each in pool.map(run_seed, jobs, chunksize=1) for trial in each]
    lines = summarise(trials)
    if asked.json:
        print(json.dumps([asdict(line) for line in lines], indent=2))
    else:
        print_lines(lines)
    if asked.write:
        PAGE.write_text(render_page([asdict(line) for line in lines], asked.seeds, asked.epochs))
        save_plot([(line.villain, line.gain, line.spread) for line in lines], PLOT)
    return 1 if any(line.gain > 0 for line in lines) else 0


def print_lines(lines: Sequence[Line]) -> None:
    """Print the table."""
    print(f"{'villain':36}{'owns TAO':>12}{'honest':>10}{'villain':>10}{'gain':>10}{'spread':>9}")
    for line in lines:
        print(
            f"{line.villain:36}{line.owned:12,.0f}{line.honest:10.3f}{line.profit:10.3f}"
            f"{line.gain:10.3f}{line.spread:9.3f}"
        )
    print("profit per 1,000 TAO owned; gain: villain less honest, with its spread over the seeds")


if __name__ == "__main__":
    sys.exit(main())
