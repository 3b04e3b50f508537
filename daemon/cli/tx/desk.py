"""Where a transaction is put together: the node that is asked, the keys at hand, who signs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from config.address import format_address
from config.sections.keys import KeysSettings
from config.settings import Settings
from consensus.quantities import Hash32, Height, NetUid, PublicKey
from daemon.cli.client import NodeClient
from daemon.cli.keys import Signer, find_key, open_signer, resolve_address
from daemon.cli.output import CliError, Exit
from daemon.unit import Fields
from storage.keys.keyfile import KeyKind
from storage.keys.keystore import Keystore

_DIGITS = re.compile(r"-?[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Desk:
    """One transaction's surroundings; the node's answers are asked for when they are needed."""

    client: NodeClient
    keys: KeysSettings
    settings: Settings
    chain_id: Hash32
    height: Height
    """Of the head."""
    signer: PublicKey
    _opened: dict[PublicKey, Signer] = field(default_factory=dict[PublicKey, Signer], repr=False)
    _asked: dict[str, Fields] = field(default_factory=dict[str, Fields], repr=False)

    def find(self, text: str) -> PublicKey:
        """Return the key that an address or the name of a local key stands for.

        Raises:
            CliError, AddressError: as `resolve_address`.
        """
        return resolve_address(text, self.keys.keystore)

    def find_default(self, kind: KeyKind) -> PublicKey:
        """Return the configured key of a kind, or the only one there is.

        Raises:
            CliError: `key_missing`, `which_key`.
        """
        return find_usual(self.settings, self.keys, kind)

    def open(self, key: PublicKey, kind: KeyKind) -> Signer:
        """Open a local key for signing; its password is asked for once.

        Raises:
            CliError: `key_missing`, `wrong_kind`, `no_password`.
        """
        if key not in self._opened:
            self._opened[key] = open_signer(format_address(key), self.keys, kind)
        return self._opened[key]

    def has(self, key: PublicKey) -> bool:
        """Tell whether the keystore has that key."""
        return self.name(key) is not None

    def name(self, key: PublicKey) -> str | None:
        """Return the local name of a key."""
        return self.names().get(key)

    def names(self) -> Mapping[PublicKey, str]:
        """Return the names of all local keys."""
        return {info.public_key: info.name for info in Keystore(self.keys.keystore).list().keys}

    def ask(self, path: str) -> Fields:
        """Return the node's answer, asked for once.

        Raises:
            CliError: the node's own error, or none answers.
        """
        if path not in self._asked:
            self._asked[path] = self.client.get_ok(path)
        return self._asked[path]

    def subnet(self, netuid: NetUid) -> Fields:
        """Return what the node knows of a subnet."""
        return self.ask(f"/chain/subnets/{netuid}")

    def owner(self, hotkey: PublicKey) -> PublicKey | None:
        """Return the coldkey that owns a hotkey, or None."""
        owner = self.ask(f"/chain/account/{format_address(hotkey)}").get("owner")
        return self.find(owner) if isinstance(owner, str) else None


def choose_name(
    name: str | None, settings: Settings, keys: KeysSettings, kind: KeyKind
) -> str | None:
    """Return the name of the key to use: the given one, else the usual one if it is there.

    None: whichever is the only one of its kind.
    """
    usual = {
        KeyKind.COLDKEY: "coldkey",
        KeyKind.HOTKEY: settings.neuron.hotkey,
        KeyKind.CONSENSUS: settings.agreement.consensus_key,
        KeyKind.NODE: settings.p2p.node_key,
        KeyKind.BEACON: settings.agreement.beacon_key,
    }
    if name is not None:
        return name
    return usual[kind] if usual[kind] in Keystore(keys.keystore).names() else None


def find_usual(settings: Settings, keys: KeysSettings, kind: KeyKind) -> PublicKey:
    """Return the configured key of a kind, or the only one there is. Raises as `find_key`."""
    return find_key(choose_name(None, settings, keys, kind), keys.keystore, kind).public_key


def read_int(fields: Fields, name: str) -> int:
    """Return a whole number of a node's answer; an amount is written in decimal digits.

    Raises:
        CliError: `bad_answer`: it has none.
    """
    value = fields.get(name)
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if not isinstance(value, int):
        message = f"The node's answer has no {name}."
        raise CliError(Exit.FAILED, "bad_answer", message, "Is it a neurond of this version?")
    return value


def read_rows(fields: Fields, name: str) -> list[Fields]:
    """Return a list of objects of a node's answer; empty if it has none."""
    value = fields.get(name)
    return cast("list[Fields]", value) if isinstance(value, list) else []
