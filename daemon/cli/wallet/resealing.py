"""`neurond wallet change-password`: seal keys under another password."""

from collections.abc import Sequence
from pathlib import Path

import click

from config.sections.keys import KeysSettings
from daemon.cli.keys import (
    ask_new_password,
    ask_secret,
    find_key,
    find_keys,
)
from daemon.cli.options import PATH, SECRETS, Common, verb
from daemon.cli.output import CliError, Exit, print_json, print_note
from daemon.cli.sources import read_password_file
from storage.errors import WrongPassword
from storage.keys.keystore import KeyInfo, Keystore, LoadedKey


@verb("change-password", "wallet change-password --all", *SECRETS)
@click.argument("names", metavar="[NAME]...", nargs=-1, help="Names of keys here.")
@click.option(
    "--new-password-file",
    type=PATH,
    help="File whose first line is the new password; else a prompt.",
)
@click.option("--all", "every", is_flag=True, help="All keys of the folder.")
def change_password(
    common: Common, names: tuple[str, ...], *, new_password_file: Path | None, every: bool
) -> None:
    """Seal keys under a new password.

    A node opens all its keys with one password, so --all is usual. Nothing is changed unless every
    key opens with the old password or, after an interrupted run, with the new one.
    """
    keys = find_keys(common)
    store = Keystore(keys.keystore)
    infos = _choose(store, names, every=every)
    opened = {info.name: _open(store, info, "") for info in infos if info.is_insecure}
    shut = [info for info in infos if opened.get(info.name) is None]
    if shut:
        old = _read_old(keys)
        opened |= {info.name: _open(store, info, old) for info in shut}
    if not any(opened.values()):
        raise WrongPassword(infos[0].path)
    if new_password_file is None:
        new = ask_new_password("New password", "--new-password-file")
    else:
        new = read_password_file(new_password_file)
    for info in infos:
        if opened[info.name] is None:
            # After an interrupted run some have the new one already; any other is a wrong password.
            store.load(info.name, info.kind, new)
    changed = [store.reseal(key, new).name for key in opened.values() if key is not None]
    _print(infos, changed, as_json=common.as_json)
    if keys.password_file is not None and keys.password_file != new_password_file:
        print_note(f"{keys.password_file} still holds the old one: write the new one there.")


def _choose(store: Keystore, names: Sequence[str], *, every: bool) -> list[KeyInfo]:
    """Return the keys that are meant.

    Raises:
        CliError: `usage`, `key_missing`.
        KeyDamaged, KeyExposed: with --all, a file that can't be changed with the others.
    """
    if every == bool(names):
        message = "Name the keys, or give --all; not both."
        raise CliError(Exit.USAGE, "usage", message, "neurond wallet list shows their names.")
    if names:
        found = {info.name: info for info in (find_key(name, store.folder) for name in names)}
        return list(found.values())
    listing = store.list()
    for error in listing.damaged:
        raise error
    if not listing.keys:
        message = f"There are no keys in {store.folder}."
        remedy = "--keystore or --config names another folder."
        raise CliError(Exit.KEY, "key_missing", message, remedy)
    return list(listing.keys)


def _read_old(keys: KeysSettings) -> str:
    if keys.password_file is not None:
        return read_password_file(keys.password_file)
    return ask_secret("Old password")


def _open(store: Keystore, info: KeyInfo, password: str) -> LoadedKey | None:
    """Return the key, or None if `password` is not its own."""
    try:
        return store.load(info.name, info.kind, password)
    except WrongPassword:
        return None


def _print(infos: Sequence[KeyInfo], changed: Sequence[str], *, as_json: bool) -> None:
    kept = [info.name for info in infos if info.name not in changed]
    if as_json:
        print_json({"changed": list(changed), "unchanged": kept})
        return
    if changed:
        click.echo(f"Changed the password of {', '.join(changed)}.")
    if kept:
        click.echo(f"Had it already: {', '.join(kept)}.")
