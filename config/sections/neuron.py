"""What this node does in a subnet, how it asks, and the worker process that answers."""

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from config.errors import Clash
from config.shapes import STRICT, BackendName, KeyName

Role = Literal["miner", "validator", "none"]
Device = Literal["auto", "cpu", "cuda"]
Scalar = str | bool | int | float
"""What an option of a backend may be; the task or the backend knows which there are."""


@dataclass(frozen=True, slots=True, config=STRICT)
class ValidatorSettings:
    """How a validator neuron asks miners."""

    miners_per_round: int = Field(
        default=0, description="Miners asked per round (0: all of them).", ge=0, le=4096
    )
    deadline_ms: int = Field(
        default=3_000, description="How long a miner may take to answer.", ge=10, le=600_000
    )
    round_interval_ms: int = Field(
        default=2_000,
        description="Least time between the starts of two rounds.",
        ge=50,
        le=3_600_000,
    )


@dataclass(frozen=True, slots=True, config=STRICT)
class NeuronSettings:
    """What this node does in a subnet, and the worker process that does it."""

    role: Role = Field(default="none", description="Answer queries, judge answers, or neither.")
    netuid: int = Field(default=1, description="The subnet it works in.", ge=1, le=65_535)
    hotkey: KeyName = Field(
        default="hotkey", description="Key in the keystore that acts in the subnet."
    )
    backend: BackendName = Field(
        default="builtin",
        description="What answers: the task's own miner, a class of yours or an installed backend.",
    )
    device: Device = Field(
        default="auto", description="Where the model runs; auto takes CUDA when present."
    )
    threads: int = Field(default=1, description="CPU threads of the worker.", ge=1, le=256)
    batch_max: int = Field(
        default=256,
        description="Most units of work in one batch; what a unit is, the task says.",
        ge=1,
        le=4096,
    )
    batch_wait_ms: float = Field(
        default=5.0, description="How long a batch waits for company.", ge=0, le=1_000
    )
    queue_max: int = Field(
        default=2_048,
        description="Units of work that may wait; beyond that, the answer is Busy.",
        ge=1,
        le=65_536,
    )
    batch_deadline_s: float = Field(
        default=30.0,
        description="How long one batch may take before the worker restarts.",
        ge=0.1,
        le=3_600,
    )
    start_timeout_s: float = Field(
        default=300.0, description="How long the worker may load and train.", ge=1, le=864_000
    )
    memory_max_mb: int = Field(
        default=4_096,
        description="Memory the worker may hold before it restarts.",
        ge=128,
        le=10_000_000,
    )
    options: Mapping[str, Scalar] = Field(
        default_factory=dict[str, Scalar],
        description="Options of what answers; docs/backends.md lists those of the task text.",
    )
    validator: ValidatorSettings = ValidatorSettings()

    def find_clashes(self) -> Iterator[Clash]:
        """Yield what can't stand together."""
        if self.batch_max > self.queue_max:
            key = "neuron.batch_max"
            message = f"{self.batch_max} is more than neuron.queue_max lets wait."
            yield Clash(key, key, message, f"Allowed: at most {self.queue_max}.")
