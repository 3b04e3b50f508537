"""Real daemons for benchmarks: write a devnet, start its processes, look at them, stop them.

The plan, the files and the processes are those of `scripts/devnet`, with no neurons: nothing but
the chain runs. Figures come from what an operator has: /events, /metrics, /chain/status.
"""

import json
import signal
import tempfile
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import psutil
import trio
from prometheus_client.parser import text_string_to_metric_families

from config.network import render_network
from consensus.ledger.genesis import Genesis, GenesisAccount
from consensus.quantities import TimeMs
from scripts.tools.devnet.folder import State, pick_ports
from scripts.tools.devnet.genesis import build_genesis, read_now_ms, write_devnet
from scripts.tools.devnet.plan import NodePlan, Options, node_folder
from scripts.tools.devnet.processes import Started, find, start_daemon, stop_all

START_S = 90.0
"""How long the first block may take: every daemon imports its libraries on two cores."""
STOP_S = 10.0
LOOK_S = 0.1
SEED = 7


@dataclass(frozen=True, slots=True)
class Final:
    """A block that became final on a node; times are wall times in ms since 1970."""

    height: int
    time_ms: int
    """When its leader proposed it."""
    final_ms: int
    """When the node had it final and on disk."""
    transactions: int

    @property
    def finality_ms(self) -> int:
        """Return the time from its proposal to its finality on this node."""
        return self.final_ms - self.time_ms


@dataclass(slots=True)
class Daemons:
    """A network of processes on loopback; made by `open_daemons`."""

    folder: Path
    genesis: Genesis
    nodes: tuple[NodePlan, ...]
    client: httpx.AsyncClient
    running: dict[int, Started] = field(default_factory=dict[int, Started])

    # -- doing -----------------------------------------------------------------------------------

    def start(self, indices: Iterable[int]) -> None:
        """Start the daemons of some nodes."""
        for index in indices:
            home = node_folder(self.folder, self.nodes[index])
            self.running[index] = start_daemon(home / "node.toml", home / "log.txt")

    async def stop(self, indices: Iterable[int]) -> None:
        """Ask some daemons to end and wait for it; what does not end is killed."""
        ended = [self.running.pop(index) for index in indices]
        await trio.to_thread.run_sync(stop_all, ended, STOP_S)

    # -- looking ---------------------------------------------------------------------------------

    async def get(self, index: int, path: str) -> str | None:
        """Return what a node answers, None while it does not."""
        try:
            answer = await self.client.get(self.nodes[index].api + path)
        except httpx.HTTPError:
            return None
        return answer.text if answer.is_success else None

    async def height(self, index: int) -> int:
        """Return a node's final height, -1 while it does not answer."""
        text = await self.get(index, "/chain/status")
        return -1 if text is None else int(json.loads(text)["height"])

    async def wait_height(self, indices: Iterable[int], height: int, at_most_s: float) -> None:
        """Wait until every one of `indices` has final height `height`.

        Raises:
            trio.TooSlowError: not within `at_most_s`; the logs' ends are printed.
        """
        indices = tuple(indices)
        with trio.move_on_after(at_most_s):
            while min([await self.height(index) for index in indices]) < height:
                self._assert_alive(indices)
                await trio.sleep(LOOK_S)
            return
        raise trio.TooSlowError(f"no height {height} within {at_most_s} s: {self.folder}")

    def process(self, index: int) -> psutil.Process:
        """Return a daemon's process (its worker, if any, is another)."""
        found = find(self.running[index])
        assert found is not None, f"node {index} has ended"
        return found

    async def figures(self, index: int) -> dict[str, float]:
        """Return a node's metrics by name and labels, as in `name{label=value}`."""
        text = await self.get(index, "/metrics")
        assert text is not None, f"node {index} does not answer"
        return {
            sample.name + "".join(f"{{{k}={v}}}" for k, v in sorted(sample.labels.items())): (
                sample.value
            )
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def collect_finals(self, index: int, into: list[Final]) -> None:
        """Append to `into` what becomes final on a node from now on, until cancelled."""
        url = self.nodes[index].api + "/events"
        async with self.client.stream("GET", url, timeout=None) as answer:
            async for line in answer.aiter_lines():
                final = read_final(line)
                if final is not None:
                    into.append(final)

    def _assert_alive(self, indices: Iterable[int]) -> None:
        for index in indices:
            if find(self.running[index]) is None:
                log = node_folder(self.folder, self.nodes[index]) / "log.txt"
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                raise AssertionError(f"node {index} has ended:\n{tail}")


@asynccontextmanager
async def open_daemons(
    *,
    nodes: int = 4,
    block_ms: int = 1_000,
    accounts: tuple[GenesisAccount, ...] = (),
    rate_per_s: float = 100.0,
) -> AsyncGenerator[Daemons]:
    """Write a network of `nodes` voters with `accounts` in a temporary folder; nothing runs yet.

    A client of a node's HTTP door may make `rate_per_s` requests a second. On leaving, every daemon
    is stopped and the folder removed.
    """
    options = Options(nodes=nodes, validators=0, miners=0, seed=SEED, block_ms=block_ms)
    state = State(options, read_now_ms(), pick_ports(2 * nodes))
    genesis = build_genesis(options, state.nodes, TimeMs(state.genesis_ms))
    genesis = replace(genesis, accounts=genesis.accounts + accounts)
    with tempfile.TemporaryDirectory(prefix="neurond-bench-") as name:
        folder = Path(name)
        (folder / "network.toml").write_text(render_network(genesis))
        await trio.to_thread.run_sync(write_devnet, folder, state)
        for node in state.nodes:
            config = node_folder(folder, node) / "node.toml"
            wanted = f"[api]\nrate_per_s = {rate_per_s}\nrate_burst = {int(rate_per_s)}\n"
            config.write_text(config.read_text().replace("[api]\n", wanted))
        async with httpx.AsyncClient(timeout=5.0) as client:
            daemons = Daemons(folder, genesis, state.nodes, client)
            async with _ending_on_signal():
                try:
                    yield daemons
                finally:
                    with trio.CancelScope(shield=True):
                        await daemons.stop(tuple(daemons.running))


@asynccontextmanager
async def _ending_on_signal() -> AsyncGenerator[None]:
    """End the block, and then the program, at SIGTERM or SIGINT: no daemon may outlive us."""
    async with trio.open_nursery() as nursery:
        received = await nursery.start(_cancel_on_signal, nursery.cancel_scope)
        yield
        nursery.cancel_scope.cancel()
    if received:
        raise SystemExit(128 + received[0])


async def _cancel_on_signal(
    scope: trio.CancelScope, task_status: trio.TaskStatus[list[int]] = trio.TASK_STATUS_IGNORED
) -> None:
    received: list[int] = []
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started(received)
        async for number in signals:
            received.append(number)
            scope.cancel()


def read_final(line: str) -> Final | None:
    """Return the final block that a line of the event stream tells of, if it does."""
    if not line.startswith("data:"):
        return None
    data = json.loads(line.removeprefix("data:"))
    if "final_ms" not in data:
        return None
    return Final(data["height"], data["time_ms"], data["final_ms"], data["transactions"])
