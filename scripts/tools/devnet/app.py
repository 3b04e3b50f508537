"""Start a local network of neurond daemons and show it working, or act on a running one.

Four daemons as separate processes on loopback, with real libp2p, LMDB and torch: all vote on
blocks, two judge and two mine on subnet 1. The commands other than `start` find a running devnet by
its folder: `--data DIR`, or the checkout's `.devnet` folders.
"""

import argparse
import json
import shlex
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import trio
from rich.console import Console

from scripts.tools.devnet.folder import (
    State,
    claim_folder,
    find_running,
    load_state,
    pick_ports,
    remove_folder,
)
from scripts.tools.devnet.genesis import read_now_ms, write_devnet
from scripts.tools.devnet.plan import NodePlan, Options, PlanError, node_folder
from scripts.tools.devnet.processes import send_signal, stop_all, wait_gone
from scripts.tools.devnet.run import (
    STOP_GRACE_S,
    Outcome,
    Wishes,
    run_devnet,
    start_node,
    summarise,
)
from scripts.tools.devnet.table import Frame, render, render_findings
from scripts.tools.devnet.watch import Seen, Watch

USAGE_ERROR = 2
INTERRUPTED = 130
LOG_LINES = 40


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit code: 0 well, 1 failed, 2 misused."""
    asked = _parser().parse_args(arguments)
    commands = {
        "start": _start,
        "status": _status,
        "logs": _logs,
        "kill": _kill,
        "restart": _restart,
        "down": _down,
        "env": _env,
    }
    try:
        return commands[asked.command](asked)
    except PlanError as error:
        print(f"devnet: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    about = (__doc__ or "").split("\n\n")
    parser = argparse.ArgumentParser(
        prog="scripts/devnet", description=about[0], epilog=about[1].strip()
    )
    d = Options()
    add = parser.add_argument
    add(
        "command",
        nargs="?",
        default="start",
        choices=["start", "status", "logs", "kill", "restart", "down", "env"],
        help="start (the default) runs in the foreground; the others act on a running devnet; "
        'eval "$(scripts/devnet env)" lets neurond ask it',
    )
    add("node", nargs="?", type=int, help="which node, for logs, kill and restart: 0, 1, ...")
    add("--nodes", type=int, help=f"daemons ({d.nodes}, three more per further subnet); all vote")
    add(
        "--subnets",
        type=int,
        default=d.subnets,
        help="markets with different rules; every other one forecasts (1)",
    )
    add(
        "--task",
        default=d.task,
        metavar="NAME",
        help="what subnet 1 trades: any task of `neurond task list`, by its own reference miner",
    )
    add("--validators", type=int, help="of them judge miners (2, or what fits)")
    add("--miners", type=int, help="of them mine (2, or what fits)")
    add("--seed", type=int, default=d.seed, help=f"keys and who mines best follow it ({d.seed})")
    add("--block-ms", type=int, default=d.block_ms, help=f"least time of a block ({d.block_ms})")
    add("--tempo", type=int, help=f"blocks per epoch ({d.tempo}, five more per further subnet)")
    add(
        "--until-epoch",
        type=int,
        metavar="E",
        help="end once E epochs are paid; exit 0 only if all that should hold does",
    )
    add("--json", action="store_true", help="print a JSON summary at the end")
    add("--data", type=Path, metavar="DIR", help="the devnet's folder (.devnet in the checkout)")
    add("--keep", action="store_true", help="leave the folder; the next start goes on with it")
    add("--svg", type=Path, metavar="FILE", help="save the last picture")
    return parser


# -- start --------------------------------------------------------------------------------------


def _start(asked: argparse.Namespace) -> int:
    further = max(0, asked.subnets - 1)
    nodes = 4 + 3 * further if asked.nodes is None else asked.nodes
    validators = min(2 + further, nodes // 2)
    if asked.validators is not None:
        validators = asked.validators
    miners = min(2 + 2 * further, max(0, nodes - validators))
    options = Options(
        nodes,
        validators,
        miners if asked.miners is None else asked.miners,
        asked.seed,
        asked.block_ms,
        Options().tempo + 5 * further if asked.tempo is None else asked.tempo,
        asked.subnets,
        asked.task,
    )
    options.check()
    if asked.until_epoch is not None and asked.until_epoch < 1:
        raise PlanError("--until-epoch counts paid epochs; it is at least 1.")
    folder, lock = claim_folder(asked.data.resolve() if asked.data else None)
    with lock:
        old = load_state(folder)
        state = _make(options) if old is None else _resume(folder, old, options)
        write_devnet(folder, state)
        outcome = trio.run(
            run_devnet, folder, state, Wishes(asked.until_epoch, asked.json, asked.svg)
        )
        _report(outcome, folder, asked)
        if not asked.keep and outcome.ok:
            remove_folder(folder, state.nodes)
    return 0 if outcome.ok else 1


def _make(options: Options) -> State:
    return State(options, read_now_ms(), pick_ports(2 * options.nodes))


def _resume(folder: Path, old: State, options: Options) -> State:
    if old.options != options:
        raise PlanError(
            f"{folder} holds a devnet with other options ({old.options}): "
            "start it with those, name another --data, or remove the folder."
        )
    return replace(old, ports=pick_ports(2 * options.nodes), daemons={})


def _report(outcome: Outcome, folder: Path, asked: argparse.Namespace) -> None:
    if asked.json:
        print(json.dumps(summarise(outcome), indent=2))
    console = Console(stderr=asked.json)
    if outcome.findings:
        console.print(render_findings(outcome.findings))
    if outcome.failure:
        console.print(
            f"devnet: {outcome.failure}", style="red", markup=False, highlight=False, soft_wrap=True
        )
    console.print("All daemons have stopped.", style="dim")
    if asked.keep or not outcome.ok:
        console.print(f"Logs and data: {folder}", style="dim", soft_wrap=True)


# -- commands on a running devnet ---------------------------------------------------------------


def _status(asked: argparse.Namespace) -> int:
    _, state = find_running(asked.data)
    seen = trio.run(_look, state)
    if asked.json:
        print(json.dumps(summarise(Outcome(seen, (), "", 0.0, None)), indent=2))
    else:
        Console().print(render(seen, Frame(state.options, None, None, "one look")))
    return 0 if all(node.status for node in seen.nodes) else 1


async def _look(state: State) -> Seen:
    async with Watch(state.options, state.nodes) as watch:
        return await watch.look()


def _logs(asked: argparse.Namespace) -> int:
    folder, state = find_running(asked.data)
    nodes = state.nodes if asked.node is None else (_node(state, asked),)
    for plan in nodes:
        log = node_folder(folder, plan) / "log.txt"
        print(f"==> {log}")
        print("\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:]))
    return 0


def _node(state: State, asked: argparse.Namespace) -> NodePlan:
    index: int | None = asked.node
    if index is None or not 0 <= index < len(state.nodes):
        raise PlanError(f"{asked.command} needs a node: 0 to {len(state.nodes) - 1}.")
    return state.nodes[index]


def _kill(asked: argparse.Namespace) -> int:
    """Kill a daemon the hard way, as a crash would."""
    _, state = find_running(asked.data)
    plan = _node(state, asked)
    started = state.daemons.get(plan.index)
    if started is None or not send_signal(started, signal.SIGKILL):
        raise PlanError(f"{plan.name} is not running.")
    print(f"{plan.name} (process {started.pid}) killed; scripts/devnet restart {plan.index}")
    return 0


def _restart(asked: argparse.Namespace) -> int:
    """Stop a daemon if it runs, gently, and start it again on its own data."""
    folder, state = find_running(asked.data)
    plan = _node(state, asked)
    old = state.daemons.get(plan.index)
    if old is not None:
        stop_all([old], STOP_GRACE_S)
    started = start_node(folder, plan)
    print(f"{plan.name} started again as process {started.pid}")
    return 0


def _down(asked: argparse.Namespace) -> int:
    """Ask the foreground devnet to end; stop what is left if there is none."""
    folder, state = find_running(asked.data)
    if state.supervisor is not None and send_signal(state.supervisor, signal.SIGTERM):
        wait_gone(state.supervisor, 2 * STOP_GRACE_S)
    left = load_state(folder)
    if left is not None:
        stop_all(left.daemons.values(), STOP_GRACE_S)
    print("All daemons have stopped.")
    return 0


def _env(asked: argparse.Namespace) -> int:
    """Print what a shell must export so that `neurond` asks the first node of a running devnet."""
    folder, state = find_running(asked.data)
    door = state.nodes[0].api.removeprefix("http://")
    variables = {
        "DEVNET": str(folder.resolve()),
        "NEUROND_API__LISTEN": door,
        "NEUROND_NODE__NETWORK": str(folder.resolve() / "network.toml"),
    }
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
