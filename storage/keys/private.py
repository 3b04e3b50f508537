"""Files for their owner's eyes alone: written whole or not at all, never over another by accident.

A file is written under another name, synced, and linked to its own, which fails if that is taken.
"""

import os
from pathlib import Path

from storage.environment import sync_folder, translate_errors
from storage.errors import KeyExists, KeyExposed, KeyMissing

_OTHERS = 0o077


def read_own(path: Path, bytes_max: int) -> bytes:
    """Return at most `bytes_max` bytes of a file that nobody else can read or write.

    Raises:
        KeyMissing, KeyExposed, StorageFailed: as they say; a link is refused too.
    """
    data, mode = _read(path, bytes_max, os.O_NOFOLLOW)
    if mode & _OTHERS:
        raise KeyExposed(path, mode)
    return data


def read_carried(path: Path, bytes_max: int) -> bytes:
    """Return at most `bytes_max` bytes of an exported file, perhaps on a disk without owners.

    Raises:
        KeyMissing, StorageFailed: as they say.
    """
    return _read(path, bytes_max, 0)[0]


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is either whole under its name or not there; never replace one.

    Raises:
        KeyExists, StorageFull, StorageFailed: as they say.
    """
    beside = _beside(path)
    with translate_errors(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            _write_synced(beside, data)
            os.link(beside, path)
        except FileExistsError:
            raise KeyExists(path) from None
        finally:
            beside.unlink(missing_ok=True)
        sync_folder(path.parent)


def replace(path: Path, data: bytes) -> None:
    """Replace a file by `data`: a reader finds the old one or the new one, whole.

    Raises:
        StorageFull, StorageFailed: the old one is untouched.
    """
    beside = _beside(path)
    with translate_errors(path):
        try:
            _write_synced(beside, data)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        sync_folder(path.parent)


def write_carried(path: Path, data: bytes) -> None:
    """Write a new file for its owner alone, on any disk: no link, which a USB stick can't make.

    Raises:
        KeyExists, StorageFull, StorageFailed: as they say; no part of it is left.
    """
    with translate_errors(path):
        try:
            _write_synced(path, data)
        except FileExistsError:
            raise KeyExists(path) from None
        except OSError:
            path.unlink(missing_ok=True)
            raise


def remove(path: Path) -> None:
    """Delete a file, whatever is in it.

    Raises:
        KeyMissing, StorageFailed: as they say.
    """
    with translate_errors(path):
        try:
            path.unlink()
        except FileNotFoundError:
            raise KeyMissing(path) from None
        sync_folder(path.parent)


# -- private --------------------------------------------------------------------------------------


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.urandom(8).hex()}")


def _write_synced(path: Path, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(file)


def _read(path: Path, bytes_max: int, flags: int) -> tuple[bytes, int]:
    with translate_errors(path):
        try:
            file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | flags)
        except FileNotFoundError:
            raise KeyMissing(path) from None
        try:
            return os.read(file, bytes_max), os.fstat(file).st_mode & 0o777
        finally:
            os.close(file)
