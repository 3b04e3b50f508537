from pathlib import Path

import pytest

from storage.peers import ENTRY_BYTES_MAX, PEERS_MAX
from storage.store import Store, open_store
from tests.storage.samples import CHAIN_ID


async def test_the_book_is_saved_and_loaded_as_a_whole(tmp_path: Path):
    async with open_store(tmp_path, CHAIN_ID) as store:
        assert await store.peers.load() == {}
        await store.peers.save({b"a": b"1", b"b": b"2"})
        await store.peers.save({b"b": b"3", b"c": b""})
    async with open_store(tmp_path, CHAIN_ID) as store:
        assert await store.peers.load() == {b"b": b"3", b"c": b""}


async def test_a_book_beyond_its_bounds_is_a_bug_of_its_keeper(store: Store):
    for book in (
        {number.to_bytes(2, "big"): b"" for number in range(PEERS_MAX + 1)},
        {b"a": bytes(ENTRY_BYTES_MAX + 1)},
        {b"": b"1"},
    ):
        with pytest.raises(AssertionError):
            await store.peers.save(book)
    assert await store.peers.load() == {}
