"""A devnet's folder: the network file, each node's configuration and keys, and the state file.

    DIR/devnet.json      what was started: options, ports, processes (how sub-commands find them)
    DIR/network.toml     the genesis all nodes share
    DIR/node-0/          node.toml, keys/, data/, log.txt

The state file is replaced in one rename under a lock, so that a running devnet and a sub-command in
another terminal never see or write half of it. A second lock, held for a devnet's whole life, makes
a folder serve one devnet.
"""

import fcntl
import os
import shutil
import socket
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

from pydantic import TypeAdapter, ValidationError

from scripts.tools.devnet.plan import NodePlan, Options, PlanError, node_folder, plan_nodes
from scripts.tools.devnet.processes import ROOT, Started, find

STATE_FILE = "devnet.json"
FOLDERS_MAX = 16
"""Devnets that may run side by side without naming folders."""
PORTS_FROM, PORTS_TO = 20_000, 32_000
"""Below the range the kernel gives to outgoing connections, so that none takes a port we chose."""


@dataclass(frozen=True, slots=True)
class State:
    """What a devnet is and which processes it has."""

    options: Options
    genesis_ms: int
    ports: tuple[int, ...]
    supervisor: Started | None = None
    """The `scripts/devnet` in the foreground."""
    daemons: dict[int, Started] = field(default_factory=dict[int, Started])
    """By node; a killed one stays until it is restarted, so that its leftovers can be found."""

    @property
    def nodes(self) -> tuple[NodePlan, ...]:
        """The plan of each node."""
        return plan_nodes(self.options, self.ports)

    def is_running(self) -> bool:
        """Tell whether any daemon or the supervisor lives."""
        return any(find(started) for started in self.daemons.values()) or (
            self.supervisor is not None and find(self.supervisor) is not None
        )


_STATE = TypeAdapter(State)


def load_state(folder: Path) -> State | None:
    """Return the devnet of `folder`, or None if it holds none.

    Raises:
        PlanError: the state file can't be read.
    """
    try:
        data = (folder / STATE_FILE).read_bytes()
    except FileNotFoundError:
        return None
    try:
        return _STATE.validate_json(data)
    except ValidationError as error:
        raise PlanError(f"{folder / STATE_FILE} is damaged: remove {folder}.") from error


def save_state(folder: Path, state: State) -> None:
    """Replace the state file; a crash leaves the old one or the new one."""
    fresh = folder / f"{STATE_FILE}.new"
    fresh.write_bytes(_STATE.dump_json(state, indent=2))
    fresh.replace(folder / STATE_FILE)


def set_daemon(folder: Path, index: int, started: Started) -> State:
    """Record that node `index` is now `started`; return the whole state."""
    with locked(folder / "devnet.json.lock"):
        state = load_state(folder)
        assert state is not None
        state = replace(state, daemons={**state.daemons, index: started})
        save_state(folder, state)
    return state


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold the lock file `path`, waiting for it if need be."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def try_lock(folder: Path) -> TextIO | None:
    """Take the folder's life lock; None if another devnet has it. Closing the file frees it."""
    lock = (folder / "devnet.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


# -- which folder ---------------------------------------------------------------------------------


def default_folders() -> list[Path]:
    """Return where devnets lie that were not given a folder."""
    later = [ROOT / f".devnet-{number}" for number in range(2, FOLDERS_MAX + 1)]
    return [ROOT / ".devnet", *later]


def claim_folder(data: Path | None) -> tuple[Path, TextIO]:
    """Return a folder for a devnet to start in, and its life lock.

    Raises:
        PlanError: the folder is in use, or holds something other than a devnet.
    """
    for folder in [data] if data else default_folders():
        if folder.is_dir() and any(folder.iterdir()) and not _is_devnet(folder):
            raise PlanError(f"{folder} is not empty and no devnet's; name another --data.")
        folder.mkdir(parents=True, exist_ok=True)
        lock = try_lock(folder)
        if lock is None:
            continue
        state = load_state(folder)
        if state is None or not state.is_running():
            return folder, lock
        lock.close()
    where = str(data) if data else "each of its folders"
    raise PlanError(f"A devnet is running in {where}; stop it with scripts/devnet down.")


def find_running(data: Path | None) -> tuple[Path, State]:
    """Return the running devnet a sub-command means.

    Raises:
        PlanError: none runs, or several do and none was named.
    """
    found: list[tuple[Path, State]] = []
    for folder in [data] if data else default_folders():
        state = load_state(folder)
        if state is not None and state.is_running():
            found.append((folder, state))
    if not found:
        raise PlanError(f"No devnet is running{f' in {data}' if data else ''}.")
    if len(found) > 1:
        folders = ", ".join(str(folder) for folder, _ in found)
        raise PlanError(f"Several devnets are running; name one with --data: {folders}")
    return found[0]


def _is_devnet(folder: Path) -> bool:
    return (folder / STATE_FILE).exists() or {path.name for path in folder.iterdir()} <= {
        "devnet.lock"
    }


def remove_folder(folder: Path, nodes: tuple[NodePlan, ...]) -> None:
    """Remove what a devnet wrote, and the folder if nothing else is in it."""
    for node in nodes:
        shutil.rmtree(node_folder(folder, node), ignore_errors=True)
    for name in ("network.toml", STATE_FILE, "devnet.json.lock", "devnet.lock"):
        (folder / name).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def pick_ports(count: int) -> tuple[int, ...]:
    """Return free TCP ports of loopback; the start differs by process, so devnets rarely meet."""
    port = PORTS_FROM + os.getpid() * 97 % (PORTS_TO - PORTS_FROM)
    found: list[int] = []
    for _ in range(PORTS_TO - PORTS_FROM):
        if _is_free(port):
            found.append(port)
            if len(found) == count:
                return tuple(found)
        port = port + 1 if port + 1 < PORTS_TO else PORTS_FROM
    raise PlanError(f"No {count} free ports between {PORTS_FROM} and {PORTS_TO} on loopback.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
