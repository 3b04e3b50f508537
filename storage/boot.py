"""Before anything is opened: one daemon per data folder, and a check that the files are whole.

The lock is `flock` on the file `lock`; the system drops it when the process ends, however it ends.
The check runs in a child process, because reading a cut file through a memory map is a SIGBUS.
"""

import errno
import fcntl
import json
import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trio

from storage.environment import translate_errors
from storage.errors import Corrupt, Locked, StorageFailed

_NOT_DAMAGE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)
"""Why LMDB may fail to open a file that is whole; opening it ourselves then says so."""
_ENDED_BY_DAMAGE = (signal.SIGBUS, signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL)


_ROOMS = str(Path(__file__).parent.parent)
"""Where the child finds `storage`, whatever folder the daemon was started in."""


@contextmanager
def lock_folder(data_dir: Path) -> Generator[None, None, None]:
    """Own `data_dir` (made if missing) for as long as the block runs.

    Raises:
        Locked: another process owns it.
        StorageFailed: it can't be made or written.
    """
    with translate_errors(data_dir):
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(lock, data_dir)
        with translate_errors(data_dir):
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


async def check_folder(path: Path) -> None:
    """Read the environment in `path` as far as every start should; nothing there is fine.

    Raises:
        Corrupt: something in it is damaged.
        StorageFailed: the check itself could not run.
    """
    await _check(path, "quick")


async def verify_folder(path: Path) -> None:
    """Read every page and row of the environment in `path`. Raises as `check_folder`."""
    await _check(path, "full")


def _take(lock: int, data_dir: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
        raise Locked(data_dir, holder or "unknown") from None


async def _check(path: Path, mode: str) -> None:
    if not (path / "data.mdb").exists():
        return
    child = await trio.run_process(
        [sys.executable, "-m", "storage.check", mode, str(path)],
        capture_stdout=True,
        capture_stderr=True,
        check=False,
        env={**os.environ, "PYTHONPATH": _ROOMS},
    )
    if child.returncode == 0:
        return
    if child.returncode == 1 and child.stdout:
        outcome: dict[str, Any] = json.loads(child.stdout)
        if outcome.get("code") not in _NOT_DAMAGE:
            raise Corrupt(path, outcome["table"], bytes.fromhex(outcome["key"]), outcome["detail"])
        return
    if -child.returncode in _ENDED_BY_DAMAGE:
        name = signal.Signals(-child.returncode).name
        raise Corrupt(path, "", b"", f"reading it ended with {name}: a cut or mangled file")
    last = child.stderr.decode("utf-8", "replace").strip().rsplit("\n", 1)[-1]
    raise StorageFailed(
        path, f"the check ended with code {child.returncode}: {last}", "Start again; report this."
    )
