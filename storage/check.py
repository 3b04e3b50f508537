"""Read a data folder's environment in a separate process, which a damaged file may kill.

`python -m storage.check quick|full PATH` prints one line of JSON and exits 0 (whole) or 1 (damaged:
table, key, detail). A cut file ends it with SIGBUS, a mangled tree perhaps with SIGSEGV; the parent
(`storage/boot.py`) reads that as damage too. It starts in some tens of milliseconds because it
imports neither trio nor the chain.

Quick reads everything in a small environment; in a large one the identity, all evidence and open
views, the newest blocks, and samples of the state. Full reads every row, and has py-lmdb's verifier
walk every page first, without LMDB.
"""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# (lmdb.verify has no types)

import json
import sys
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

import lmdb
from lmdb.verify import VerifyError, verify

from storage.environment import TABLES_MAX
from storage.errors import Corrupt
from storage.schema import Table, Txn, be64, get_tables, make_table

SMALL_BYTES = 64 << 20
"""An environment up to this size is read in full at every start: a fraction of a second."""
HEIGHTS_CHECKED = 64
"""How many of the newest final blocks a quick check reads in a large environment."""
SAMPLE_ROWS = 256
"""Rows read from each of `SAMPLE_STARTS` places of each state table."""
SAMPLE_STARTS = 16
PROBE_BYTES = 1 << 16
_MAP_BYTES = 1 << 20
"""Only a floor: LMDB maps at least what the file has committed."""
_WHOLE = ("meta", "votes", "secrets", "certificates", "open", "evidence", "peers")
_SAMPLED = ("values", "nodes", "values_undo", "nodes_undo")


def check_environment(path: Path, mode: str) -> None:
    """Read the environment in `path`; `mode` is "quick" or "full".

    Raises:
        Corrupt: something in it is not what we wrote.
        lmdb.Error: LMDB can't open or read it.
    """
    data = path / "data.mdb"
    if not data.exists() or data.stat().st_size == 0:
        return
    if mode == "full":
        problems = _verify_pages(path)
        if problems:
            raise Corrupt(path, "", b"", "; ".join(problems[:3]))
    env = lmdb.open(str(path), map_size=_MAP_BYTES, max_dbs=TABLES_MAX, create=False)
    try:
        tables = _open_tables(env, path)
        with env.begin() as txn:
            used = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
            # Pages allocated and freed in one transaction are never written, so a file may be
            # shorter than its last page number says. If it is, only reading everything tells.
            if mode == "full" or used <= SMALL_BYTES or data.stat().st_size < used:
                for table in tables.values():
                    _read(table.scan(txn))
            else:
                _check_large(txn, tables)
        _probe_free_pages(env, tables)
    finally:
        env.close()


def _verify_pages(path: Path) -> list[str]:
    """Return what py-lmdb's own verifier finds wrong with the pages of the file."""
    try:
        return [str(problem) for problem in verify(str(path))]
    except VerifyError as error:
        return [str(error)]


def _open_tables(env: lmdb.Environment, path: Path) -> dict[str, Table]:
    """Open the tables that exist; which ones must exist is for the schema version to say."""
    known = set(env.dbs())
    with env.begin(write=True) as txn:  # a handle opened by a reader can't be written through
        return {
            name: make_table(path, name, env.open_db(name.encode(), txn=txn, create=False))
            for name in get_tables(path)
            if name.encode() in known
        }


def _check_large(txn: Txn, tables: Mapping[str, Table]) -> None:
    for name in _WHOLE:
        if name in tables:
            _read(tables[name].scan(txn))
    _check_newest_blocks(txn, tables)
    for name in _SAMPLED:
        for start in range(SAMPLE_STARTS):
            first = bytes([start * 256 // SAMPLE_STARTS])
            _read(islice(tables[name].scan(txn, first), SAMPLE_ROWS))


def _check_newest_blocks(txn: Txn, tables: Mapping[str, Table]) -> None:
    canonical = tables["canonical"]
    newest = canonical.last_key(txn)
    if newest is None:
        return
    start = be64(max(0, int.from_bytes(newest, "big") + 1 - HEIGHTS_CHECKED))
    for height, row in canonical.scan(txn, start):
        for name, key in (("bodies", row[:32]), ("headers", row[:32]), ("receipts", height)):
            if tables[name].get(txn, key) is None:
                raise tables[name].corrupt(key, f"missing for final height {height.hex()}")


def _probe_free_pages(env: lmdb.Environment, tables: Mapping[str, Table]) -> None:
    """Make LMDB read its list of free pages, as the first real write would; nothing is written."""
    if "meta" not in tables:
        return
    txn = env.begin(write=True)
    try:
        txn.put(b"probe", bytes(PROBE_BYTES), db=tables["meta"].handle)
    except lmdb.MapFullError:
        pass  # a full map is not damage; the first write will say so
    finally:
        txn.abort()


def _read(rows: Iterable[object]) -> None:
    for _ in rows:
        pass


def main() -> int:
    """Check what the command line names; print the outcome as one line of JSON."""
    mode, path = sys.argv[1], Path(sys.argv[2])
    try:
        check_environment(path, mode)
    except Corrupt as error:
        outcome = {"table": error.table, "key": error.key.hex(), "detail": error.detail}
    except lmdb.Error as error:
        outcome = {"table": "", "key": "", "detail": str(error), "code": getattr(error, "code", 0)}
    else:
        return 0
    sys.stdout.write(json.dumps(outcome) + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
