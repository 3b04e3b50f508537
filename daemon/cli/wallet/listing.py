"""`neurond wallet list` and `show`: what anyone may know of the keys here; without a password."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import base58
import typer

from config.address import format_address
from daemon.cli.keys import KeystoreOption, Kind, find_key, find_keys
from daemon.cli.output import JsonFlag, print_json, print_note
from daemon.cli.sources import ConfigOption, SetOption

if TYPE_CHECKING:
    from storage.keystore import KeyInfo

NameArgument = Annotated[str, typer.Argument(help="Name of a key here, or its address.")]


def list_keys(
    *,
    config: ConfigOption = None,
    settings: SetOption = None,
    keystore: KeystoreOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the keys: name, kind, SS58 address, and whether a password guards it."""
    from storage.keystore import Keystore  # noqa: PLC0415 - libsodium, when needed

    folder = find_keys(config, settings, keystore, None).keystore
    listing = Keystore(folder).list()
    if as_json:
        damaged = [
            {"file": str(error.path), "message": error.message, "remedy": error.remedy}
            for error in listing.damaged
        ]
        keys = [describe(info) for info in listing.keys]
        print_json({"folder": str(folder), "keys": keys, "damaged": damaged})
        return
    print_listing(listing.keys)
    for error in listing.damaged:
        print_note(f"{error.message}. {error.remedy}")
    if not listing.keys and not listing.damaged:
        print_note(f"There are no keys in {folder}.")
        print_note("neurond wallet create makes one; --keystore or --config names another folder.")


def show(
    name: NameArgument,
    *,
    config: ConfigOption = None,
    settings: SetOption = None,
    keystore: KeystoreOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show one key: address, public key, where it came from, its file."""
    folder = find_keys(config, settings, keystore, None).keystore
    shown = describe(find_key(name, folder))
    if as_json:
        print_json(shown)
    else:
        print_rows(_word(shown))


def describe(info: "KeyInfo") -> dict[str, object]:
    """Return what is known of a key without its password, for programs."""
    derivation = info.derivation
    return {
        "name": info.name,
        "kind": info.kind.value,
        "address": format_address(info.public_key),
        "public_key": info.public_key.hex(),
        "peer_id": _format_peer_id(info) if info.kind.value == Kind.NODE else None,
        "encrypted": not info.is_insecure,
        "insecure_devnet": info.is_insecure,
        "words": info.words,
        "coldkey": format_address(derivation.coldkey) if derivation else None,
        "hotkey_index": derivation.index if derivation else None,
        "file": str(info.path),
    }


def print_rows(rows: Mapping[str, object]) -> None:
    """Print labels and values, each value on one line however long, so that it can be copied."""
    width = max(map(len, rows))
    for label, value in rows.items():
        typer.echo(f"{typer.style(label.ljust(width), bold=True)}  {value}")


def print_listing(keys: Sequence["KeyInfo"]) -> None:
    """Print a line per key; a table would fold the addresses of a narrow terminal."""
    wide = max((len(info.name) for info in keys), default=0)
    for info in keys:
        guard = "no protection (devnet)" if info.is_insecure else "encrypted"
        address = format_address(info.public_key)
        typer.echo(f"{info.name:<{wide}}  {info.kind.value:<9}  {address:<48}  {guard}")


def _word(shown: Mapping[str, object]) -> dict[str, object]:
    """Return the rows that people see of what `describe` says."""
    rows = {name: shown[name] for name in ("name", "kind", "address", "public_key")}
    if shown["peer_id"] is not None:
        rows["peer id"] = shown["peer_id"]
    guarded = "encrypted" if shown["encrypted"] else "no protection: a key for a devnet"
    rows["guarded"] = guarded
    if shown["words"]:
        rows["restored by"] = f"its {shown['words']} words"
    elif shown["coldkey"] is not None:
        rows["restored by"] = f"the words of {shown['coldkey']}, hotkey {shown['hotkey_index']}"
    else:
        rows["restored by"] = "a copy of its file, or its seed: neurond wallet export"
    rows["file"] = shown["file"]
    return {label.replace("_", " "): value for label, value in rows.items()}


def _format_peer_id(info: "KeyInfo") -> str:
    from consensus.crypto import compute_peer_id  # noqa: PLC0415 - libsodium, when needed

    return base58.b58encode(compute_peer_id(info.public_key)).decode()
