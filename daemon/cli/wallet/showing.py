"""Show words once: at a terminal, in a file of their own, or not at all.

Words that went into a pipe may stay in somebody's log, so that needs a yes.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import click

from daemon.cli.options import PATH
from daemon.cli.output import CliError, Exit, print_note
from daemon.cli.sources import expand
from storage.keys.private import write_carried

COLUMNS = 4
MNEMONIC_FILE = click.option(
    "--mnemonic-file",
    type=PATH,
    help="Write the words to this new file, for its owner alone, instead of showing them.",
)
NO_ECHO = click.option(
    "--no-mnemonic-echo",
    is_flag=True,
    help="Show no words; neurond wallet export gives them later.",
)


@dataclass(frozen=True, slots=True)
class Showing:
    """Where new words go: a file, else stdout if `is_echoed`."""

    file: Path | None
    is_echoed: bool


def choose_showing(file: Path | None, *, no_echo: bool, yes: bool) -> Showing:
    """Return where new words go.

    Raises:
        CliError: `declined`: into a pipe without a yes; or the file can't be new.
    """
    if file is not None:
        check_new_file(file)
        return Showing(expand(file).absolute(), is_echoed=False)
    if not no_echo and not sys.stdout.isatty() and not yes:
        message = "Not done: the secret words would go where no terminal shows them."
        remedy = "Give --mnemonic-file FILE or --no-mnemonic-echo; or --yes to have them on stdout."
        raise CliError(Exit.DECLINED, "declined", message, remedy)
    return Showing(None, is_echoed=not no_echo)


def check_new_file(file: Path) -> None:
    """Return if `file` can be made.

    Raises:
        CliError: `exists`, `unwritable`.
    """
    if file == Path("-"):
        message = "A new file is needed here, and - is none."
        raise CliError(Exit.USAGE, "usage", message, "Leave it out: with --yes, stdout gets it.")
    if file.exists() or file.is_symlink():
        remedy = "Name another file; secrets are never written over one."
        raise CliError(Exit.FAILED, "exists", f"{file} exists.", remedy)
    if not file.absolute().parent.is_dir():
        message = f"{file} can't be written: there is no folder {file.absolute().parent}."
        raise CliError(Exit.FAILED, "unwritable", message, "Make the folder first.")


def write_secret(file: Path, text: str) -> None:
    """Write a line of secret text to a new file for its owner alone.

    Raises:
        KeyExists, StorageFull, StorageFailed: as they say.
    """
    write_carried(file, text.encode() + b"\n")


def print_words(words: str) -> None:
    """Print words numbered in columns at a terminal, on one line elsewhere."""
    if not sys.stdout.isatty():
        click.echo(words)
        return
    numbered = [f"{place:>2} {word}" for place, word in enumerate(words.split(), start=1)]
    width = max(map(len, numbered)) + 3
    click.echo("")
    for start in range(0, len(numbered), COLUMNS):
        line = "".join(one.ljust(width) for one in numbered[start : start + COLUMNS])
        click.echo("    " + click.style(line.rstrip(), bold=True))
    click.echo("")


def advise(names: str, showing: Showing) -> None:
    """Tell what the words are good for, and where they are."""
    if showing.is_echoed:
        print_note(f"These words restore {names}. Write them on paper; they are not shown again.")
    elif showing.file is not None:
        print_note(f"The words that restore {names} are in {showing.file}. Keep it off this disk.")
    else:
        print_note(f"No words were shown: neurond wallet export gives those that restore {names}.")
    print_note("Whoever has them has the keys. No password is needed to use them.")
