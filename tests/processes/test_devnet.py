"""The scene itself: `scripts/devnet` as a user runs it, in processes of its own."""

import json
import signal
import subprocess
from pathlib import Path
from time import monotonic

import httpx
import psutil
import pytest

from scripts.tools.devnet.folder import State, load_state
from scripts.tools.devnet.processes import ROOT, find, find_session
from tests.processes.cluster import wait_until

pytestmark = pytest.mark.slow

DEVNET = str(ROOT / "scripts" / "devnet")
FIRST_REWARD_S = 60.0


def devnet(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [DEVNET, *arguments], cwd=cwd, text=True, capture_output=True, timeout=180, check=False
    )


def leftovers(state: State) -> list[psutil.Process]:
    return [process for started in state.daemons.values() for process in find_session(started)]


def test_it_ends_by_itself_having_shown_that_the_better_model_earned_more(tmp_path: Path) -> None:
    begin = monotonic()
    done = devnet("--until-epoch", "1", "--json", "--data", "net", cwd=tmp_path)
    summary = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert summary["ok"] is True
    assert [check["name"] for check in summary["checks"] if not check["ok"]] == []
    assert len(summary["checks"]) == 5
    assert summary["first_reward_s"] < FIRST_REWARD_S
    assert monotonic() - begin < 1.5 * FIRST_REWARD_S
    assert not (tmp_path / "net").exists(), "a clean end leaves no folder"


def test_commands_act_on_a_running_one_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    data = tmp_path / "net"
    bare = ["--validators", "0", "--miners", "0", "--block-ms", "500", "--data", str(data)]
    with (tmp_path / "out.txt").open("wb") as out:
        running = subprocess.Popen([DEVNET, *bare], stdout=out, stderr=out)
    try:
        wait_until(lambda: is_up(data, 0), 60, "the first block")
        assert devnet("--data", str(data), cwd=tmp_path).returncode == 2, "the folder is in use"
        assert devnet("kill", "2", "--data", str(data), cwd=tmp_path).returncode == 0
        assert devnet("kill", "2", "--data", str(data), cwd=tmp_path).returncode == 2
        assert devnet("status", "--data", str(data), cwd=tmp_path).returncode == 1
        assert devnet("restart", "2", "--data", str(data), cwd=tmp_path).returncode == 0
        assert devnet("restart", "9", "--data", str(data), cwd=tmp_path).returncode == 2
        wait_until(lambda: is_up(data, 2), 30, "node 2 answers again")
        assert "node starts" in devnet("logs", "2", "--data", str(data), cwd=tmp_path).stdout
        state = load_state(data)
        assert state is not None
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 0, (tmp_path / "out.txt").read_text()
        assert leftovers(state) == []
    finally:
        devnet("down", "--data", str(data), cwd=tmp_path)
        running.kill()
        running.wait()


def test_down_ends_the_foreground_and_its_daemons(tmp_path: Path) -> None:
    data = tmp_path / "net"
    few = ["--nodes", "1", "--block-ms", "200", "--tempo", "8", "--keep", "--data", str(data)]
    with (tmp_path / "out.txt").open("wb") as out:
        running = subprocess.Popen([DEVNET, *few], stdout=out, stderr=out)
    try:
        wait_until(lambda: is_up(data, 0), 60, "the first block")
        state = load_state(data)
        assert state is not None
        assert devnet("down", "--data", str(data), cwd=tmp_path).returncode == 0
        assert running.wait(10) == 0
        assert leftovers(state) == []
        assert state.supervisor is not None
        assert find(state.supervisor) is None
        assert (data / "node-0" / "data").is_dir(), "--keep leaves the folder"
    finally:
        running.kill()
        running.wait()


def is_up(data: Path, node: int) -> bool:
    """Tell whether a node has a first final block; asked at its door, which is quicker."""
    state = load_state(data) if data.is_dir() else None
    if state is None:
        return False
    try:
        answer = httpx.get(f"{state.nodes[node].api}/chain/status", timeout=2.0)
    except httpx.HTTPError:
        return False
    height: int = answer.json()["height"]
    return height >= 1
