"""The tables, their key encodings, their checksums and the schema version; migrations step by step.

Two environments live in a data folder: `sign` (what we signed, tiny) and `chain` (all else). LMDB
keeps no checksums of values, so every row begins with one of ours, over the table's name, the key
and the payload: 16 bytes of BLAKE2b in `sign`, a CRC-32 in `chain`, where rows are read by the
thousand and bodies and states are verified again by their own hashes.

Keys are fixed-width big-endian, so that LMDB's byte order is the order of heights and views. This
file imports nothing heavy: the boot check (`storage/check.py`) runs it in a fresh process.
"""

# pyright: reportPrivateUsage=false
# (py-lmdb names the handle of a table lmdb._Database)

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TypeAlias

import lmdb

from storage.errors import Corrupt, SchemaTooNew, WrongNetwork

SCHEMA_VERSION = 4
"""The version this program writes. A change of any table or row format raises it by one."""

KEY_BYTES_MAX = 500
"""Longest key of a state entry; LMDB takes 511 and the undo log puts a height in front."""

SIGN_TABLES = ("meta", "votes", "secrets")
CHAIN_TABLES = (
    "meta",
    "bodies",
    "headers",
    "canonical",
    "receipts",
    "transactions",
    "certificates",
    "finality",
    "eras",
    "open",
    "values",
    "values_undo",
    "nodes",
    "nodes_undo",
    "evidence",
    "evidence_receipts",
    "peers",
)

Txn: TypeAlias = "lmdb.Transaction[bytes]"
Row = tuple[bytes, bytes]
"""Key and payload."""
Digest = Callable[[bytes, bytes], bytes]
"""The checksum of a row, from its key and its payload."""
Migration = Callable[[Txn, Mapping[str, "Table"]], None]
"""One step, from a version to the next, inside the transaction that records the new version."""


def _add_transactions(_txn: Txn, _tables: Mapping[str, "Table"]) -> None:
    """Version 2 has the table `transactions`, which begins empty and fills with new blocks."""


def _add_eras(_txn: Txn, _tables: Mapping[str, "Table"]) -> None:
    """Version 3 has the table `eras`; no era had ever ended before."""


def _drop_secrets(txn: Txn, tables: Mapping[str, "Table"]) -> None:
    """Version 4 keeps a weight secret with its digest; a row of before would open nothing."""
    if "secrets" in tables:
        for key in list(tables["secrets"].keys(txn)):
            tables["secrets"].delete(txn, key)


MIGRATIONS: Mapping[int, Migration] = {1: _add_transactions, 2: _add_eras, 3: _drop_secrets}
"""The step that leaves each version. Version 1 is the first."""

_VERSION = b"schema"
_CHAIN_ID = b"chain"


@dataclass(frozen=True, slots=True)
class Table:
    """One named table; every row carries its checksum in front. `path` is for error messages."""

    path: Path
    name: str
    handle: lmdb._Database
    digest: Digest
    width: int

    def get(self, txn: Txn, key: bytes) -> bytes | None:
        """Return the payload of `key`.

        Raises:
            Corrupt: the row does not match its checksum.
        """
        row = txn.get(key, db=self.handle)
        return None if row is None else self.open_row(key, row)

    def put(self, txn: Txn, key: bytes, payload: bytes) -> None:
        """Store `payload` under `key`, replacing what was there."""
        txn.put(key, self.digest(key, payload) + payload, db=self.handle)

    def delete(self, txn: Txn, key: bytes) -> bool:
        """Remove `key`; tell whether it was there."""
        return txn.delete(key, db=self.handle)

    def has(self, txn: Txn, key: bytes) -> bool:
        """Tell whether `key` is stored, without reading its checksum."""
        return txn.get(key, db=self.handle) is not None

    def count(self, txn: Txn) -> int:
        """Return how many rows the table has."""
        return txn.stat(self.handle)["entries"]

    def scan(self, txn: Txn, start: bytes = b"", stop: bytes | None = None) -> Iterator[Row]:
        """Yield (key, payload) from `start` up to `stop`, exclusive, in key order.

        The iterator dies with `txn`: collect what you need before the transaction ends.

        Raises:
            Corrupt: a row does not match its checksum.
        """
        cursor = txn.cursor(self.handle)
        found = cursor.set_range(start) if start else cursor.first()
        while found:
            key, row = cursor.item()
            if stop is not None and key >= stop:
                return
            yield key, self.open_row(key, row)
            found = cursor.next()

    def keys(self, txn: Txn, start: bytes = b"", stop: bytes | None = None) -> Iterator[bytes]:
        """Yield keys from `start` up to `stop`, exclusive, in order; values stay unread."""
        cursor = txn.cursor(self.handle)
        found = cursor.set_range(start) if start else cursor.first()
        while found:
            key = cursor.key()
            if stop is not None and key >= stop:
                return
            yield key
            found = cursor.next()

    def last_key(self, txn: Txn) -> bytes | None:
        """Return the highest key, or None if the table is empty."""
        cursor = txn.cursor(self.handle)
        return cursor.key() if cursor.last() else None

    def open_row(self, key: bytes, row: bytes) -> bytes:
        """Return the payload of a raw row, its checksum verified.

        Raises:
            Corrupt: the row does not match its checksum.
        """
        payload = row[self.width :]
        if self.digest(key, payload) != row[: self.width]:
            raise self.corrupt(key, "its checksum does not match")
        return payload

    def corrupt(self, key: bytes, detail: str) -> Corrupt:
        """Return the error that names this table and `key`."""
        return Corrupt(self.path, self.name, key, detail)


def be64(number: int) -> bytes:
    """Return `number` as 8 bytes, so that byte order is number order."""
    return number.to_bytes(8, "big")


def compute_stop(prefix: bytes) -> bytes | None:
    """Return the least key after every key that begins with `prefix`; None when there is none."""
    trimmed = prefix.rstrip(b"\xff")
    return None if not trimmed else trimmed[:-1] + bytes([trimmed[-1] + 1])


def crc_digest(name: str) -> tuple[Digest, int]:
    """Return the checksum of table `name` of `chain`, and its width in bytes."""
    seed = zlib.crc32(name.encode())

    def digest(key: bytes, payload: bytes) -> bytes:
        return zlib.crc32(payload, zlib.crc32(key, seed)).to_bytes(4, "big")

    return digest, 4


def blake_digest(name: str) -> tuple[Digest, int]:
    """Return the checksum of table `name` of `sign`, and its width in bytes."""
    person = name.encode()

    def digest(key: bytes, payload: bytes) -> bytes:
        framed = len(key).to_bytes(2, "big") + key + payload
        return blake2b(framed, digest_size=16, person=person).digest()

    return digest, 16


def make_table(path: Path, name: str, handle: lmdb._Database) -> Table:
    """Return the table `name` of the environment in `path`, with that environment's checksum."""
    digest, width = blake_digest(name) if path.name == "sign" else crc_digest(name)
    return Table(path, name, handle, digest, width)


def get_tables(path: Path) -> tuple[str, ...]:
    """Return the names of the tables of the environment in `path`, by its folder's name."""
    return SIGN_TABLES if path.name == "sign" else CHAIN_TABLES


def process_identity(
    txn: Txn,
    tables: Mapping[str, Table],
    chain_id: bytes,
    migrations: Mapping[int, Migration] = MIGRATIONS,
    version: int = SCHEMA_VERSION,
) -> None:
    """Claim an empty environment for `chain_id`, or check whose it is and bring it to `version`.

    Raises:
        WrongNetwork: it belongs to another chain.
        SchemaTooNew: a later program wrote it.
        Corrupt: it has rows but no identity, or a version that nobody ever wrote.
    """
    meta = tables["meta"]
    found_id, found_version = meta.get(txn, _CHAIN_ID), meta.get(txn, _VERSION)
    if found_id is None and found_version is None:
        if any(table.count(txn) for table in tables.values()):
            raise meta.corrupt(_CHAIN_ID, "there are rows but no chain id")
        meta.put(txn, _CHAIN_ID, chain_id)
        meta.put(txn, _VERSION, be64(version))
        return
    check_identity(meta, found_id, found_version, chain_id)
    assert found_version is not None
    _migrate(txn, tables, int.from_bytes(found_version, "big"), migrations, version)


def check_identity(
    meta: Table, found_id: bytes | None, found_version: bytes | None, chain_id: bytes
) -> None:
    """Check that an environment is whole and belongs to `chain_id`.

    Raises:
        WrongNetwork: it belongs to another chain.
        Corrupt: half of its identity is missing.
    """
    if found_id is None or found_version is None:
        raise meta.corrupt(_CHAIN_ID, "half of its identity is missing")
    if found_id != chain_id:
        raise WrongNetwork(meta.path, found_id, chain_id)


def _migrate(
    txn: Txn,
    tables: Mapping[str, Table],
    found: int,
    migrations: Mapping[int, Migration],
    version: int,
) -> None:
    meta = tables["meta"]
    if found > version:
        raise SchemaTooNew(meta.path, found, version)
    for step in range(found, version):
        if step not in migrations:
            raise meta.corrupt(_VERSION, f"no program ever wrote schema version {found}")
        migrations[step](txn, tables)
    if found != version:
        meta.put(txn, _VERSION, be64(version))
