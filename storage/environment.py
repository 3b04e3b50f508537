"""Open an LMDB environment and its tables, and say in our words what went wrong.

No trio here: the boot check (`storage/check.py`) runs this in a fresh process.
"""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import lmdb

from storage.errors import Corrupt, StorageError, StorageFailed, StorageFull
from storage.schema import Table, get_tables, make_table

TABLES_MAX = 32
READERS_MAX = 128
"""Slots of concurrent read transactions; trio runs at most 40 threads by default."""
FREE_BYTES_MIN = 1 << 20
"""With less room, a failed write is blamed on the full disk: one commit may need as much."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DAMAGE = (
    lmdb.CorruptedError,
    lmdb.PageNotFoundError,
    lmdb.InvalidError,
    lmdb.VersionMismatchError,
    lmdb.IncompatibleError,
    lmdb.BadDbiError,
)


@contextmanager
def open_environment(
    path: Path, bytes_max: int
) -> Generator[tuple[lmdb.Environment, dict[str, Table]], None, None]:
    """Open the environment in `path` and all its tables; see `open_database`."""
    names = get_tables(path)
    with translate_errors(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        env = lmdb.open(
            str(path),
            map_size=bytes_max,
            max_dbs=TABLES_MAX,
            max_readers=READERS_MAX,
            max_spare_txns=1,
            mode=0o700,
        )
    try:
        with translate_errors(path):
            env.reader_check()  # a killed process leaves its reader slots behind
            with env.begin(write=True) as txn:
                tables = {
                    name: make_table(path, name, env.open_db(name.encode(), txn=txn))
                    for name in names
                }
            for folder in (path, path.parent, path.parent.parent):
                sync_folder(folder)
        yield env, tables
    finally:
        env.close()


def sync_folder(path: Path) -> None:
    """Make the entries of folder `path` durable: a synced file is lost if its name is not.

    A folder that may be entered but not read (0711) is left for its owner to sync.
    """
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        return
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def translate_errors(path: Path) -> Generator[None, None, None]:
    """Turn what LMDB and the system raise into our typed errors; our own pass through."""
    try:
        yield
    except StorageError:
        raise
    except lmdb.MapFullError as error:
        raise StorageFull(
            path,
            "the database has reached its configured size",
            "Raise the size limit of the storage, or shorten the history it keeps.",
        ) from error
    except _DAMAGE as error:
        raise Corrupt(path, "", b"", str(error)) from error
    except lmdb.Error as error:
        raise _translate_code(path, getattr(error, "code", 0), str(error)) from error
    except OSError as error:
        raise _translate_code(path, error.errno or 0, str(error)) from error


def _translate_code(path: Path, code: int, detail: str) -> StorageError:
    # LMDB reports a write that the full disk cut short as EIO; only the next one fails with ENOSPC.
    if code in _FULL or (code == errno.EIO and _get_free_bytes(path) < FREE_BYTES_MIN):
        return StorageFull(path, detail, "Free some space on this disk and start again.")
    if code in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
        return StorageFailed(path, detail, "Give this user a data folder it may write to.")
    return StorageFailed(path, detail, "Check the disk (dmesg, smartctl), then start again.")


def _get_free_bytes(path: Path) -> int:
    try:
        stat = os.statvfs(path)
    except OSError:
        return FREE_BYTES_MIN
    return stat.f_bavail * stat.f_frsize
