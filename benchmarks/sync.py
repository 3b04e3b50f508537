"""How fast an empty node catches up: blocks per second once the first came, and transfers.

Four voters make a chain with short blocks, empty ones or full of transfers. Then two of them end,
so that the others have no quorum and the chain stands still. One of the ended starts again without
its data, gets the chain from the two that run, checks and executes every block, every signature in
it included, and stores it.
"""

import shutil

import trio

from benchmarks.daemons import START_S, Daemons, open_daemons
from benchmarks.door import Wallets
from benchmarks.measure import Figure, is_json_wanted, median, report
from benchmarks.throughput import OK, SENDERS, Sender
from consensus.ledger.genesis import compute_chain_id
from consensus.quantities import Height
from scripts.tools.devnet.plan import node_folder

RUNS = 3
BLOCKS = 1_000
BLOCK_MS = 50
FULL_BLOCKS, FULL_BLOCK_MS = 120, 400
TRANSFERS_PER_S = 600
SECONDS_PER_BLOCK_MAX = 0.5
FULL_SECONDS_PER_BLOCK_MAX = 4.0
LOOK_S = 0.05
LATE = 3


async def measure_run(blocks: int) -> float:
    """Return the blocks per second at which an empty node gets and checks `blocks` of them."""
    async with open_daemons(block_ms=BLOCK_MS) as daemons:
        everyone = range(len(daemons.nodes))
        daemons.start(everyone)
        await daemons.wait_height(everyone, blocks, START_S + SECONDS_PER_BLOCK_MAX * blocks)
        await _start_anew(daemons)
        return await _time_sync(daemons, await daemons.height(0), SECONDS_PER_BLOCK_MAX)


async def measure_full_run(blocks: int) -> tuple[float, float]:
    """Return blocks and transfers per second where the blocks are full of transfers."""
    wallets = Wallets(SENDERS)
    at_most_s = START_S + FULL_SECONDS_PER_BLOCK_MAX * blocks
    async with open_daemons(
        block_ms=FULL_BLOCK_MS, accounts=wallets.accounts, rate_per_s=1e6
    ) as daemons:
        everyone = range(len(daemons.nodes))
        daemons.start(everyone)
        count = TRANSFERS_PER_S * blocks
        chain_id = compute_chain_id(daemons.genesis)
        transfers = wallets.sign(chain_id, count, Height(blocks + 900))
        await daemons.wait_height(everyone, 1, START_S)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Sender(daemons, transfers).run, TRANSFERS_PER_S)
            await daemons.wait_height(everyone, blocks, at_most_s)
            nursery.cancel_scope.cancel()
        goal = await daemons.height(0)
        paid = (await daemons.figures(0))[OK]
        await _start_anew(daemons)
        with trio.fail_after(at_most_s):
            rate = await _time_whole_sync(daemons, goal)
        return rate, rate * paid / goal


async def _time_whole_sync(daemons: Daemons, goal: int) -> float:
    """Return the rate from the late node's first answer to the goal; finding its peers included.

    It takes in dozens of full blocks at once and answers nobody while it does, so the first block
    can't be seen.
    """
    while await daemons.height(LATE) < 0:  # noqa: ASYNC110 - another process, no event
        await trio.sleep(LOOK_S)
    began_s = trio.current_time()
    while await daemons.height(LATE) < goal:  # noqa: ASYNC110 - as above
        await trio.sleep(LOOK_S)
    return goal / (trio.current_time() - began_s)


async def _start_anew(daemons: Daemons) -> None:
    """End two nodes, and start one of them with nothing."""
    await daemons.stop((LATE, LATE - 1))
    shutil.rmtree(node_folder(daemons.folder, daemons.nodes[LATE]) / "data")
    daemons.start((LATE,))


async def _time_sync(daemons: Daemons, goal: int, seconds_per_block: float) -> float:
    """Return the rate from the first look that finds blocks on the late node to the goal."""
    with trio.fail_after(START_S + seconds_per_block * goal):
        first, began_s = 0, 0.0
        while (height := await daemons.height(LATE)) < goal:
            if first <= 0:
                first, began_s = height, trio.current_time()
            await trio.sleep(LOOK_S)
    return (height - first) / (trio.current_time() - began_s)


async def _measure() -> dict[str, Figure]:
    rates = [await measure_run(BLOCKS) for _ in range(RUNS)]
    full = [await measure_full_run(FULL_BLOCKS) for _ in range(RUNS)]
    return {
        "blocks": BLOCKS,
        "blocks_per_s": median(rates),
        "full_blocks": FULL_BLOCKS,
        "full_blocks_per_s": median([blocks for blocks, _ in full]),
        "full_transfers_per_s": median([transfers for _, transfers in full]),
    }


if __name__ == "__main__":
    report("sync", trio.run(_measure), as_json=is_json_wanted())
