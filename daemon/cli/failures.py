"""Turn what went wrong into words and an exit code, for people or as JSON."""

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import cast

import click

from config.address import AddressError
from config.errors import ConfigError, Problem
from consensus.errors import NeurondError
from daemon.cli.output import CliError, Exit, print_json, snake

FAMILIES = (
    ("config.errors", "Misfit", Exit.USAGE),
    # A wrong node.network or node.data_dir: nothing is damaged.
    ("storage.errors", "WrongNetwork", Exit.USAGE),
    ("storage.errors", "KeyFileError", Exit.KEY),
    ("storage.errors", "StorageError", Exit.DATA),
    ("daemon.http.server", "DoorError", Exit.PORT),
    ("p2p.errors", "AddressInUse", Exit.PORT),
    ("daemon.engine.upgrades", "ProtocolTooOld", Exit.PROTOCOL),
)
"""Module and name of each family of errors, the closer one first, and how the process exits."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What happened, under a code that never changes, what to do, and how the process exits."""

    exit_code: Exit
    code: str
    message: str
    remedy: str
    problems: tuple[Problem, ...] = ()


def describe(error: BaseException) -> Failure | None:
    """Return the failure `error` stands for; None when it is a bug.

    A nursery wraps what ended it; the first expected error inside is what the operator must know.
    """
    leaves = list(_leaves(error))
    if not leaves or any(not _is_expected(leaf) for leaf in leaves):
        return None
    return _describe_one(leaves[0])


def report(failure: Failure, *, as_json: bool) -> int:
    """Print `failure` and return its exit code."""
    if as_json:
        body: dict[str, object] = {
            "code": failure.code,
            "message": failure.message,
            "remedy": failure.remedy,
        }
        if failure.problems:
            body["problems"] = [asdict(problem) for problem in failure.problems]
        print_json({"error": body})
        return failure.exit_code
    heading = click.style("error", fg="red", bold=True) if sys.stderr.isatty() else "error"
    if failure.problems:
        count = len(failure.problems)
        click.echo(f"{heading}: {count} problem{'s' * (count > 1)} in the configuration:", err=True)
        for problem in failure.problems:
            click.echo(f"  {problem}", err=True)
    else:
        click.echo(f"{heading}: {failure.message}", err=True)
        if failure.remedy:
            click.echo(f"  {failure.remedy}", err=True)
    return failure.exit_code


def _describe_one(error: BaseException) -> Failure:
    match error:
        case click.ClickException():
            context = error.ctx if isinstance(error, click.UsageError) else None
            verb = "neurond" if context is None else context.command_path
            remedy = f"{verb} --help says what it takes."
            return Failure(Exit.USAGE, "usage", error.format_message(), remedy)
        case click.Abort():
            return Failure(Exit.FAILED, "interrupted", "Stopped before it was done.", "")
        case CliError():
            return Failure(error.exit_code, error.code, str(error), error.remedy)
        case ConfigError():
            remedy = "Mend them all; neurond check-config looks again."
            return Failure(Exit.USAGE, "bad_config", str(error), remedy, error.problems)
        case AddressError():
            return Failure(Exit.USAGE, "bad_address", str(error), "Copy the whole address.")
        case _:
            message = str(getattr(error, "message", "") or error)
            remedy = str(getattr(error, "remedy", ""))
            return Failure(_exit_code(error), snake(type(error).__name__), message, remedy)


def _exit_code(error: BaseException) -> Exit:
    """Find the exit code by the family of the error.

    A family whose module was never imported can't be that of an error that happened: so a wrong
    password does not wait for the HTTP door to load.
    """
    for module, name, code in FAMILIES:
        family: object = getattr(sys.modules.get(module), name, None)
        if isinstance(family, type) and isinstance(error, family):
            return code
    return Exit.FAILED


def _is_expected(error: BaseException) -> bool:
    from p2p.errors import NetworkError  # noqa: PLC0415 - only when something failed

    known = NeurondError | NetworkError | click.ClickException | click.Abort
    return isinstance(error, known)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)  # a group of anything
        for inner in group.exceptions:
            yield from _leaves(inner)
    else:
        yield error
