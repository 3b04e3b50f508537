"""`neurond wallet import`: keys from words, from a seed, or from an exported file."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from config.sections.keys import KeysSettings
from daemon.cli.keys import (
    choose_password,
    find_keys,
    open_with_password,
)
from daemon.cli.options import PATH, SECRETS, Common, verb
from daemon.cli.output import CliError, Exit, confirm
from daemon.cli.wallet.creating import NEW_NAME, print_made
from daemon.cli.wallet.planning import (
    New,
    check_names,
    check_unknown,
    plan_seed,
    plan_wallet,
    write_keys,
)
from daemon.cli.wallet.words import compute_seed, parse_words
from storage.errors import WrongPassword
from storage.keys.keyfile import KeyKind
from storage.keys.keystore import Keystore, LoadedKey, Secret, open_carried

SECRET_CHARACTERS_MAX = 4_096
"""24 words have some 200; more was not meant for us."""
STDIN = Path("-")
_SEED = re.compile(r"(?:0x)?([0-9a-fA-F]{64})")


@verb("import", "wallet import alice --mnemonic-file words.txt", *SECRETS)
@NEW_NAME
@click.option("--mnemonic-file", type=PATH, help="File of 12 to 24 words; - for stdin.")
@click.option("--seed-file", type=PATH, help="File of a 32-byte seed in hex; - for stdin.")
@click.option(
    "--file", type=PATH, help="Key file made by neurond wallet export; its password stays."
)
@click.option(
    "--kind",
    type=click.Choice(KeyKind, case_sensitive=False),
    help="What the key is for. Default: coldkey; of a --file, what it says.",
)
@click.option(
    "--hotkey",
    "hotkeys",
    metavar="NAME",
    multiple=True,
    help="Name for the next hotkey of the words, from the first on; repeatable.",
)
def import_key(  # noqa: PLR0913 - the options of one verb
    common: Common,
    name: str,
    *,
    mnemonic_file: Path | None,
    seed_file: Path | None,
    file: Path | None,
    kind: KeyKind | None,
    hotkeys: tuple[str, ...],
) -> None:
    """Restore a key from words, a seed or an exported file.

    Without any of the files it asks for the words or the seed. No key is ever replaced.

    Each --hotkey restores one more hotkey of the words, in the order in which they were made.
    Words of a Substrate wallet give its ed25519 address, not the usual sr25519 one.
    """
    _check_sources((mnemonic_file, seed_file, file))
    if hotkeys and (seed_file or file or kind not in (None, KeyKind.COLDKEY)):
        message = "Only the words of a coldkey restore hotkeys."
        raise CliError(Exit.USAGE, "usage", message, "Leave out --hotkey.")
    keys = find_keys(common)
    store = Keystore(keys.keystore)
    check_names(store, [name, *hotkeys])
    if file is not None:
        carried, password = _open_carried(file, kind, keys, yes=common.yes)
        news = [_plan_carried(name, carried)]
        check_unknown(store, news)
    else:
        secret = _read_secret(mnemonic_file, seed_file)
        news = _plan(name, kind or KeyKind.COLDKEY, hotkeys, secret)
        check_unknown(store, news)
        password = choose_password(keys, None, yes=common.yes)
    print_made(write_keys(store, news, password), as_json=common.as_json)


def parse_seed(text: str) -> bytes:
    """Return the seed that `text` spells in hex.

    Raises:
        CliError: `bad_seed`.
    """
    found = _SEED.fullmatch(text.strip())
    if found is None:
        message = "A seed is 64 hexadecimal digits; that is something else."
        raise CliError(Exit.KEY, "bad_seed", message, "For words, give --mnemonic-file.")
    return bytes.fromhex(found.group(1))


def _check_sources(sources: Sequence[Path | None]) -> None:
    if sum(source is not None for source in sources) > 1:
        message = "There are several sources of one key."
        remedy = "Give one of --mnemonic-file, --seed-file and --file."
        raise CliError(Exit.USAGE, "usage", message, remedy)


def _plan(name: str, kind: KeyKind, hotkeys: Sequence[str], secret: Secret) -> list[New]:
    if secret.entropy:
        return plan_wallet(name, kind, hotkeys, secret.entropy)
    if hotkeys:
        message = "A seed does not say which words made it, so it restores no hotkeys."
        raise CliError(Exit.USAGE, "usage", message, "Leave out --hotkey, or give the words.")
    return [plan_seed(name, kind, secret.seed)]


def _read_secret(mnemonic_file: Path | None, seed_file: Path | None) -> Secret:
    """Return what a file holds, or what is typed.

    Raises:
        CliError: it is neither words nor a seed, `unreadable`, or `no_secret`: nobody to type it.
    """
    if seed_file is not None:
        return Secret(parse_seed(_read_file(seed_file)))
    text = _ask() if mnemonic_file is None else _read_file(mnemonic_file)
    if mnemonic_file is None and _SEED.fullmatch(text.strip()):
        return Secret(parse_seed(text))
    entropy = parse_words(text)
    return Secret(compute_seed(entropy), entropy)


def _ask() -> str:
    if not sys.stdin.isatty():
        message = "There is no secret to import, and no terminal to ask for it."
        remedy = "Give --mnemonic-file, --seed-file or --file; - reads stdin."
        raise CliError(Exit.KEY, "no_secret", message, remedy)
    # Shown as it is typed: twelve words that nobody sees are never right.
    return str(click.prompt("The words, or the seed in hex", err=True))


def _read_file(file: Path) -> str:
    try:
        if file == STDIN:
            text = sys.stdin.read(SECRET_CHARACTERS_MAX)
        else:
            with file.open(encoding="utf-8") as stream:
                text = stream.read(SECRET_CHARACTERS_MAX)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        message = f"{file} can't be read: {reason}."
        raise CliError(Exit.KEY, "unreadable", message, "Check its path and owner.") from error
    return text


def _open_carried(
    file: Path, kind: KeyKind | None, keys: KeysSettings, *, yes: bool
) -> tuple[LoadedKey, str]:
    """Open an exported file; return its key and the password it had.

    Raises:
        CliError: `unreadable`, `wrong_kind`, `no_password`, or `Declined`.
        KeyDamaged, WrongPassword: as they say.
    """
    if not file.is_file():
        message = f"{file} is no file."
        remedy = "Give the file that neurond wallet export NAME --as file --to FILE wrote."
        raise CliError(Exit.KEY, "unreadable", message, remedy)
    try:
        carried, password = open_carried(file, ""), ""
    except WrongPassword:
        carried, password = open_with_password(
            lambda typed: open_carried(file, typed), str(file), keys
        )
    if kind is not None and carried.info.kind is not kind:
        message = f"{file} holds a {carried.info.kind} key, not a {kind} key."
        raise CliError(Exit.KEY, "wrong_kind", message, "Leave out --kind.")
    if not password:
        confirm(f"{file} has no password: keep the key without one?", yes=yes)
    return carried, password


def _plan_carried(name: str, carried: LoadedKey) -> New:
    """Return what an exported file holds, as a key to be written.

    Raises:
        CliError: `words_differ`: somebody put words into it that give another key.
    """
    if carried.entropy and compute_seed(carried.entropy) != carried.seed:
        message = f"The words in {carried.info.path} do not give its key: it was not made by us."
        raise CliError(Exit.KEY, "words_differ", message, "Ask whoever gave you the file.")
    secret = Secret(carried.seed, carried.entropy, carried.info.derivation)
    return New(name, carried.info.kind, secret)
