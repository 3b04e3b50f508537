"""`neurond wallet` import, export and change-password: keys on their way."""

import io
import json
from pathlib import Path

import pytest

from daemon.cli.output import Exit
from storage.keys.keyfile import Secret
from storage.keys.keystore import KeyKind, Keystore
from tests.daemon.conftest import Wallet

SUBSTRATE = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
ABOUT = "abandon " * 11 + "about"


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_words_restore_the_coldkey_and_its_hotkeys(wallet: Wallet, tmp_path: Path):
    made = wallet.create("alice", "--hotkey", "one", "--hotkey", "two")
    for name in wallet.names():
        wallet.run("remove", name, "--yes")
    words = write(tmp_path / "words", made["mnemonic"])
    options = ("--mnemonic-file", words, "--hotkey", "one", "--hotkey", "two")
    assert wallet.ask("import", "alice", *options)["keys"] == made["keys"]


def test_the_address_of_words_is_that_of_substrate_s_ed25519(wallet: Wallet, tmp_path: Path):
    words = write(tmp_path / "words", SUBSTRATE)
    (key,) = wallet.ask("import", "dev", "--mnemonic-file", words)["keys"]
    seed = "fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e"
    assert wallet.ask("export", "dev", "--as", "seed", "--yes")["secret"] == seed
    assert wallet.ask("export", "dev", "--yes")["secret"] == SUBSTRATE
    assert key["words"] == 12


@pytest.mark.parametrize("text", ["11" * 32, "0x" + "11" * 32 + "\n", "AB" * 32])
def test_a_seed_restores_a_key_of_any_kind(wallet: Wallet, tmp_path: Path, text: str):
    file = write(tmp_path / "seed", text)
    (key,) = wallet.ask("import", "it", "--seed-file", file, "--kind", "consensus")["keys"]
    assert (key["kind"], key["words"]) == ("consensus", 0)
    exported = wallet.ask("export", "it", "--yes")["secret"]
    assert exported == text.strip().removeprefix("0x").lower()


def test_a_secret_comes_through_stdin(wallet: Wallet, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(ABOUT + "\n"))
    (key,) = wallet.ask("import", "alice", "--mnemonic-file", "-")["keys"]
    assert key["words"] == 12


@pytest.mark.parametrize(
    ("option", "text", "code"),
    [
        ("--mnemonic-file", ABOUT.replace("about", "abuot"), "unknown_word"),
        ("--mnemonic-file", "abandon " * 12, "words_checksum"),
        ("--mnemonic-file", "abandon " * 13, "words_count"),
        ("--mnemonic-file", "", "words_count"),
        ("--mnemonic-file", "11" * 32, "unknown_word"),
        ("--seed-file", ABOUT, "bad_seed"),
        ("--seed-file", "11" * 31, "bad_seed"),
        ("--seed-file", "", "bad_seed"),
        ("--file", "{}", "key_damaged"),
        ("--file", "", "key_damaged"),
        ("--file", "x" * 100_000, "key_damaged"),
        ("--file", '{"ss58Address": "5F", "secretSeed": "0x"}', "key_damaged"),
    ],
)
def test_what_is_no_secret_is_refused_and_nothing_written(
    wallet: Wallet, tmp_path: Path, option: str, text: str, code: str
):
    file = write(tmp_path / "secret", text)
    assert wallet.fail("import", "alice", option, file) == (Exit.KEY, code)
    assert wallet.names() == []


@pytest.mark.parametrize("option", ["--mnemonic-file", "--seed-file", "--file"])
def test_a_secret_s_file_that_can_t_be_read_is_an_error(
    wallet: Wallet, tmp_path: Path, option: str
):
    for path in (tmp_path / "nowhere", tmp_path):
        assert wallet.fail("import", "alice", option, str(path)) == (Exit.KEY, "unreadable")
    if option != "--file":
        (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
        assert wallet.fail("import", "a", option, str(tmp_path / "bytes")) == (
            Exit.KEY,
            "unreadable",
        )


def test_without_a_file_and_a_terminal_nothing_is_asked(wallet: Wallet):
    assert wallet.fail("import", "alice") == (Exit.KEY, "no_secret")


def test_an_import_replaces_no_key_and_doubles_none(wallet: Wallet, tmp_path: Path):
    made = wallet.create("alice")
    words = write(tmp_path / "words", made["mnemonic"])
    other = write(tmp_path / "other", ABOUT)
    exists, known = (Exit.KEY, "key_exists"), (Exit.KEY, "key_known")
    assert wallet.fail("import", "alice", "--mnemonic-file", other) == exists
    assert wallet.fail("import", "again", "--mnemonic-file", words) == known
    assert wallet.ask("list")["keys"] == made["keys"]


@pytest.mark.parametrize(
    "options",
    [
        ("--mnemonic-file", "a", "--seed-file", "b"),
        ("--seed-file", "b", "--file", "c"),
        ("--seed-file", "b", "--hotkey", "h"),
        ("--file", "c", "--hotkey", "h"),
        ("--mnemonic-file", "a", "--kind", "hotkey", "--hotkey", "h"),
    ],
)
def test_an_import_that_contradicts_itself_is_wrong_usage(wallet: Wallet, options: tuple[str, ...]):
    assert wallet.fail("import", "alice", *options) == (Exit.USAGE, "usage")


def test_an_exported_file_is_imported_elsewhere_under_another_name(wallet: Wallet, tmp_path: Path):
    cold, hot = wallet.create("alice")["keys"]
    for name in ("alice", "alice-hotkey"):
        target = str(tmp_path / f"{name}.copy")
        assert wallet.ask("export", name, "--as", "file", "--to", target, "--yes")["file"] == target
    there = ("--keystore", str(tmp_path / "there"))
    (first,) = wallet.ask("import", "bob", "--file", str(tmp_path / "alice.copy"), *there)["keys"]
    source = ("--file", str(tmp_path / "alice-hotkey.copy"))
    (second,) = wallet.ask("import", "hot", *source, *there)["keys"]
    assert (first["address"], first["words"]) == (cold["address"], 12)
    assert (second["address"], second["coldkey"]) == (hot["address"], cold["address"])
    wrong = ("import", "x", *source, "--kind", "coldkey", *there)
    assert wallet.fail(*wrong) == (Exit.KEY, "wrong_kind")
    wallet.password.write_text("wrong\n")
    assert wallet.fail("import", "x", *source, *there) == (Exit.KEY, "wrong_password")


def test_a_file_without_a_password_is_imported_after_a_yes(wallet: Wallet, tmp_path: Path):
    Keystore(tmp_path).create_devnet("toy", KeyKind.HOTKEY)
    source = ("import", "toy", "--file", str(tmp_path / "toy.json"))
    assert wallet.fail(*source) == (Exit.DECLINED, "declined")
    assert wallet.ask(*source, "--yes")["keys"][0]["encrypted"] is False


def test_words_that_somebody_put_into_a_file_of_another_key_are_refused(
    wallet: Wallet, tmp_path: Path
):
    forged = Secret(bytes(32), bytes(16))
    Keystore(tmp_path).add_devnet("forged", KeyKind.COLDKEY, "correct horse", forged)
    source = ("import", "x", "--file", str(tmp_path / "forged.json"))
    assert wallet.fail(*source) == (Exit.KEY, "words_differ")


def test_an_export_needs_a_yes(wallet: Wallet, tmp_path: Path):
    made = wallet.create("alice")
    target = tmp_path / "out"
    for options in ((), ("--as", "seed"), ("--to", str(target))):
        code, out, err = wallet.run("export", "alice", *options)
        assert code == Exit.DECLINED
        assert made["mnemonic"] not in out + err
    assert not target.exists()


def test_an_export_goes_to_a_new_file_for_its_owner(wallet: Wallet, tmp_path: Path):
    made = wallet.create("alice")
    target = tmp_path / "out"
    shown = wallet.ask("export", "alice", "--to", str(target), "--yes")
    assert (shown["form"], shown["secret"], shown["file"]) == ("words", None, str(target))
    assert target.read_text() == made["mnemonic"] + "\n"
    assert target.stat().st_mode & 0o777 == 0o600
    again = ("export", "alice", "--to", str(target), "--yes")
    assert wallet.fail(*again) == (Exit.FAILED, "exists")
    assert wallet.fail("export", "alice", "--as", "file", "--yes") == (Exit.USAGE, "usage")


def test_a_wrong_password_opens_nothing(wallet: Wallet, tmp_path: Path):
    wallet.create("alice")
    wrong = write(tmp_path / "wrong", "wrong\n")
    for verb in (("export", "alice", "--yes"), ("sign", "alice", "-m", "x")):
        assert wallet.fail(*verb, "--password-file", wrong) == (Exit.KEY, "wrong_password")


# -- change-password -------------------------------------------------------------------------------


def test_a_new_password_opens_all_keys_and_the_old_one_none(wallet: Wallet, tmp_path: Path):
    made = wallet.create("alice")
    new = write(tmp_path / "new", "better\n")
    code, out, err = wallet.run("change-password", "--all", "--new-password-file", new)
    assert code == Exit.OK
    assert "alice, alice-hotkey" in out
    assert str(wallet.password) in err
    assert wallet.fail("sign", "alice", "-m", "x") == (Exit.KEY, "wrong_password")
    opened = wallet.ask("export", "alice", "--yes", "--password-file", new)
    assert opened["secret"] == made["mnemonic"]
    assert wallet.ask("list")["keys"] == made["keys"]


def test_a_change_that_was_interrupted_is_finished_by_another(wallet: Wallet, tmp_path: Path):
    wallet.create("alice")
    new = ("--new-password-file", write(tmp_path / "new", "better\n"))
    assert wallet.ask("change-password", "alice", *new)["changed"] == ["alice"]
    assert wallet.ask("change-password", "--all", *new) == {
        "changed": ["alice-hotkey"],
        "unchanged": ["alice"],
    }


def test_one_key_with_a_third_password_keeps_all_others_as_they_are(wallet: Wallet, tmp_path: Path):
    wallet.create("alice")
    third = write(tmp_path / "third", "third\n")
    wallet.create("bob", "--password-file", third)
    before = {path: path.read_bytes() for path in wallet.keys.iterdir()}
    new = write(tmp_path / "new", "better\n")
    assert wallet.fail("change-password", "--all", "--new-password-file", new) == (
        Exit.KEY,
        "wrong_password",
    )
    assert before == {path: path.read_bytes() for path in wallet.keys.iterdir()}


def test_a_toy_gets_a_password(wallet: Wallet, tmp_path: Path):
    Keystore(wallet.keys).create_devnet("toy", KeyKind.HOTKEY)
    assert wallet.ask("change-password", "toy", "--new-password-file", str(wallet.password)) == {
        "changed": ["toy"],
        "unchanged": [],
    }
    assert wallet.ask("show", "toy")["encrypted"] is True


def test_a_change_without_terminal_or_file_or_name_is_an_error(wallet: Wallet, tmp_path: Path):
    assert wallet.fail("change-password", "--all") == (Exit.KEY, "key_missing")
    wallet.create("alice")
    code, out, _ = wallet.run("change-password", "alice", "--json")
    error = json.loads(out)["error"]
    assert (code, error["code"]) == (Exit.KEY, "no_password")
    assert "--new-password-file" in error["remedy"]
    assert wallet.fail("change-password") == (Exit.USAGE, "usage")
    assert wallet.fail("change-password", "alice", "--all") == (Exit.USAGE, "usage")
    empty = write(tmp_path / "empty", "\n")
    assert wallet.fail("change-password", "alice", "--new-password-file", empty) == (
        Exit.KEY,
        "no_password",
    )
