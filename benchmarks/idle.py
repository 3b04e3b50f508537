"""What an idle daemon costs: one of four that make empty blocks once a second, without a neuron.

RSS is the process's resident memory at the end of the window; CPU is its time on any core over the
window, in percent of one core. Four daemons share the machine; the medians of the four count.
"""

import trio

from benchmarks.daemons import START_S, open_daemons
from benchmarks.measure import Figure, is_json_wanted, median, report

RUNS = 2
WINDOW_S = 30.0
WARM_HEIGHT = 10


async def measure_run(window_s: float) -> tuple[list[float], list[float]]:
    """Return RSS in MB and CPU in percent of a core of each of four daemons."""
    async with open_daemons() as daemons:
        everyone = range(len(daemons.nodes))
        daemons.start(everyone)
        await daemons.wait_height(everyone, WARM_HEIGHT, START_S)
        processes = [daemons.process(index) for index in everyone]
        before = [process.cpu_times() for process in processes]
        began_s = trio.current_time()
        await trio.sleep(window_s)
        took_s = trio.current_time() - began_s
        after = [process.cpu_times() for process in processes]
        rss = [process.memory_info().rss / 1e6 for process in processes]
        cpu = [
            100 * (now.user + now.system - then.user - then.system) / took_s
            for now, then in zip(after, before, strict=True)
        ]
    return rss, cpu


async def _measure() -> dict[str, Figure]:
    runs = [await measure_run(WINDOW_S) for _ in range(RUNS)]
    return {
        "rss_mb": median([each for rss, _ in runs for each in rss]),
        "cpu_percent_of_a_core": median([each for _, cpu in runs for each in cpu]),
    }


if __name__ == "__main__":
    report("idle", trio.run(_measure), as_json=is_json_wanted())
