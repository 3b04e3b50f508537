import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import trio

from storage.boot import verify_folder
from storage.db import Database, open_database, run_inline
from storage.schema import Txn, be64
from storage.store import open_store
from tests.storage.samples import CHAIN_ID
from tests.storage.writing_process import PER_BLOCK, ROOT, read_promises


def put(database: Database, key: bytes, value: bytes) -> None:
    database.write_now(lambda txn: database.tables["peers"].put(txn, key, value))


def get(database: Database, key: bytes) -> bytes | None:
    return database.read_now(lambda txn: database.tables["peers"].get(txn, key))


async def test_a_write_that_fails_leaves_no_trace(tmp_path: Path):
    def work(txn: Txn) -> None:
        database.tables["peers"].put(txn, b"k", b"v")
        raise ZeroDivisionError

    async with open_database(tmp_path / "chain", bytes_max=1 << 24) as database:
        with pytest.raises(ZeroDivisionError):
            await database.write(work)
        assert get(database, b"k") is None
        put(database, b"k", b"later")
        assert get(database, b"k") == b"later"


async def test_a_write_once_begun_finishes_although_its_caller_is_cancelled(tmp_path: Path):
    begun = threading.Event()

    def work(txn: Txn) -> None:
        begun.set()
        time.sleep(0.05)
        database.tables["peers"].put(txn, b"k", b"v")

    async with open_database(tmp_path / "chain", bytes_max=1 << 24) as database:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(database.write, work)
            while not begun.is_set():
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert get(database, b"k") == b"v"


async def test_writes_take_turns_and_readers_do_not_wait_for_them(tmp_path: Path):
    begun, may_end = threading.Event(), threading.Event()

    def slow(txn: Txn) -> None:
        begun.set()
        may_end.wait(5)
        database.tables["peers"].put(txn, b"k", b"slow")

    def fast(txn: Txn) -> None:
        assert database.tables["peers"].get(txn, b"k") == b"slow"
        database.tables["peers"].put(txn, b"k", b"fast")

    async with open_database(tmp_path / "chain", bytes_max=1 << 24) as database:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(database.write, slow)
            while not begun.is_set():
                await trio.lowlevel.checkpoint()
            nursery.start_soon(database.write, fast)
            assert await database.read(lambda txn: database.tables["peers"].get(txn, b"k")) is None
            assert get(database, b"k") is None
            may_end.set()
        assert get(database, b"k") == b"fast"


async def test_inline_work_needs_no_thread_and_keeps_the_order(tmp_path: Path):
    names: list[str] = []

    def work(txn: Txn) -> None:
        names.append(threading.current_thread().name)

    async with open_database(tmp_path / "chain", bytes_max=1 << 24, run=run_inline) as database:
        await database.write(work)
        await database.read(work)
    assert names == [threading.main_thread().name] * 2


async def test_ranges_of_a_table_stop_where_asked(tmp_path: Path):
    async with open_database(tmp_path / "chain", bytes_max=1 << 24) as database:
        table = database.tables["peers"]
        for number in range(5):
            put(database, be64(number), b"%d" % number)

        def read(txn: Txn) -> None:
            assert [row for _, row in table.scan(txn, be64(1), be64(3))] == [b"1", b"2"]
            assert list(table.keys(txn, be64(3))) == [be64(3), be64(4)]
            assert list(table.scan(txn, be64(9))) == []
            assert table.last_key(txn) == be64(4)
            assert table.count(txn) == 5

        database.read_now(read)
        usage = database.get_usage()
        assert 0 < usage.used_bytes < usage.bytes_max == 1 << 24


@pytest.mark.slow
def test_no_acknowledged_record_is_lost_when_the_process_is_killed(tmp_path: Path):
    dice = random.Random(7)
    promised_vote = promised_final = -1
    for _ in range(12):
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.storage.writing_process", str(tmp_path), "kill"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(dice.randint(1, 9))]
        time.sleep(dice.uniform(0.0, 0.02))  # somewhere within the next writes
        child.kill()
        lines += child.stdout.readlines()
        child.wait()
        child.stdout.close()
        whole = [line for line in lines if line.endswith("\n")]
        vote, final = read_promises(whole)
        promised_vote, promised_final = max(promised_vote, vote), max(promised_final, final)
        trio.run(check_promises, tmp_path, promised_vote, promised_final)
    assert promised_final > 12, "it hardly wrote"


async def check_promises(folder: Path, vote: int, final: int) -> None:
    await verify_folder(folder / "chain")
    await verify_folder(folder / "sign")
    async with open_store(folder, CHAIN_ID) as store:
        assert not store.journal.is_new
        head = store.blocks.head()
        assert head is not None
        assert head.height >= final
        votes = store.journal.load()
        assert not votes or votes[-1].view >= vote
        reader = store.states.reader(head.height)
        assert dict(reader.scan(b"")) == {bytes([n]): be64(head.height) for n in range(PER_BLOCK)}
        assert reader.get_node(b"") == be64(head.height)
        if head.height:
            assert store.states.reader(head.height - 1).get(b"\0") == be64(head.height - 1)
        for height in range(head.height + 1):
            assert store.blocks.block_at(height) is not None
            assert store.blocks.receipts_at(height) == ()
        for vote_kept in votes:  # the body was durable before the vote
            assert store.blocks.block(vote_kept.digest) is not None
