"""Four real daemons for tests: start, kill, freeze, restart, and look at them from outside.

Everything here goes through what an operator has: processes, signals, files and the HTTP door. The
plan, the files and the processes are those of `scripts/devnet`.
"""

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import STDOUT, CompletedProcess, run
from time import monotonic, sleep

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families
from pydantic import TypeAdapter

from daemon.views.blocks import BlockRow, BlocksAnswer
from daemon.views.node import StatusAnswer
from scripts.tools.devnet.folder import State, pick_ports
from scripts.tools.devnet.genesis import read_now_ms, write_devnet
from scripts.tools.devnet.plan import NodePlan, Options, node_folder
from scripts.tools.devnet.processes import ROOT, Started, find, send_signal, start_daemon, stop_all

_STATUS = TypeAdapter(StatusAnswer)
_BLOCKS = TypeAdapter(BlocksAnswer)
START_S = 60.0
"""Four daemons importing libp2p at once on two cores, perhaps beside other work."""
STEP_S = 0.1


def wait_until(is_true: Callable[[], bool], at_most_s: float, what: str) -> float:
    """Return how many seconds it took; fail, saying `what` was waited for, after `at_most_s`."""
    begin = monotonic()
    while not is_true():
        assert monotonic() - begin < at_most_s, f"not within {at_most_s} s: {what}"
        sleep(STEP_S)
    return monotonic() - begin


@dataclass(slots=True)
class Cluster:
    """A devnet under test. `close` leaves no process."""

    folder: Path
    state: State
    running: dict[int, Started] = field(default_factory=dict[int, Started])
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=2.0))

    @property
    def nodes(self) -> tuple[NodePlan, ...]:
        return self.state.nodes

    # -- doing ------------------------------------------------------------------------------------

    def start(self, *indices: int) -> None:
        for index in indices:
            home = self.home(index)
            self.running[index] = start_daemon(home / "node.toml", home / "log.txt")

    def kill(self, *indices: int) -> None:
        """Kill daemons as a power cut would, and wait until they are gone."""
        for index in indices:
            send_signal(self.running[index], signal.SIGKILL)
        for index in indices:
            wait_until(lambda i=index: not self.is_alive(i), 5, f"node {index} is gone")

    def freeze(self, index: int) -> None:
        send_signal(self.running[index], signal.SIGSTOP)

    def thaw(self, index: int) -> None:
        send_signal(self.running[index], signal.SIGCONT)

    def stop(self, *indices: int) -> list[str]:
        """Ask daemons to end; return what had to be killed instead."""
        complaints: list[str] = []
        stop_all([self.running[index] for index in indices], 15.0, complaints.append)
        return complaints

    def close(self) -> None:
        for started in self.running.values():
            send_signal(started, signal.SIGCONT)
        stop_all(self.running.values(), 10.0)
        self.client.close()

    def worker(self, index: int) -> psutil.Process | None:
        """Return the model's process of a miner."""
        process = find(self.running[index])
        children = process.children(recursive=True) if process else []
        found = [child for child in children if "neurons.worker.main" in child.cmdline()]
        return found[0] if found else None

    # -- looking ----------------------------------------------------------------------------------

    def home(self, index: int) -> Path:
        return node_folder(self.folder, self.nodes[index])

    def is_alive(self, index: int) -> bool:
        return find(self.running[index]) is not None

    def log(self, index: int) -> str:
        return (self.home(index) / "log.txt").read_text(errors="replace")

    def get(self, index: int, path: str) -> str | None:
        try:
            answer = self.client.get(self.nodes[index].api + path)
        except httpx.HTTPError:
            return None
        return answer.text if answer.is_success else None

    def status(self, index: int) -> StatusAnswer | None:
        text = self.get(index, "/chain/status")
        return None if text is None else _STATUS.validate_json(text)

    def height(self, index: int) -> int:
        """Return a node's final height, -1 while it does not answer."""
        status = self.status(index)
        return -1 if status is None else status.height

    def heights(self, *indices: int) -> list[int]:
        return [self.height(index) for index in indices or range(len(self.nodes))]

    def peers(self, index: int) -> int:
        status = self.status(index)
        return -1 if status is None else len(status.peers)

    def blocks(self, index: int, low: int, high: int) -> dict[int, BlockRow]:
        """Return the final blocks of heights `low` to `high`."""
        found: dict[int, BlockRow] = {}
        while high >= low:
            count = min(100, high - low + 1)
            text = self.get(index, f"/chain/blocks?start={high}&count={count}")
            assert text is not None, f"node {index} shows no blocks"
            found |= {block.height: block for block in _BLOCKS.validate_json(text).blocks}
            high -= count
        return found

    def figure(self, index: int, name: str) -> float:
        """Return the sum of a metric's samples; the metric must be there."""
        text = self.get(index, "/metrics") or ""
        found = [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        ]
        assert found, f"node {index} has no metric {name}"
        return sum(found)

    # -- claiming ---------------------------------------------------------------------------------

    def wait_rise(self, indices: tuple[int, ...], blocks: int, at_most_s: float) -> float:
        """Wait until each of `indices` is `blocks` above the highest of them now."""
        goal = max(self.heights(*indices)) + blocks
        return wait_until(
            lambda: min(self.heights(*indices)) >= goal,
            at_most_s,
            f"nodes {indices} reach height {goal} (they are at {self.heights(*indices)})",
        )

    def assert_no_fork(self) -> None:
        """Compare every height that all answering nodes have."""
        up = [index for index in range(len(self.nodes)) if self.height(index) >= 0]
        top = min(self.heights(*up))
        chains = [self.blocks(index, 1, top) for index in up]
        for height in range(1, top + 1):
            assert len({chain[height].digest for chain in chains}) == 1, f"a fork at {height}"

    def assert_healthy(self) -> None:
        """Wait until all nodes are at the head together and agree."""
        everyone = tuple(range(len(self.nodes)))
        self.wait_rise(everyone, 2, 60)
        self.assert_no_fork()


def write_cluster(folder: Path, options: Options, state: State | None = None) -> Cluster:
    """Write a devnet into `folder`, around its network file if there is one; nothing is started."""
    state = state or State(options, read_now_ms(), pick_ports(2 * options.nodes))
    write_devnet(folder, state)
    return Cluster(folder, state)


def run_daemon(config: Path, at_most_s: float = 30.0) -> CompletedProcess[str]:
    """Run a daemon that is expected to end by itself; return its code and what it said."""
    return run(
        [sys.executable, "-m", "daemon", "run", "--config", str(config)],
        cwd=ROOT,
        text=True,
        stdout=-1,
        stderr=STDOUT,
        timeout=at_most_s,
        check=False,
    )
