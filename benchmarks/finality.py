"""From a block's proposal to its finality, on four daemons as processes with 1 s blocks.

Measured by the nodes: from the block's time (its leader's clock when it proposed; one machine, one
clock) to the moment a node has the block final and on disk. Every node's figure of every block
counts; the four processes share this machine's cores.
"""

import trio

from benchmarks.daemons import START_S, Final, open_daemons
from benchmarks.measure import Figure, is_json_wanted, median, percentile, report

RUNS = 3
BLOCKS = 30
"""Blocks of one run, so that all runs together have some hundred figures."""
WARM_HEIGHT = 5


async def measure_run(blocks: int) -> list[float]:
    """Return the finality in ms of each of `blocks` blocks on each of four fresh nodes."""
    async with open_daemons() as daemons:
        everyone = range(len(daemons.nodes))
        daemons.start(everyone)
        await daemons.wait_height(everyone, WARM_HEIGHT, START_S)
        seen: list[list[Final]] = [[] for _ in everyone]
        async with trio.open_nursery() as nursery:
            for index in everyone:
                nursery.start_soon(daemons.collect_finals, index, seen[index])
            with trio.fail_after(START_S + 2 * blocks):
                while min(map(len, seen)) < blocks:  # noqa: ASYNC110 - four listeners, no one event
                    await trio.sleep(0.1)
            nursery.cancel_scope.cancel()
    return [float(final.finality_ms) for finals in seen for final in finals[:blocks]]


async def _measure() -> dict[str, Figure]:
    runs = [await measure_run(BLOCKS) for _ in range(RUNS)]
    return {
        "blocks": RUNS * BLOCKS,
        "p50_ms": median([percentile(run, 50) for run in runs]),
        "p99_ms": median([percentile(run, 99) for run in runs]),
    }


if __name__ == "__main__":
    report("finality", trio.run(_measure), as_json=is_json_wanted())
