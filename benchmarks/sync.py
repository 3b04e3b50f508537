"""How fast an empty node catches up: blocks per second once the first came.

Four voters make a chain with short blocks. Then two of them end, so that the others have no quorum
and the chain stands still. One of the ended starts again without its data, gets the chain from the
two that run, checks and executes every block, and stores it.
"""

import shutil

import trio

from benchmarks.daemons import START_S, Daemons, open_daemons
from benchmarks.measure import Figure, is_json_wanted, median, report
from scripts.devnet_plan import node_folder

RUNS = 3
BLOCKS = 1_000
BLOCK_MS = 50
SECONDS_PER_BLOCK_MAX = 0.5
LOOK_S = 0.05
LATE = 3


async def measure_run(blocks: int) -> float:
    """Return the blocks per second at which an empty node gets and checks `blocks` of them."""
    async with open_daemons(block_ms=BLOCK_MS) as daemons:
        everyone = range(len(daemons.nodes))
        daemons.start(everyone)
        await daemons.wait_height(everyone, blocks, START_S + SECONDS_PER_BLOCK_MAX * blocks)
        await daemons.stop((LATE, LATE - 1))
        shutil.rmtree(node_folder(daemons.folder, daemons.nodes[LATE]) / "data")
        daemons.start((LATE,))
        return await _time_sync(daemons, await daemons.height(0))


async def _time_sync(daemons: Daemons, goal: int) -> float:
    """Return the rate from the first look that finds blocks on the late node to the goal."""
    with trio.fail_after(START_S + SECONDS_PER_BLOCK_MAX * goal):
        first, began_s = 0, 0.0
        while (height := await daemons.height(LATE)) < goal:
            if first <= 0:
                first, began_s = height, trio.current_time()
            await trio.sleep(LOOK_S)
    return (height - first) / (trio.current_time() - began_s)


async def _measure() -> dict[str, Figure]:
    rates = [await measure_run(BLOCKS) for _ in range(RUNS)]
    return {"blocks": BLOCKS, "blocks_per_s": median(rates)}


if __name__ == "__main__":
    report("sync", trio.run(_measure), as_json=is_json_wanted())
