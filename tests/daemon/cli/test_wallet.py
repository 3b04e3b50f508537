"""`neurond wallet` create, new-hotkey, list, show and remove."""

import errno
import json
import os
import re
from pathlib import Path

import pytest

from daemon.cli.output import Exit
from storage.errors import KeyFileError
from tests.daemon.conftest import Wallet

ROOT = Path(__file__).parents[3]
TOY = ("--set", "keys.insecure_devnet=true")


def test_a_wallet_is_a_coldkey_and_a_hotkey_under_one_set_of_words(wallet: Wallet):
    made = wallet.create("alice")
    cold, hot = made["keys"]
    assert (cold["name"], cold["kind"], cold["words"]) == ("alice", "coldkey", 12)
    assert (hot["name"], hot["kind"], hot["words"]) == ("alice-hotkey", "hotkey", 0)
    assert (hot["coldkey"], hot["hotkey_index"]) == (cold["address"], 0)
    assert len(made["mnemonic"].split()) == 12
    assert cold["address"].startswith("5")
    assert wallet.ask("list")["keys"] == [cold, hot]


def test_files_are_encrypted_and_their_owner_s_alone(wallet: Wallet):
    made = wallet.create("alice")
    secret = wallet.ask("export", "alice", "--as", "seed", "--yes")["secret"]
    for file in wallet.keys.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
        text = file.read_text()
        assert secret not in text
        assert made["mnemonic"].split()[0] not in json.loads(text).values()
    (wallet.keys / "alice.json").chmod(0o644)
    assert wallet.fail("show", "alice") == (Exit.KEY, "key_exposed")
    (listed,) = wallet.ask("list")["damaged"]
    assert "chmod 600" in listed["remedy"]


def test_a_wallet_has_the_hotkeys_it_was_asked_for_in_their_order(wallet: Wallet):
    made = wallet.create("alice", "--hotkey", "miner", "--hotkey", "judge", "--words", "24")
    assert [(key["name"], key["hotkey_index"]) for key in made["keys"][1:]] == [
        ("miner", 0),
        ("judge", 1),
    ]
    assert len(made["mnemonic"].split()) == 24
    assert len({key["address"] for key in made["keys"]}) == 3


def test_words_go_into_no_pipe_without_a_yes(wallet: Wallet):
    code, out, err = wallet.run("create", "alice")
    assert code == Exit.DECLINED
    assert out == ""
    assert "--mnemonic-file" in err
    assert wallet.names() == []


def test_words_go_into_a_file_of_their_own(wallet: Wallet, tmp_path: Path):
    file = tmp_path / "words"
    code, out, err = wallet.run("create", "alice", "--mnemonic-file", str(file))
    assert code == Exit.OK
    words = file.read_text().strip()
    assert len(words.split()) == 12
    assert file.stat().st_mode & 0o777 == 0o600
    assert words not in out + err
    assert wallet.fail("create", "bob", "--mnemonic-file", str(file)) == (Exit.FAILED, "exists")
    assert wallet.fail("create", "bob", "--mnemonic-file", "-") == (Exit.USAGE, "usage")
    nowhere = str(tmp_path / "nowhere" / "words")
    assert wallet.fail("create", "bob", "--mnemonic-file", nowhere) == (Exit.FAILED, "unwritable")
    assert wallet.names() == ["alice", "alice-hotkey"]


def test_words_can_be_kept_from_every_eye_and_exported_later(wallet: Wallet):
    made = wallet.create("alice", "--no-mnemonic-echo")
    assert made["mnemonic"] is None
    assert len(wallet.ask("export", "alice", "--yes")["secret"].split()) == 12


def test_nothing_is_left_of_a_wallet_that_could_not_be_made_whole(
    wallet: Wallet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    wallet.create("bob", "--hotkey", "taken")
    words = str(tmp_path / "words")
    for names in (("taken",), ("a", "a"), ("alice",), ("Bad",)):
        options = [part for name in names for part in ("--hotkey", name)]
        code, _ = wallet.fail("create", "alice", *options, "--mnemonic-file", words)
        assert code in (Exit.KEY, Exit.USAGE)
    link = os.link

    def fail_at_the_second(source: Path, target: Path) -> None:
        if target.name != "alice.json":
            raise OSError(errno.ENOSPC, "no space")
        link(source, target)

    monkeypatch.setattr("storage.keys.private.os.link", fail_at_the_second)
    assert wallet.fail("create", "alice", "--mnemonic-file", words) == (Exit.DATA, "storage_full")
    assert wallet.names() == ["bob", "taken"]
    assert not Path(words).exists()


def test_a_key_is_never_replaced(wallet: Wallet):
    before = wallet.create("alice")["keys"]
    for verb in ("create", "new-hotkey"):
        assert wallet.fail(verb, "alice", "--yes") == (Exit.KEY, "key_exists")
    assert wallet.ask("list")["keys"] == before


@pytest.mark.parametrize("kind", ["consensus", "node", "beacon"])
def test_a_machine_s_key_has_no_words(wallet: Wallet, kind: str):
    (key,) = wallet.ask("create", "it", "--kind", kind)["keys"]
    assert (key["kind"], key["words"]) == (kind, 0)
    assert (key["peer_id"] or "").startswith("12D3KooW") == (kind == "node")
    assert wallet.fail("export", "it", "--as", "words", "--yes") == (Exit.KEY, "no_words")
    assert wallet.fail("create", "b", "--kind", kind, "--hotkey", "c") == (Exit.USAGE, "usage")


def test_a_key_without_a_password_needs_a_yes_and_says_so(
    wallet: Wallet, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("NEUROND_PASSWORD_FILE")
    assert wallet.fail("create", "toy", "--no-mnemonic-echo", *TOY) == (Exit.DECLINED, "declined")
    key = wallet.create("toy", *TOY)["keys"][0]
    assert (key["encrypted"], key["insecure_devnet"]) == (False, True)
    assert "no protection" in wallet.run("list")[1]
    assert wallet.ask("sign", "toy", "--message", "x")["name"] == "toy"


def test_no_password_and_no_terminal_is_an_error_before_anything_is_written(
    wallet: Wallet, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("NEUROND_PASSWORD_FILE")
    assert wallet.fail("create", "alice", "--yes") == (Exit.KEY, "no_password")
    assert not wallet.keys.exists()


def test_an_empty_password_file_is_refused(wallet: Wallet):
    wallet.password.write_text("\nsecond line\n")
    assert wallet.fail("create", "alice", "--yes") == (Exit.KEY, "no_password")


@pytest.mark.parametrize("name", ["../x", "Alice", "a b", "", "x" * 30])
def test_a_bad_key_name_is_refused(wallet: Wallet, name: str):
    assert wallet.fail("create", name, "--yes") == (Exit.KEY, "bad_key_name")


def test_the_next_hotkey_of_a_coldkey_s_words_has_the_next_number(wallet: Wallet):
    wallet.create("alice")
    (second,) = wallet.ask("new-hotkey", "second", "--coldkey", "alice")["keys"]
    assert second["hotkey_index"] == 1
    (far,) = wallet.ask("new-hotkey", "far", "--coldkey", "alice", "--index", "7")["keys"]
    (next_one,) = wallet.ask("new-hotkey", "next", "--coldkey", "alice")["keys"]
    assert (far["hotkey_index"], next_one["hotkey_index"]) == (7, 8)
    again = ("new-hotkey", "again", "--coldkey", "alice", "--index", "1")
    assert wallet.fail(*again) == (Exit.KEY, "key_known")
    wallet.run("remove", "second", "--yes")
    (restored,) = wallet.ask(*again)["keys"]
    assert restored["address"] == second["address"]
    assert "the words of alice, as hotkey 1" in wallet.run("show", "again")[1]


def test_a_hotkey_s_file_does_not_hold_the_coldkey_s_words(wallet: Wallet):
    wallet.create("alice")
    assert wallet.fail("export", "alice-hotkey", "--as", "words", "--yes") == (
        Exit.KEY,
        "no_words",
    )
    seed = wallet.ask("export", "alice-hotkey", "--yes")["secret"]
    assert seed != wallet.ask("export", "alice", "--as", "seed", "--yes")["secret"]


def test_a_hotkey_without_a_coldkey_has_words_of_its_own(wallet: Wallet):
    made = wallet.ask("new-hotkey", "lone", "--yes")
    assert (made["keys"][0]["words"], made["keys"][0]["coldkey"]) == (12, None)
    assert wallet.ask("export", "lone", "--yes")["secret"] == made["mnemonic"]
    assert wallet.fail("new-hotkey", "x", "--index", "1") == (Exit.USAGE, "usage")
    assert wallet.fail("new-hotkey", "x", "--coldkey", "lone") == (Exit.KEY, "wrong_kind")


def test_a_coldkey_without_words_restores_no_hotkey(wallet: Wallet, tmp_path: Path):
    (tmp_path / "seed").write_text("11" * 32)
    wallet.ask("import", "cold", "--seed-file", str(tmp_path / "seed"))
    assert wallet.fail("new-hotkey", "x", "--coldkey", "cold") == (Exit.KEY, "no_words")


def test_a_key_is_shown_by_its_name_or_its_address(wallet: Wallet):
    key = wallet.create("alice")["keys"][0]
    assert wallet.ask("show", "alice") == key
    assert wallet.ask("show", key["address"]) == key
    assert key["address"] in wallet.run("show", "alice")[1]
    assert wallet.fail("show", "alicia") == (Exit.KEY, "key_missing")
    assert "Did you mean 'alice'" in wallet.run("show", "alicia")[2]


def test_an_empty_keystore_says_where_it_looked(wallet: Wallet):
    assert wallet.ask("list") == {"folder": str(wallet.keys), "keys": [], "damaged": []}
    code, out, err = wallet.run("list")
    assert (code, out) == (Exit.OK, "")
    assert str(wallet.keys) in err


def test_the_folder_of_keys_follows_flag_and_settings(wallet: Wallet, tmp_path: Path):
    (tmp_path / "node.toml").write_text("[keys]\nkeystore = 'mine'\n")
    config = ("--config", str(tmp_path / "node.toml"))
    assert wallet.ask("list", *config)["folder"] == str(tmp_path / "mine")
    wallet.create("alice", *config)
    assert (tmp_path / "mine" / "alice.json").exists()
    other = ("--keystore", str(tmp_path / "other"))
    assert wallet.ask("list", *config, *other)["keys"] == []
    assert wallet.ask("list", "--keystore", "~/far")["folder"] == str(wallet.home / "far")
    file = ("--keystore", str(tmp_path / "node.toml"))
    assert wallet.run("list", *file)[0] == Exit.USAGE


def test_a_removed_key_is_gone_and_no_other(wallet: Wallet):
    wallet.create("alice")
    assert wallet.fail("remove", "alice") == (Exit.DECLINED, "declined")
    assert wallet.names() == ["alice", "alice-hotkey"]
    assert wallet.ask("remove", "alice", "--yes")["removed"] == "alice"
    assert wallet.names() == ["alice-hotkey"]
    assert wallet.fail("remove", "alice", "--yes") == (Exit.KEY, "key_missing")


def test_a_damaged_key_file_is_listed_as_such_and_can_be_removed(wallet: Wallet):
    wallet.create("alice")
    (wallet.keys / "alice.json").write_text("{}")
    listed = wallet.ask("list")
    assert [key["name"] for key in listed["keys"]] == ["alice-hotkey"]
    assert listed["damaged"][0]["file"] == str(wallet.keys / "alice.json")
    assert wallet.fail("show", "alice") == (Exit.KEY, "key_damaged")
    assert wallet.ask("remove", "alice", "--yes")["removed"] == "alice"


def test_removing_a_key_that_the_settings_name_says_so(wallet: Wallet, tmp_path: Path):
    (tmp_path / "node.toml").write_text("[neuron]\nhotkey = 'alice-hotkey'\n")
    config = ("--config", str(tmp_path / "node.toml"))
    wallet.create("alice", *config)
    assert "neuron.hotkey" in wallet.run("remove", "alice-hotkey", *config)[2]


@pytest.mark.slow  # stretching a password takes its time on purpose
def test_a_real_wallet_is_stretched_at_full_cost(wallet: Wallet, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    monkeypatch.setenv("HOME", str(wallet.home))
    wallet.create("alice", "--password-file", str(wallet.password))
    fields = json.loads((wallet.keys / "alice.json").read_text())
    assert (fields["kdf_ops"], fields["kdf_memory_bytes"]) == (3, 256 << 20)


def test_every_error_code_of_keys_is_documented():
    sources = [*(ROOT / "daemon" / "cli" / "wallet").glob("*.py"), ROOT / "daemon/cli/keys.py"]
    text = "\n".join(path.read_text() for path in sources)
    raised = set(re.findall(r'CliError\(\s*Exit\.\w+,\s*"(\w+)"', text)) - {"usage"}
    assert len(raised) > 15
    classes = {describe(error) for error in KeyFileError.__subclasses__()}
    section = (ROOT / "docs" / "errors.md").read_text().split("## Keys\n")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert raised | classes <= set(listed)
    assert set(listed) - raised - classes <= {"bad_address"}


def describe(error: type[Exception]) -> str:
    """Return the code that an error class has on the command line."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", error.__name__).lower()
