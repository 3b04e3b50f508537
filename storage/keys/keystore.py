"""A folder of encrypted key files: one per key, `NAME.json`, mode 0600.

`storage/keys/keyfile.py` knows what is in a file, `storage/keys/private.py` how one is written. A
file that others can read is refused; one is replaced only to change its password. All methods
block, and those that take a password do so for most of a second by design.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from storage.errors import KeyDamaged, KeyExists, KeyExposed, WeakPassword, WrongKind
from storage.keys import keyfile, private
from storage.keys.keyfile import (
    DEVNET,
    FILE_BYTES_MAX,
    MODERATE,
    SEED_BYTES,
    KdfCost,
    KeyInfo,
    KeyKind,
    LoadedKey,
    Secret,
)


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
        return self.add(name, kind, password, _make_secret(seed))

    def create_devnet(
        self, name: str, kind: KeyKind, password: str = "", seed: bytes | None = None
    ) -> KeyInfo:
        """Do what `create` does, but cheaply and even without a password: for devnets alone.

        The file says `insecure_devnet`, and so does `KeyInfo.is_insecure`.
        """
        return self.add_devnet(name, kind, password, _make_secret(seed))

    def add(self, name: str, kind: KeyKind, password: str, secret: Secret) -> KeyInfo:
        """Do what `create` does with a given secret, which may come from words or from a coldkey.

        Raises:
            as `create` does.
        """
        if not password:
            raise WeakPassword
        return self._write(name, kind, secret, password, MODERATE)

    def add_devnet(self, name: str, kind: KeyKind, password: str, secret: Secret) -> KeyInfo:
        """Do what `add` does, but cheaply and even without a password: for devnets alone."""
        return self._write(name, kind, secret, password, DEVNET)

    def check_free(self, name: str) -> None:
        """Check that a key may be made under `name`.

        Raises:
            BadKeyName, KeyExists: it may not.
        """
        path = self._path(name)
        if path.exists() or path.is_symlink():
            raise KeyExists(path)

    def load(self, name: str, kind: KeyKind, password: str) -> LoadedKey:
        """Open a key with its password; `kind` is what the caller is about to use it for.

        Raises:
            BadKeyName, KeyMissing, KeyExposed, KeyDamaged, WrongKind, WrongPassword: as they say.
        """
        path = self._path(name)
        fields = self._read(path)
        info = _check_stem(path, keyfile.read_info(path, fields))
        if info.kind is not kind:
            raise WrongKind(path, info.kind.value, kind.value)
        return keyfile.open_sealed(path, fields, password)

    def reseal(self, key: LoadedKey, password: str) -> KeyInfo:
        """Seal an opened key anew, at full cost; its file is the old or the new one, whole.

        Raises:
            WeakPassword: `password` is empty.
            StretchFailed, StorageFull, StorageFailed: the old file is untouched.
        """
        if not password:
            raise WeakPassword
        path = self._path(key.info.name)
        secret = Secret(key.seed, key.entropy, key.info.derivation)
        data = keyfile.render(key.info.name, key.info.kind, secret, password, MODERATE)
        private.replace(path, data)
        return self.info(key.info.name)

    def export(self, name: str, target: Path) -> None:
        """Copy a key's file, still encrypted, to the new file `target`.

        Raises:
            BadKeyName, KeyMissing, KeyExposed, KeyDamaged: as they say.
            KeyExists: there is something at `target`.
            StorageFull, StorageFailed: the disk won't have it.
        """
        path = self._path(name)
        data = private.read_own(path, FILE_BYTES_MAX + 1)
        keyfile.parse(path, data)
        private.write_carried(target, data)

    def remove(self, name: str) -> None:
        """Delete a key's file, even a damaged one; no other file is touched.

        Raises:
            BadKeyName, KeyMissing, StorageFailed: as they say.
        """
        private.remove(self._path(name))

    def info(self, name: str) -> KeyInfo:
        """Return what a key file says in clear.

        Raises:
            BadKeyName, KeyMissing, KeyExposed, KeyDamaged: as they say.
        """
        path = self._path(name)
        return _check_stem(path, keyfile.read_info(path, self._read(path)))

    def names(self) -> tuple[str, ...]:
        """Return the names of all key files, sorted, whatever is in them."""
        return tuple(path.stem for path in self._files())

    def list(self) -> KeyListing:
        """Return every key, without passwords; a folder that isn't there has none."""
        keys: list[KeyInfo] = []
        damaged: list[KeyDamaged | KeyExposed] = []
        for path in self._files():
            try:
                keys.append(self.info(path.stem))
            except (KeyDamaged, KeyExposed) as error:
                damaged.append(error)
        return KeyListing(tuple(keys), tuple(damaged))

    def _write(
        self, name: str, kind: KeyKind, secret: Secret, password: str, cost: KdfCost
    ) -> KeyInfo:
        self.check_free(name)
        data = keyfile.render(name, kind, secret, password, cost)
        private.write_new(self._path(name), data)
        return self.info(name)

    def _read(self, path: Path) -> keyfile.Fields:
        return keyfile.parse(path, private.read_own(path, FILE_BYTES_MAX + 1))

    def _files(self) -> Iterator[Path]:
        found = sorted(self.folder.glob("*.json"), key=lambda path: path.stem)
        return (path for path in found if keyfile.is_name(path.stem))

    def _path(self, name: str) -> Path:
        return self.folder / f"{keyfile.check_name(name)}.json"


def open_carried(path: Path, password: str) -> LoadedKey:
    """Open an exported key file wherever it lies and whatever it is called.

    Raises:
        KeyMissing, KeyDamaged, WrongPassword, StorageFailed: as they say.
    """
    data = private.read_carried(path, FILE_BYTES_MAX + 1)
    return keyfile.open_sealed(path, keyfile.parse(path, data), password)


def _make_secret(seed: bytes | None) -> Secret:
    return Secret(os.urandom(SEED_BYTES) if seed is None else seed)


def _check_stem(path: Path, info: KeyInfo) -> KeyInfo:
    if path.stem != info.name:
        raise KeyDamaged(path, f"it was written as {info.name}.json")
    return info
