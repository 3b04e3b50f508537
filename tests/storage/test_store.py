import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from consensus.quantities import Hash32, Height
from consensus.types import Block, VoteKind
from storage.blocks import Place
from storage.errors import Locked, NotKept, SchemaTooNew, StorageFull, WrongNetwork, WrongOrder
from storage.schema import Txn, be64
from storage.store import Store, StoreSettings, open_store
from tests.storage.samples import (
    CHAIN_ID,
    OTHER_CHAIN_ID,
    digest_of,
    make_block,
    make_certificate,
    make_chain,
    make_final,
    make_proposal,
    make_receipt,
    make_vote,
)


async def grow(store: Store, length: int) -> None:
    """Finalise genesis and `length` blocks; block h sets key "k" and node "" to h."""
    for block in make_chain(length):
        height = block.header.height
        stamp = be64(height)
        final = make_final(block, {b"k": stamp}, {b"": stamp}, (make_receipt(height),))
        await store.finalize([final], make_certificate(block) if height else None)


async def test_a_finalised_block_is_found_by_height_after_a_restart(tmp_path: Path):
    blocks = make_chain(3)
    async with open_store(tmp_path, CHAIN_ID) as store:
        await grow(store, 3)
    async with open_store(tmp_path, CHAIN_ID) as store:
        head = store.blocks.head()
        assert head is not None
        assert (head.height, head.view, head.digest) == (3, 3, digest_of(blocks[3]))
        assert head.certificate == make_certificate(blocks[3])
        assert store.blocks.block_at(2) == blocks[2]
        assert store.blocks.header_at(2) == blocks[2].header
        assert store.blocks.receipts_at(2) == (make_receipt(2),)
        assert store.blocks.root_at(2) == make_final(blocks[2]).root
        assert store.states.reader(3).get(b"k") == be64(3)
        assert store.states.reader(1).get_node(b"") == be64(1)


async def test_a_folder_of_another_chain_is_refused(tmp_path: Path):
    async with open_store(tmp_path, CHAIN_ID):
        pass
    with pytest.raises(WrongNetwork) as caught:
        async with open_store(tmp_path, OTHER_CHAIN_ID):
            pass
    assert (caught.value.found, caught.value.wanted) == (CHAIN_ID, OTHER_CHAIN_ID)


async def test_a_folder_of_a_later_version_is_refused(tmp_path: Path):
    async with open_store(tmp_path, CHAIN_ID) as store:
        chain, _ = store.databases
        await chain.write(lambda txn: chain.tables["meta"].put(txn, b"schema", be64(9)))
    with pytest.raises(SchemaTooNew, match="version 9"):
        async with open_store(tmp_path, CHAIN_ID):
            pass


async def test_a_second_daemon_on_the_folder_is_refused_and_told_who_holds_it(tmp_path: Path):
    async with open_store(tmp_path, CHAIN_ID):
        with pytest.raises(Locked) as caught:
            async with open_store(tmp_path, CHAIN_ID):
                pass
    assert caught.value.holder == str(os.getpid())
    async with open_store(tmp_path, CHAIN_ID):
        pass  # the lock went with its holder


async def test_genesis_and_it_alone_is_final_without_a_certificate(store: Store):
    genesis, first = make_chain(1)
    with pytest.raises(WrongOrder):
        await store.finalize([make_final(genesis)], make_certificate(genesis))
    await store.finalize([make_final(genesis)], None)
    with pytest.raises(WrongOrder):
        await store.finalize([make_final(first)], None)


async def test_blocks_that_do_not_follow_the_head_leave_no_trace(store: Store):
    await grow(store, 1)
    skipping = make_block(3, digest_of(make_chain(1)[1]))
    stranger = make_block(2, parent=OTHER_CHAIN_ID)
    child = make_chain(2)[2]
    cases = [
        (skipping, make_certificate(skipping)),
        (stranger, make_certificate(stranger)),
        (child, make_certificate(stranger)),
    ]
    for block, certificate in cases:
        with pytest.raises(WrongOrder):
            await store.finalize([make_final(block, {b"k": b"x"})], certificate)
    assert store.states.head == 1
    assert store.states.reader(1).get(b"k") == be64(1)
    assert store.blocks.block_at(2) is None


async def test_several_blocks_become_final_at_once_each_with_its_own_state(store: Store):
    genesis, *rest = make_chain(3)
    await store.finalize([make_final(genesis, {b"k": b"0"})], None)
    finals = [make_final(block, {b"k": be64(block.header.height)}) for block in rest]
    await store.finalize(finals, make_certificate(rest[-1]))
    assert [store.states.reader(h).get(b"k") for h in (0, 1, 3)] == [b"0", be64(1), be64(3)]
    assert store.blocks.finality(1) == (3, make_certificate(rest[-1]))


async def test_persist_keeps_blocks_certificates_and_votes_for_a_restart(tmp_path: Path):
    block = make_block(1)
    async with open_store(tmp_path, CHAIN_ID) as store:
        await store.persist(
            votes=[make_vote(1)],
            blocks=[make_proposal(block)],
            certificates=[make_certificate(block, VoteKind.NOTARIZE)],
        )
    async with open_store(tmp_path, CHAIN_ID) as store:
        assert store.journal.load() == (make_vote(1),)
        assert store.blocks.open_blocks() == (make_proposal(block),)
        assert store.blocks.open_certificates() == (make_certificate(block, VoteKind.NOTARIZE),)


async def test_a_state_beyond_the_history_kept_is_refused_by_name(tmp_path: Path):
    settings = StoreSettings(history_blocks=2)
    async with open_store(tmp_path, CHAIN_ID, settings) as store:
        await grow(store, 6)
        early = store.states.reader(3)
        assert early.get(b"k") == be64(3)
        with pytest.raises(NotKept):
            store.states.reader(2)
        with pytest.raises(NotKept):
            store.states.reader(7)
        last = make_chain(7)[7]
        await store.finalize([make_final(last)], make_certificate(last))
        assert await store.states.prune(2) >= 0
        with pytest.raises(NotKept):
            early.get(b"k")
        with pytest.raises(NotKept):
            list(early.scan(b""))
        with pytest.raises(NotKept):
            early.get_node(b"")


async def test_a_full_database_says_so_and_stays_readable(tmp_path: Path):
    settings = StoreSettings(chain_bytes_max=1 << 20)
    async with open_store(tmp_path, CHAIN_ID, settings) as store:
        await grow(store, 1)
        child = make_chain(2)[2]
        huge = {bytes([n]): bytes(100_000) for n in range(1, 20)}
        with pytest.raises(StorageFull, match="size limit"):
            await store.finalize([make_final(child, huge)], make_certificate(child))
        assert store.states.reader(1).get(b"k") == be64(1)
        await store.finalize([make_final(child, {b"k": b"fits"})], make_certificate(child))
        assert store.states.reader(2).get(b"k") == b"fits"
    async with open_store(tmp_path, CHAIN_ID) as store:  # the remedy: a larger limit
        block = make_block(3, digest_of(child))
        await store.finalize([make_final(block, huge)], make_certificate(block))
        assert store.states.reader(3).get(b"\x05") == bytes(100_000)


async def test_a_changed_header_field_is_another_block(store: Store):
    block = make_block(1)
    other = replace(block, header=replace(block.header, reveal=OTHER_CHAIN_ID))
    await store.persist(blocks=[block, other])
    assert store.blocks.block(digest_of(block)) == block
    assert store.blocks.block(digest_of(other)) == other
    assert set(store.blocks.open_blocks()) == {block, other}


async def test_votes_with_blocks_and_votes_alone_do_not_get_in_each_others_way(store: Store):
    async def with_blocks(first: int) -> None:
        for view in range(first, first + 20):
            await store.persist(votes=[make_vote(view)], blocks=[make_block(1, view=view)])

    async def alone(first: int) -> None:
        for view in range(first, first + 20):
            await store.persist(votes=[make_vote(view)])

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            for first, work in enumerate((with_blocks, alone, with_blocks, alone)):
                nursery.start_soon(work, 100 * first)
    assert len(store.journal.load()) == store.journal.sequence == 80


# -- transactions by id ----------------------------------------------------------------------------


def id_of(height: int, index: int) -> Hash32:
    return Hash32(bytes((height, index)) * 16)


async def finalize_two_each(store: Store, blocks: Sequence[Block]) -> None:
    """Finalise `blocks`, every one with the receipts of two transactions."""
    for block in blocks:
        height = block.header.height
        receipts = tuple(
            replace(make_receipt(), transaction_id=id_of(height, index)) for index in range(2)
        )
        final = make_final(block, receipts=receipts)
        await store.finalize([final], make_certificate(block) if height else None)


async def test_a_transaction_is_found_by_id_as_long_as_its_state_is_kept(tmp_path: Path):
    settings = StoreSettings(history_blocks=2)
    async with open_store(tmp_path, CHAIN_ID, settings) as store:
        assert store.blocks.indexed_from() is None
        await finalize_two_each(store, make_chain(6))
        assert store.blocks.indexed_from() == store.states.horizon == 3
        assert store.blocks.place_of(id_of(6, 1)) == Place(Height(6), 1)
        assert store.blocks.place_of(id_of(3, 0)) == Place(Height(3), 0)
        assert store.blocks.place_of(id_of(2, 0)) is None
        chain, _ = store.databases
        assert chain.read_now(chain.tables["transactions"].count) == 8


async def test_a_shorter_window_forgets_ids_little_by_little(tmp_path: Path):
    blocks = make_chain(20)
    async with open_store(tmp_path, CHAIN_ID) as store:
        await finalize_two_each(store, blocks[:11])
        assert store.blocks.indexed_from() == 0
    async with open_store(tmp_path, CHAIN_ID, StoreSettings(history_blocks=1)) as store:
        seen: list[int | None] = []
        for block in blocks[11:]:
            await finalize_two_each(store, [block])
            seen.append(store.blocks.indexed_from())
        assert seen == [2, 4, 6, 8, 10, 12, 14, 16, 17, 18]
        assert store.blocks.place_of(id_of(17, 0)) is None
        assert store.blocks.place_of(id_of(18, 0)) == Place(Height(18), 0)


async def test_a_folder_of_version_1_is_indexed_from_the_next_block_on(tmp_path: Path):
    blocks = make_chain(3)
    async with open_store(tmp_path, CHAIN_ID) as store:
        await finalize_two_each(store, blocks[:2])
        chain, _ = store.databases

        def turn_back(txn: Txn) -> None:
            chain.tables["meta"].put(txn, b"schema", be64(1))
            chain.tables["meta"].delete(txn, b"transactions")
            for key in list(chain.tables["transactions"].keys(txn)):
                chain.tables["transactions"].delete(txn, key)

        await chain.write(turn_back)
    async with open_store(tmp_path, CHAIN_ID) as store:
        await finalize_two_each(store, blocks[2:])
        assert store.blocks.indexed_from() == 2
        assert store.blocks.place_of(id_of(1, 0)) is None
        assert store.blocks.place_of(id_of(3, 0)) == Place(Height(3), 0)
