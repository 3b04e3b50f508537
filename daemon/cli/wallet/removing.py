"""`neurond wallet remove`: delete one key's file, and nothing else."""

from pathlib import Path

import click

from config.address import format_address
from config.settings import Settings
from daemon.cli.keys import find_key, find_keys
from daemon.cli.options import JSON, KEYS, YES, Common, verb
from daemon.cli.output import confirm, print_json
from daemon.cli.sources import load
from daemon.cli.wallet.listing import KEY_NAME
from storage.errors import KeyDamaged, KeyExposed
from storage.keys.keystore import Keystore


@verb("remove", "wallet remove miner2", *KEYS, JSON, YES)
@KEY_NAME
def remove(common: Common, name: str) -> None:
    """Delete a key's file.

    Needs a yes: without its words, its seed or a copy, the key and what it owns are lost. What the
    chain knows of the key stays as it is.
    """
    folder = find_keys(common).keystore
    store = Keystore(folder)
    known, label = _describe(store, name)
    uses = _list_uses(known, folder, load(common).settings)
    used = f" The settings name it as {' and '.join(uses)}." if uses else ""
    confirm(f"Delete {label}?{used} Without its words or a copy it is lost.", yes=common.yes)
    store.remove(known)
    if common.as_json:
        print_json({"removed": known, "folder": str(folder)})
    else:
        click.echo(f"Removed {label}.")


def _describe(store: Keystore, name: str) -> tuple[str, str]:
    """Return the local name of a key and what to call it; a damaged file has its name alone.

    Raises:
        CliError: `key_missing`.
    """
    try:
        info = find_key(name, store.folder)
    except KeyDamaged:
        return name, f"the damaged file of {name}"
    except KeyExposed:
        return name, f"the file of {name}, which others can read"
    return info.name, f"the {info.kind} key {info.name}, {format_address(info.public_key)}"


def _list_uses(name: str, folder: Path, settings: Settings) -> list[str]:
    """Return the settings that name a key of their own folder."""
    if folder != settings.keys.keystore:
        return []
    named = {
        "p2p.node_key": settings.p2p.node_key,
        "agreement.consensus_key": settings.agreement.consensus_key,
        "agreement.beacon_key": settings.agreement.beacon_key,
        "neuron.hotkey": settings.neuron.hotkey,
    }
    return [setting for setting, key in named.items() if key == name]
