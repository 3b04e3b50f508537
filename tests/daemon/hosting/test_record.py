"""The chain's public record: what final blocks say, one number a block."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from consensus import codec
from consensus.quantities import Amount, Height, Nonce
from daemon.hosting.record import FiguresMemory, PublicRecord
from neurons.errors import SeriesNotKept
from neurons.ports import FEES_RAO, INTERVAL_MS, SERIES, SIZE_BYTES, TRANSACTIONS
from tests import builders
from tests.daemon import world

GENESIS = world.make_world()


@asynccontextmanager
async def _grow(folder: Path) -> AsyncGenerator[world.Node]:
    """Yield a node with three final blocks, of which the second holds two transfers."""
    async with world.open_parts(GENESIS, folder) as node:
        committee, chain = node.driver.machine.committee, node.chain
        await world.add_block(committee, chain)
        state = chain.head.state
        begun = chain.head.header.time_ms
        transfers = [
            builders.make_transaction(
                state,
                "alice",
                builders.Transfer(builders.key_of("bob"), Amount(5)),
                nonce=Nonce(nonce),
            )
            for nonce in (0, 1)
        ]
        await world.add_block(committee, chain, *transfers, time_ms=begun + 77)
        await world.add_block(committee, chain)
        yield node


async def test_series_are_what_the_blocks_say(tmp_path: Path):
    async with _grow(tmp_path) as node:
        blocks = node.store.blocks
        record = PublicRecord(Height(3), FiguresMemory(blocks))
        assert record.get_series(TRANSACTIONS, Height(1), 3) == (0, 2, 0)
        assert record.get_series(INTERVAL_MS, Height(2), 2) == (77, world.BLOCK_MS)
        receipts = blocks.receipts_at(2)
        assert receipts is not None
        assert record.get_series(FEES_RAO, Height(1), 3) == (0, sum(r.fee for r in receipts), 0)
        assert sum(receipt.fee for receipt in receipts) > 0
        sizes = record.get_series(SIZE_BYTES, Height(1), 3)
        assert sizes[1] == len(codec.encode(blocks.block_at(2)))
        assert sizes[1] > sizes[0] == sizes[2]


async def test_every_series_that_is_declared_is_kept(tmp_path: Path):
    async with _grow(tmp_path) as node:
        record = PublicRecord(Height(3), FiguresMemory(node.store.blocks))
        for name in SERIES:
            assert len(record.get_series(name, Height(1), 3)) == 3


@pytest.mark.parametrize(
    ("name", "first", "count"),
    [("price", 1, 1), (TRANSACTIONS, 0, 1), (TRANSACTIONS, 3, 2), (TRANSACTIONS, 2, -1)],
    ids=["unknown", "genesis", "above the height", "negative"],
)
async def test_what_is_not_public_yet_or_ever_is_not_kept(
    tmp_path: Path, name: str, first: int, count: int
):
    async with _grow(tmp_path) as node:
        record = PublicRecord(Height(3), FiguresMemory(node.store.blocks))
        with pytest.raises(SeriesNotKept):
            record.get_series(name, Height(first), count)


async def test_a_record_of_an_earlier_height_never_changes(tmp_path: Path):
    async with _grow(tmp_path) as node:
        memory = FiguresMemory(node.store.blocks)
        record = PublicRecord(Height(2), memory)
        assert PublicRecord(Height(3), memory).get_series(TRANSACTIONS, Height(1), 3) == (0, 2, 0)
        with pytest.raises(SeriesNotKept, match="final height 2"):
            record.get_series(TRANSACTIONS, Height(1), 3)


async def test_a_block_that_the_store_lacks_is_not_kept(tmp_path: Path):
    async with _grow(tmp_path) as node:
        record = PublicRecord(Height(9), FiguresMemory(node.store.blocks))
        with pytest.raises(SeriesNotKept, match="height 4 is not here"):
            record.get_series(TRANSACTIONS, Height(1), 9)


async def test_figures_are_read_once_and_only_so_many_are_held(tmp_path: Path):
    async with _grow(tmp_path) as node:
        memory = FiguresMemory(node.store.blocks, count_max=2)
        record = PublicRecord(Height(3), memory)
        first = memory.get(3)
        assert memory.get(3) is first
        assert record.get_series(TRANSACTIONS, Height(1), 3) == (0, 2, 0)
        assert len(memory) == 2
        assert memory.get(3) == first
