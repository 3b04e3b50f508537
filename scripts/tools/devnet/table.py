"""Show a devnet on a terminal: one table of nodes, one of neurons, and where to look further."""

import re
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from scripts.tools.devnet.plan import Options, first_reward_height
from scripts.tools.devnet.verdict import Finding
from scripts.tools.devnet.watch import NeuronSeen, NodeSeen, Seen

BARS = "▏▎▍▌▋▊▉█"
BAR_WIDTH = 12
LEGEND = (
    " weight: mean of the validators' last revealed rows; share: a miner's\n"
    " incentive, a validator's dividends; age: epochs since its weights counted;\n"
    " alpha and TAO: earned on the neuron and at root (blocks, root's part of dividends)"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the tables at one moment."""

    options: Options
    elapsed_s: float | None
    first_reward_s: float | None
    note: str


def render(seen: Seen, frame: Frame) -> RenderableType:
    """Return the whole picture."""
    return Panel(
        Group(
            _headline(seen, frame),
            Text(),
            _table_of_nodes(seen.nodes),
            Text(),
            _table_of_neurons(seen.neurons),
            Text(LEGEND, style="dim"),
            Text(),
            Text(frame.note, style="dim"),
        ),
        title="[bold]neurond devnet: task text",
        border_style="cyan",
        padding=(1, 1),
    )


def _headline(seen: Seen, frame: Frame) -> Text:
    tempo = frame.options.tempo
    paid = max(0, (seen.height - tempo // 4) // tempo)
    into = seen.height - paid * tempo - tempo // 4 if paid else seen.height
    line = Text()
    line.append(f" height {seen.height}", style="bold")
    line.append(f"  epochs paid {paid}  next at {first_reward_height(frame.options, paid + 1)} ")
    line.append(_bar(into / (tempo if paid else tempo + tempo // 4)), style="green")
    if frame.elapsed_s is not None:
        line.append(f" {frame.elapsed_s:.0f} s")
    if frame.first_reward_s is not None:
        line.append(f"  first pay {frame.first_reward_s:.0f} s", style="green")
    return line


def _bar(share: float) -> str:
    eighths = round(max(0.0, min(1.0, share)) * BAR_WIDTH * len(BARS))
    full, rest = divmod(eighths, len(BARS))
    return ("█" * full + (BARS[rest - 1] if rest else "")).ljust(BAR_WIDTH)


def _table_of_nodes(nodes: tuple[NodeSeen, ...]) -> Table:
    table = Table(expand=True, box=None, header_style="dim", padding=(0, 1))
    table.add_column("node", no_wrap=True)
    for name in ("height", "finality", "peers"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("neuron", no_wrap=True)
    table.add_column("API", no_wrap=True)
    for node in nodes:
        status = node.status
        if status is None:
            down = Text("down", style="red")
            table.add_row(node.plan.name, "-", "-", "-", down, node.plan.api)
            continue
        finality = "-" if node.finality_ms is None else f"{node.finality_ms:.0f} ms"
        height = f"{status.height}" + (" syncing" if status.syncing else "")
        peers = str(len(status.peers))
        table.add_row(node.plan.name, height, finality, peers, _state(node), node.plan.api)
    return table


def _state(node: NodeSeen) -> Text:
    neuron = node.status.neuron if node.status else None
    if neuron is None:
        return Text("none", style="dim")
    style = "green" if neuron.state == "ready" else "yellow"
    text = Text(f"{neuron.role} ").append(neuron.state, style=style)
    if neuron.worker_restarts:
        text.append(f" ({neuron.worker_restarts} restarts)", style="yellow")
    return text


def _table_of_neurons(neurons: tuple[NeuronSeen, ...]) -> Table:
    table = Table(expand=True, box=None, header_style="dim", padding=(0, 1))
    for name in ("netuid", "uid", "role", "model"):
        table.add_column(name, no_wrap=True)
    for name in ("weight", "share", "age", "alpha", "TAO"):
        table.add_column(name, justify="right", no_wrap=True)
    best = max((neuron.earned or 0 for neuron in neurons if neuron.plan.role == "miner"), default=0)
    for neuron in neurons:
        is_miner = neuron.plan.role == "miner"
        is_best = is_miner and best > 0 and neuron.earned == best
        table.add_row(
            str(neuron.plan.netuid),
            "-" if neuron.uid is None else str(neuron.uid),
            neuron.plan.role,
            neuron.plan.model or "-",
            _share(neuron.weight) if is_miner else "-",
            _share(neuron.incentive if is_miner else neuron.dividends),
            "-" if neuron.weights_age is None else str(neuron.weights_age),
            "-" if neuron.earned is None else f"{neuron.earned / 1e9:.4f}",
            "-" if neuron.root_earned is None else f"{neuron.root_earned / 1e9:.4f}",
            style="bold green" if is_best else "",
        )
    return table


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def render_findings(findings: tuple[Finding, ...]) -> Table:
    """Return the verdict, one line per check."""
    table = Table(box=None, show_header=False)
    for finding in findings:
        mark = Text("ok", style="green") if finding.ok else Text("FAILED", style="bold red")
        table.add_row(mark, finding.name, Text(finding.detail, style="dim"))
    return table


def describe(seen: Seen) -> str:
    """Return one line for a log or a terminal that can't be redrawn."""
    up = sum(1 for node in seen.nodes if node.status is not None)
    pay = ", ".join(
        f"{n.plan.name} {n.earned / 1e9:.3f}"
        for n in seen.neurons
        if n.plan.role == "miner" and n.earned
    )
    return f"height {seen.height}, {up} of {len(seen.nodes)} nodes up" + (
        f", earned {pay}" if pay else ""
    )


def save_picture(picture: RenderableType, path: str) -> None:
    """Write the picture as SVG."""
    console = Console(record=True, width=92, file=StringIO(), force_terminal=True)
    console.print(picture)
    svg = console.export_svg(title="scripts/devnet")
    # rich names fonts on a public host; a picture must not call home when it is looked at.
    Path(path).write_text(re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL))
