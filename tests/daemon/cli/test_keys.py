"""What verbs build on: names to addresses, addresses to signers."""

from dataclasses import replace
from pathlib import Path

import pytest

from config.address import AddressError, format_address
from config.sections.keys import KeysSettings
from consensus import crypto
from consensus.quantities import PublicKey
from daemon.cli.keys import find_key, find_keys, open_signer, resolve_address
from daemon.cli.options import Common
from daemon.cli.output import CliError
from storage.errors import KeyExposed, WrongPassword
from storage.keys.keystore import KeyKind, Keystore

SEED = bytes(range(32))
PUBLIC = crypto.compute_public_key(SEED)


@pytest.fixture
def keys(tmp_path: Path) -> KeysSettings:
    store = Keystore(tmp_path / "keys")
    store.create_devnet("alice", KeyKind.COLDKEY, "secret", SEED)
    store.create_devnet("miner", KeyKind.HOTKEY, seed=bytes(32))
    password = tmp_path / "password"
    password.write_text("secret\n")
    return KeysSettings(keystore=store.folder, password_file=password)


def code(error: pytest.ExceptionInfo[CliError]) -> str:
    return error.value.code


def test_an_address_argument_is_an_address_or_a_name(keys: KeysSettings):
    assert resolve_address("alice", keys.keystore) == PUBLIC
    assert resolve_address(format_address(PUBLIC), keys.keystore) == PUBLIC
    stranger = PublicKey(bytes(31) + b"\1")
    assert resolve_address(format_address(stranger), keys.keystore) == stranger
    assert resolve_address(format_address(PUBLIC), Path("nowhere")) == PUBLIC


@pytest.mark.parametrize("text", ["alicia", "", "Alice", "../alice", "5F", "a" * 32])
def test_what_is_neither_is_named_with_a_hint(keys: KeysSettings, text: str):
    with pytest.raises(CliError) as caught:
        resolve_address(text, keys.keystore)
    assert code(caught) == "unknown_address"
    assert ("'alice'" in caught.value.remedy) == (text in ("alicia", "Alice", "../alice"))


def test_a_mistyped_address_is_told_from_an_unknown_name(keys: KeysSettings):
    address = format_address(PUBLIC)
    with pytest.raises(AddressError, match="mistyped"):
        resolve_address(address[:-1] + ("1" if address[-1] != "1" else "2"), keys.keystore)


def test_a_name_whose_file_others_may_have_changed_is_no_address(keys: KeysSettings):
    (keys.keystore / "alice.json").chmod(0o666)
    with pytest.raises(KeyExposed):
        resolve_address("alice", keys.keystore)


@pytest.mark.parametrize("name", ["alice", format_address(PUBLIC), None])
def test_a_signer_is_opened_by_name_by_address_or_as_the_only_one(
    keys: KeysSettings, name: str | None
):
    signer = open_signer(name, keys, KeyKind.COLDKEY)
    assert (signer.name, signer.kind, signer.public_key) == ("alice", KeyKind.COLDKEY, PUBLIC)
    assert signer.address == format_address(PUBLIC)
    assert crypto.is_signed(PUBLIC, b"x", crypto.sign(signer.key, b"x"))
    assert SEED.hex() not in repr(signer)
    assert repr(SEED) not in repr(signer)


def test_a_toy_without_a_password_opens_without_being_asked(keys: KeysSettings):
    signer = open_signer("miner", replace(keys, password_file=None))
    assert signer.kind is KeyKind.HOTKEY


@pytest.mark.parametrize(
    ("name", "kinds", "wanted"),
    [
        ("nobody", (), "key_missing"),
        (format_address(PublicKey(bytes(32))), (), "key_missing"),
        ("miner", (KeyKind.COLDKEY,), "wrong_kind"),
        (None, (KeyKind.CONSENSUS,), "key_missing"),
        (None, (KeyKind.COLDKEY, KeyKind.HOTKEY), "which_key"),
        (None, (), "which_key"),
    ],
)
def test_the_key_that_is_not_there_or_not_clear_is_a_typed_error(
    keys: KeysSettings, name: str | None, kinds: tuple[KeyKind, ...], wanted: str
):
    with pytest.raises(CliError) as caught:
        find_key(name, keys.keystore, *kinds)
    assert code(caught) == wanted
    assert caught.value.remedy


def test_a_wrong_or_missing_password_opens_no_signer(keys: KeysSettings, tmp_path: Path):
    (tmp_path / "wrong").write_text("wrong\n")
    with pytest.raises(WrongPassword):
        open_signer("alice", replace(keys, password_file=tmp_path / "wrong"))
    with pytest.raises(CliError) as caught:
        open_signer("alice", replace(keys, password_file=None))
    assert code(caught) == "no_password"


def test_flags_win_over_settings_and_settings_over_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("NEUROND_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert find_keys(Common()).keystore == tmp_path / "home" / ".neurond" / "keys"
    settings = ("keys.keystore=mine",)
    assert find_keys(Common(settings=settings)).keystore == tmp_path / "mine"
    given = find_keys(
        Common(settings=settings, keystore=Path("other"), password_file=Path("password"))
    )
    assert given.keystore == tmp_path / "other"
    assert given.password_file == Path("password")
