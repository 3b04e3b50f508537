"""What one key file holds, and how its bytes are made, checked and opened.

JSON of public fields in clear (name, kind, public key, where the key comes from, how the password
was stretched) and one sealed field: a secretbox (XSalsa20-Poly1305) under argon2id of the password
around the 32-byte seed and, of a key made from words, their entropy. A checksum over the whole
tells a damaged file from a wrong password. The sealed text ends in a hash of the fields in clear,
so that nobody can pass one file off for another.

Version 1, which had no words and sealed only kind and public key beside the seed, still opens.

Stretching a password blocks for most of a second by design.

Source: RFC 9106 (argon2id); libsodium's limits INTERACTIVE, MODERATE, SENSITIVE.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import cast

from nacl.exceptions import CryptoError
from nacl.exceptions import RuntimeError as SodiumError
from nacl.pwhash import argon2id
from nacl.secret import SecretBox

from consensus.crypto import compute_public_key
from consensus.quantities import PublicKey
from storage.errors import (
    BadKeyName,
    KeyDamaged,
    StretchFailed,
    WrongPassword,
)

FORMAT_VERSION = 2
SEED_BYTES = 32
PUBLIC_KEY_BYTES = 32
ENTROPY_BYTES_MAX = 32
"""Of 24 words, the most there are."""
ENTROPY_BYTES = {words: words // 3 * 4 for words in (12, 15, 18, 21, 24)}
"""BIP-39's numbers of words, and the bytes each stands for."""
FILE_BYTES_MAX = 8_192
"""A key file has some 900 bytes; a longer one was not written by us."""
OPS_MAX = 16
MEMORY_BYTES_MAX = 1 << 30
"""What a file may ask us to spend on its password: libsodium's SENSITIVE takes 1 GiB, 4 passes."""
INDEX_MAX = (1 << 32) - 1
_BINDING_BYTES = 32
_BOX_BYTES = SecretBox.NONCE_SIZE + SecretBox.MACBYTES
_PLAIN_BYTES = SEED_BYTES + 1 + ENTROPY_BYTES_MAX + _BINDING_BYTES
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
Fields = Mapping[str, object]


class KeyKind(StrEnum):
    """What a key is for (docs/spec/ledger.md 1)."""

    COLDKEY = "coldkey"
    """Owns funds."""
    HOTKEY = "hotkey"
    """Acts as a miner or validator."""
    CONSENSUS = "consensus"
    """Signs votes."""
    NODE = "node"
    """Is the libp2p identity."""
    BEACON = "beacon"
    """Starts the hash chain whose links a leader reveals; signs nothing."""


@dataclass(frozen=True, slots=True)
class KdfCost:
    """What each guess at the password costs: argon2id passes, and memory in bytes."""

    ops: int
    memory_bytes: int


MODERATE = KdfCost(argon2id.OPSLIMIT_MODERATE, argon2id.MEMLIMIT_MODERATE)
"""256 MiB, 3 passes: the default."""
DEVNET = KdfCost(argon2id.OPSLIMIT_MIN, argon2id.MEMLIMIT_MIN)
"""8 KiB, 1 pass: no protection; for keys of a devnet, whose files then say `insecure_devnet`."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """Of a hotkey that came from a coldkey's words: that coldkey, and which of its hotkeys."""

    coldkey: PublicKey
    index: int


@dataclass(frozen=True, slots=True)
class Secret:
    """What a new file keeps: the seed; the entropy of its words; or whose words it came from."""

    seed: bytes
    entropy: bytes = b""
    derivation: Derivation | None = None

    def __repr__(self) -> str:
        return "Secret(...)"


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What can be known of a key without its password."""

    name: str
    kind: KeyKind
    public_key: PublicKey
    is_insecure: bool
    """Whether it was made for a devnet: weak stretching, perhaps no password."""
    path: Path
    words: int = 0
    """How many words restore it; 0: it was not made from words of its own."""
    derivation: Derivation | None = None


@dataclass(frozen=True, slots=True)
class LoadedKey:
    """A key ready to sign; its repr does not show the seed."""

    info: KeyInfo
    seed: bytes
    entropy: bytes = b""
    """What its words stand for; empty if it has none."""

    def __repr__(self) -> str:
        return f"LoadedKey({self.info.name}, {self.info.kind.value})"


# -- fields ---------------------------------------------------------------------------------------


def check_name(name: str) -> str:
    """Return `name` if a key may be called so.

    Raises:
        BadKeyName: it may not.
    """
    if _NAME.fullmatch(name) is None:
        raise BadKeyName(name)
    return name


def is_name(text: str) -> bool:
    """Tell whether a key may be called `text`."""
    return _NAME.fullmatch(text) is not None


def render(name: str, kind: KeyKind, secret: Secret, password: str, cost: KdfCost) -> bytes:
    """Seal a key under `password` and return the content of its file.

    Raises:
        StretchFailed: there is not enough memory.
    """
    assert len(secret.seed) == SEED_BYTES
    assert len(secret.entropy) in (0, *ENTROPY_BYTES.values())
    salt = os.urandom(argon2id.SALTBYTES)
    fields: dict[str, object] = {
        "version": FORMAT_VERSION,
        "name": name,
        "kind": kind.value,
        "public_key": compute_public_key(secret.seed).hex(),
        "words": len(secret.entropy) // 4 * 3,
        "kdf": "argon2id",
        "kdf_ops": cost.ops,
        "kdf_memory_bytes": cost.memory_bytes,
        "salt": salt.hex(),
    }
    if secret.derivation is not None:
        fields["coldkey"] = secret.derivation.coldkey.hex()
        fields["hotkey_index"] = secret.derivation.index
    if cost == DEVNET:
        fields["insecure_devnet"] = True
    size = len(secret.entropy).to_bytes(1, "big")
    entropy = secret.entropy.ljust(ENTROPY_BYTES_MAX, b"\0")
    plain = secret.seed + size + entropy + _compute_binding(fields)
    fields["sealed"] = bytes(SecretBox(_stretch(password, salt, cost)).encrypt(plain)).hex()
    fields["checksum"] = compute_checksum(fields)
    return json.dumps(fields, indent=2).encode() + b"\n"


def read_info(path: Path, fields: Fields) -> KeyInfo:
    """Return what the fields of the file at `path` say in clear.

    Raises:
        KeyDamaged: they are not what we write.
    """
    public_key = _bytes(path, fields, "public_key", PUBLIC_KEY_BYTES)
    try:
        kind = KeyKind(fields.get("kind"))
    except ValueError:
        raise KeyDamaged(path, f"{fields.get('kind')!r} is not a kind of key") from None
    name, words = fields.get("name"), fields.get("words", 0)
    if not isinstance(name, str) or not is_name(name):
        raise KeyDamaged(path, "it does not say the key's name")
    if type(words) is not int or words not in (0, *ENTROPY_BYTES):
        raise KeyDamaged(path, f"no key is made from {words!r} words")
    insecure = fields.get("insecure_devnet") is True
    derivation = _read_derivation(path, fields)
    return KeyInfo(name, kind, PublicKey(public_key), insecure, path, words, derivation)


def open_sealed(path: Path, fields: Fields, password: str) -> LoadedKey:
    """Return the key that is sealed in the file at `path`.

    Raises:
        KeyDamaged, WrongPassword, StretchFailed: as they say.
    """
    info = read_info(path, fields)
    is_old = fields.get("version") == 1
    rest = info.kind.value.encode() + info.public_key
    size = SEED_BYTES + len(rest) if is_old else _PLAIN_BYTES
    salt = _bytes(path, fields, "salt", argon2id.SALTBYTES)
    sealed = _bytes(path, fields, "sealed", _BOX_BYTES + size)
    box = SecretBox(_stretch(password, salt, _read_cost(path, fields)))
    try:
        plain = box.decrypt(sealed)
    except CryptoError:
        raise WrongPassword(path) from None
    entropy = b""
    if not is_old:
        rest = _compute_binding(fields)
        entropy = plain[SEED_BYTES + 1 :][: plain[SEED_BYTES]]
    if len(entropy) != ENTROPY_BYTES.get(info.words, 0):
        raise KeyDamaged(path, "it does not hold as many words as it says")
    if not plain.endswith(rest):
        raise KeyDamaged(path, "what is sealed belongs to another key")
    if compute_public_key(plain[:SEED_BYTES]) != info.public_key:
        raise KeyDamaged(path, "the seed does not give the public key")
    return LoadedKey(info, plain[:SEED_BYTES], entropy)


def compute_checksum(fields: Fields) -> str:
    """Return the checksum of all fields but itself; it finds damage and proves nothing."""
    text = _flatten(fields, ("checksum",))
    return blake2b(text, digest_size=16, person=b"neurond/keyfile").hexdigest()


def parse(path: Path, data: bytes) -> Fields:
    """Return the fields of an intact key file with the content `data`; `path` is for errors.

    Raises:
        KeyDamaged: it is not a key file, or a damaged one.
    """
    if len(data) > FILE_BYTES_MAX:
        raise KeyDamaged(path, f"it is longer than {FILE_BYTES_MAX} bytes")
    try:
        plain: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise KeyDamaged(path, f"it is not JSON: {error}") from None
    if not isinstance(plain, dict):
        raise KeyDamaged(path, "it is not a JSON object")
    fields = cast("dict[str, object]", plain)  # JSON objects have text keys
    if fields.get("checksum") != compute_checksum(fields):
        raise KeyDamaged(path, "its checksum does not match")
    if fields.get("version") not in (1, FORMAT_VERSION):
        raise KeyDamaged(path, f"version {fields.get('version')!r} is unknown to this program")
    return fields


# -- private --------------------------------------------------------------------------------------


def _stretch(password: str, salt: bytes, cost: KdfCost) -> bytes:
    try:
        return argon2id.kdf(
            SecretBox.KEY_SIZE,
            password.encode(),
            salt,
            opslimit=cost.ops,
            memlimit=cost.memory_bytes,
        )
    except SodiumError:
        raise StretchFailed(cost.memory_bytes) from None


def _compute_binding(fields: Fields) -> bytes:
    """Hash what a file says in clear; sealed with the seed, it can't be edited unnoticed."""
    text = _flatten(fields, ("sealed", "checksum"))
    return blake2b(text, digest_size=_BINDING_BYTES, person=b"neurond/keybind").digest()


def _flatten(fields: Fields, without: tuple[str, ...]) -> bytes:
    kept = {key: value for key, value in fields.items() if key not in without}
    return json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()


def _read_derivation(path: Path, fields: Fields) -> Derivation | None:
    if "coldkey" not in fields:
        return None
    coldkey, index = _bytes(path, fields, "coldkey", PUBLIC_KEY_BYTES), fields.get("hotkey_index")
    if type(index) is not int or not 0 <= index <= INDEX_MAX:
        raise KeyDamaged(path, f"{index!r} is not an index of a hotkey")
    return Derivation(PublicKey(coldkey), index)


def _read_cost(path: Path, fields: Fields) -> KdfCost:
    ops, memory = fields.get("kdf_ops"), fields.get("kdf_memory_bytes")
    if fields.get("kdf") != "argon2id" or type(ops) is not int or type(memory) is not int:
        raise KeyDamaged(path, "it does not say how its password was stretched")
    within = DEVNET.ops <= ops <= OPS_MAX and DEVNET.memory_bytes <= memory <= MEMORY_BYTES_MAX
    if not within:
        raise KeyDamaged(path, f"{ops} passes over {memory} bytes are out of bounds")
    return KdfCost(ops, memory)


def _bytes(path: Path, fields: Fields, name: str, size: int) -> bytes:
    value = fields.get(name)
    try:
        found = bytes.fromhex(value if isinstance(value, str) else "!")
    except ValueError:
        raise KeyDamaged(path, f"its field {name} is not hexadecimal text") from None
    if len(found) != size:
        raise KeyDamaged(path, f"its field {name} has {len(found)} bytes instead of {size}")
    return found
