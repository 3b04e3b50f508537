import pytest

from config.address import format_address
from consensus.crypto import compute_public_key
from consensus.quantities import PublicKey
from daemon.cli.output import CliError
from daemon.cli.wallet.words import (
    compute_hotkey_seed,
    compute_seed,
    derive_hard,
    format_words,
    make_entropy,
    parse_words,
)

SUBSTRATE = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
"""The words of Substrate's development keys; what they give in ed25519 is known everywhere."""
ABOUT = "abandon " * 11 + "about"


def address(seed: bytes) -> str:
    return format_address(PublicKey(compute_public_key(seed)))


def test_words_give_the_seed_and_the_addresses_that_substrate_s_tools_show():
    seed = compute_seed(parse_words(SUBSTRATE))
    assert seed.hex() == "fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e"
    alice = derive_hard(seed, b"\x14Alice".ljust(32, b"\0"))
    assert address(alice) == "5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu"
    bob = derive_hard(seed, b"\x0cBob".ljust(32, b"\0"))
    assert address(bob) == "5GoNkf6WdbxCFnPdAnYYQyCjAKPJgLNxXwPjwTh6DGg6gN3E"


def test_a_hotkey_is_the_words_path_hotkey_and_its_number():
    seed = compute_seed(parse_words(SUBSTRATE))
    below = derive_hard(seed, b"\x18hotkey".ljust(32, b"\0"))
    assert compute_hotkey_seed(seed, 1) == derive_hard(below, b"\1".ljust(32, b"\0"))
    assert len({compute_hotkey_seed(seed, index) for index in range(9)} | {seed}) == 10


@pytest.mark.parametrize(
    ("entropy", "words"),
    [
        (bytes(16), ABOUT),
        (
            b"\x7f" * 16,
            "legal winner thank year wave sausage worth useful legal winner thank yellow",
        ),
        (bytes(32), "abandon " * 23 + "art"),
        (b"\xff" * 32, "zoo " * 23 + "vote"),
    ],
)
def test_words_are_those_of_bip_39(entropy: bytes, words: str):
    assert format_words(entropy) == words
    assert parse_words(words) == entropy


@pytest.mark.parametrize("count", [12, 15, 18, 21, 24])
def test_fresh_words_come_back_whatever_their_number(count: int):
    entropy = make_entropy(count)
    words = format_words(entropy)
    assert len(words.split()) == count
    assert parse_words(words) == entropy
    assert make_entropy(count) != entropy


@pytest.mark.parametrize(
    "text",
    [ABOUT.upper(), f"\n {ABOUT.replace(' ', '  ')}\r\n", "aban " * 11 + "abou"],
    ids=["capitals", "blanks", "four letters"],
)
def test_words_are_read_as_people_write_them(text: str):
    assert parse_words(text) == bytes(16)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (ABOUT.replace("about", "abuot"), "unknown_word", ["Word 12", "'abuot'", "about"]),
        ("qqqqqq " + ABOUT, "unknown_word", ["Word 1,", "qqqqqq"]),
        ("", "words_count", ["0 words"]),
        ("abandon " * 11, "words_count", ["11 words"]),
        ("abandon " * 12, "words_checksum", ["checksum"]),
        ("winner legal " + ABOUT.split(maxsplit=2)[2], "words_checksum", ["changed places"]),
        ("a" * 5000, "unknown_word", ["Word 1"]),
        ("\N{GREEK SMALL LETTER ALPHA} " * 12, "unknown_word", ["Word 1"]),
    ],
)
def test_wrong_words_are_told_apart(text: str, code: str, said: list[str]):
    with pytest.raises(CliError) as caught:
        parse_words(text)
    assert caught.value.code == code
    shown = f"{caught.value} {caught.value.remedy}"
    assert all(part in shown for part in said)
    assert len(shown) < 200
