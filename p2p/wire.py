"""Topic names, protocol ids and frames; sans-IO.

Every stream of ours carries frames, big-endian, and nothing else:

    u32 length of what follows | u8 kind | body

Those of the ask protocol have a longer head (`p2p/ask_wire.py`).

No frame is longer than `FRAME_MAX`; the length is checked before the body is read, so a peer cannot
make us allocate. What is larger travels in pieces (asks) or is announced and pulled (gossip). A
stream that ends inside a frame, or ends at all, is an error: EOF is never success.

Gossip names a message by the first 20 bytes of BLAKE2b over topic and content. The header is binary
because it is read for every message; what is read once per connection (`Hello`, `Addresses`) is
canonical CBOR by `consensus/codec.py`.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Annotated, NewType

from consensus import codec
from consensus.errors import DecodeError
from consensus.quantities import U16, U64, CountMax, Hash32, ShortText
from p2p.errors import RemoteFault

GOSSIP_PROTOCOL = "/neurond/gossip/1"
ASK_PROTOCOL = "/neurond/ask/1"
PROTOCOL_VERSION = 1

PIECE_MAX = 16_000
"""Bytes of one write and of one piece: a Noise record of this size survives small TCP segments
(10 KB was measured to; the library gives up after 100 partial reads; `docs/spec/network.md` 2)."""
INLINE_MAX = PIECE_MAX - 16
"""Longest gossip payload sent whole: its frame still fits one write."""
FRAME_MAX = PIECE_MAX + 512
"""Longest frame after its length field: one piece and the largest header in front of it."""
BODY_MAX = 1 << 20
"""Largest gossip payload and largest single answer, 1 MiB."""
ID_SIZE = 20
REASON_MAX = 128
"""Bytes of a goodbye's reason that are written, and believed."""
IDS_MAX = 700
"""Message ids in one IHAVE or IWANT frame: 14,000 bytes."""

MessageId = NewType("MessageId", bytes)
PeerKey = NewType("PeerKey", bytes)


class Topic(StrEnum):
    """What a gossip message is about; the order of `TOPICS` is the order of urgency."""

    VOTE = "vote"
    STATUS = "status"
    BLOCK = "block"
    EVIDENCE = "evidence"
    WEIGHTS = "weights"
    TX = "tx"


TOPICS: tuple[Topic, ...] = tuple(Topic)
"""Topics by their number on the wire, most urgent first. Never reorder: append."""
TOPIC_NUMBER: dict[Topic, int] = {topic: number for number, topic in enumerate(TOPICS)}
NEIGHBOUR_TOPICS = frozenset({Topic.STATUS})
"""Said to neighbours only: never forwarded, nor deduplicated (two equal ones are two questions)."""


class GossipKind(IntEnum):
    """The kind byte of a gossip frame."""

    HELLO = 0
    DATA = 1
    DIRECT = 2
    ANNOUNCE = 3
    IHAVE = 4
    IWANT = 5
    GRAFT = 6
    PRUNE = 7
    PING = 8
    PONG = 9
    ADDRESSES = 10
    GOODBYE = 11


@dataclass(frozen=True, slots=True)
class Hello:
    """The first frame of either side on a gossip stream.

    `boot` is drawn once per process, so that a restarted peer is told from a doubled connection.
    `listen` holds multiaddrs the sender can be dialled at (without its peer id).
    """

    version: U16
    chain_id: Hash32
    boot: U64
    agent: ShortText
    listen: Annotated[tuple[ShortText, ...], CountMax(8)]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where other peers may be found: multiaddrs with peer ids; hints, proved only by dialling."""

    addresses: Annotated[tuple[ShortText, ...], CountMax(32)]


# -- frames out ----------------------------------------------------------------------------------

_GOSSIP_HEAD = struct.Struct("!IB")
_DATA_HEAD = struct.Struct("!IBB")
_ANNOUNCE = struct.Struct("!BBI")
_U32 = struct.Struct("!I")
_TOPIC_BYTES = tuple(bytes((number,)) for number in range(len(TOPICS)))


def compute_message_id(topic: Topic, payload: bytes) -> MessageId:
    """Return the name of a message: 20 bytes of BLAKE2b over topic number and content."""
    name = hashlib.blake2b(_TOPIC_BYTES[TOPIC_NUMBER[topic]], digest_size=ID_SIZE)
    name.update(payload)
    return MessageId(name.digest())


def write_gossip(kind: GossipKind, body: bytes = b"") -> bytes:
    """Return one gossip frame."""
    return _GOSSIP_HEAD.pack(1 + len(body), kind) + body


def write_data(kind: GossipKind, topic: Topic, payload: bytes) -> bytes:
    """Return a DATA or DIRECT frame with the whole payload (at most `INLINE_MAX` bytes)."""
    return _DATA_HEAD.pack(2 + len(payload), kind, TOPIC_NUMBER[topic]) + payload


@dataclass(frozen=True, slots=True)
class Announcement:
    """A payload too large for one frame, pulled by `message_id`; if `is_direct` not forwarded."""

    topic: Topic
    message_id: MessageId
    size: int
    is_direct: bool


def write_announcement(announcement: Announcement) -> bytes:
    """Return an ANNOUNCE frame."""
    head = _ANNOUNCE.pack(
        TOPIC_NUMBER[announcement.topic], int(announcement.is_direct), announcement.size
    )
    return write_gossip(GossipKind.ANNOUNCE, head + announcement.message_id)


def write_ids(kind: GossipKind, ids: list[MessageId]) -> Iterator[bytes]:
    """Yield the IHAVE or IWANT frames that name `ids`."""
    for start in range(0, len(ids), IDS_MAX):
        yield write_gossip(kind, b"".join(ids[start : start + IDS_MAX]))


def write_hello(hello: Hello) -> bytes:
    """Return a HELLO frame."""
    return write_gossip(GossipKind.HELLO, codec.encode(hello))


def encode_addresses(addresses: list[str]) -> bytes:
    """Return at most 32 multiaddrs as canonical CBOR; `read_addresses` is the inverse."""
    return codec.encode(Addresses(tuple(ShortText(text) for text in addresses[:32])))


def write_addresses(addresses: list[str]) -> bytes:
    """Return an ADDRESSES frame of at most 32 multiaddrs."""
    return write_gossip(GossipKind.ADDRESSES, encode_addresses(addresses))


def write_goodbye(reason: str) -> bytes:
    """Return a GOODBYE frame: why we are about to hang up."""
    return write_gossip(GossipKind.GOODBYE, reason.encode()[:REASON_MAX])


# -- frames in -----------------------------------------------------------------------------------


class FrameBuffer:
    """Bytes in as they come, whole frames out; one per stream and direction."""

    __slots__ = ("_buffer", "size_max")

    def __init__(self, size_max: int = FRAME_MAX) -> None:
        self.size_max = size_max
        self._buffer = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that are complete with `data`, without their length fields.

        Raises:
            RemoteFault: a frame is empty or longer than `size_max`.
        """
        buffer = self._buffer + data if self._buffer else data
        frames: list[bytes] = []
        offset, end = 0, len(buffer)
        while end - offset >= 4:  # noqa: PLR2004 - the length field
            (size,) = _U32.unpack_from(buffer, offset)
            if not 0 < size <= self.size_max:
                raise RemoteFault(f"a frame of {size} bytes where 1..{self.size_max} are allowed")
            if end - offset - 4 < size:
                break
            offset += 4 + size
            frames.append(buffer[offset - size : offset])
        self._buffer = buffer[offset:]
        return frames


def read_topic(number: int) -> Topic:
    """Return the topic of a wire number.

    Raises:
        RemoteFault: there is no such topic.
    """
    if number >= len(TOPICS):
        raise RemoteFault(f"topic {number} does not exist")
    return TOPICS[number]


def read_announcement(body: bytes) -> Announcement:
    """Return the content of an ANNOUNCE frame.

    Raises:
        RemoteFault: wrong length, unknown topic, or a size outside (INLINE_MAX, BODY_MAX].
    """
    if len(body) != _ANNOUNCE.size + ID_SIZE:
        raise RemoteFault(f"an announcement of {len(body)} bytes")
    number, direct, size = _ANNOUNCE.unpack_from(body)
    if not INLINE_MAX < size <= BODY_MAX:
        raise RemoteFault(f"an announced payload of {size} bytes")
    return Announcement(
        read_topic(number), MessageId(body[_ANNOUNCE.size :]), size, is_direct=bool(direct)
    )


def read_ids(body: bytes) -> list[MessageId]:
    """Return the ids of an IHAVE or IWANT frame.

    Raises:
        RemoteFault: not a whole number of ids.
    """
    if len(body) % ID_SIZE:
        raise RemoteFault(f"{len(body)} bytes are not a list of message ids")
    return [MessageId(body[at : at + ID_SIZE]) for at in range(0, len(body), ID_SIZE)]


def read_hello(body: bytes) -> Hello:
    """Return the content of a HELLO frame.

    Raises:
        RemoteFault: it does not decode.
    """
    try:
        return codec.decode(Hello, body, FRAME_MAX)
    except DecodeError as error:
        raise RemoteFault(f"hello: {error}") from error


def read_goodbye(body: bytes) -> str:
    """Return why a peer says it hangs up: one short line, fit for a log, whatever it sent."""
    text = body[:REASON_MAX].decode(errors="replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def read_addresses(body: bytes) -> tuple[str, ...]:
    """Return the multiaddrs of an ADDRESSES frame.

    Raises:
        RemoteFault: it does not decode.
    """
    try:
        return codec.decode(Addresses, body, FRAME_MAX).addresses
    except DecodeError as error:
        raise RemoteFault(f"addresses: {error}") from error
