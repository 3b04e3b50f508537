from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from storage.db import Database, open_database
from storage.errors import Corrupt, SchemaTooNew, WrongNetwork
from storage.schema import Table, Txn, be64, process_identity
from tests.storage.samples import CHAIN_ID, OTHER_CHAIN_ID


def claim(database: Database, chain_id: bytes = CHAIN_ID, **steps: object) -> None:
    def work(txn: Txn) -> None:
        process_identity(txn, database.tables, chain_id, **steps)  # pyright: ignore[reportArgumentType]

    database.write_now(work)


def double(txn: Txn, tables: Mapping[str, Table]) -> None:
    """A migration: every peer's entry twice over."""
    for key, row in list(tables["peers"].scan(txn)):
        tables["peers"].put(txn, key, row * 2)


def fail(txn: Txn, tables: Mapping[str, Table]) -> None:
    double(txn, tables)
    raise ZeroDivisionError


def get_peer(database: Database) -> bytes | None:
    return database.read_now(lambda txn: database.tables["peers"].get(txn, b"k"))


async def test_migrations_run_step_by_step_and_only_once(tmp_path: Path):
    async with open_database(tmp_path / "chain", bytes_max=1 << 24) as database:
        claim(database, version=1)
        database.write_now(lambda txn: database.tables["peers"].put(txn, b"k", b"ab"))
        for _ in range(2):
            claim(database, migrations=dict.fromkeys(range(1, 5), double), version=5)
            assert get_peer(database) == b"ab" * 16
        with pytest.raises(SchemaTooNew):
            claim(database)


async def test_a_migration_that_fails_leaves_the_old_version_whole(tmp_path: Path):
    async with open_database(tmp_path / "chain", bytes_max=1 << 24) as database:
        claim(database, version=1)
        database.write_now(lambda txn: database.tables["peers"].put(txn, b"k", b"ab"))
        with pytest.raises(ZeroDivisionError):
            claim(database, migrations={1: double, 2: fail}, version=3)
        claim(database)
        assert get_peer(database) == b"ab"


async def test_a_version_that_was_never_written_is_damage(tmp_path: Path):
    async with open_database(tmp_path / "chain", bytes_max=1 << 24) as database:
        claim(database, version=0)
        with pytest.raises(Corrupt, match="version 0"):
            claim(database)


async def test_rows_without_an_identity_are_damage_and_not_claimed(tmp_path: Path):
    async with open_database(tmp_path / "chain", bytes_max=1 << 24) as database:
        database.write_now(lambda txn: database.tables["peers"].put(txn, b"k", b"ab"))
        with pytest.raises(Corrupt, match="no chain id"):
            claim(database)


async def test_half_an_identity_is_damage(tmp_path: Path):
    async with open_database(tmp_path / "chain", bytes_max=1 << 24) as database:
        claim(database)
        database.write_now(lambda txn: database.tables["meta"].delete(txn, b"schema"))
        with pytest.raises(Corrupt, match="identity"):
            claim(database)


@pytest.mark.parametrize("name", ["chain", "sign"])
async def test_each_environment_knows_its_chain(tmp_path: Path, name: str):
    async with open_database(tmp_path / name, bytes_max=1 << 24) as database:
        claim(database)
        with pytest.raises(WrongNetwork):
            claim(database, OTHER_CHAIN_ID)


@pytest.mark.parametrize("name", ["chain", "sign"])
async def test_a_row_is_bound_to_its_bytes_its_key_and_its_table(tmp_path: Path, name: str):
    async with open_database(tmp_path / name, bytes_max=1 << 24) as database:
        table = database.tables["meta"]
        row = table.digest(b"key", b"payload") + b"payload"
        assert table.open_row(b"key", row) == b"payload"
        for key, bad in ((b"key", row[:-1]), (b"kez", row), (b"key", b""), (b"key", row + b"\0")):
            with pytest.raises(Corrupt):
                table.open_row(key, bad)
        other = next(t for t in database.tables.values() if t.name != "meta")
        with pytest.raises(Corrupt):
            replace(other, path=tmp_path).open_row(b"key", row)


def test_keys_are_ordered_as_their_numbers():
    numbers = [0, 1, 255, 256, 2**32, 2**64 - 1]
    assert sorted(map(be64, numbers)) == [be64(number) for number in numbers]
