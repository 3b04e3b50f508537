"""`neurond wallet` sign and verify: messages that no protocol takes for its own."""

import io
import re
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from consensus import crypto
from consensus.quantities import Amount, Era, Hash32, NetUid, Signature, View
from consensus.types import VoteKind
from daemon.cli.output import Exit
from daemon.cli.wallet.signing import PERSON, compute_message_hash
from tests.daemon.conftest import Wallet

ROOT = Path(__file__).parents[3]
ROOMS = ("consensus", "config", "storage", "p2p", "neurons", "daemon")


def test_a_signature_is_valid_for_its_message_and_its_address_alone(wallet: Wallet):
    cold, hot = wallet.create("alice")["keys"]
    signed = wallet.ask("sign", "alice", "--message", "I am alice")
    assert signed["address"] == cold["address"]
    given = signed["signature"]
    for who in ("alice", cold["address"]):
        assert wallet.ask("verify", who, given, "--message", "I am alice")["valid"] is True
        assert wallet.ask("verify", who, "0x" + given.upper(), "-m", "I am alice")["valid"]
    bad = (Exit.FAILED, "bad_signature")
    assert wallet.fail("verify", "alice", given, "--message", "I am alice ") == bad
    assert wallet.fail("verify", hot["address"], given, "--message", "I am alice") == bad
    assert wallet.fail("verify", "alice", "00" * 64, "--message", "I am alice") == bad


def test_people_read_which_it_is(wallet: Wallet):
    address = wallet.create("alice")["keys"][0]["address"]
    given = wallet.ask("sign", "alice", "-m", "x")["signature"]
    code, out, _ = wallet.run("verify", "alice", given, "-m", "x")
    assert (code, out) == (Exit.OK, f"valid: {address} signed this message.\n")
    code, out, err = wallet.run("verify", "alice", given, "-m", "y")
    assert (code, out) == (Exit.FAILED, "")
    assert f"NOT valid: {address}" in err


def test_a_file_and_stdin_are_signed_as_their_bytes_are(
    wallet: Wallet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    wallet.create("alice")
    file = tmp_path / "contract"
    file.write_bytes(bytes(range(256)) * 10_000)
    given = wallet.ask("sign", "alice", "--file", str(file))["signature"]
    assert wallet.ask("verify", "alice", given, "--file", str(file))["valid"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    assert wallet.ask("verify", "alice", given, "--file", "-")["valid"]
    file.write_text("grüß")
    given = wallet.ask("sign", "alice", "--file", str(file))["signature"]
    assert wallet.ask("verify", "alice", given, "--message", "grüß")["valid"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("sign", "alice"), "usage"),
        (("sign", "alice", "-m", "x", "-f", "y"), "usage"),
        (("verify", "alice", "00" * 64), "usage"),
        (("verify", "alice", "zz", "-m", "x"), "usage"),
        (("verify", "alice", "00" * 63, "-m", "x"), "usage"),
        (("verify", "alicia", "00" * 64, "-m", "x"), "unknown_address"),
        (
            ("verify", "5Gmp1LHh81mEqwCDPP7ug46TTMXYo3ZuwVHTeNhP1Gp2jLKW", "00" * 64, "-m", "x"),
            "bad_address",
        ),
    ],
)
def test_what_can_t_be_signed_or_verified_is_wrong_usage(
    wallet: Wallet, arguments: tuple[str, ...], code: str
):
    wallet.create("alice")
    assert wallet.fail(*arguments) == (Exit.USAGE, code)


def test_an_argument_that_is_no_text_is_signed_as_its_bytes(wallet: Wallet, tmp_path: Path):
    wallet.create("alice")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    given = wallet.ask("sign", "alice", "--message", "\udcff\udcfe")["signature"]
    assert wallet.ask("verify", "alice", given, "--file", str(tmp_path / "bytes"))["valid"]


def test_an_unreadable_file_is_an_error(wallet: Wallet, tmp_path: Path):
    wallet.create("alice")
    for path in (tmp_path, tmp_path / "nowhere"):
        assert wallet.fail("sign", "alice", "--file", str(path)) == (Exit.FAILED, "unreadable")


def test_a_beacon_signs_nothing(wallet: Wallet):
    wallet.ask("create", "it", "--kind", "beacon")
    assert wallet.fail("sign", "it", "-m", "x") == (Exit.KEY, "wrong_kind")


def test_a_signed_message_is_no_protocol_message_whatever_its_bytes_are():
    key = SigningKey(bytes(32))
    public_key = crypto.compute_public_key(bytes(32))
    chain = Hash32(bytes(32))
    digest = Hash32(b"\1" * 32)
    for protocol in (
        crypto.vote_message(chain, VoteKind.NOTARIZE, Era(1), View(1), digest),
        crypto.serve_message(chain, NetUid(1), public_key),
        crypto.claim_message(chain, public_key, public_key),
        crypto.consensus_message(chain, public_key, digest),
        crypto.voucher_message(digest, Amount(1), digest),
        crypto.hash32(b"neurond/tx", b"any transaction"),
    ):
        message = compute_message_hash(io.BytesIO(protocol))
        signature = Signature(key.sign(message).signature)
        assert not crypto.is_signed(public_key, protocol, signature)
        assert crypto.is_signed(public_key, message, signature)


def test_no_other_hash_of_the_network_has_the_domain_of_messages():
    sources = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    word = PERSON.decode()
    found = [path.name for path in sources if re.search(rf'"{word}', path.read_text())]
    assert found == ["signing.py"]
    assert len(PERSON) <= 16
