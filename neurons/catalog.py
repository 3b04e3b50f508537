"""Every task this node can open: those built in, and those of installed packages.

A package adds one with an entry point of the group `neurond.tasks`, in its pyproject:

    [project.entry-points."neurond.tasks"]
    heat = "task_heat.task:open_task"

`open_task` takes a subnet's `task_params` and returns a `Task` of that name. A package is somebody
else's code: one that can't be imported, or whose task is none, is listed with the reason and costs
nobody else anything. A name belongs to whoever is built in; of two packages that claim one name
neither gets it, because both would judge under the same identity.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from neurons.errors import BrokenTask, InvalidTaskParams
from neurons.task import Task

GROUP = "neurond.tasks"
BUILT_IN: Mapping[str, str] = {
    "forecast": "neurons.tasks.forecast.task:open_forecast",
    "text": "neurons.tasks.text.task:open_text",
}
"""What makes each built-in task of its subnet's `task_params`; known from a checkout too."""
OURS = "neurond"
"""The distribution whose entry points are the built-in tasks once more."""
_MEMBERS = tuple(name for name in vars(Task) if not name.startswith("_"))


@dataclass(frozen=True, slots=True)
class TaskEntry:
    """Where a task comes from; nothing is imported before it is opened."""

    name: str
    place: str
    """`package.module:open_task`."""
    origin: str
    """`built-in`, or the distribution and its version."""
    problem: str = ""
    """Why this name can't be opened; empty when nothing is known against it."""


def list_tasks(points: Iterable[EntryPoint] | None = None) -> tuple[TaskEntry, ...]:
    """Return every task by name, built-in ones first; `points` default to what is installed."""
    found = list(entry_points(group=GROUP)) if points is None else list(points)
    foreign = [point for point in found if _get_distribution(point) != OURS]
    entries = [TaskEntry(name, place, "built-in") for name, place in sorted(BUILT_IN.items())]
    for point in sorted(foreign, key=lambda point: (point.name, _describe_origin(point))):
        entry = TaskEntry(point.name, point.value, _describe_origin(point))
        entries.append(replace(entry, problem=_find_clash(point, foreign)))
    return tuple(entries)


def open_task(name: str, params: bytes = b"") -> Task:
    """Return the task `name` with a subnet's `task_params`; empty: the task's own.

    Raises:
        LookupError: there is none of that name; the message lists those there are.
        BrokenTask: its package can't be imported, makes no task, or lost its name to another.
        InvalidTaskParams: the task can't read `params`.
    """
    entries = list_tasks()
    entry = next((each for each in entries if each.name == name), None)
    if entry is None:
        known = ", ".join(sorted({each.name for each in entries if not each.problem}))
        raise LookupError(f"no task {name!r}: known are {known}")
    return open_entry(entry, params)


def open_entry(entry: TaskEntry, params: bytes = b"") -> Task:
    """Return the task of `entry`, its package imported.

    Raises:
        BrokenTask: see `open_task`.
        InvalidTaskParams: the task can't read `params`.
    """
    if entry.problem:
        what = f"the task {entry.name!r} of {entry.origin}"
        raise BrokenTask(f"{what} can't be used: {entry.problem}")
    try:
        task = load_opener(entry.place)(params)
    except InvalidTaskParams:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise BrokenTask(f"the task {entry.name!r} of {entry.origin} fails: {reason}") from error
    missing = [member for member in _MEMBERS if not hasattr(task, member)]
    if missing:
        lacks = ", ".join(missing)
        raise BrokenTask(f"what {entry.place} returns is no task: it lacks {lacks}")
    if task.name != entry.name:
        raise BrokenTask(f"{entry.place} returns the task {task.name!r}, not {entry.name!r}")
    return task


def load_opener(place: str) -> Callable[[bytes], Task]:
    """Import what `place`, "package.module:name", names.

    Raises:
        Exception: whatever importing it raises; TypeError when what is there is not callable.
    """
    module, _, name = place.partition(":")
    found: object = getattr(import_module(module), name)
    if not callable(found):
        raise TypeError(f"{place} can't be called")
    return cast("Callable[[bytes], Task]", found)  # what it returns is checked by `open_entry`


def _get_distribution(point: EntryPoint) -> str:
    return "" if point.dist is None else point.dist.name.lower()


def _describe_origin(point: EntryPoint) -> str:
    return "unknown" if point.dist is None else f"{point.dist.name} {point.dist.version}"


def _find_clash(point: EntryPoint, foreign: Iterable[EntryPoint]) -> str:
    """Return why `point` does not get its name; empty if it does."""
    if point.name in BUILT_IN:
        return "the name is that of a built-in task"
    rivals = {
        _describe_origin(other)
        for other in foreign
        if other.name == point.name and (other.value, other.dist) != (point.value, point.dist)
    }
    if rivals:
        return f"{' and '.join(sorted(rivals))} has a task of this name too: uninstall one"
    return ""
