"""`neurond wallet list` and `show`: what anyone may know of the keys here; without a password."""

from collections.abc import Mapping, Sequence

import base58
import click

from config.address import format_address
from consensus.crypto import compute_peer_id
from daemon.cli.keys import find_key, find_keys
from daemon.cli.options import JSON, KEYS, Common, verb
from daemon.cli.output import print_json, print_note
from storage.keys.keyfile import KeyKind
from storage.keys.keystore import KeyInfo, Keystore

KEY_NAME = click.argument("name", help="Name of a key here, or its address.")


@verb("list", "wallet list --json", *KEYS, JSON)
def list_keys(common: Common) -> None:
    """List the keys: name, kind, SS58 address, encrypted or not."""
    folder = find_keys(common).keystore
    listing = Keystore(folder).list()
    if common.as_json:
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


@verb("show", "wallet show alice", *KEYS, JSON)
@KEY_NAME
def show(common: Common, name: str) -> None:
    """Show one key: address, public key, what restores it, its file."""
    folder = find_keys(common).keystore
    info = find_key(name, folder)
    if common.as_json:
        print_json(describe(info))
    else:
        print_rows(_word(info))


def describe(info: KeyInfo) -> dict[str, object]:
    """Return what is known of a key without its password, for programs."""
    derivation = info.derivation
    return {
        "name": info.name,
        "kind": info.kind,
        "address": format_address(info.public_key),
        "public_key": info.public_key.hex(),
        "peer_id": _format_peer_id(info) if info.kind is KeyKind.NODE else None,
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
        click.echo(f"{click.style(label.ljust(width), bold=True)}  {value}")


def print_listing(keys: Sequence[KeyInfo]) -> None:
    """Print a line per key; a table would fold the addresses of a narrow terminal."""
    wide = max((len(info.name) for info in keys), default=0)
    for info in keys:
        guard = "no protection (devnet)" if info.is_insecure else "encrypted"
        address = format_address(info.public_key)
        click.echo(f"{info.name:<{wide}}  {info.kind:<9}  {address:<48}  {guard}")


def _word(info: KeyInfo) -> dict[str, object]:
    """Return what people see of a key."""
    rows: dict[str, object] = {
        "name": info.name,
        "kind": info.kind,
        "address": format_address(info.public_key),
        "public key": info.public_key.hex(),
    }
    if info.kind is KeyKind.NODE:
        rows["peer id"] = _format_peer_id(info)
    rows["guarded"] = "no protection: a devnet's key" if info.is_insecure else "encrypted"
    rows["restored by"] = _word_origin(info)
    rows["file"] = info.path
    return rows


def _word_origin(info: KeyInfo) -> str:
    """Return what restores a key, with the coldkey's name if that is here too."""
    if info.words:
        return f"its {info.words} words"
    if info.derivation is None:
        return "a copy of its file, or its seed"

    coldkey = format_address(info.derivation.coldkey)
    here = Keystore(info.path.parent).list().keys
    named = [key.name for key in here if key.public_key == info.derivation.coldkey]
    return f"the words of {named[0] if named else coldkey}, as hotkey {info.derivation.index}"


def _format_peer_id(info: KeyInfo) -> str:
    return base58.b58encode(compute_peer_id(info.public_key)).decode()
