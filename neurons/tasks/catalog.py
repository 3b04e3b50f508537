"""The built-in tasks by name; the genesis of a network names a subnet's."""

from collections.abc import Callable, Mapping

from neurons.task import Task
from neurons.tasks.text import TextTask

BUILT_IN: Mapping[str, Callable[[], Task]] = {"text": TextTask}


def open_task(name: str) -> Task:
    """Return the built-in task `name`.

    Raises:
        LookupError: there is none of that name; the message lists those there are.
    """
    maker = BUILT_IN.get(name)
    if maker is None:
        raise LookupError(f"no task {name!r}: known are {', '.join(sorted(BUILT_IN))}")
    return maker()
