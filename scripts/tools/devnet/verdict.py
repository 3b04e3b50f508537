"""Say honestly whether a devnet did its job; pure, from what was seen.

Five checks, each with the figures it rests on: every node is up and finalised the same blocks;
supply adds up to the rao on every node; every validator revealed its weights in every paid epoch;
the miners were paid; and of the miners, the better model earned more. The last is the only place
where the miners' skills are compared with anything.
"""

from dataclasses import dataclass

from daemon.views.supply import SupplyPart
from scripts.tools.devnet.markets import count_idle_epochs
from scripts.tools.devnet.plan import (
    Options,
    count_paid_epochs,
    first_reward_height,
    get_task,
    get_tempo,
)
from scripts.tools.devnet.watch import History, NeuronSeen, Seen

PAID_MIN = 4
"""Paid epochs of a further subnet from which the better model must be ahead: forecasts tell two
miners apart once a few seasons are known."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of the verdict, and why."""

    name: str
    ok: bool
    detail: str


def judge(options: Options, seen: Seen, history: History, epochs: int) -> tuple[Finding, ...]:
    """Return the findings once `epochs` epochs should have been paid."""
    findings = [
        _judge_blocks(options, seen, history, epochs),
        _judge_supply(seen),
    ]
    if options.validators:
        findings.append(_judge_reveals(options, seen, history, epochs))
    miners = [neuron for neuron in seen.neurons if neuron.plan.role == "miner"]
    if options.validators and miners:
        findings.append(_judge_pay(miners))
    for netuid in range(1, options.subnets + 1):
        rivals = [miner for miner in miners if miner.plan.netuid == netuid]
        differ = len({miner.plan.skill for miner in rivals}) > 1
        if options.validators and differ and _has_shown(options, epochs, rivals[0]):
            findings.append(_judge_ranks(rivals))
    return tuple(findings)


def _judge_blocks(options: Options, seen: Seen, history: History, epochs: int) -> Finding:
    name = "every node finalised the same blocks"
    down = [node.plan.name for node in seen.nodes if node.status is None]
    if down:
        return Finding(name, ok=False, detail=f"not answering: {', '.join(down)}")
    conflicts = history.conflicts()
    if conflicts:
        return Finding(name, ok=False, detail=f"they differ at height {conflicts[0]}")
    wanted = first_reward_height(options, epochs)
    for height in range(1, wanted + 1):
        missing = [
            node.plan.name
            for node in seen.nodes
            if node.plan.index not in history.digests.get(height, {})
        ]
        if missing:
            return Finding(name, ok=False, detail=f"{', '.join(missing)} lacks height {height}")
    return Finding(name, ok=True, detail=f"{len(seen.nodes)} nodes, heights 1 to {wanted} compared")


def compute_gap(supply: SupplyPart) -> int:
    """Return by how many rao the parts differ from what was issued."""
    parts = supply.free + supply.staked + supply.unbonding + supply.pending
    return supply.issued - parts - supply.pooled - supply.locked - supply.ordered


def _judge_supply(seen: Seen) -> Finding:
    name = "supply adds up to the rao on every node"
    by_root: dict[str, SupplyPart] = {}
    for node in seen.nodes:
        if node.status is None or node.status.supply is None:
            return Finding(name, ok=False, detail=f"{node.plan.name} shows none")
        supply = node.status.supply
        if compute_gap(supply) != 0:
            return Finding(
                name, ok=False, detail=f"{node.plan.name} is off by {compute_gap(supply)} rao"
            )
        if by_root.setdefault(node.status.state_root, supply) != supply:
            return Finding(name, ok=False, detail=f"{node.plan.name} differs at an equal state")
    issued = max(supply.issued for supply in by_root.values())
    return Finding(name, ok=True, detail=f"{issued} rao issued, all accounted for")


def _count_epochs(options: Options, epochs: int, neuron: NeuronSeen) -> int:
    """Return how many epochs of the neuron's subnet are paid when `epochs` of the first are."""
    height = first_reward_height(options, epochs)
    return count_paid_epochs(options, height, neuron.plan.netuid)


def _count_idle(options: Options, netuid: int) -> int:
    return count_idle_epochs(get_task(options, netuid), get_tempo(options, netuid))


def _has_shown(options: Options, epochs: int, miner: NeuronSeen) -> bool:
    """Tell whether a further subnet has paid often enough for luck to be over; the first has."""
    netuid = miner.plan.netuid
    paid = _count_epochs(options, epochs, miner) - _count_idle(options, netuid)
    return netuid == 1 or paid >= PAID_MIN


def _judge_reveals(options: Options, seen: Seen, history: History, epochs: int) -> Finding:
    name = "every validator revealed its weights in every epoch"
    validators = [neuron for neuron in seen.neurons if neuron.plan.role == "validator"]
    missing = [
        f"{neuron.plan.name} in epoch {epoch}"
        for neuron in validators
        for epoch in range(
            _count_idle(options, neuron.plan.netuid), _count_epochs(options, epochs, neuron)
        )
        if (epoch, neuron.hotkey) not in history.rows
    ]
    if missing:
        return Finding(name, ok=False, detail=f"missing: {', '.join(missing)}")
    return Finding(name, ok=True, detail=f"{len(validators)} validators, epochs 0 to {epochs - 1}")


def _judge_pay(miners: list[NeuronSeen]) -> Finding:
    name = "the miners were paid"
    paid = sum(neuron.earned or 0 for neuron in miners)
    return Finding(name, ok=paid > 0, detail=f"{paid / 1e9:.3f} alpha in all")


def _judge_ranks(miners: list[NeuronSeen]) -> Finding:
    name = "the better model earned more"
    netuid = miners[0].plan.netuid
    name += f" in subnet {netuid}" if netuid > 1 else ""
    ranked = sorted(miners, key=lambda neuron: neuron.plan.skill or 0)
    best, others = ranked[0], ranked[1:]
    figures = ", ".join(f"{n.plan.model}: {(n.earned or 0) / 1e9:.3f}" for n in ranked)
    ok = all((best.earned or 0) > (other.earned or 0) for other in others)
    return Finding(name, ok=ok, detail=figures)
