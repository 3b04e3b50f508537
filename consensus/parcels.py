"""How agreement's messages and blocks are laid into payloads, and read back from strangers.

A vote-topic payload is one byte for the kind and the value's canonical CBOR, because votes and the
certificates sent in answer to a Status share that topic's urgency. Parcels are lists of
length-prefixed encodings: blocks were stored as such and need not be decoded to be sent.

A transaction-topic payload is one transaction, or `BUNDLE` and a parcel of two or more: the byte
can't begin a transaction, which is a list.
"""

from collections.abc import Iterable, Iterator, Sequence

from consensus import codec
from consensus.errors import DecodeError
from consensus.quantities import Hash32
from consensus.types import Block, Certificate, Header, Vote

BLOCK_ASK = "agreement/blocks"
"""The question for a block and its ancestors above a height: digest and u64 in, a parcel out."""
HEAD_ASK = "chain/head"
"""The question how far a node is: nothing in, its final height out (u64)."""
PROOF_ASK = "chain/proof"
"""The question for proof of that: nothing in; the head's certificate and header out."""
RANGE_ASK = "chain/range"
"""The question for final blocks: first height (u64) and count (u16) in; a parcel out whose first
item is the certificate that makes the last block final, or the last seal on it."""
ERA_ASK = "chain/era"
"""The question how an era ended: its number (u64) in; its hand-off out, nothing while it lasts."""
QUERY_ASK = "query"
"""A query of a neuron: a signed query in, a reply out."""
VOTE, CERTIFICATE = b"\x01", b"\x02"
ITEMS_MAX = 513
"""Values in one parcel: a certificate, 256 blocks, and as many seals on an era's last one."""
PARCEL_BYTES_MAX = 1 << 20
"""Largest parcel: what one ask may answer."""
BUNDLE = b"\x00"
BUNDLE_BYTES_MAX = 15_000
"""What a neighbour is sent whole, in one frame; a longer payload would be announced and pulled."""
BUNDLE_ITEMS_MAX = 64
"""Transactions in a bundle: some 6 ms of a node's time, their signatures included."""
PROOF_ITEMS = 2
VOTE_BYTES_MAX = 256
_PREFIX, _DIGEST_BYTES, _HEIGHT_BYTES = 4, 32, 8


def pack_vote(message: Vote | Certificate) -> bytes:
    """Return the vote-topic payload of a vote or a certificate."""
    kind = VOTE if isinstance(message, Vote) else CERTIFICATE
    return kind + codec.encode(message)


def read_vote(payload: bytes) -> Vote | Certificate:
    """Return what `pack_vote` packed.

    Raises:
        DecodeError: it is neither.
    """
    match payload[:1]:
        case b"\x01":
            return codec.decode(Vote, payload[1:], VOTE_BYTES_MAX)
        case b"\x02":
            return codec.decode(Certificate, payload[1:])
        case _:
            raise DecodeError("a vote payload starts with 1 (vote) or 2 (certificate)")


def pack_block_ask(digest: Hash32, height: int) -> bytes:
    """Return the question for a block and those of its ancestors that are above `height`."""
    return digest + height.to_bytes(_HEIGHT_BYTES, "big")


def read_block_ask(payload: bytes) -> tuple[Hash32, int] | None:
    """Return digest and height of a question for a block, None if it can't be read."""
    if len(payload) != _DIGEST_BYTES + _HEIGHT_BYTES:
        return None
    return Hash32(payload[:_DIGEST_BYTES]), int.from_bytes(payload[_DIGEST_BYTES:], "big")


def pack_transactions(encodings: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the transaction-topic payloads that tell of all `encodings`, in their order."""
    bundle: list[bytes] = []
    room = 0
    for encoding in encodings:
        size = _PREFIX + len(encoding)
        if bundle and (size > room or len(bundle) == BUNDLE_ITEMS_MAX):
            yield _pack_bundle(bundle)
            bundle = []
        room = (room if bundle else BUNDLE_BYTES_MAX - len(BUNDLE)) - size
        bundle.append(encoding)
    if bundle:
        yield _pack_bundle(bundle)


def read_transactions(payload: bytes) -> tuple[bytes, ...]:
    """Return the encodings of the transactions of a transaction-topic payload; none is decoded.

    Raises:
        DecodeError: a bundle that is too large, cut off, or of fewer than two.
    """
    if payload[:1] != BUNDLE:
        return (payload,)
    if len(payload) > BUNDLE_BYTES_MAX:
        raise DecodeError(f"a bundle of {len(payload)} bytes")
    items = _read_items(payload[1:])
    if not 1 < len(items) <= BUNDLE_ITEMS_MAX:
        raise DecodeError(f"a bundle of {len(items)} transactions")
    return tuple(items)


def _pack_bundle(encodings: Sequence[bytes]) -> bytes:
    return encodings[0] if len(encodings) == 1 else BUNDLE + pack_items(encodings)


def pack_items(encodings: Iterable[bytes]) -> bytes:
    """Return the parcel of encoded values, in order."""
    return b"".join(len(item).to_bytes(_PREFIX, "big") + item for item in encodings)


def read_blocks(parcel: bytes) -> tuple[Block, ...]:
    """Return the blocks of a parcel.

    Raises:
        DecodeError: a length beyond the data, too many blocks, or no block.
    """
    return tuple(codec.decode(Block, item) for item in _read_items(parcel))


def read_range(parcel: bytes) -> tuple[Certificate, tuple[Block, ...]] | None:
    """Return a certificate and the blocks up to the one it names; None for an empty parcel.

    Raises:
        DecodeError: it is no such parcel.
    """
    items = _read_items(parcel)
    if not items:
        return None
    blocks = tuple(codec.decode(Block, item) for item in items[1:])
    return codec.decode(Certificate, items[0]), blocks


def read_proof(parcel: bytes) -> tuple[Certificate, Header] | None:
    """Return a head's certificate and header; None for an empty parcel: nothing but genesis.

    Raises:
        DecodeError: it is no such parcel.
    """
    items = _read_items(parcel)
    if not items:
        return None
    if len(items) != PROOF_ITEMS:
        raise DecodeError(f"a proof of {len(items)} items")
    return codec.decode(Certificate, items[0]), codec.decode(Header, items[1])


def _read_items(parcel: bytes) -> list[bytes]:
    items: list[bytes] = []
    at = 0
    while at < len(parcel):
        size = int.from_bytes(parcel[at : at + _PREFIX], "big")
        item = parcel[at + _PREFIX : at + _PREFIX + size]
        if len(item) != size or len(items) >= ITEMS_MAX:
            raise DecodeError("a parcel that is cut off or holds too much")
        items.append(item)
        at += _PREFIX + size
    return items
