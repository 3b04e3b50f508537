"""Measure: name the machine, take medians, print a benchmark's figures for people or as JSON.

A benchmark is `python -m benchmarks.NAME [--json]`: it fills a dict of figures, each key ending in
its unit (`p50_ms`, `asks_per_s`), and hands it to `report`.
"""

import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter, process_time

Figure = int | float | str | list[float]


def describe_machine() -> str:
    """Return processor, core count, system and Python version in one line."""
    cores = os.cpu_count() or 1
    python = platform.python_version()
    return f"{_processor()}, {cores} cores, {platform.system()}, Python {python}"


def time_runs(work: Callable[[], object], runs: int) -> list[float]:
    """Return the wall time of each of `runs` calls of `work`, in ms, after one call unmeasured."""
    work()
    times: list[float] = []
    for _ in range(runs):
        start = perf_counter()
        work()
        times.append((perf_counter() - start) * 1_000)
    return times


def time_cpu(work: Callable[[], object], runs: int) -> list[float]:
    """Do the same by the processor's time for this process, which others disturb less."""
    work()
    times: list[float] = []
    for _ in range(runs):
        start = process_time()
        work()
        times.append((process_time() - start) * 1_000)
    return times


def median(values: Sequence[float]) -> float:
    """Return the median, rounded to four significant digits."""
    return float(f"{statistics.median(values):.4g}")


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile, rounded to four significant digits."""
    ordered = sorted(values)
    rank = max(0, min(len(ordered) - 1, round(percent / 100 * len(ordered)) - 1))
    return float(f"{ordered[rank]:.4g}")


def is_json_wanted(arguments: Sequence[str] | None = None) -> bool:
    """Tell whether `--json` is among the program's arguments; anything unknown ends the program."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    unknown = [word for word in words if word != "--json"]
    if unknown:
        raise SystemExit(
            f"unknown argument {unknown[0]}; usage: python -m benchmarks.NAME [--json]"
        )
    return bool(words)


def report(name: str, figures: Mapping[str, Figure], *, as_json: bool) -> None:
    """Print one benchmark's figures and the machine they were taken on."""
    machine = describe_machine()
    if as_json:
        print(json.dumps({"benchmark": name, "machine": machine, "figures": dict(figures)}))
        return
    print(f"{name}  ({machine})")
    width = max(map(len, figures), default=0)
    for key, value in figures.items():
        print(f"  {key:<{width}}  {value}")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
