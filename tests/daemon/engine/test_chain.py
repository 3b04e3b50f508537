"""The head and what stands above it: durable, then visible, then told."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import trio
import trio.testing

from consensus import crypto
from consensus.ledger.transition import Applied
from consensus.quantities import Hash32, TimeMs
from consensus.types import Block
from daemon.engine.bootstrap import open_chain
from daemon.engine.chain import Chain
from daemon.engine.eras import build_committee
from storage.store import Store, open_store
from tests import builders
from tests.daemon import world

GENESIS = world.make_world()
COMMITTEE = build_committee(GENESIS)


@asynccontextmanager
async def _open(folder: Path) -> AsyncGenerator[tuple[Store, Chain]]:
    async with open_store(folder, COMMITTEE.chain_id) as store:
        yield store, await open_chain(store, GENESIS)


def _digest(block: Block) -> Hash32:
    return crypto.compute_header_digest(block.header)


async def _finish(chain: Chain, *blocks: Block) -> None:
    last = blocks[-1]
    await chain.commit(blocks, world.certify(COMMITTEE, _digest(last), last.header.view))


async def test_the_chain_is_where_it_was_when_opened_again(tmp_path: Path):
    async with _open(tmp_path) as (_, chain):
        for _ in range(3):
            await world.add_block(COMMITTEE, chain)
        before = chain.head
    async with _open(tmp_path) as (_, chain):
        assert chain.head.digest == before.digest
        assert chain.head.header == before.header
        assert chain.head.state.root == before.state.root
        await world.add_block(COMMITTEE, chain)
        assert chain.head.header.height == 4


async def test_a_final_block_is_durable_before_anyone_hears_of_it(tmp_path: Path):
    async with _open(tmp_path) as (store, chain):
        told: list[int] = []

        def listen(block: Block, digest: Hash32, applied: Applied) -> None:
            assert store.blocks.digest_at(block.header.height) == digest
            assert chain.head.header.height >= block.header.height
            told.append(applied.state.height)

        chain.listeners.append(listen)
        await world.add_block(COMMITTEE, chain)
        await world.add_block(COMMITTEE, chain)
        assert told == [1, 2]


async def test_a_bad_block_leaves_no_trace(tmp_path: Path):
    async with _open(tmp_path) as (_, chain):
        good = world.make_next(COMMITTEE, chain)
        bad = replace(good, header=replace(good.header, state_root=builders.ZERO_HASH))
        reason = await chain.execute(bad, _digest(bad))
        assert reason is not None
        assert chain.open_count == 0
        assert chain.build(_digest(bad)) is None
        assert await chain.execute(good, _digest(good)) is None


async def test_branches_are_cut_and_what_stands_on_the_head_stays(tmp_path: Path):
    async with _open(tmp_path) as (_, chain):
        first = world.make_next(COMMITTEE, chain)
        rival = replace(
            first, header=replace(first.header, time_ms=TimeMs(first.header.time_ms + 1))
        )
        assert await chain.execute(first, _digest(first)) is None
        assert await chain.execute(rival, _digest(rival)) is None
        async with _open(tmp_path.parent / f"{tmp_path.name}-scratch") as (_, scratch):
            await scratch.execute(first, _digest(first))
            await _finish(scratch, first)
            second = world.make_next(COMMITTEE, scratch)
        assert await chain.execute(second, _digest(second)) is None
        assert chain.open_count == 3
        await _finish(chain, first)
        assert chain.open_count == 1
        assert chain.state_after(_digest(rival)) is None
        kept = chain.state_after(_digest(second))
        assert kept is not None
        await _finish(chain, second)
        assert chain.head.state.root == kept.root
        assert chain.open_count == 0


async def test_waiting_for_a_height_ends_when_it_is_final_and_not_before(tmp_path: Path):
    async with _open(tmp_path) as (_, chain):
        with trio.fail_after(5):
            await chain.wait_height(0)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(chain.wait_height, 2)
                await world.add_block(COMMITTEE, chain)
                await trio.testing.wait_all_tasks_blocked()
                assert len(nursery.child_tasks) == 1
                await world.add_block(COMMITTEE, chain)


async def test_what_a_block_included_leaves_the_pool(tmp_path: Path):
    async with _open(tmp_path) as (_, chain):
        for signer in ("alice", "bob"):
            builders.admit(
                chain.mempool, chain.head.state, builders.make_transaction(chain.head.state, signer)
            )
        taken = builders.make_transaction(chain.head.state, "alice")
        await world.add_block(COMMITTEE, chain, taken)
        assert len(chain.mempool) == 1
