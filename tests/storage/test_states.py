import tempfile
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consensus.ledger.state import StateReader
from storage.db import Database, open_database, run_inline
from storage.errors import Corrupt, StorageFailed
from storage.schema import Txn, compute_stop
from storage.states import Changes, States
from storage.store import Store, StoreSettings, open_store
from tests.storage.samples import CHAIN_ID, flip_bit, make_certificate, make_chain, make_final

KEYS = [b"a", b"a\x00", b"ab", b"b", b"b\xff", b"\xff", b"\xff\xff", b"c" * 480]
VALUES = st.one_of(st.none(), st.binary(max_size=3), st.just(bytes(5000)))
BLOCKS = st.lists(
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5), min_size=1, max_size=12
)
IN_EVENT_LOOP = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def finalize_now(database: Database, states: States, height: int, changes: Changes) -> None:
    states.advance(database.write_now(lambda txn: states.apply_in(txn, height, changes, changes)))


def count_rows(database: Database, name: str) -> int:
    return database.read_now(database.tables[name].count)


@IN_EVENT_LOOP
@given(blocks=BLOCKS, window=st.integers(0, 12), cache_bytes=st.sampled_from([0, 4_000, 1 << 20]))
def test_every_kept_height_reads_as_a_shadow_of_dicts(
    blocks: list[Changes], window: int, cache_bytes: int
):
    async def check() -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "chain"
            async with open_database(path, bytes_max=1 << 30, run=run_inline) as database:
                compare(database)

    def compare(database: Database) -> None:
        states = States(database, head=-1, cache_bytes=cache_bytes, history_blocks=window)
        shadow: dict[bytes, bytes] = {}
        shadows: list[dict[bytes, bytes]] = []
        for height, changes in enumerate(blocks):
            finalize_now(database, states, height, changes)
            for key, value in changes.items():
                shadow.pop(key, None)
                if value is not None:
                    shadow[key] = value
            shadows.append(dict(shadow))
            for kept in range(states.horizon, height + 1):
                reader = states.reader(kept)
                assert [reader.get(key) for key in KEYS] == [shadows[kept].get(k) for k in KEYS]
                assert [reader.get_node(k) for k in KEYS] == [shadows[kept].get(k) for k in KEYS]
                for prefix in (b"", b"a", b"b", b"\xff"):
                    expected = [kv for kv in shadows[kept].items() if kv[0].startswith(prefix)]
                    assert list(reader.scan(prefix)) == sorted(expected)

    trio.run(check)


async def test_pruning_leaves_only_what_the_kept_heights_need(tmp_path: Path):
    async with open_database(tmp_path / "chain", bytes_max=1 << 30) as database:
        states = States(database, head=-1, cache_bytes=0, history_blocks=1_000)
        for height in range(50):
            gone = {bytes([height - 1]): None} if height else {}
            finalize_now(database, states, height, {bytes([height]): b"x", **gone})
        assert count_rows(database, "values") == 50  # one value and 49 tombstones
        removed = 0
        while step := await states.prune(0, rows_max=7):
            assert step <= 7
            removed += step
        assert removed > 100
        assert count_rows(database, "values") == count_rows(database, "nodes") == 1
        assert count_rows(database, "values_undo") == count_rows(database, "nodes_undo") == 0
        assert states.reader(49).get(bytes([49])) == b"x"


async def test_a_failed_block_leaves_no_older_horizon_on_the_disk(tmp_path: Path):
    async with open_database(tmp_path / "chain", bytes_max=1 << 30) as database:
        states = States(database, head=-1, cache_bytes=0, history_blocks=2)
        for height in range(9):
            finalize_now(database, states, height, {b"k": bytes([height])})

        def fail(txn: Txn) -> None:
            states.apply_in(txn, 9, {b"k": b"new"}, {})
            raise OSError("the disk")

        with pytest.raises(StorageFailed):
            database.write_now(fail)
        finalize_now(database, states, 9, {b"k": b"\x09"})
        stored = States(database, head=9, cache_bytes=0, history_blocks=2)
        assert stored.horizon == states.horizon == 6


async def test_a_value_that_stays_the_same_writes_no_row(tmp_path: Path):
    async with open_database(tmp_path / "chain", bytes_max=1 << 30) as database:
        states = States(database, head=-1, cache_bytes=0, history_blocks=10)
        finalize_now(database, states, 0, {b"k": b"v"})
        finalize_now(database, states, 1, {b"k": b"v", b"gone": None})
        assert count_rows(database, "values_undo") == 0
        assert states.reader(1).get(b"k") == b"v"


async def test_a_scan_holds_no_transaction_and_is_pinned_while_blocks_become_final(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("storage.states.SCAN_BYTES_MAX", 200)
    genesis, first = make_chain(1)
    old = {bytes([n]): b"old" for n in range(100)}
    await store.finalize([make_final(genesis, old)], None)
    pairs = store.states.reader(0).scan(b"")
    seen = [next(pairs)]
    new = {bytes([n]): None if n % 2 else b"new" for n in range(100)} | {b"\x05\x05": b"added"}
    await store.finalize([make_final(first, new)], make_certificate(first))
    assert store.databases[0].get_readers_text().count("\n") <= 2  # a header and an idle slot
    assert dict([*seen, *pairs]) == old
    assert len(list(store.states.reader(1).scan(b""))) == 51


async def test_readers_in_threads_see_one_height_while_blocks_become_final(tmp_path: Path):
    keys = [bytes([n]) for n in range(40)]
    blocks = make_chain(40)
    failures: list[object] = []
    stopping = False

    def read(store: Store) -> None:
        while not stopping:
            height = store.states.head
            reader = store.states.reader(height)
            seen = {reader.get(key) for key in keys}
            seen |= {value for _, value in reader.scan(b"")}
            seen |= {reader.get_node(key) for key in keys}
            if seen != {height.to_bytes(8, "big")}:
                failures.append((height, seen))

    def all_at(height: int) -> dict[bytes, bytes | None]:
        return dict.fromkeys(keys, height.to_bytes(8, "big"))

    settings = StoreSettings(cache_bytes=20_000)
    async with open_store(tmp_path, CHAIN_ID, settings) as store:
        await store.finalize([make_final(blocks[0], all_at(0), all_at(0))], None)
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(trio.to_thread.run_sync, read, store)
            for height, block in enumerate(blocks[1:], 1):
                final = make_final(block, all_at(height), all_at(height))
                await store.finalize([final], make_certificate(block))
            stopping = True
    assert failures == []


async def test_a_flipped_bit_in_a_value_names_the_table_and_the_key(store: Store):
    genesis = make_chain(0)[0]
    await store.finalize([make_final(genesis, {b"k": b"v"})], None)
    chain = store.databases[0]
    flip_bit(chain, "values", b"k")
    cold = States(chain, head=0, cache_bytes=0, history_blocks=1)
    with pytest.raises(Corrupt, match="table values, key 6b") as caught:
        cold.reader(0).get(b"k")
    assert "move" in caught.value.remedy.lower()
    with pytest.raises(Corrupt):
        list(cold.reader(0).scan(b""))


def test_the_end_of_a_prefix_is_the_first_key_beyond_it():
    assert compute_stop(b"a") == b"b"
    assert compute_stop(b"a\xff\xff") == b"b"
    assert compute_stop(b"\xff") is None
    assert compute_stop(b"") is None


async def test_a_reader_is_what_the_ledger_reads(store: Store):
    await store.finalize([make_final(make_chain(0)[0], {b"k": b"v"}, {b"": b"n"})], None)
    reader: StateReader = store.states.reader(0)
    assert (reader.get(b"k"), reader.get_node(b"")) == (b"v", b"n")
    assert list(reader.scan(b"k")) == [(b"k", b"v")]
