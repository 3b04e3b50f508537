"""The daemons of a devnet as processes: start, recognise, stop; never a process we did not start.

A process is known by three things together: its id, when the kernel started it, and the path of our
configuration file on its command line. So an id that the kernel has given to another process since
is never signalled. Each daemon is the leader of its own session: Ctrl-C reaches only the devnet,
and whatever a daemon leaves behind (a worker) is found by the session's number.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[3]
STARTED_SLACK_S = 2.0
"""How far two readings of one start time may lie apart when the wall clock was set in between."""
POLL_S = 0.03
KILL_WAIT_S = 5.0
"""How long the kernel may take to remove a killed process."""


@dataclass(frozen=True, slots=True)
class Started:
    """A process we started: how to recognise it later."""

    pid: int
    started_s: float
    config: str
    """Path of its configuration file, absolute, as on its command line."""


def start_daemon(config: Path, log: Path) -> Started:
    """Start `python -m daemon run` in a session of its own; what it says is appended to `log`."""
    command = [sys.executable, "-m", "daemon", "run", "--config", str(config)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # The child is reaped in `find`; the object's destructor would only complain that it still runs.
    process.returncode = 0
    return Started(process.pid, psutil.Process(process.pid).create_time(), str(config))


def find(started: Started) -> psutil.Process | None:
    """Return the live process that `started` means, or None when it is gone (or a zombie)."""
    _reap(started.pid)
    try:
        process = psutil.Process(started.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        is_same_age = abs(process.create_time() - started.started_s) < STARTED_SLACK_S
        words = process.cmdline()
        # In the middle of its exec a process has no command line: then its id and age must do.
        is_same = is_same_age and (not words or started.config in words)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return process if is_same else None


def _reap(pid: int) -> None:
    """Collect the exit status if `pid` is a dead child of ours; others' children are not ours."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def send_signal(started: Started, number: int) -> bool:
    """Send a signal to the daemon alone; False when it is gone."""
    process = find(started)
    if process is None:
        return False
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return False
    return True


def wait_gone(started: Started, at_most_s: float) -> bool:
    """Wait until the process is gone; False if it is still there after `at_most_s`."""
    deadline = time.monotonic() + at_most_s
    while find(started) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def find_session(started: Started) -> list[psutil.Process]:
    """Return the daemon and what it started: the live members of its session."""
    members: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            is_member = os.getsid(process.pid) == started.pid
            # A session's number can be used again once it is empty: look at the age too.
            if (
                is_member
                and _is_alive(process)
                and process.create_time() >= started.started_s - STARTED_SLACK_S
            ):
                members.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError, PermissionError):
            continue
    return members


def stop_all(
    daemons: Iterable[Started], grace_s: float, say: Callable[[str], None] = lambda _: None
) -> None:
    """Ask every daemon to end, wait `grace_s`, then kill whatever of their sessions is left."""
    daemons = tuple(daemons)
    members = [member for started in daemons for member in find_session(started)]
    for started in daemons:
        send_signal(started, signal.SIGTERM)
    left = _wait_gone(daemons, members, grace_s)
    left += [member for started in daemons for member in find_session(started)]
    for process in {member.pid: member for member in left if _is_alive(member)}.values():
        say(f"process {process.pid} did not end by itself; killing it")
        _quietly(process.kill)
    _wait_gone(daemons, left, KILL_WAIT_S)


def _wait_gone(
    daemons: tuple[Started, ...], members: list[psutil.Process], at_most_s: float
) -> list[psutil.Process]:
    """Wait until all are gone, at most `at_most_s`; return the members that are still there."""
    deadline = time.monotonic() + at_most_s
    while True:
        for started in daemons:
            _reap(started.pid)
        members = [member for member in members if _is_alive(member)]
        if not members or time.monotonic() > deadline:
            return members
        time.sleep(POLL_S)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _quietly(action: Callable[[], None]) -> None:
    """Signal a process that may have ended a moment ago."""
    try:
        action()
    except psutil.NoSuchProcess:
        return
