"""Run agreement in simulated worlds: thousands of seeds, or one seed again, line by line.

A world loses messages, splits, crashes nodes and gives up to a third of the stake to a villain, and
in most worlds the validator set changes from era to era; see `tests/sim/world.py`. Every seed
replays exactly.

Exit codes: 0 all well (with --mutant: the mutant was caught), 1 a violation or a stall was found
(with --mutant: it was not caught), 2 wrong usage.

Examples:
  scripts/simulate --seeds 2000
  scripts/simulate --seed 56 --trace
  scripts/simulate --seeds 400 --mutant parent-unchecked
  scripts/simulate --seeds 200 --era-blocks 4
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

from tests.sim.campaign import NODES, VILLAINS, Choice, Outcome, run_seed
from tests.sim.mutants import MUTANTS

SHOWN_MAX = 10
"""Failing seeds that are described; the rest are counted."""


def main(arguments: list[str] | None = None) -> int:
    """Run what the arguments ask for and return the exit code."""
    chosen = parse(arguments)
    choice = Choice(chosen.nodes, chosen.villain, chosen.mutant, chosen.until, chosen.era_blocks)
    if chosen.seed is not None:
        return run_one(chosen.seed, choice, chosen)
    begin_s = perf_counter()
    outcomes: list[Outcome] = []
    for outcome in run_many(range(chosen.first, chosen.first + chosen.seeds), choice, chosen.jobs):
        outcomes.append(outcome)
        if chosen.mutant is not None and is_caught(outcome, chosen.mutant):
            break
    return report(outcomes, chosen, perf_counter() - begin_s)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/simulate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--seeds", type=int, default=100, metavar="N", help="how many seeds (default 100)")
    add("--from", type=int, default=0, metavar="S", dest="first", help="the first seed (default 0)")
    add("--seed", type=int, metavar="S", help="run this one seed")
    add("--trace", action="store_true", help="with --seed: print every event and effect")
    add("--nodes", type=int, default=NODES, help=f"validators (default {NODES})")
    add("--villain", choices=VILLAINS, help="who is bad (default: the seed decides)")
    add("--mutant", choices=list(MUTANTS), help="take one rule out; the simulator must notice")
    add("--until", type=int, metavar="HEIGHT", help="run until every honest node is that high")
    add(
        "--era-blocks",
        type=int,
        metavar="N",
        help="blocks of an era; 0: one without end (default: the seed decides)",
    )
    add("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)")
    add("--json", action="store_true", help="print the summary as JSON")
    chosen = parser.parse_args(arguments)
    if chosen.trace and chosen.seed is None:
        parser.error("--trace needs --seed")
    for name, least in (("nodes", 1), ("seeds", 1), ("jobs", 1), ("first", 0), ("era_blocks", 0)):
        given: int | None = getattr(chosen, name)
        if given is not None and given < least:
            flag = "from" if name == "first" else name.replace("_", "-")
            parser.error(f"--{flag} must be at least {least}")
    return chosen


def run_many(seeds: range, choice: Choice, jobs: int) -> Iterator[Outcome]:
    """Yield every seed's outcome, in order."""
    run = partial(run_seed, choice=choice)
    if jobs == 1:
        yield from map(run, seeds)
        return
    with get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(run, seeds, chunksize=4)


def run_one(seed: int, choice: Choice, chosen: argparse.Namespace) -> int:
    """Run one seed, traced if asked for."""
    begin_s = perf_counter()
    outcome = run_seed(seed, choice, print if chosen.trace else None)
    return report([outcome], chosen, perf_counter() - begin_s)


def is_caught(outcome: Outcome, mutant: str) -> bool:
    """Tell whether the harm a mutant must do was noticed."""
    return outcome.kind == ("stall" if MUTANTS[mutant].is_stalling else "violation")


def report(outcomes: list[Outcome], chosen: argparse.Namespace, took_s: float) -> int:
    """Print what was seen and return the exit code."""
    kinds = Counter(outcome.kind for outcome in outcomes)
    events = sum(outcome.events for outcome in outcomes)
    failed = [outcome for outcome in outcomes if outcome.kind != "ok"]
    caught = [o for o in outcomes if chosen.mutant and is_caught(o, chosen.mutant)]
    summary: dict[str, object] = {
        "seeds": len(outcomes),
        "violations": kinds["violation"],
        "stalls": kinds["stall"],
        "events": events,
        "events_per_s": round(events / took_s),
        "seconds": round(took_s, 2),
        "slowest_recovery_ms": max(outcome.after_ms for outcome in outcomes),
        "accusations": sum(outcome.accusations for outcome in outcomes),
        "mutant": chosen.mutant,
        "caught_by_seed": caught[0].seed if caught else None,
        "commit": read_commit(),
        "failed": [asdict(outcome) for outcome in failed[:SHOWN_MAX]],
    }
    if chosen.json:
        print(json.dumps(summary, indent=1))
    else:
        show(summary, failed, chosen)
    if chosen.mutant:
        return 0 if caught else 1
    return 1 if failed else 0


def show(summary: dict[str, object], failed: list[Outcome], chosen: argparse.Namespace) -> None:
    """Print the summary for people."""
    for outcome in islice(failed, SHOWN_MAX):
        print(f"seed {outcome.seed} ({outcome.villain}): {outcome.kind}: {outcome.detail}")
    if len(failed) > SHOWN_MAX:
        print(f"... and {len(failed) - SHOWN_MAX} more")
    print(
        f"{summary['seeds']} seeds, {summary['violations']} violations,"
        f" {summary['stalls']} stalls, {summary['events']:,} events,"
        f" {summary['events_per_s']:,} events/s, {summary['seconds']} s"
    )
    if chosen.mutant:
        seed = summary["caught_by_seed"]
        print(
            f"mutant {chosen.mutant}: " + ("NOT caught" if seed is None else f"caught by {seed=}")
        )
    elif failed:
        extra = " ".join(
            f"--{name.replace('_', '-')} {value}"
            for name, value in vars(chosen).items()
            if name in {"nodes", "villain", "until", "era_blocks"} and value is not None
        )
        print(f"commit {summary['commit']}; replay with:")
        print(f"  scripts/simulate --seed {failed[0].seed} {extra} --trace")


def read_commit() -> str:
    """Return the commit of this checkout, so that a failing seed can be replayed."""
    root = Path(__file__).parents[2]
    command = ["git", "-C", str(root), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `--trace | head` ends quietly
    sys.exit(main())
