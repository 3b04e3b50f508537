"""Encrypted key files.

One file per key, `NAME.json`, mode 0600: what anyone may know (name, kind, public key, how the
password was stretched) in clear, and the 32-byte seed in a secretbox (XSalsa20-Poly1305) under
argon2id of the password. A checksum over the whole tells a damaged file from a wrong password. The
sealed text repeats kind and public key, so that files can't be passed off for one another.

Files are written beside, synced, and linked to their name, which fails if the name is taken: a key
is never overwritten. All functions block; stretching takes most of a second by design.

Source: RFC 9106 (argon2id); libsodium's limits INTERACTIVE, MODERATE, SENSITIVE.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from pathlib import Path
from typing import cast

from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id
from nacl.secret import SecretBox

from consensus.crypto import compute_public_key
from consensus.types import PublicKey
from storage.environment import sync_folder, translate_errors
from storage.errors import (
    BadKeyName,
    KeyDamaged,
    KeyExists,
    KeyExposed,
    KeyMissing,
    WeakPassword,
    WrongKind,
    WrongPassword,
)

FORMAT_VERSION = 1
SEED_BYTES = 32
PUBLIC_KEY_BYTES = 32
FILE_BYTES_MAX = 8_192
"""A key file has some 600 bytes; more than this was not written by us."""
OPS_MAX = 16
MEMORY_BYTES_MAX = 1 << 30
"""What a file may ask us to spend on its password: libsodium's SENSITIVE takes 1 GiB, 4 passes."""
_SEALED_BYTES = SecretBox.NONCE_SIZE + SecretBox.MACBYTES + SEED_BYTES + PUBLIC_KEY_BYTES
"""Size of a sealed text less the kind's name in it."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_OTHERS = 0o077


class KeyKind(Enum):
    """What a key is for (ledger.md 1)."""

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
    """How hard a guess at the password is: argon2id passes, and memory in bytes."""

    ops: int
    memory_bytes: int


MODERATE = KdfCost(argon2id.OPSLIMIT_MODERATE, argon2id.MEMLIMIT_MODERATE)
"""256 MiB, 3 passes: the default."""
DEVNET = KdfCost(argon2id.OPSLIMIT_MIN, argon2id.MEMLIMIT_MIN)
"""8 KiB, 1 pass: no protection; for keys of a devnet, whose files then say `insecure_devnet`."""


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What can be known of a key without its password."""

    name: str
    kind: KeyKind
    public_key: PublicKey
    is_insecure: bool
    """Whether it was made for a devnet: weak stretching, perhaps no password."""
    path: Path


@dataclass(frozen=True, slots=True)
class LoadedKey:
    """A key ready to sign; its repr does not show the seed."""

    info: KeyInfo
    seed: bytes

    def __repr__(self) -> str:
        return f"LoadedKey({self.info.name}, {self.info.kind.value})"


@dataclass(frozen=True, slots=True)
class KeyListing:
    """The keys of a folder by name, and the files in it that can't be read, with why."""

    keys: tuple[KeyInfo, ...]
    damaged: tuple[KeyDamaged | KeyExposed, ...]


@dataclass(frozen=True, slots=True)
class Keystore:
    """The key files of one folder. All methods block."""

    folder: Path

    def create(self, name: str, kind: KeyKind, password: str, seed: bytes | None = None) -> KeyInfo:
        """Seal a key (`seed`, or a random one) under `password` in a new file.

        Raises:
            BadKeyName, KeyExists, WeakPassword: as they say; nothing was written.
            StorageFull, StorageFailed: the disk won't have it.
        """
        if not password:
            raise WeakPassword
        return _create(self._path(name), kind, password, seed, MODERATE)

    def create_devnet(
        self, name: str, kind: KeyKind, password: str = "", seed: bytes | None = None
    ) -> KeyInfo:
        """Do what `create` does, but cheaply and even without a password: for toys alone.

        The file says `insecure_devnet`, and so does `KeyInfo.is_insecure`.
        """
        return _create(self._path(name), kind, password, seed, DEVNET)

    def load(self, name: str, kind: KeyKind, password: str) -> LoadedKey:
        """Open a key with its password; `kind` is what the caller is about to use it for.

        Raises:
            BadKeyName, KeyMissing, KeyExposed, KeyDamaged, WrongKind, WrongPassword: as they say.
        """
        path = self._path(name)
        fields = _read(path)
        info = _read_info(path, fields)
        if info.kind is not kind:
            raise WrongKind(path, info.kind.value, kind.value)
        salt = _bytes(path, fields, "salt", argon2id.SALTBYTES)
        sealed = _bytes(path, fields, "sealed", _SEALED_BYTES + len(kind.value))
        box = SecretBox(_stretch(password, salt, _read_cost(path, fields)))
        try:
            plain = box.decrypt(sealed)
        except CryptoError:
            raise WrongPassword(path) from None
        seed, rest = plain[:SEED_BYTES], plain[SEED_BYTES:]
        if rest != info.kind.value.encode() + info.public_key:
            raise KeyDamaged(path, "what is sealed belongs to another key")
        if compute_public_key(seed) != info.public_key:
            raise KeyDamaged(path, "the seed does not give the public key")
        return LoadedKey(info, seed)

    def info(self, name: str) -> KeyInfo:
        """Return what a key file says in clear.

        Raises:
            BadKeyName, KeyMissing, KeyExposed, KeyDamaged: as they say.
        """
        path = self._path(name)
        return _read_info(path, _read(path))

    def names(self) -> tuple[str, ...]:
        """Return the names of all key files, sorted, whatever is in them."""
        return tuple(sorted(path.stem for path in self._files()))

    def list(self) -> KeyListing:
        """Return every key, without passwords; a folder that isn't there has none."""
        keys: list[KeyInfo] = []
        damaged: list[KeyDamaged | KeyExposed] = []
        for path in self._files():
            try:
                keys.append(_read_info(path, _read(path)))
            except (KeyDamaged, KeyExposed) as error:
                damaged.append(error)
        return KeyListing(tuple(keys), tuple(damaged))

    def _files(self) -> Iterator[Path]:
        return (path for path in sorted(self.folder.glob("*.json")) if _NAME.fullmatch(path.stem))

    def _path(self, name: str) -> Path:
        if _NAME.fullmatch(name) is None:
            raise BadKeyName(name)
        return self.folder / f"{name}.json"


# -- private --------------------------------------------------------------------------------------


def _create(path: Path, kind: KeyKind, password: str, seed: bytes | None, cost: KdfCost) -> KeyInfo:
    if path.exists():
        raise KeyExists(path)
    seed = os.urandom(SEED_BYTES) if seed is None else seed
    assert len(seed) == SEED_BYTES
    public_key = compute_public_key(seed)
    salt = os.urandom(argon2id.SALTBYTES)
    box = SecretBox(_stretch(password, salt, cost))
    sealed = bytes(box.encrypt(seed + kind.value.encode() + public_key))
    fields: dict[str, object] = {
        "version": FORMAT_VERSION,
        "name": path.stem,
        "kind": kind.value,
        "public_key": public_key.hex(),
        "kdf": "argon2id",
        "kdf_ops": cost.ops,
        "kdf_memory_bytes": cost.memory_bytes,
        "salt": salt.hex(),
        "sealed": sealed.hex(),
    }
    if cost == DEVNET:
        fields["insecure_devnet"] = True
    fields["checksum"] = _compute_checksum(fields)
    _write_new(path, json.dumps(fields, indent=2).encode() + b"\n")
    return _read_info(path, fields)


def _stretch(password: str, salt: bytes, cost: KdfCost) -> bytes:
    return argon2id.kdf(
        SecretBox.KEY_SIZE,
        password.encode(),
        salt,
        opslimit=cost.ops,
        memlimit=cost.memory_bytes,
    )


def _compute_checksum(fields: Mapping[str, object]) -> str:
    kept = {key: value for key, value in fields.items() if key != "checksum"}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16, person=b"neurond/keyfile").hexdigest()


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that is either whole under its name or not there; never replace one."""
    beside = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    with translate_errors(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            _write_synced(beside, data)
            os.link(beside, path)
        except FileExistsError:
            raise KeyExists(path) from None
        finally:
            beside.unlink(missing_ok=True)
        sync_folder(path.parent)


def _write_synced(path: Path, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, data)
        os.fsync(file)
    finally:
        os.close(file)


def _read(path: Path) -> dict[str, object]:
    """Return the fields of an intact key file."""
    with translate_errors(path):
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise KeyMissing(path) from None
        try:
            mode = os.fstat(file).st_mode & 0o777
            data = os.read(file, FILE_BYTES_MAX + 1)
        finally:
            os.close(file)
    if mode & _OTHERS:
        raise KeyExposed(path, mode)
    if len(data) > FILE_BYTES_MAX:
        raise KeyDamaged(path, f"it is longer than {FILE_BYTES_MAX} bytes")
    try:
        plain: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise KeyDamaged(path, f"it is no JSON: {error}") from None
    if not isinstance(plain, dict):
        raise KeyDamaged(path, "it is no JSON object")
    fields = cast("dict[str, object]", plain)  # JSON objects have text keys
    if fields.get("checksum") != _compute_checksum(fields):
        raise KeyDamaged(path, "its checksum does not match")
    if fields.get("version") != FORMAT_VERSION:
        raise KeyDamaged(path, f"version {fields.get('version')!r} is unknown to this program")
    return fields


def _read_info(path: Path, fields: Mapping[str, object]) -> KeyInfo:
    public_key = _bytes(path, fields, "public_key", PUBLIC_KEY_BYTES)
    try:
        kind = KeyKind(fields.get("kind"))
    except ValueError:
        raise KeyDamaged(path, f"{fields.get('kind')!r} is no kind of key") from None
    if path.stem != fields.get("name"):
        raise KeyDamaged(path, f"it was written as {fields.get('name')}.json")
    insecure = fields.get("insecure_devnet") is True
    return KeyInfo(path.stem, kind, PublicKey(public_key), insecure, path)


def _read_cost(path: Path, fields: Mapping[str, object]) -> KdfCost:
    ops, memory = fields.get("kdf_ops"), fields.get("kdf_memory_bytes")
    if fields.get("kdf") != "argon2id" or type(ops) is not int or type(memory) is not int:
        raise KeyDamaged(path, "it does not say how its password was stretched")
    within = DEVNET.ops <= ops <= OPS_MAX and DEVNET.memory_bytes <= memory <= MEMORY_BYTES_MAX
    if not within:
        raise KeyDamaged(path, f"{ops} passes over {memory} bytes are out of bounds")
    return KdfCost(ops, memory)


def _bytes(path: Path, fields: Mapping[str, object], name: str, size: int) -> bytes:
    value = fields.get(name)
    try:
        found = bytes.fromhex(value if isinstance(value, str) else "!")
    except ValueError:
        raise KeyDamaged(path, f"its field {name} is no hexadecimal text") from None
    if len(found) != size:
        raise KeyDamaged(path, f"its field {name} has {len(found)} bytes instead of {size}")
    return found
