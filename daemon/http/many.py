"""Many transactions in one body: a canonical CBOR list of byte strings.

Each byte string is the canonical CBOR of one SignedTransaction. A list that begins with a byte
string can be nothing else: a single transaction is a list that begins with a list.
"""

from collections.abc import Sequence
from typing import Annotated, cast

import cbor2

from consensus import codec
from consensus.errors import DecodeError
from consensus.quantities import Bytes64K, CountMax
from daemon.engine.errors import bad_request

MANY_MAX = 1_024
"""Transactions in one body: some 40 ms of the node's time."""
_MANY = cast("type[tuple[Bytes64K, ...]]", Annotated[tuple[Bytes64K, ...], CountMax(MANY_MAX)])
_BYTE_STRING = 2
"""The major type of byte strings (RFC 8949 section 3.1)."""
_ITEM_AT = {**dict.fromkeys(range(0x81, 0x98), 1), 0x98: 2, 0x99: 3}
"""Where the first item of a list begins, by the list's first byte."""


def write_many(items: Sequence[bytes]) -> bytes:
    """Return the body that hands in encoded transactions."""
    return cbor2.dumps(list(items), canonical=True)


def is_many(body: bytes) -> bool:
    """Tell whether a body is a list of transactions rather than one."""
    at = _ITEM_AT.get(body[0]) if body else None
    return at is not None and len(body) > at and body[at] >> 5 == _BYTE_STRING


def read_many(body: bytes) -> tuple[bytes, ...]:
    """Return the encoded transactions of a body.

    Raises:
        NodeError: it is no such list.
    """
    try:
        return codec.decode(_MANY, body)
    except DecodeError as error:
        remedy = f"Send a canonical CBOR list of at most {MANY_MAX} byte strings, 1 MiB in all."
        raise bad_request(str(error), remedy) from error
