"""`neurond wallet`: the keys of this node, encrypted files that never leave it."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.address import format_address
from config.settings import KeysSettings
from daemon.cli.output import (
    JsonFlag,
    YesFlag,
    confirm,
    print_fields,
    print_json,
    print_note,
    print_table,
)
from daemon.cli.sources import (
    ConfigOption,
    SetOption,
    load,
    read_password,
    read_password_file,
)

if TYPE_CHECKING:
    from storage.keystore import KeyInfo, KeyKind, Keystore

wallet_app = typer.Typer(no_args_is_help=True, help="Make and list keys.")
PasswordFileOption = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        help="File whose first line is the password; else keys.password_file, else a prompt.",
        show_default=False,
    ),
]


class Kind(StrEnum):
    """What a key is for, as the command line names it."""

    COLDKEY = "coldkey"
    HOTKEY = "hotkey"
    CONSENSUS = "consensus"
    NODE = "node"
    BEACON = "beacon"


@wallet_app.command("create", epilog="Example: neurond wallet create alice --kind coldkey")
def create(  # noqa: PLR0913 - the options of one verb
    name: Annotated[str, typer.Argument(help="Name of the new key: a-z, 0-9, '-', '_'.")],
    kind: Annotated[Kind, typer.Option(help="What the key is for.")] = Kind.HOTKEY,
    config: ConfigOption = None,
    settings: SetOption = None,
    password_file: PasswordFileOption = None,
    *,
    as_json: JsonFlag = False,
    yes: YesFlag = False,
) -> None:
    """Make a key in an encrypted file; an existing one is never replaced.

    A coldkey owns funds, a hotkey acts in subnets, a consensus key votes, a node key is the peer
    id, a beacon key starts the chain of a leader's reveals.
    """
    from storage.keystore import KeyKind, Keystore  # noqa: PLC0415 - libsodium, when needed

    keys = load(config, settings).settings.keys
    password = choose_password(keys, password_file, yes=yes)
    info = make_key(Keystore(keys.keystore), name, KeyKind(kind.value), password)
    answer = {
        "name": info.name,
        "kind": info.kind.value,
        "address": format_address(info.public_key),
        "public_key": info.public_key.hex(),
        "file": str(info.path),
    }
    if as_json:
        print_json(answer)
    else:
        print_fields("New key", answer)
        print_note("Back up that file and its password: without both, the key is gone.")


@wallet_app.command("list", epilog="Example: neurond wallet list --json")
def list_keys(
    config: ConfigOption = None, settings: SetOption = None, *, as_json: JsonFlag = False
) -> None:
    """List the keys with their SS58 addresses. No password is needed."""
    from storage.keystore import Keystore  # noqa: PLC0415 - libsodium, when needed

    folder = load(config, settings).settings.keys.keystore
    listing = Keystore(folder).list()
    if as_json:
        keys = [
            {
                "name": info.name,
                "kind": info.kind.value,
                "address": format_address(info.public_key),
                "public_key": info.public_key.hex(),
                "insecure_devnet": info.is_insecure,
                "file": str(info.path),
            }
            for info in listing.keys
        ]
        print_json({"keys": keys, "damaged": [str(error) for error in listing.damaged]})
        return
    rows = [
        (
            info.name,
            info.kind.value,
            format_address(info.public_key),
            "no password (devnet)" if info.is_insecure else "encrypted",
        )
        for info in listing.keys
    ]
    print_table(f"Keys in {folder}", ("name", "kind", "address", ""), rows)
    for error in listing.damaged:
        print_note(str(error))


def choose_password(keys: KeysSettings, password_file: Path | None, *, yes: bool) -> str:
    """Return the password for new keys; empty, after a yes, where keys are for a toy network.

    Raises:
        CliError: no password, or `Declined`.
    """
    if password_file is not None:
        return read_password_file(password_file)
    if keys.insecure_devnet and keys.password_file is None:
        confirm("Make keys without a password, for a throw-away network?", yes=yes)
        return ""
    return read_password(keys, is_new=True)


def make_key(store: "Keystore", name: str, kind: "KeyKind", password: str) -> "KeyInfo":
    """Make one key; an empty password means a toy key, and `choose_password` asked."""
    return store.create(name, kind, password) if password else store.create_devnet(name, kind)
