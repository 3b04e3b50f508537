import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic

import psutil
import pytest

from scripts.tools.devnet.folder import (
    FOLDERS_MAX,
    State,
    claim_folder,
    default_folders,
    find_running,
    load_state,
    pick_ports,
    remove_folder,
    save_state,
    set_daemon,
)
from scripts.tools.devnet.plan import Options, PlanError
from scripts.tools.devnet.processes import Started, find, find_session, send_signal, stop_all

STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
WITH_CHILD = "import subprocess, sys; subprocess.Popen(['sleep', '60']);"
READY = "print(flush=True); import time; time.sleep(60)"


def start(code: str, config: str) -> Started:
    process = subprocess.Popen(
        [sys.executable, "-c", code + READY, config],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout as output:
        output.readline()
    process.returncode = 0  # reaped by `find`
    return Started(process.pid, psutil.Process(process.pid).create_time(), config)


@pytest.fixture
def daemon() -> Iterator[Started]:
    started = start("", "/a/node.toml")
    yield started
    stop_all([started], 0.0)


def make_state() -> State:
    return State(Options(), 1_700_000_000_000, pick_ports(8))


def test_a_process_is_found_by_id_age_and_configuration(daemon: Started) -> None:
    assert find(daemon) is not None


@pytest.mark.parametrize(
    "changes", [{"started_s": 1_000.0}, {"config": "/b/node.toml"}], ids=["age", "config"]
)
def test_another_process_with_a_reused_id_is_never_signalled(
    daemon: Started, changes: dict[str, str]
) -> None:
    stranger = replace(daemon, **changes)
    assert not send_signal(stranger, signal.SIGKILL)
    stop_all([replace(daemon, started_s=daemon.started_s + 3_600)], 0.1)
    assert find(daemon) is not None


def test_a_daemon_that_ends_when_asked_leaves_at_once(daemon: Started) -> None:
    said: list[str] = []
    stop_all([daemon], 5.0, said.append)
    assert find(daemon) is None
    assert said == []


@pytest.mark.slow
def test_a_daemon_that_ignores_the_question_is_killed_after_the_grace() -> None:
    said: list[str] = []
    stubborn = start(STUBBORN, "/a/node.toml")
    stop_all([stubborn], 0.2, said.append)
    assert find(stubborn) is None
    assert len(said) == 1


def test_what_a_killed_daemon_leaves_behind_is_found_by_its_session() -> None:
    parent = start(WITH_CHILD, "/a/node.toml")
    assert len(find_session(parent)) == 2
    os.kill(parent.pid, signal.SIGKILL)
    deadline = monotonic() + 5
    while parent.pid in {process.pid for process in find_session(parent)}:
        assert monotonic() < deadline
    (orphan,) = find_session(parent)
    stop_all([parent], 0.0)
    assert find_session(parent) == []
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE


# -- the folder -----------------------------------------------------------------------------------


def test_a_state_file_comes_back_as_it_was(tmp_path: Path, daemon: Started) -> None:
    state = make_state()
    save_state(tmp_path, state)
    assert set_daemon(tmp_path, 2, daemon) == replace(state, daemons={2: daemon})
    assert load_state(tmp_path) == replace(state, daemons={2: daemon})


def test_a_damaged_state_file_is_named_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "devnet.json").write_text("{")
    with pytest.raises(PlanError, match="remove"):
        load_state(tmp_path)


def test_a_folder_with_something_else_in_it_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(PlanError, match="not empty"):
        claim_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_folder_serves_one_devnet_at_a_time(tmp_path: Path) -> None:
    _, lock = claim_folder(tmp_path)
    with lock, pytest.raises(PlanError, match="running"):
        claim_folder(tmp_path)
    claim_folder(tmp_path)[1].close()


def test_a_folder_whose_daemons_outlived_their_devnet_is_not_taken(
    tmp_path: Path, daemon: Started
) -> None:
    save_state(tmp_path, replace(make_state(), daemons={0: daemon}))
    with pytest.raises(PlanError, match="scripts/devnet down"):
        claim_folder(tmp_path)
    assert find_running(tmp_path)[0] == tmp_path


def test_a_sub_command_without_a_running_devnet_says_so(tmp_path: Path) -> None:
    save_state(tmp_path, make_state())
    with pytest.raises(PlanError, match="No devnet is running"):
        find_running(tmp_path)


def test_removing_a_devnet_leaves_what_others_put_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    folder.mkdir()
    state = make_state()
    save_state(folder, state)
    (folder / "node-0" / "data").mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    remove_folder(folder, state.nodes)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_ports_are_distinct_and_free() -> None:
    ports = pick_ports(8)
    assert len(set(ports)) == 8
    assert len(default_folders()) == FOLDERS_MAX
