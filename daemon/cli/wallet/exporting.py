"""`neurond wallet export`: a key's words, its seed, or a copy of its encrypted file."""

from enum import StrEnum
from pathlib import Path

import click

from config.address import format_address
from daemon.cli.keys import find_key, find_keys, unlock
from daemon.cli.options import PATH, SECRETS, Common, verb
from daemon.cli.output import CliError, Exit, confirm, print_json, print_note
from daemon.cli.wallet.listing import KEY_NAME
from daemon.cli.wallet.showing import check_new_file, print_words, write_secret
from daemon.cli.wallet.words import format_words
from storage.keys.keystore import KeyInfo, Keystore


class Form(StrEnum):
    """What of a key is exported."""

    WORDS = "words"
    SEED = "seed"
    FILE = "file"


@verb("export", "wallet export alice --as file --to alice-copy.json", *SECRETS)
@KEY_NAME
@click.option(
    "--as",
    "form",
    type=click.Choice(Form, case_sensitive=False),
    help="What to export. Default: its words; the seed, if it has none.",
)
@click.option("--to", type=PATH, help="New file, for its owner alone; else the terminal.")
def export(common: Common, name: str, *, form: Form | None, to: Path | None) -> None:
    """Give out a key's words, its seed, or its encrypted file.

    Needs a yes: whoever has the words or the seed has the key. The file is worth nothing without
    its password.
    """
    keys = find_keys(common)
    info = find_key(name, keys.keystore)
    form = form or (Form.WORDS if info.words else Form.SEED)
    _check(info, form, to)
    what = "encrypted file" if form is Form.FILE else f"secret {form}"
    where = "here" if to is None else f"to {to}"
    label = f"{info.name} ({info.kind} {format_address(info.public_key)})"
    confirm(f"Export the {what} of {label} {where}?", yes=common.yes)
    key = unlock(info, keys)
    secret = None
    if form is not Form.FILE:
        secret = format_words(key.entropy) if form is Form.WORDS else key.seed.hex()
    if to is not None and secret is not None:
        write_secret(to, secret)
    elif to is not None:
        Keystore(info.path.parent).export(info.name, to)
    if common.as_json:
        shown = None if to else secret
        file = str(to.absolute()) if to else None
        print_json({"name": info.name, "form": form.value, "secret": shown, "file": file})
    elif to is not None:
        print_note(f"Wrote the {what} of {label} to {to}.")
    elif secret is not None:
        _print(secret, form)


def _check(info: KeyInfo, form: Form, to: Path | None) -> None:
    if form is Form.WORDS and not info.words:
        raise CliError(Exit.KEY, "no_words", *_explain(info))
    if form is Form.FILE and to is None:
        message = "A file can't be shown here."
        raise CliError(Exit.USAGE, "usage", message, "Say where it goes: --to FILE.")
    if to is not None:
        check_new_file(to)


def _explain(info: KeyInfo) -> tuple[str, str]:
    """Return why a key has no words of its own, and what to do."""
    if info.derivation is None:
        return f"{info.name} was not made from words.", "Export it --as seed or --as file."
    coldkey = format_address(info.derivation.coldkey)
    message = f"{info.name} is hotkey {info.derivation.index} of the words of {coldkey}."
    return message, "Export that coldkey's words, or this key --as seed or --as file."


def _print(secret: str, form: Form) -> None:
    if form is Form.WORDS:
        print_words(secret)
    else:
        click.echo(secret)
    print_note("Whoever has this has the key. No password is needed to use it.")
