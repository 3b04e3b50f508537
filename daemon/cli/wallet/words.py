"""Words that restore keys: BIP-39 in English, and how a seed comes from them.

The words stand for 16 to 32 bytes of entropy and a checksum. From them:

    seed of the words' own key  = first 32 bytes of PBKDF2-HMAC-SHA512(entropy, "mnemonic", 2048)
    seed of their hotkey number i = hard(hard(seed, "hotkey"), i)
    hard(seed, junction)        = BLAKE2b-256("Ed25519HDKD", seed, junction), SCALE-encoded

which is Substrate's ed25519: `subkey inspect --scheme ed25519 "WORDS//hotkey//0"` shows the same
address. It is not what BIP-39's own seed or a sr25519 key of the same words would be.

Source: BIP-39; substrate-bip39 `mini_secret_from_entropy`; sp-core `ed25519` and `DeriveJunction`.
"""

import difflib
import secrets
from hashlib import blake2b, pbkdf2_hmac

from mnemonic import Mnemonic

from daemon.cli.output import CliError, Exit
from storage.keys.keyfile import ENTROPY_BYTES, SEED_BYTES

ROUNDS = 2_048
"""Of PBKDF2: BIP-39's, weak because the entropy itself can't be guessed."""
_HDKD = b"\x2cEd25519HDKD"
_HOTKEY = b"\x18hotkey".ljust(32, b"\0")
"""SCALE puts four times its length before a short text; a junction fills 32 bytes."""


def make_entropy(words: int) -> bytes:
    """Return fresh entropy for that many words."""
    return secrets.token_bytes(ENTROPY_BYTES[words])


def format_words(entropy: bytes) -> str:
    """Return the words that stand for `entropy`."""
    return _list().to_mnemonic(entropy)


def parse_words(text: str) -> bytes:
    """Return the entropy of words, which may be cut to their first four letters.

    Raises:
        CliError: `words_count`, `unknown_word`, `words_checksum`.
    """
    known = _list()
    words = [known.expand_word(word) for word in text.lower().split()]
    for place, word in enumerate(words, start=1):
        if word not in known.wordlist:
            close = difflib.get_close_matches(word, known.wordlist, n=3)
            hint = f"Did you mean {' or '.join(close)}? " if close else ""
            message = f"Word {place}, {word[:32]!r}, is not in the list of 2048 English words."
            remedy = f"{hint}Compare it with what you wrote down."
            raise CliError(Exit.KEY, "unknown_word", message, remedy)
    if len(words) not in ENTROPY_BYTES:
        message = f"There are {len(words)} words."
        remedy = "Give all of them: 12, 15, 18, 21 or 24, with blanks between."
        raise CliError(Exit.KEY, "words_count", message, remedy)
    try:
        return bytes(known.to_entropy(words))
    except ValueError:
        message = "Every word is in the list, but their checksum is wrong."
        remedy = "One of them is another word, or two changed places: compare them one by one."
        raise CliError(Exit.KEY, "words_checksum", message, remedy) from None


def compute_seed(entropy: bytes) -> bytes:
    """Return the seed of the words' own key."""
    return pbkdf2_hmac("sha512", entropy, b"mnemonic", ROUNDS)[:SEED_BYTES]


def compute_hotkey_seed(seed: bytes, index: int) -> bytes:
    """Return the seed of hotkey number `index` of the words whose own seed is `seed`."""
    junction = index.to_bytes(8, "little").ljust(32, b"\0")
    return derive_hard(derive_hard(seed, _HOTKEY), junction)


def derive_hard(seed: bytes, junction: bytes) -> bytes:
    """Return the seed one step down; nobody gets from it to the one above."""
    return blake2b(_HDKD + seed + junction, digest_size=32).digest()


def _list() -> Mnemonic:
    return Mnemonic("english")
