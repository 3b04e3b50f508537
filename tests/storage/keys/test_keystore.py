import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from nacl.exceptions import RuntimeError as SodiumError

from consensus.crypto import compute_public_key
from storage.errors import (
    BadKeyName,
    KeyDamaged,
    KeyExists,
    KeyExposed,
    KeyFileError,
    KeyMissing,
    StorageFailed,
    StorageFull,
    StretchFailed,
    WeakPassword,
    WrongKind,
    WrongPassword,
)
from storage.keys.keyfile import MODERATE, Derivation, KdfCost, Secret, compute_checksum
from storage.keys.keystore import KeyKind, Keystore, open_carried

SEED = bytes(range(32))
HOTKEY = KeyKind.HOTKEY
CHEAP = KdfCost(1, 16_384)
"""A real key's path at a toy's cost."""


@pytest.fixture
def keys(tmp_path: Path) -> Keystore:
    return Keystore(tmp_path / "keys")


def edit(path: Path, name: str, value: object) -> None:
    """Set a field of a key file (None drops it) and its checksum, as somebody with a plan would."""
    fields: dict[str, Any] = json.loads(path.read_text())
    fields[name] = value
    if value is None:
        del fields[name]
    fields["checksum"] = compute_checksum(fields)
    path.write_text(json.dumps(fields))


@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_key_comes_back_with_its_password(keys: Keystore, kind: KeyKind):
    info = keys.create_devnet("alice", kind, "secret", SEED)
    loaded = keys.load("alice", kind, "secret")
    assert (loaded.seed, loaded.info) == (SEED, info)
    assert info.public_key == compute_public_key(SEED)
    assert (info.name, info.kind, info.is_insecure) == ("alice", kind, True)


@pytest.mark.slow  # stretching a password takes its time on purpose
def test_a_real_key_is_stretched_at_full_cost_and_its_file_shows_no_secret(keys: Keystore):
    info = keys.create("alice", KeyKind.COLDKEY, "secret", SEED)
    fields = json.loads(info.path.read_text())
    assert (fields["kdf_ops"], fields["kdf_memory_bytes"]) == (3, 256 << 20)
    assert "insecure_devnet" not in fields
    assert not info.is_insecure
    assert SEED.hex() not in info.path.read_text()
    assert keys.load("alice", KeyKind.COLDKEY, "secret").seed == SEED
    assert SEED.hex() not in repr(keys.load("alice", KeyKind.COLDKEY, "secret"))
    assert MODERATE.ops == 3


def test_a_key_without_a_seed_is_random(keys: Keystore):
    first, second = (keys.create_devnet(name, HOTKEY) for name in ("a", "b"))
    assert first.public_key != second.public_key


def test_an_empty_password_is_for_devnets_alone(keys: Keystore):
    with pytest.raises(WeakPassword):
        keys.create("alice", HOTKEY, "")
    assert keys.names() == ()
    assert keys.create_devnet("alice", HOTKEY).is_insecure


def test_a_wrong_password_is_told_from_a_damaged_file(keys: Keystore):
    info = keys.create_devnet("alice", HOTKEY, "secret", SEED)
    with pytest.raises(WrongPassword):
        keys.load("alice", HOTKEY, "Secret")
    whole = info.path.read_bytes()
    for place in range(0, len(whole), 7):
        info.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(KeyDamaged):
            keys.load("alice", HOTKEY, "secret")
    info.path.write_bytes(whole[:100])
    with pytest.raises(KeyDamaged, match="JSON"):
        keys.load("alice", HOTKEY, "secret")


@pytest.mark.parametrize("content", [b"", b"[]", b"[" * 8000, b"\xff\xfe", bytes(100_000), b"1"])
def test_what_is_no_key_file_is_damage(keys: Keystore, content: bytes):
    info = keys.create_devnet("alice", HOTKEY)
    info.path.write_bytes(content)
    with pytest.raises(KeyDamaged):
        keys.info("alice")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kdf_ops", 10**9),
        ("kdf_memory_bytes", 1 << 50),
        ("kdf_memory_bytes", 1),
        ("kdf_ops", True),
        ("kdf", "scrypt"),
        ("kind", "spare"),
        ("name", "bob"),
        ("version", 3),
        ("public_key", "00"),
        ("public_key", compute_public_key(bytes(32)).hex()),
        ("sealed", "zz"),
        ("salt", 5),
        ("salt", None),
        ("sealed", None),
    ],
)
def test_a_file_made_up_by_others_is_refused(keys: Keystore, name: str, value: object):
    info = keys.create_devnet("alice", HOTKEY, "secret")
    edit(info.path, name, value)
    with pytest.raises(KeyDamaged):
        keys.load("alice", HOTKEY, "secret")


def test_a_short_salt_or_sealed_text_is_a_typed_error(keys: Keystore):
    info = keys.create_devnet("alice", HOTKEY, "secret")
    for field in ("salt", "sealed"):
        whole = info.path.read_text()
        edit(info.path, field, "00")
        with pytest.raises(KeyFileError):
            keys.load("alice", HOTKEY, "secret")
        info.path.write_text(whole)


def test_the_kind_is_sealed_with_the_key(keys: Keystore):
    info = keys.create_devnet("alice", KeyKind.BEACON, "secret")
    with pytest.raises(WrongKind, match="beacon key, a hotkey key"):
        keys.load("alice", HOTKEY, "secret")
    for kind in ("hotkey", "consensus"):
        edit(info.path, "kind", kind)
        with pytest.raises(KeyDamaged):
            keys.load("alice", KeyKind(kind), "secret")


def test_a_key_is_never_overwritten(keys: Keystore):
    first = keys.create_devnet("alice", HOTKEY, "secret", SEED)
    with pytest.raises(KeyExists):
        keys.create_devnet("alice", KeyKind.COLDKEY, "secret")
    assert keys.info("alice") == first
    assert sorted(os.listdir(keys.folder)) == ["alice.json"]


@pytest.mark.parametrize(
    "name", ["", "a" * 33, "../alice", "a/b", "Alice", ".a", "-a", "a.b", "a b", "a\n", "ä"]
)
def test_a_name_that_is_no_file_name_everywhere_is_refused(keys: Keystore, name: str):
    with pytest.raises(BadKeyName):
        keys.create_devnet(name, HOTKEY)
    with pytest.raises(BadKeyName):
        keys.load(name, HOTKEY, "")


def test_the_file_is_for_its_owner_alone(keys: Keystore):
    info = keys.create_devnet("alice", HOTKEY, "secret")
    assert info.path.stat().st_mode & 0o777 == 0o600
    assert keys.folder.stat().st_mode & 0o777 == 0o700
    info.path.chmod(0o640)
    with pytest.raises(KeyExposed, match="chmod 600"):
        keys.load("alice", HOTKEY, "secret")


def test_a_missing_key_and_a_link_in_its_place_are_typed_errors(keys: Keystore, tmp_path: Path):
    with pytest.raises(KeyMissing):
        keys.load("alice", HOTKEY, "")
    info = keys.create_devnet("alice", HOTKEY)
    os.symlink(info.path, keys.folder / "bob.json")
    with pytest.raises(StorageFailed):
        keys.info("bob")
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed):
        Keystore(tmp_path / "file").create_devnet("alice", HOTKEY)


OLD = {
    "version": 1,
    "name": "old",
    "kind": "coldkey",
    "public_key": "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
    "kdf": "argon2id",
    "kdf_ops": 1,
    "kdf_memory_bytes": 8192,
    "salt": "01cc03c177a5cd20321e1a287c9d5313",
    "sealed": (
        "079cecc58aef4033c2f6f6e804756d2b51df9ee657878006fb24d5285eac0b8dd660c407286eaa98"
        "5b804379acb46848366cf898701d5e437857e0f9d8c7d4f5c74e3f6fedc0424718e5162e148d6dce"
        "9e896fe121495bc35a52a661fcfccb405e02ca860fdaaf00d7be1b73c674f5"
    ),
    "insecure_devnet": True,
    "checksum": "e499c0c1e47a4bdfde7ce8e96e08c6a6",
}
"""A file as the first version wrote it, of `SEED` under the password "secret"."""


def test_a_file_of_the_first_version_still_opens(keys: Keystore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("storage.keys.keystore.MODERATE", CHEAP)
    keys.folder.mkdir()
    path = keys.folder / "old.json"
    path.touch(0o600)
    path.write_text(json.dumps(OLD))
    loaded = keys.load("old", KeyKind.COLDKEY, "secret")
    assert (loaded.seed, loaded.entropy, loaded.info.words) == (SEED, b"", 0)
    with pytest.raises(WrongPassword):
        keys.load("old", KeyKind.COLDKEY, "Secret")
    keys.reseal(loaded, "better")
    assert json.loads(path.read_text())["version"] == 2
    assert keys.load("old", KeyKind.COLDKEY, "better").seed == SEED


ENTROPY = bytes(range(16))


def test_words_and_a_coldkey_stay_with_a_key(keys: Keystore):
    parent = Derivation(compute_public_key(SEED), 7)
    made = keys.add_devnet("alice", KeyKind.COLDKEY, "secret", Secret(SEED, ENTROPY))
    child = keys.add_devnet("bob", HOTKEY, "secret", Secret(bytes(32), derivation=parent))
    assert (made.words, made.derivation) == (12, None)
    assert (child.words, child.derivation) == (0, parent)
    assert keys.load("alice", KeyKind.COLDKEY, "secret").entropy == ENTROPY
    assert keys.load("bob", HOTKEY, "secret").entropy == b""
    assert ENTROPY.hex() not in made.path.read_text()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("words", 0),
        ("words", 24),
        ("words", 13),
        ("words", True),
        ("coldkey", bytes(32).hex()),
        ("hotkey_index", 8),
        ("hotkey_index", -1),
        ("hotkey_index", "7"),
        ("insecure_devnet", None),
        ("name", "../alice"),
        ("name", 5),
        ("spare", 1),
    ],
)
def test_what_a_file_says_in_clear_is_sealed_with_the_key(keys: Keystore, name: str, value: object):
    secret = Secret(SEED, ENTROPY, Derivation(compute_public_key(bytes(32)), 7))
    info = keys.add_devnet("alice", HOTKEY, "secret", secret)
    edit(info.path, name, value)
    with pytest.raises(KeyDamaged):
        keys.load("alice", HOTKEY, "secret")


def test_a_file_asks_for_no_more_memory_than_there_is(
    keys: Keystore, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object, **__: object) -> bytes:
        raise SodiumError

    info = keys.create_devnet("alice", HOTKEY, "secret")
    monkeypatch.setattr("storage.keys.keyfile.argon2id.kdf", fail)
    with pytest.raises(StretchFailed, match="MiB"):
        keys.load("alice", HOTKEY, "secret")
    assert info.path.exists()


def test_a_password_is_changed_in_one_step(keys: Keystore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("storage.keys.keystore.MODERATE", CHEAP)
    parent = Derivation(compute_public_key(SEED), 7)
    keys.add("alice", HOTKEY, "old", Secret(SEED, ENTROPY, parent))
    key = keys.load("alice", HOTKEY, "old")
    with pytest.raises(WeakPassword):
        keys.reseal(key, "")
    keys.reseal(key, "new")
    assert keys.load("alice", HOTKEY, "new") == key
    with pytest.raises(WrongPassword):
        keys.load("alice", HOTKEY, "old")
    assert key.info.path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(keys.folder) == ["alice.json"]


def test_a_full_disk_leaves_the_old_password(keys: Keystore, monkeypatch: pytest.MonkeyPatch):
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("storage.keys.keystore.MODERATE", CHEAP)
    keys.create("alice", HOTKEY, "old", SEED)
    key = keys.load("alice", HOTKEY, "old")
    monkeypatch.setattr("storage.keys.private.os.fsync", fail)
    with pytest.raises(StorageFull):
        keys.reseal(key, "new")
    with pytest.raises(StorageFull):
        keys.create("bob", HOTKEY, "old")
    assert keys.load("alice", HOTKEY, "old") == key
    assert os.listdir(keys.folder) == ["alice.json"]


def test_a_toy_becomes_a_real_key_with_its_first_password(
    keys: Keystore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("storage.keys.keystore.MODERATE", CHEAP)
    keys.create_devnet("alice", HOTKEY, seed=SEED)
    assert not keys.reseal(keys.load("alice", HOTKEY, ""), "secret").is_insecure


def test_an_exported_file_opens_under_any_name_and_mode(keys: Keystore, tmp_path: Path):
    keys.create_devnet("alice", HOTKEY, "secret", SEED)
    copy = tmp_path / "Copy of Alice.json"
    keys.export("alice", copy)
    assert copy.stat().st_mode & 0o777 == 0o600
    copy.chmod(0o644)
    opened = open_carried(copy, "secret")
    assert (opened.seed, opened.info.name, opened.info.kind) == (SEED, "alice", HOTKEY)
    with pytest.raises(WrongPassword):
        open_carried(copy, "")
    with pytest.raises(KeyExists):
        keys.export("alice", copy)
    with pytest.raises(StorageFailed):
        open_carried(tmp_path, "secret")
    copy.write_text("{}")
    with pytest.raises(KeyDamaged):
        open_carried(copy, "secret")


def test_a_removed_key_is_gone_and_nothing_else(keys: Keystore):
    keys.create_devnet("alice", HOTKEY)
    bob = keys.create_devnet("bob", HOTKEY)
    bob.path.write_text("damaged")
    keys.remove("bob")
    assert os.listdir(keys.folder) == ["alice.json"]
    with pytest.raises(KeyMissing):
        keys.remove("bob")


def test_a_list_shows_good_keys_although_others_are_damaged(keys: Keystore):
    assert keys.list().keys == ()
    alice = keys.create_devnet("alice", HOTKEY)
    keys.create_devnet("bob", HOTKEY).path.write_text("{}")
    keys.create_devnet("carol", HOTKEY).path.chmod(0o644)
    (keys.folder / "notes.txt").write_text("mine")
    (keys.folder / ".alice.json.0123").write_text("left by a crash")
    listing = keys.list()
    assert listing.keys == (alice,)
    assert [type(error) for error in listing.damaged] == [KeyDamaged, KeyExposed]
    assert keys.names() == ("alice", "bob", "carol")
