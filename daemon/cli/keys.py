"""Local keys as verbs use them: find their folder, resolve an address, open a signer.

A verb that names somebody, or signs as somebody, does this:

    keys = find_keys(common)
    destination = resolve_address(text, keys.keystore)        # an SS58 address or a key's name
    signer = open_signer(name, keys, KeyKind.COLDKEY)            # asks for the password if it must
    signed = crypto.sign_transaction(signer.key, transaction)

A password comes from `--password-file`, else `keys.password_file` (also NEUROND_PASSWORD_FILE),
else a prompt at a terminal; never from an argument. Without a terminal nothing is asked: that is an
error.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import click
from nacl.signing import SigningKey

from config.address import AddressError, format_address, parse_address
from config.sections.keys import KeysSettings
from consensus.quantities import PublicKey
from daemon.cli.options import Common
from daemon.cli.output import CliError, Exit, confirm, print_note
from daemon.cli.sources import home, load, read_password_file
from storage.errors import WrongPassword
from storage.keys.keystore import KeyInfo, KeyKind, Keystore, LoadedKey

ATTEMPTS = 3
"""How often a password may be mistyped at a terminal."""
NAME_LENGTH_MAX = 32
"""Of a key's name; an address has 47 or 48 characters."""


@dataclass(frozen=True, slots=True)
class Signer:
    """An opened key, ready to sign; `crypto.sign(signer.key, message)`."""

    name: str
    kind: KeyKind
    public_key: PublicKey
    key: SigningKey = field(repr=False)

    @property
    def address(self) -> str:
        """Its SS58 address."""
        return format_address(self.public_key)


def find_keys(common: Common) -> KeysSettings:
    """Return the folder of keys and where their password comes from, by flags and settings.

    Raises:
        ConfigError, CliError: settings that can't be read.
    """
    asked = () if common.keystore is None else (f"keys.keystore={common.keystore}",)
    loaded = load(replace(common, settings=common.settings + asked))
    keys = loaded.settings.keys
    if loaded.file is None and loaded.origins["keys.keystore"].kind == "default":
        # A default path is seen from the settings file; without one, keys would lie all around.
        keys = replace(keys, keystore=home() / "keys")
    file = common.password_file
    return keys if file is None else replace(keys, password_file=file)


def resolve_address(text: str, folder: Path) -> PublicKey:
    """Return the key that `text` stands for: an SS58 address, or a name of a key in `folder`.

    No password is needed.

    Raises:
        CliError: `unknown_address`: it is neither.
        AddressError: it looks like an address and is mistyped.
        KeyExposed, KeyDamaged: the named key's file.
    """
    store = Keystore(folder)
    names = store.names()
    if text in names:
        return store.info(text).public_key
    try:
        return parse_address(text)
    except AddressError:
        if len(text) > NAME_LENGTH_MAX:  # no name: somebody meant an address
            raise
    message = f"{text!r} is neither an address nor a key in {folder}."
    raise CliError(Exit.USAGE, "unknown_address", message, _suggest(text, names))


def open_signer(name: str | None, keys: KeysSettings, *kinds: KeyKind) -> Signer:
    """Open the key `name` (its local name or its address) for signing.

    None stands for the only key of one of `kinds` that the folder has.

    Raises:
        CliError: `key_missing`, `which_key`, `wrong_kind`, `no_password`.
        WrongPassword, KeyExposed, KeyDamaged: as they say.
    """
    info = find_key(name, keys.keystore, *kinds)
    loaded = unlock(info, keys)
    return Signer(info.name, info.kind, info.public_key, SigningKey(loaded.seed))


def find_key(name: str | None, folder: Path, *kinds: KeyKind) -> KeyInfo:
    """Return what is known of a key by its name or address, or of the only one of `kinds`.

    Raises:
        CliError: `key_missing`, `which_key`, `wrong_kind`.
        KeyExposed, KeyDamaged: its file.
    """
    store = Keystore(folder)
    wanted = " or ".join(kinds)
    if name is None:
        return _find_only(store, kinds)
    if name in store.names():
        info = store.info(name)
    else:
        same = [one for one in store.list().keys if format_address(one.public_key) == name]
        if not same:
            message = f"There is no key {name!r} in {folder}."
            raise CliError(Exit.KEY, "key_missing", message, _suggest(name, store.names()))
        info = same[0]
    if kinds and info.kind not in kinds:
        message = f"{info.name} is a {info.kind} key; this needs a {wanted}."
        remedy = "Name another key; neurond wallet list shows their kinds."
        raise CliError(Exit.KEY, "wrong_kind", message, remedy)
    return info


def unlock(info: KeyInfo, keys: KeysSettings) -> LoadedKey:
    """Open a key: a toy without a password at once, others with the file's or a typed one.

    Raises:
        CliError: `no_password`: there is no file, and no terminal to ask at.
        WrongPassword, KeyExposed, KeyDamaged, StretchFailed: as they say.
    """
    store = Keystore(info.path.parent)
    if info.is_insecure:
        try:
            return store.load(info.name, info.kind, "")
        except WrongPassword:
            pass  # a toy with a password, which is asked for like any other
    loaded, _ = open_with_password(
        lambda password: store.load(info.name, info.kind, password), info.name, keys
    )
    return loaded


def open_with_password(
    attempt: Callable[[str], LoadedKey], what: str, keys: KeysSettings
) -> tuple[LoadedKey, str]:
    """Return what `attempt` opens with the file's or a typed password, and that password.

    Raises:
        CliError: `no_password`: there is no file, and no terminal to ask at.
        WrongPassword: the file's, or the last one that was typed; and what `attempt` raises.
    """
    if keys.password_file is not None:
        password = read_password_file(keys.password_file)
        return attempt(password), password
    for _ in range(ATTEMPTS - 1):
        typed = ask_secret(f"Password of {what}")
        try:
            return attempt(typed), typed
        except WrongPassword:
            print_note("That password does not open it.")
    typed = ask_secret(f"Password of {what}")
    return attempt(typed), typed


def ask_secret(prompt: str, file_option: str = "--password-file") -> str:
    """Return what is typed, unseen, at the terminal; `file_option` would have spared the question.

    Raises:
        CliError: `no_password`: there is no terminal.
    """
    if not sys.stdin.isatty():
        message = f"{prompt}: there is no terminal to ask at."
        known = ", or set NEUROND_PASSWORD_FILE" if file_option == "--password-file" else ""
        remedy = f"Give {file_option} FILE{known}."
        raise CliError(Exit.KEY, "no_password", message, remedy)
    return str(click.prompt(prompt, hide_input=True, err=True))


def ask_new_password(prompt: str, file_option: str = "--password-file") -> str:
    """Return a password that was typed twice.

    Raises:
        CliError: `no_password`: there is no terminal, or the entries differ.
    """
    typed = ask_secret(prompt, file_option)
    if ask_secret("The same again", file_option) != typed:
        raise CliError(Exit.KEY, "no_password", "The two entries differ.", "Try again.")
    return typed


def choose_password(keys: KeysSettings, password_file: Path | None, *, yes: bool) -> str:
    """Return the password for new keys; empty, after a yes, where keys are for a toy network.

    Raises:
        CliError: no password, or `Declined`.
    """
    file = password_file or keys.password_file
    if file is not None:
        return read_password_file(file)
    if keys.insecure_devnet:
        confirm("Make keys without a password, for a throw-away network?", yes=yes)
        return ""
    return ask_new_password("Password for the new keys")


def make_key(store: Keystore, name: str, kind: KeyKind, password: str) -> KeyInfo:
    """Make one random key; an empty password means a toy key, and `choose_password` asked."""
    return store.create(name, kind, password) if password else store.create_devnet(name, kind)


def _find_only(store: Keystore, kinds: Sequence[KeyKind]) -> KeyInfo:
    found = [info for info in store.list().keys if not kinds or info.kind in kinds]
    if len(found) == 1:
        return found[0]
    wanted = " or ".join(kinds) or "key"
    if not found:
        message = f"There is no {wanted} in {store.folder}."
        remedy = "neurond wallet create makes one; --keystore or --config names another folder."
        raise CliError(Exit.KEY, "key_missing", message, remedy)
    names = ", ".join(info.name for info in found)
    message = f"{store.folder} has {len(found)} keys of kind {wanted}: {names}."
    raise CliError(Exit.USAGE, "which_key", message, "Name the one you mean.")


def _suggest(text: str, names: Sequence[str]) -> str:
    import difflib  # noqa: PLC0415 - for a mistyped name alone

    close = difflib.get_close_matches(text, names, n=1)
    if close:
        return f"Did you mean {close[0]!r}? neurond wallet list shows all keys."
    return "neurond wallet list shows all keys; --keystore or --config names another folder."
