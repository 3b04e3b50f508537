"""How the neuron this node hosts is."""

from dataclasses import dataclass
from typing import Annotated

from daemon import unit


@dataclass(frozen=True, slots=True)
class NeuronStatus:
    """The neuron this node runs.

    `state` is starting, training, ready, restarting, failed (no model: see `reason`) or stopped.
    """

    role: Annotated[str, unit.text("Miner or validator.")]
    netuid: Annotated[int, unit.netuid("Where.")]
    hotkey: Annotated[str, unit.address("Its name.")]
    uid: Annotated[int | None, unit.uid("Its slot, once it is registered.")]
    state: Annotated[str, unit.text("Of its worker.")]
    device: Annotated[str, unit.text("Where its model runs.")] = ""
    model: Annotated[str, unit.text("Its model.")] = ""
    queue: Annotated[int, unit.count("Queries that wait.")] = 0
    worker_restarts: Annotated[int, unit.count("Since it started.")] = 0
    weights_age_epochs: Annotated[int | None, unit.epochs("Since its weights counted.")] = None
    reason: Annotated[
        str,
        unit.text("Why a validator sets no weights, or a miner has no model; else empty."),
    ] = ""
