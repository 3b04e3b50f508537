"""Turn what went wrong into words and an exit code, for people or as JSON."""

import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import cast

import typer

from config.address import AddressError
from config.errors import ConfigError, Misfit, Problem
from consensus.errors import NeurondError
from daemon.cli.output import CliError, Exit, print_json


@dataclass(frozen=True, slots=True)
class Failure:
    """What happened, under a code that never changes, what to do, and how the process exits."""

    exit_code: Exit
    code: str
    message: str
    remedy: str
    problems: tuple[Problem, ...] = ()


def describe(error: BaseException) -> Failure | None:
    """Return the failure `error` stands for; None when it is none of ours but a bug.

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
    heading = typer.style("error", fg="red", bold=True) if sys.stderr.isatty() else "error"
    if failure.problems:
        count = len(failure.problems)
        typer.echo(f"{heading}: {count} problem{'s' * (count > 1)} in the configuration:", err=True)
        for problem in failure.problems:
            typer.echo(f"  {problem}", err=True)
    else:
        typer.echo(f"{heading}: {failure.message}", err=True)
        if failure.remedy:
            typer.echo(f"  {failure.remedy}", err=True)
    return failure.exit_code


def _describe_one(error: BaseException) -> Failure:
    match error:
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
            return Failure(_exit_code(error), _snake(type(error).__name__), message, remedy)


def _exit_code(error: BaseException) -> Exit:
    """Find the exit code by the family of the error; rooms are imported when something failed."""
    from daemon.http.server import DoorError  # noqa: PLC0415 - costs FastAPI
    from p2p.errors import AddressInUse  # noqa: PLC0415
    from storage.errors import KeyFileError, StorageError, WrongNetwork  # noqa: PLC0415

    families: tuple[tuple[type[BaseException], Exit], ...] = (
        (Misfit, Exit.USAGE),
        (WrongNetwork, Exit.USAGE),  # a wrong node.network or node.data_dir: nothing is damaged
        (KeyFileError, Exit.KEY),
        (StorageError, Exit.DATA),
        (DoorError, Exit.PORT),
        (AddressInUse, Exit.PORT),
    )
    return next((code for kind, code in families if isinstance(error, kind)), Exit.FAILED)


def _is_expected(error: BaseException) -> bool:
    from p2p.errors import NetworkError  # noqa: PLC0415 - only when something failed

    return isinstance(error, NeurondError | NetworkError)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)  # a group of anything
        for inner in group.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
