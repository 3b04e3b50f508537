"""`neurond wallet create` and `new-hotkey`: new keys and the words that restore them."""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from config.sections.keys import KeysSettings
from daemon.cli.keys import (
    choose_password,
    find_key,
    find_keys,
    unlock,
)
from daemon.cli.options import SECRETS, Common, verb
from daemon.cli.output import CliError, Exit, print_json, print_note
from daemon.cli.wallet.listing import describe, print_listing
from daemon.cli.wallet.planning import (
    New,
    check_names,
    check_unknown,
    name_hotkeys,
    plan_hotkey,
    plan_seed,
    plan_wallet,
    write_keys,
)
from daemon.cli.wallet.showing import (
    MNEMONIC_FILE,
    NO_ECHO,
    Showing,
    advise,
    choose_showing,
    print_words,
    write_secret,
)
from daemon.cli.wallet.words import format_words, make_entropy
from storage.keys.keyfile import KeyKind
from storage.keys.keystore import SEED_BYTES, KeyInfo, Keystore

KEYS_WITH_WORDS = (KeyKind.COLDKEY, KeyKind.HOTKEY)
"""The others are a machine's own, replaced when lost."""


NEW_NAME = click.argument("name", help="Name of the new key: a-z, 0-9, '-', '_'.")
WORDS = click.option(
    "--words",
    type=click.Choice(["12", "24"]),
    default="12",
    show_default=True,
    help="How many words restore the keys.",
)


@verb("create", "wallet create alice --hotkey miner", *SECRETS)
@NEW_NAME
@click.option(
    "--hotkey",
    metavar="NAME",
    multiple=True,
    help="Name of a hotkey of this coldkey; repeatable. Default: NAME-hotkey.",
)
@click.option(
    "--kind",
    type=click.Choice(KeyKind, case_sensitive=False),
    default=KeyKind.COLDKEY.value,
    show_default=True,
    help="What the key is for.",
)
@WORDS
@MNEMONIC_FILE
@NO_ECHO
def create(  # noqa: PLR0913 - the options of one verb
    common: Common,
    name: str,
    *,
    hotkey: tuple[str, ...],
    kind: KeyKind,
    words: str,
    mnemonic_file: Path | None,
    no_mnemonic_echo: bool,
) -> None:
    """Make a wallet: a coldkey and hotkeys that one set of words restores.

    The coldkey owns funds, a hotkey acts in subnets. Their words are shown once; their files are
    encrypted under one password.

    With --kind, make one key alone: a consensus key votes, a node key is the peer id, a beacon key
    starts the chain of a leader's reveals. These have no words and are replaced when lost.
    """
    keys = find_keys(common)
    store = Keystore(keys.keystore)
    if hotkey and kind is not KeyKind.COLDKEY:
        message = f"A {kind} key has no hotkeys."
        raise CliError(Exit.USAGE, "usage", message, "Leave out --hotkey, or --kind.")
    hotkeys = name_hotkeys(name, hotkey) if kind is KeyKind.COLDKEY else []
    check_names(store, [name, *hotkeys])
    if kind not in KEYS_WITH_WORDS:
        password = choose_password(keys, None, yes=common.yes)
        new = plan_seed(name, kind, secrets.token_bytes(SEED_BYTES))
        print_made(write_keys(store, [new], password), as_json=common.as_json)
        return
    showing = choose_showing(mnemonic_file, no_echo=no_mnemonic_echo, yes=common.yes)
    entropy = make_entropy(int(words))
    _make(common, plan_wallet(name, kind, hotkeys, entropy), entropy, showing)


@verb("new-hotkey", "wallet new-hotkey miner2 --coldkey alice", *SECRETS)
@NEW_NAME
@click.option(
    "--coldkey",
    metavar="NAME",
    help="Coldkey whose words shall restore it too; else it gets words of its own.",
)
@click.option(
    "--index",
    type=click.IntRange(0, (1 << 32) - 1),
    help="Which hotkey of --coldkey, to restore it; else the next.",
)
@WORDS
@MNEMONIC_FILE
@NO_ECHO
def new_hotkey(  # noqa: PLR0913 - the options of one verb
    common: Common,
    name: str,
    *,
    coldkey: str | None,
    index: int | None,
    words: str,
    mnemonic_file: Path | None,
    no_mnemonic_echo: bool,
) -> None:
    """Make one more hotkey, of a coldkey's words or of its own.

    With --coldkey, that coldkey's words restore it too, and its password is needed; without, it
    gets words of its own, which suits a machine where the coldkey is not.
    """
    keys = find_keys(common)
    store = Keystore(keys.keystore)
    check_names(store, [name])
    if coldkey is not None:
        new = _derive_hotkey(name, find_key(coldkey, store.folder, KeyKind.COLDKEY), index, keys)
        check_unknown(store, [new])
        password = choose_password(keys, None, yes=common.yes)
        print_made(write_keys(store, [new], password), as_json=common.as_json)
        return
    if index is not None:
        message = "--index numbers the hotkeys of a coldkey."
        raise CliError(Exit.USAGE, "usage", message, "Name it with --coldkey.")
    showing = choose_showing(mnemonic_file, no_echo=no_mnemonic_echo, yes=common.yes)
    entropy = make_entropy(int(words))
    _make(common, plan_wallet(name, KeyKind.HOTKEY, [], entropy), entropy, showing)


def print_made(
    made: Sequence[KeyInfo], *, as_json: bool, more: Mapping[str, object] | None = None
) -> None:
    """Print new keys, and for programs `more` beside them."""
    if as_json:
        print_json({"keys": [describe(info) for info in made], **(more or {})})
        return
    print_listing(made)
    guard = "without a password" if made[0].is_insecure else "encrypted under your password"
    print_note(f"Written to {made[0].path.parent}, {guard}.")


def _make(common: Common, news: Sequence[New], entropy: bytes, showing: Showing) -> None:
    """Write keys and, if asked for, the file of their words, all or none; then show them."""
    keys = find_keys(common)
    password = choose_password(keys, None, yes=common.yes)
    words = format_words(entropy)
    with ExitStack() as undo:
        if showing.file is not None:
            write_secret(showing.file, words)
            undo.callback(showing.file.unlink)
        made = write_keys(Keystore(keys.keystore), news, password)
        undo.pop_all()
    shown, file = words if showing.is_echoed else None, str(showing.file) if showing.file else None
    print_made(made, as_json=common.as_json, more={"mnemonic": shown, "mnemonic_file": file})
    if common.as_json:
        return
    if shown:
        print_words(shown)
    names = [info.name for info in made]
    advise(" and ".join(filter(None, (", ".join(names[:-1]), names[-1]))), showing)


def _derive_hotkey(name: str, coldkey: KeyInfo, index: int | None, keys: KeysSettings) -> New:
    """Return hotkey number `index` of a coldkey's words, or the first that is not here yet."""
    if not coldkey.words:
        message = f"{coldkey.name} was not made from words, so they can't restore a hotkey."
        remedy = "Leave out --coldkey: the hotkey then gets words of its own."
        raise CliError(Exit.KEY, "no_words", message, remedy)
    known = Keystore(keys.keystore).list().keys
    used = {
        info.derivation.index
        for info in known
        if info.derivation and info.derivation.coldkey == coldkey.public_key
    }
    chosen = max(used, default=-1) + 1 if index is None else index
    return plan_hotkey(name, unlock(coldkey, keys).seed, chosen)
