"""`neurond wallet create` and `new-hotkey`: new keys and the words that restore them."""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from config.settings import KeysSettings
from daemon.cli.keys import (
    KeystoreOption,
    Kind,
    PasswordFileOption,
    choose_password,
    find_key,
    find_keys,
    unlock,
)
from daemon.cli.output import CliError, Exit, JsonFlag, YesFlag, print_json, print_note
from daemon.cli.sources import ConfigOption, SetOption
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
    MnemonicFileOption,
    NoEchoFlag,
    Showing,
    advise,
    choose_showing,
    print_words,
    write_secret,
)

if TYPE_CHECKING:
    from storage.keys.keystore import KeyInfo, Keystore

NewNameArgument = Annotated[str, typer.Argument(help="Name of the new key: a-z, 0-9, '-', '_'.")]
HotkeyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--hotkey",
        help="Name of a hotkey of this coldkey; repeatable. Default: NAME-hotkey.",
        show_default=False,
    ),
]


class WordCount(StrEnum):
    """How many words a new key has: 128 or 256 bits."""

    TWELVE = "12"
    TWENTY_FOUR = "24"


WordsOption = Annotated[WordCount, typer.Option("--words", help="How many words restore the keys.")]
KEYS_WITH_WORDS = (Kind.COLDKEY, Kind.HOTKEY)
"""The others are a machine's own, replaced when lost."""


def create(  # noqa: PLR0913 - the options of one verb
    name: NewNameArgument,
    *,
    hotkey: HotkeyOption = None,
    kind: Annotated[Kind, typer.Option(help="What the key is for.")] = Kind.COLDKEY,
    words: WordsOption = WordCount.TWELVE,
    mnemonic_file: MnemonicFileOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    keystore: KeystoreOption = None,
    password_file: PasswordFileOption = None,
    no_mnemonic_echo: NoEchoFlag = False,
    as_json: JsonFlag = False,
    yes: YesFlag = False,
) -> None:
    """Make a wallet: a coldkey and hotkeys that one set of words restores.

    The coldkey owns funds, a hotkey acts in subnets. Their words are shown once; their files are
    encrypted under one password.

    With --kind, make one key alone: a consensus key votes, a node key is the peer id, a beacon key
    starts the chain of a leader's reveals. These have no words and are replaced when lost.
    """
    from storage.keys.keystore import SEED_BYTES, Keystore  # noqa: PLC0415 - libsodium, when needed

    keys = find_keys(config, settings, keystore, password_file)
    store = Keystore(keys.keystore)
    if hotkey and kind is not Kind.COLDKEY:
        message = f"A {kind} key has no hotkeys."
        raise CliError(Exit.USAGE, "usage", message, "Leave out --hotkey, or --kind.")
    hotkeys = name_hotkeys(name, hotkey) if kind is Kind.COLDKEY else []
    check_names(store, [name, *hotkeys])
    if kind not in KEYS_WITH_WORDS:
        password = choose_password(keys, None, yes=yes)
        new = plan_seed(name, kind, secrets.token_bytes(SEED_BYTES))
        print_made(write_keys(store, [new], password), as_json=as_json)
        return
    showing = choose_showing(mnemonic_file, no_echo=no_mnemonic_echo, yes=yes)
    password = choose_password(keys, None, yes=yes)
    entropy = _make_entropy(words)
    made = _write(store, plan_wallet(name, kind, hotkeys, entropy), password, entropy, showing)
    _print_with_words(made, entropy, showing, as_json=as_json)


def new_hotkey(  # noqa: PLR0913 - the options of one verb
    name: NewNameArgument,
    *,
    coldkey: Annotated[
        str | None,
        typer.Option(
            help="Coldkey whose words shall restore it too; else it gets words of its own.",
            show_default=False,
        ),
    ] = None,
    index: Annotated[
        int | None,
        typer.Option(
            help="Which hotkey of --coldkey, to restore it; else the next.",
            min=0,
            max=(1 << 32) - 1,
            show_default=False,
        ),
    ] = None,
    words: WordsOption = WordCount.TWELVE,
    mnemonic_file: MnemonicFileOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    keystore: KeystoreOption = None,
    password_file: PasswordFileOption = None,
    no_mnemonic_echo: NoEchoFlag = False,
    as_json: JsonFlag = False,
    yes: YesFlag = False,
) -> None:
    """Make one more hotkey, of a coldkey's words or of its own.

    With --coldkey, that coldkey's words restore it too, and its password is needed; without, it
    gets words of its own, which suits a machine where the coldkey is not.
    """
    from storage.keys.keystore import Keystore  # noqa: PLC0415 - libsodium, when needed

    keys = find_keys(config, settings, keystore, password_file)
    store = Keystore(keys.keystore)
    check_names(store, [name])
    if coldkey is not None:
        new = _derive_hotkey(name, find_key(coldkey, store.folder, Kind.COLDKEY), index, keys)
        check_unknown(store, [new])
        password = choose_password(keys, None, yes=yes)
        print_made(write_keys(store, [new], password), as_json=as_json)
        return
    if index is not None:
        message = "--index numbers the hotkeys of a coldkey."
        raise CliError(Exit.USAGE, "usage", message, "Name it with --coldkey.")
    showing = choose_showing(mnemonic_file, no_echo=no_mnemonic_echo, yes=yes)
    password = choose_password(keys, None, yes=yes)
    entropy = _make_entropy(words)
    plan = plan_wallet(name, Kind.HOTKEY, [], entropy)
    made = _write(store, plan, password, entropy, showing)
    _print_with_words(made, entropy, showing, as_json=as_json)


def print_made(
    made: Sequence["KeyInfo"], *, as_json: bool, more: Mapping[str, object] | None = None
) -> None:
    """Print new keys, and for programs `more` beside them."""
    if as_json:
        print_json({"keys": [describe(info) for info in made], **(more or {})})
        return
    print_listing(made)
    guard = "without a password" if made[0].is_insecure else "encrypted under your password"
    print_note(f"Written to {made[0].path.parent}, {guard}.")


def _write(
    store: "Keystore",
    news: Sequence[New],
    password: str,
    entropy: bytes,
    showing: Showing,
) -> list["KeyInfo"]:
    """Write keys and, if asked for, the file of their words: all of them or none."""
    from daemon.cli.wallet.words import format_words  # noqa: PLC0415 - the library of words

    with ExitStack() as undo:
        if showing.file is not None:
            write_secret(showing.file, format_words(entropy))
            undo.callback(showing.file.unlink)
        made = write_keys(store, news, password)
        undo.pop_all()
    return made


def _print_with_words(
    made: Sequence["KeyInfo"], entropy: bytes, showing: Showing, *, as_json: bool
) -> None:
    from daemon.cli.wallet.words import format_words  # noqa: PLC0415 - as above

    words = format_words(entropy) if showing.is_echoed else None
    file = str(showing.file) if showing.file else None
    print_made(made, as_json=as_json, more={"mnemonic": words, "mnemonic_file": file})
    if as_json:
        return
    if words:
        print_words(words)
    names = [info.name for info in made]
    advise(" and ".join(filter(None, (", ".join(names[:-1]), names[-1]))), showing)


def _make_entropy(words: WordCount) -> bytes:
    from daemon.cli.wallet.words import make_entropy  # noqa: PLC0415 - as above

    return make_entropy(int(words))


def _derive_hotkey(name: str, coldkey: "KeyInfo", index: int | None, keys: KeysSettings) -> New:
    """Return hotkey number `index` of a coldkey's words, or the first that is not here yet."""
    from storage.keys.keystore import Keystore  # noqa: PLC0415 - libsodium, when needed

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
