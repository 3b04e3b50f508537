"""Run one devnet in the foreground: write it, start it, show it, judge it, stop it.

Whatever ends the run (the verdict, Ctrl-C, a daemon that never came up, an error of ours), the
daemons are asked to stop, waited for, and killed if need be, before anything else is said.
"""

import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil
import trio
from rich.console import Console
from rich.live import Live

from scripts.tools.devnet.folder import State, load_state, save_state, set_daemon
from scripts.tools.devnet.plan import NodePlan, first_reward_height, node_folder
from scripts.tools.devnet.processes import Started, find, start_daemon, stop_all
from scripts.tools.devnet.table import Frame, describe, render, save_picture
from scripts.tools.devnet.verdict import Finding, judge
from scripts.tools.devnet.watch import NodeSeen, Seen, Watch

LOOK_S = 0.5
SAY_S = 5.0
"""How often a line is written where the picture can't be redrawn."""
START_S = 90.0
"""How long the first block may take: four Pythons import torch on two cores."""
STALL_S = 60.0
"""How long no block may become final before we call it stalled."""
LAG_BLOCKS = 20
"""How far past the wanted height we wait for a node that lags behind, before we judge."""
STOP_GRACE_S = 10.0
LOG_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a run should show itself and when it should end."""

    until_epoch: int | None
    as_json: bool
    svg: Path | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: `findings` are empty when nothing was to be judged."""

    seen: Seen
    findings: tuple[Finding, ...]
    failure: str
    elapsed_s: float
    first_reward_s: float | None

    @property
    def ok(self) -> bool:
        """Tell whether all that was to be shown was shown."""
        return not self.failure and all(finding.ok for finding in self.findings)


async def run_devnet(folder: Path, state: State, wishes: Wishes) -> Outcome:
    """Start every daemon of `state`, watch until the end, stop them all."""
    begin_s = trio.current_time()
    me = psutil.Process()
    save_state(
        folder, replace(state, supervisor=Started(me.pid, me.create_time(), me.cmdline()[-1]))
    )
    async with _stopping(folder), Watch(state.options, state.nodes) as watch:
        for plan in state.nodes:
            start_node(folder, plan)
        run = _Run(folder, state, wishes, watch, begin_s)
        async with trio.open_nursery() as nursery:
            await nursery.start(_cancel_on_signal, nursery.cancel_scope)
            await run.watch_until_the_end()
            nursery.cancel_scope.cancel()
        return run.outcome()


def start_node(folder: Path, plan: NodePlan) -> Started:
    """Start one daemon and record it."""
    home = node_folder(folder, plan)
    started = start_daemon(home / "node.toml", home / "log.txt")
    set_daemon(folder, plan.index, started)
    return started


@asynccontextmanager
async def _stopping(folder: Path) -> AsyncGenerator[None]:
    """On leaving, stop every daemon the state file knows, those restarted elsewhere too."""
    try:
        yield
    finally:
        with trio.CancelScope(shield=True):
            state = load_state(folder)
            daemons = list(state.daemons.values()) if state else []
            await trio.to_thread.run_sync(stop_all, daemons, STOP_GRACE_S, _complain)


def _complain(text: str) -> None:
    print(f"devnet: {text}", file=sys.stderr)


async def _cancel_on_signal(
    scope: trio.CancelScope, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Cancel `scope` at the first SIGINT, SIGTERM or SIGHUP."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()


class _Run:
    """One run's memory between two looks."""

    def __init__(
        self, folder: Path, state: State, wishes: Wishes, watch: Watch, begin_s: float
    ) -> None:
        self._folder = folder
        self._state = state
        self._wishes = wishes
        self._watch = watch
        self._begin_s = begin_s
        self._seen = Seen(tuple(NodeSeen(plan, None) for plan in state.nodes), (), 0, 0)
        self._findings: tuple[Finding, ...] = ()
        self._failure = ""
        self._answered: set[int] = set()
        self._risen_s = begin_s + START_S - STALL_S

    async def watch_until_the_end(self) -> None:
        """Look and show until the run is judged or has failed."""
        console = Console(stderr=self._wishes.as_json)
        if self._wishes.as_json or not console.is_terminal:
            await self._watch_in_lines()
            return
        with Live(console=console, auto_refresh=False, transient=False) as live:
            while not self._is_over():
                await self._look()
                live.update(render(self._seen, self._frame()), refresh=True)
                await trio.sleep(LOOK_S)

    async def _watch_in_lines(self) -> None:
        said_s = float("-inf")
        while not self._is_over():
            await self._look()
            if trio.current_time() - said_s >= SAY_S:
                said_s = trio.current_time()
                elapsed = said_s - self._begin_s
                print(f"{elapsed:5.0f} s  {describe(self._seen)}", file=sys.stderr, flush=True)
            await trio.sleep(LOOK_S)

    async def _look(self) -> None:
        height = self._seen.height
        self._seen = await self._watch.look()
        if self._seen.height > height:
            self._risen_s = trio.current_time()
        self._answered |= {n.plan.index for n in self._seen.nodes if n.status is not None}

    def _is_over(self) -> bool:
        dead = self._find_stillborn()
        if dead is not None:
            self._failure = f"{dead.name} ended at its start; its last lines:\n{self._tail(dead)}"
        elif self._is_deserted() and not self._is_open_ended():
            first = self._state.nodes[0]
            self._failure = f"every daemon has ended; {first.name} said last:\n{self._tail(first)}"
        elif trio.current_time() - self._risen_s > STALL_S and not self._is_open_ended():
            self._failure = f"no block became final for {STALL_S:.0f} s"
        elif self._is_due():
            assert self._wishes.until_epoch is not None
            self._findings = judge(
                self._state.options, self._seen, self._watch.history, self._wishes.until_epoch
            )
        return bool(self._failure or self._findings)

    def _is_open_ended(self) -> bool:
        return self._wishes.until_epoch is None

    def _is_deserted(self) -> bool:
        state = load_state(self._folder)
        return state is not None and not any(map(find, state.daemons.values()))

    def _find_stillborn(self) -> NodePlan | None:
        """Return a node whose process is gone before it ever answered."""
        state = load_state(self._folder)
        for plan in self._state.nodes:
            started = state.daemons.get(plan.index) if state else None
            if plan.index not in self._answered and started and find(started) is None:
                return plan
        return None

    def _is_due(self) -> bool:
        """Tell whether every node is past the last wanted reward (or hopelessly behind it)."""
        if self._wishes.until_epoch is None:
            return False
        wanted = first_reward_height(self._state.options, self._wishes.until_epoch)
        heights = [node.status.height if node.status else 0 for node in self._seen.nodes]
        is_read = self._watch.history.read_to >= wanted
        return is_read and (min(heights) > wanted or max(heights) > wanted + LAG_BLOCKS)

    def _tail(self, plan: NodePlan) -> str:
        log = node_folder(self._folder, plan) / "log.txt"
        return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])

    def _frame(self) -> Frame:
        first_s = self._watch.history.first_reward_s
        return Frame(
            self._state.options,
            self._elapsed_s(),
            None if first_s is None else first_s - self._begin_s,
            " Ctrl-C stops it. In another terminal: scripts/devnet status | logs N | kill N |\n"
            f" restart N | down. Logs: {os.path.relpath(self._folder)}/node-N/log.txt",
        )

    def _elapsed_s(self) -> float:
        return trio.current_time() - self._begin_s

    def outcome(self) -> Outcome:
        """Return how it ended, and draw the picture that was asked for."""
        frame = self._frame()
        if self._wishes.svg is not None:
            save_picture(render(self._seen, frame), str(self._wishes.svg))
        failure = self._failure
        if not failure and not self._findings and self._wishes.until_epoch is not None:
            failure = "stopped before the verdict"
        return Outcome(self._seen, self._findings, failure, self._elapsed_s(), frame.first_reward_s)


def summarise(outcome: Outcome) -> dict[str, object]:
    """Return what `--json` prints."""
    return {
        "ok": outcome.ok,
        "failure": outcome.failure,
        "checks": [asdict(finding) for finding in outcome.findings],
        "elapsed_s": round(outcome.elapsed_s, 1),
        "first_reward_s": None
        if outcome.first_reward_s is None
        else round(outcome.first_reward_s, 1),
        "height": outcome.seen.height,
        "nodes": [
            {
                "name": node.plan.name,
                "api": node.plan.api,
                "height": node.status.height if node.status else None,
                "head": node.status.head if node.status else None,
                "peers": len(node.status.peers) if node.status else None,
                "finality_ms_p50": None if node.finality_ms is None else round(node.finality_ms, 1),
            }
            for node in outcome.seen.nodes
        ],
        "neurons": [
            {
                "node": neuron.plan.name,
                "role": neuron.plan.role,
                "netuid": neuron.plan.netuid,
                "model": neuron.plan.model,
                "uid": neuron.uid,
                "hotkey": neuron.hotkey,
                "weight": neuron.weight,
                "incentive": neuron.incentive,
                "dividends": neuron.dividends,
                "earned_alpha_rao": neuron.earned,
                "earned_root_rao": neuron.root_earned,
            }
            for neuron in outcome.seen.neurons
        ],
    }
