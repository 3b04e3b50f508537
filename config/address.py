"""Addresses as people write them: SS58 with prefix 42, the format the field's users know.

Base58 of one type byte, the 32-byte key, and the first two bytes of BLAKE2b-512 of "SS58PRE" and
both. A mistyped address is refused with a probability of 65535 in 65536.

Source: Substrate, `sp_core::crypto::Ss58Codec`; registry entry 42 ("Substrate, any network").
"""

from hashlib import blake2b

import base58

from consensus.errors import NeurondError
from consensus.quantities import PublicKey

PREFIX = 42
_CHECKSUM_SIZE = 2
_SIZE = 1 + 32 + _CHECKSUM_SIZE


class AddressError(NeurondError):
    """Text that is not an address of this network's format."""


def format_address(key: PublicKey) -> str:
    """Return the SS58 address of `key`."""
    body = bytes([PREFIX]) + key
    return base58.b58encode(body + _checksum(body)).decode()


def parse_address(text: str) -> PublicKey:
    """Return the key that the SS58 address `text` stands for.

    Raises:
        AddressError: not base58, of another length or prefix, or mistyped.
    """
    if len(text) > 2 * _SIZE:
        raise AddressError("An address has 48 characters.")
    try:
        data = base58.b58decode(text)
    except ValueError as error:
        raise AddressError(f"{text!r} is no base58 text.") from error
    if len(data) != _SIZE:
        raise AddressError(f"{text!r} is no address of a 32-byte key.")
    if data[0] != PREFIX:
        raise AddressError(f"{text!r} has the prefix {data[0]}; ours is {PREFIX}.")
    body = data[:-_CHECKSUM_SIZE]
    if data[-_CHECKSUM_SIZE:] != _checksum(body):
        raise AddressError(f"{text!r} is mistyped: its checksum differs.")
    return PublicKey(body[1:])


def _checksum(body: bytes) -> bytes:
    return blake2b(b"SS58PRE" + body).digest()[:_CHECKSUM_SIZE]
