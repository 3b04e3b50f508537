"""`neurond wallet sign` and `verify`: messages of people, which no protocol takes for its own.

What is signed is BLAKE2b-256 of the message under a domain of its own, like every hash of this
network: a signed message can't be presented as a transaction, a vote, a voucher or a consent, nor
one of these as a message. It is bound to no network, no time and no purpose: say these in it.
"""

import re
import sys
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import click

from config.address import format_address
from consensus.crypto import is_signed
from consensus.crypto import sign as sign_bytes
from consensus.quantities import Hash32, Signature
from daemon.cli.keys import (
    find_keys,
    open_signer,
    resolve_address,
)
from daemon.cli.options import JSON, KEYS, PATH, SECRETS, Common, verb
from daemon.cli.output import CliError, Exit, print_json
from daemon.cli.wallet.listing import KEY_NAME, print_rows
from storage.keys.keyfile import KeyKind

PERSON = b"neurond/message"
"""BLAKE2b person of what people sign; no other hash of the network has it."""
CHUNK_BYTES = 1 << 20
SIGNING_KINDS = (KeyKind.COLDKEY, KeyKind.HOTKEY, KeyKind.CONSENSUS, KeyKind.NODE)
"""A beacon's seed signs nothing, ever."""
STDIN = Path("-")
_SIGNATURE = re.compile(r"(?:0x)?([0-9a-fA-F]{128})")
MESSAGE = click.option("--message", "-m", help="The message itself.")
FILE = click.option("--file", "-f", type=PATH, help="File with the message; - for stdin.")


@verb("sign", "wallet sign alice --message 'I am alice'", *SECRETS)
@KEY_NAME
@MESSAGE
@FILE
def sign(common: Common, name: str, *, message: str | None, file: Path | None) -> None:
    """Sign a message or a file, to prove that you hold a key.

    It is never valid as a transaction or vote, whatever the message says.
    """
    keys = find_keys(common)
    with open_message(message, file) as stream:
        digest = compute_message_hash(stream)
    signer = open_signer(name, keys, *SIGNING_KINDS)

    answer = {
        "name": signer.name,
        "address": signer.address,
        "signature": sign_bytes(signer.key, digest).hex(),
    }
    if common.as_json:
        print_json(answer)
    else:
        print_rows(answer)


@verb("verify", "wallet verify alice SIGNATURE --message 'I am alice'", *KEYS, JSON)
@click.argument("address", help="Who signed: an address, or a key's name here.")
@click.argument("signature", help="The signature, 128 hex digits.")
@MESSAGE
@FILE
def verify(
    common: Common, address: str, signature: str, *, message: str | None, file: Path | None
) -> None:
    """Tell whether somebody signed a message with neurond wallet sign.

    Exit code 0: it is. 1: it is not (bad_signature). 2: that is no address or no signature.
    """
    folder = find_keys(common).keystore
    public_key = resolve_address(address, folder)
    given = parse_signature(signature)
    with open_message(message, file) as stream:
        digest = compute_message_hash(stream)
    shown = format_address(public_key)
    if not is_signed(public_key, digest, given):
        words = f"NOT valid: {shown} did not sign this message with that signature."
        remedy = "Compare message and address; one blank or line end more is another message."
        raise CliError(Exit.FAILED, "bad_signature", words, remedy)
    if common.as_json:
        print_json({"valid": True, "address": shown})
    else:
        click.echo(f"valid: {shown} signed this message.")


def compute_message_hash(stream: BinaryIO) -> Hash32:
    """Return what a signature of the message in `stream` covers."""
    digest = blake2b(digest_size=32, person=PERSON)
    while chunk := stream.read(CHUNK_BYTES):
        digest.update(chunk)
    return Hash32(digest.digest())


def parse_signature(text: str) -> Signature:
    """Return the signature that `text` spells in hex.

    Raises:
        CliError: `usage`.
    """
    found = _SIGNATURE.fullmatch(text.strip())
    if found is None:
        message = f"{text[:40]!r} is no signature: it has 128 hexadecimal digits."
        raise CliError(Exit.USAGE, "usage", message, "Copy the whole signature.")
    return Signature(bytes.fromhex(found.group(1)))


@contextmanager
def open_message(message: str | None, file: Path | None) -> Generator[BinaryIO, None, None]:
    """Open the message as bytes: a text's UTF-8, a file's content, or stdin's.

    Raises:
        CliError: `usage`: none or two of them; `unreadable`.
    """
    if (message is None) == (file is None):
        words = "Give the message, once." if message is None else "There are two messages."
        remedy = "Give either --message TEXT or --file FILE."
        raise CliError(Exit.USAGE, "usage", words, remedy)
    if message is not None:
        yield BytesIO(message.encode(errors="surrogateescape"))  # an argument is bytes
    elif file is None or file == STDIN:
        yield sys.stdin.buffer
    else:
        try:
            stream = file.open("rb")
        except OSError as error:
            words = f"{file} can't be read: {error.strerror}."
            raise CliError(Exit.FAILED, "unreadable", words, "Check its path.") from error
        with stream:
            yield stream
