"""The built-in tasks by name; the genesis of a network names a subnet's."""

from collections.abc import Callable, Mapping
from inspect import getmodule, getsource

from consensus.crypto import hash32
from consensus.quantities import Hash32
from neurons.task import Task
from neurons.tasks.forecast.task import open_forecast
from neurons.tasks.text.task import open_text

BUILT_IN: Mapping[str, Callable[[bytes], Task]] = {
    "forecast": open_forecast,
    "text": open_text,
}
"""What makes each task of its subnet's `task_params`."""


def compute_scorer_hash(name: str) -> Hash32:
    """Return the content hash of the built-in task `name`: what a subnet's mechanism pins.

    Raises:
        LookupError: there is none of that name.
    """
    source = getsource(getmodule(type(open_task(name))) or open_task)
    return hash32(b"neurond/scorer", source.encode())


def open_task(name: str, params: bytes = b"") -> Task:
    """Return the built-in task `name` with a subnet's `task_params`; empty: the task's own.

    Raises:
        LookupError: there is none of that name; the message lists those there are.
        InvalidTaskParams: the task can't read `params`.
    """
    maker = BUILT_IN.get(name)
    if maker is None:
        raise LookupError(f"no task {name!r}: known are {', '.join(sorted(BUILT_IN))}")
    return maker(params)
