"""Which keys a verb is about to write, and writing them all or none."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from config.address import format_address
from consensus.crypto import compute_public_key
from consensus.quantities import PublicKey
from daemon.cli.output import CliError, Exit
from daemon.cli.wallet.words import compute_hotkey_seed, compute_seed
from storage.keys.keyfile import Derivation, KeyKind
from storage.keys.keystore import KeyInfo, Keystore, Secret


@dataclass(frozen=True, slots=True)
class New:
    """A key to be written."""

    name: str
    kind: KeyKind
    secret: Secret


def name_hotkeys(name: str, given: Sequence[str] | None) -> list[str]:
    """Return the names of a new coldkey's hotkeys: those given, or one after the coldkey."""
    return list(given) if given else [f"{name}-hotkey"]


def plan_wallet(name: str, kind: KeyKind, hotkeys: Iterable[str], entropy: bytes) -> list[New]:
    """Return the key of the words that `entropy` stands for, and the first of their hotkeys."""
    seed = compute_seed(entropy)
    rest = [plan_hotkey(each, seed, index) for index, each in enumerate(hotkeys)]
    return [New(name, kind, Secret(seed, entropy)), *rest]


def plan_hotkey(name: str, seed: bytes, index: int) -> New:
    """Return hotkey number `index` of the coldkey whose words give `seed`."""
    derivation = Derivation(compute_public_key(seed), index)
    secret = Secret(compute_hotkey_seed(seed, index), derivation=derivation)
    return New(name, KeyKind.HOTKEY, secret)


def plan_seed(name: str, kind: KeyKind, seed: bytes) -> New:
    """Return the key of a seed without words."""
    return New(name, kind, Secret(seed))


def check_names(store: Keystore, names: Sequence[str]) -> None:
    """Return if keys may be made under all of `names`.

    Raises:
        CliError: a name twice.
        BadKeyName, KeyExists: as they say.
    """
    for name in names:
        if names.count(name) > 1:
            message = f"Two keys can't both be called {name!r}."
            raise CliError(Exit.USAGE, "usage", message, "Give each hotkey a name of its own.")
        store.check_free(name)


def check_unknown(store: Keystore, news: Sequence[New]) -> None:
    """Return if none of the keys is in the folder already, under whatever name.

    Raises:
        CliError: `key_known`.
    """
    there: dict[PublicKey, str] = {info.public_key: info.name for info in store.list().keys}
    for new in news:
        public_key = compute_public_key(new.secret.seed)
        if public_key in there:
            message = f"{there[public_key]} is this key already: {format_address(public_key)}."
            remedy = f"Use {there[public_key]}, or remove it first."
            raise CliError(Exit.KEY, "key_known", message, remedy)


def write_keys(store: Keystore, news: Sequence[New], password: str) -> list[KeyInfo]:
    """Write all of `news`, or none; an empty password is for toys, and somebody agreed to it.

    Raises:
        KeyExists, StretchFailed, StorageFull, StorageFailed: as they say; nothing is left.
    """
    add = store.add if password else store.add_devnet
    made: list[KeyInfo] = []
    with ExitStack() as undo:
        for new in news:
            made.append(add(new.name, new.kind, password, new.secret))
            undo.callback(store.remove, new.name)
        undo.pop_all()
    return made
