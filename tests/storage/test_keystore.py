import json
import os
from pathlib import Path
from typing import Any

import pytest

from consensus.crypto import compute_public_key
from storage.errors import (
    BadKeyName,
    KeyDamaged,
    KeyExists,
    KeyExposed,
    KeyFileError,
    KeyMissing,
    StorageFailed,
    WeakPassword,
    WrongKind,
    WrongPassword,
)
from storage.keystore import MODERATE, KeyKind, Keystore, _compute_checksum  # pyright: ignore[reportPrivateUsage]

SEED = bytes(range(32))
HOTKEY = KeyKind.HOTKEY


@pytest.fixture
def keys(tmp_path: Path) -> Keystore:
    return Keystore(tmp_path / "keys")


def edit(path: Path, name: str, value: object) -> None:
    """Set a field of a key file (None drops it) and its checksum, as somebody with a plan would."""
    fields: dict[str, Any] = json.loads(path.read_text())
    fields[name] = value
    if value is None:
        del fields[name]
    fields["checksum"] = _compute_checksum(fields)
    path.write_text(json.dumps(fields))


@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_key_comes_back_with_its_password(keys: Keystore, kind: KeyKind):
    info = keys.create_devnet("alice", kind, "secret", SEED)
    loaded = keys.load("alice", kind, "secret")
    assert (loaded.seed, loaded.info) == (SEED, info)
    assert info.public_key == compute_public_key(SEED)
    assert (info.name, info.kind, info.is_insecure) == ("alice", kind, True)


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
        ("version", 2),
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
