"""What a backend is: a callable that turns a `Setup` into a `Model`; the worker knows no more.

A class with `__init__(setup)` and `answer(bodies)` is one. It is imported, built and called in the
worker's process alone and by one thread, so it may block, print, hold a GPU and fail without
the node noticing. Queries and answers are the task's bytes, opaque to everybody in between.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Setup:
    """What a model is built of: the subnet's task, the machine, and the operator's options."""

    task: str
    """The task's name."""
    task_params: bytes
    """The subnet owner's params of it, as the chain has them."""
    device: str
    """`auto` (CUDA when there is one), `cpu` or `cuda`."""
    threads: int
    """CPU threads to use: nodes share a machine."""
    cache_dir: str
    """Folder to keep what was trained in; empty: keep nothing."""
    options: Mapping[str, object]
    """`[neuron.options]`."""
    report: Callable[[str, float], None]
    """Tells the operator a stage's name and how much of it is done, 0..1."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What the operator is shown of a model; nothing computes with it."""

    name: str
    device: str
    parameters: int = 0
    """How many numbers it learned; 0: unknown."""
    qualities: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])
    """How good it found itself, in words of its own."""
    cached: bool = False
    """Whether it was read back rather than trained."""


class Model(Protocol):
    """What a worker serves. It may also have a `card`, a `ModelCard`."""

    def answer(self, bodies: Sequence[bytes]) -> Sequence[bytes | Exception]:
        """Return the answer to each query body, in order; an exception fails that query alone.

        When it raises, or returns another number of answers, it is called again for one after
        the other, so that only those that are to blame fail.
        """
        ...


@runtime_checkable
class StreamingModel(Model, Protocol):
    """A model that can bring an answer piece by piece."""

    def stream(self, body: bytes) -> Iterator[bytes]:
        """Yield the pieces of the answer to `body`; closed early when nobody wants the rest."""
        ...


MakeModel = Callable[[Setup], Model]
"""A backend, once it is imported."""
