"""Own one LMDB environment: the one writer, one thread per transaction, durable on return.

A transaction lives and dies in one thread call; none is ever left open, because an open reader
pins every page freed after it. Commits are synced (LMDB's default), so a `write` that returned
survives a power cut. Readers never wait for the writer.

Deviation: the map is reserved at its configured maximum when the environment opens, instead of
growing step by step. Reserving costs address space only (the file grows as pages are used), and
growing would need every reader of the process to stop. Reaching the maximum is `StorageFull`.

Source: LMDB 0.9 `lmdb.h` ("caveats"); py-lmdb 3.0.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import lmdb
import trio

from storage.environment import open_environment, translate_errors
from storage.schema import Table, Txn

T = TypeVar("T")


class Run(Protocol):
    """How blocking work is run: in a thread (`run_in_thread`), or inline in a simulator."""

    async def __call__(self, work: Callable[[], T], limiter: trio.CapacityLimiter) -> T:
        """Run `work` to its end, even if cancelled meanwhile, and return what it returns."""
        ...


async def run_in_thread(work: Callable[[], T], limiter: trio.CapacityLimiter) -> T:
    """Run `work` in a worker thread; once begun it finishes, even if the caller is cancelled."""
    return await trio.to_thread.run_sync(work, limiter=limiter)


async def run_inline(work: Callable[[], T], limiter: trio.CapacityLimiter) -> T:
    """Run `work` at once in the event loop, for tests under a virtual clock."""
    async with limiter:
        return work()


@dataclass(frozen=True, slots=True)
class Usage:
    """How large an environment is and may become, in bytes."""

    used_bytes: int
    bytes_max: int


class Database:
    """An open environment. `read` and `write` take a function of one transaction."""

    __slots__ = ("_env", "_readers", "_run", "_writer", "path", "tables")

    def __init__(
        self, env: lmdb.Environment, path: Path, tables: Mapping[str, Table], run: Run
    ) -> None:
        self.path = path
        self.tables = tables
        self._env = env
        self._run = run
        self._writer = trio.CapacityLimiter(1)
        self._readers = trio.CapacityLimiter(4)

    async def write(self, work: Callable[[Txn], T]) -> T:
        """Run `work` in a write transaction; on return its changes are durable.

        All or nothing: an exception from `work` leaves no trace. Once begun it finishes, even if
        the caller is cancelled.

        Raises:
            StorageFull: the disk or the map is full.
            Corrupt: LMDB met pages that make no sense.
            StorageFailed: the system refused.
        """
        return await self._run(partial(self.write_now, work), self._writer)

    async def read(self, work: Callable[[Txn], T]) -> T:
        """Run `work` in a read transaction in a worker thread; for reads of many rows."""
        return await self._run(partial(self.read_now, work), self._readers)

    def write_now(self, work: Callable[[Txn], T]) -> T:
        """Do what `write` does, blocking; for worker threads and for start-up."""
        with translate_errors(self.path), self._env.begin(write=True) as txn:
            return work(txn)

    def read_now(self, work: Callable[[Txn], T]) -> T:
        """Run `work` in a read transaction here and now; for a few rows (microseconds)."""
        with translate_errors(self.path), self._env.begin() as txn:
            return work(txn)

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` as the one writer; for a caller that does more than one transaction."""
        return await self._run(work, self._writer)

    def begin(self) -> Txn:
        """Begin a read transaction that the caller ends in the same function call."""
        return self._env.begin()

    def get_usage(self) -> Usage:
        """Return how many bytes are used, and how many may be."""
        info, stat = self._env.info(), self._env.stat()
        return Usage((info["last_pgno"] + 1) * stat["psize"], info["map_size"])

    def get_readers_text(self) -> str:
        """Return LMDB's own table of open read transactions, for tests and for support."""
        return self._env.readers()


@asynccontextmanager
async def open_database(
    path: Path, *, bytes_max: int, run: Run = run_in_thread
) -> AsyncGenerator[Database, None]:
    """Open the environment in folder `path`, create what is missing, close it at the end.

    `path.name` says which environment it is (`sign` or `chain`). `bytes_max` bounds its size.

    Raises:
        Corrupt: it is not an LMDB environment, or a damaged one.
        StorageFailed: the folder can't be created or written.
        StorageFull: no room for an empty environment.
    """
    with open_environment(path, bytes_max) as (env, tables):
        yield Database(env, path, tables, run)
