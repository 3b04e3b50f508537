"""`neurond task`: which tasks there are, what one is, whether it keeps the rules, and a new one.

No node is needed: this is about the code installed here.
"""

import json
from pathlib import Path
from typing import cast

import click

from daemon.cli.groups import make_group
from daemon.cli.options import JSON, PATH, Common, verb
from daemon.cli.output import CliError, Exit, print_fields, print_json, print_note, print_table
from neurons import catalog, golden
from neurons.catalog import TaskEntry
from neurons.errors import BrokenTask
from neurons.task import Task

task = make_group("task", "The tasks that subnets can have: list, show, check, make one.")


@verb("list", "task list", JSON)
def list_(common: Common) -> None:
    """List every task this node can open: version, identity on the chain, and where it is from."""
    rows = [_describe(entry) for entry in catalog.list_tasks()]
    if common.as_json:
        print_json({"tasks": rows})
        return
    columns = ("name", "version", "hash", "origin", "problem")
    print_table("Tasks", columns, [[row[column] for column in columns] for row in rows])


@verb("show", "task show text", JSON)
@click.argument("name", help="The task's name, as `neurond task list` has it.")
def show(common: Common, name: str) -> None:
    """Show what a task asks, what a good answer is, and what its reference miner can be told."""
    entry, opened = _open(name)
    card = opened.describe()
    told: dict[str, object] = {
        **_describe(entry),
        "summary": card.summary,
        "query": card.query,
        "answer": card.answer,
        "price_unit": card.price_unit,
        "query_bytes_max": opened.query_bytes_max,
        "answer_bytes_max": opened.answer_bytes_max,
        "reference": opened.reference,
        "options": dict(opened.read_options({})),
        "example_query": card.example_query.hex(),
        "example_answer": card.example_answer.hex(),
    }
    if common.as_json:
        print_json(told)
    else:
        print_fields(f"Task {opened.name}", told)


@verb("check", "task check text", JSON)
@click.argument("what", help="A task's name, or the package or module that has it.")
@click.option("--write", is_flag=True, help="First write its golden.json anew.")
@click.option(
    "--option", "options", multiple=True, help="KEY=VALUE for its reference miner, VALUE as JSON."
)
def check(common: Common, what: str, options: tuple[str, ...], *, write: bool) -> None:
    """Run every rule a task must meet; the exit code is 1 if one is broken."""
    from neurons import conformance  # noqa: PLC0415 - numpy, when needed

    entry, opened = _open(what)
    if write:
        path = Path(str(golden.find_file(opened)))
        path.write_text(golden.render_vector(golden.make_vector(opened)))
        print_note(f"wrote {path}")
    found = conformance.check_task(opened, entry.place, dict(map(_read_option, options)))
    ok = all(finding.ok for finding in found)
    if common.as_json:
        rows = [{"rule": each.rule, "ok": each.ok, "detail": each.detail} for each in found]
        print_json({"task": opened.name, "ok": ok, "findings": rows})
    else:
        rows = [("ok" if each.ok else "BROKEN", each.rule, each.detail) for each in found]
        print_table(f"Task {opened.name}", ("", "rule", "found"), rows)
    if not ok:
        raise click.exceptions.Exit(Exit.FAILED)


@verb("new", "task new heat --dir ~/task-heat", JSON)
@click.argument("name", help="The task's name: lower case letters, digits and _.")
@click.option("--dir", "folder", type=PATH, help="Folder to make; else task-NAME, here.")
def new(common: Common, name: str, folder: Path | None) -> None:
    """Write the package of a new task: one that works, with its tests, to be changed."""
    from neurons.skeleton import write_package  # noqa: PLC0415 - only here

    if not (name.isidentifier() and name.islower() and name.isascii()):
        raise CliError(
            Exit.USAGE, "bad_name", f"{name!r} can't name a task.", "Use a name such as heat_2."
        )
    place = Path(f"task-{name}") if folder is None else folder.expanduser()
    try:
        written = write_package(place, name)
    except OSError as error:
        reason = error.strerror or error
        message = f"{place} can't be made: {reason}."
        raise CliError(Exit.FAILED, "not_written", message, "Name another --dir.") from error
    if common.as_json:
        print_json({"task": name, "folder": str(place), "files": list(map(str, written))})
        return
    for path in written:
        click.echo(str(path))
    print_note(f"Next: pip install -e {place}, then neurond task check {name}")


def _describe(entry: TaskEntry) -> dict[str, object]:
    """Return what is known of `entry`; one that can't be opened says why."""
    told: dict[str, object] = {"name": entry.name, "version": None, "hash": None}
    problem = entry.problem
    try:
        opened = catalog.open_entry(entry)
        told["version"], told["hash"] = opened.version, golden.compute_scorer_hash(opened).hex()
    except BrokenTask as error:
        problem = str(error)
    except Exception as error:  # noqa: BLE001 - somebody else's code, which may fail in any way
        problem = f"{type(error).__name__}: {error}"
    return {**told, "origin": entry.origin, "problem": problem}


def _open(what: str) -> tuple[TaskEntry, Task]:
    """Return the task named `what`, or the one that the package or module `what` has."""
    entries = catalog.list_tasks()
    found = [each for each in entries if each.name == what]
    found += [each for each in entries if f"{each.place.partition(':')[0]}.".startswith(f"{what}.")]
    if not found:
        known = ", ".join(sorted({each.name for each in entries}))
        message = f"No task, and no package of one, is called {what}."
        raise CliError(Exit.USAGE, "no_such_task", message, f"Known are {known}.")
    try:
        return found[0], catalog.open_entry(found[0])
    except BrokenTask as error:
        remedy = "Mend that package, or uninstall it."
        raise CliError(Exit.FAILED, "broken_task", f"{error}.", remedy) from error


def _read_option(text: str) -> tuple[str, object]:
    key, _, value = text.partition("=")
    try:
        return key, cast("object", json.loads(value))
    except ValueError:
        return key, value


for _verb in (list_, show, check, new):
    task.add_command(_verb)
