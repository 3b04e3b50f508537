"""Frames of the ask protocol: questions, answers, items, errors; sans-IO.

    u32 length of what follows | u8 kind | u8 flags | u32 call id | body

The asker numbers its calls. A REQUEST's first frame carries its head; a payload longer than a piece
follows in more REQUEST frames, an answer likewise, all but the last flagged MORE. A call ends with
its last ANSWER piece, END, ERROR or the asker's CANCEL.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from p2p.errors import RemoteFault
from p2p.wire import PIECE_MAX

_ASK_HEAD = struct.Struct("!IBBI")
_REQUEST = struct.Struct("!IIB")
_U16 = struct.Struct("!H")
_U32 = struct.Struct("!I")
HEAD_SIZE = 6
"""Where the body begins in a frame without its length field."""

MORE = 1
"""Flag of an ask frame: another piece of the same value follows."""
STREAM = 2
"""Flag of a REQUEST: the asker wants items, with credits, not one answer."""


class AskKind(IntEnum):
    """The kind byte of an ask frame."""

    REQUEST = 1
    ANSWER = 2
    ITEM = 3
    END = 4
    ERROR = 5
    CANCEL = 6
    CREDIT = 7


class AskFault(IntEnum):
    """Error codes of this room, below 64; a handler's own codes are 64 and above."""

    BUSY = 1
    TOO_LARGE = 2
    UNKNOWN_KIND = 3
    BROKE = 4
    DEADLINE = 5
    REFUSE_MIN = 64


def write_ask(kind: AskKind, call: int, body: bytes = b"", flags: int = 0) -> bytes:
    """Return one ask frame of call `call`."""
    return _ASK_HEAD.pack(6 + len(body), kind, flags, call) + body


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a question: its kind, what answer fits, and how long it is worth working on.

    `size_max` in bytes; `deadline_ms` from receipt, 0 for none.
    """

    kind: str
    size_max: int
    deadline_ms: int


def write_request(call: int, request: Request, payload: bytes, flags: int = 0) -> Iterator[bytes]:
    """Yield the frames of a question: the head with the first piece, then the other pieces."""
    name = request.kind.encode()
    head = _REQUEST.pack(request.size_max, request.deadline_ms, len(name)) + name
    if len(payload) <= PIECE_MAX:
        yield write_ask(AskKind.REQUEST, call, head + payload, flags)
        return
    yield write_ask(AskKind.REQUEST, call, head + payload[:PIECE_MAX], flags | MORE)
    yield from write_pieces(AskKind.REQUEST, call, payload[PIECE_MAX:])


def write_pieces(kind: AskKind, call: int, payload: bytes) -> Iterator[bytes]:
    """Yield `payload` in frames of `kind`, all but the last flagged MORE."""
    last = max(0, (len(payload) - 1) // PIECE_MAX)
    for number in range(last + 1):
        piece = payload[number * PIECE_MAX : (number + 1) * PIECE_MAX]
        yield write_ask(kind, call, piece, MORE if number < last else 0)


def write_error(call: int, code: int, message: str) -> bytes:
    """Return an ERROR frame."""
    return write_ask(AskKind.ERROR, call, _U16.pack(code) + message.encode()[:256])


def write_credit(call: int, count: int) -> bytes:
    """Return a CREDIT frame: the asker takes `count` more items."""
    return write_ask(AskKind.CREDIT, call, _U32.pack(count))


def read_ask(frame: bytes) -> tuple[int, int, int]:
    """Return (kind, flags, call id) of an ask frame; its body begins at byte 6.

    Raises:
        RemoteFault: it is too short.
    """
    if len(frame) < HEAD_SIZE:
        raise RemoteFault(f"an ask frame of {len(frame)} bytes")
    return frame[0], frame[1], int.from_bytes(frame[2:6])


def read_request(body: bytes) -> tuple[Request, bytes]:
    """Return the head of a REQUEST and the first piece of its payload.

    Raises:
        RemoteFault: it is cut short or its kind is not text.
    """
    if len(body) < _REQUEST.size:
        raise RemoteFault("a request without its head")
    size_max, deadline_ms, name_size = _REQUEST.unpack_from(body)
    end = _REQUEST.size + name_size
    try:
        kind = body[_REQUEST.size : end].decode()
    except UnicodeDecodeError as error:
        raise RemoteFault("a request whose kind is not text") from error
    if len(body) < end or not kind:
        raise RemoteFault("a request without its kind")
    return Request(kind, size_max, deadline_ms), body[end:]


def read_error(body: bytes) -> tuple[int, str]:
    """Return (code, message) of an ERROR frame.

    Raises:
        RemoteFault: it has no code.
    """
    if len(body) < 2:  # noqa: PLR2004 - the code
        raise RemoteFault("an error without a code")
    return _U16.unpack_from(body)[0], body[2:].decode(errors="replace")


def read_credit(body: bytes) -> int:
    """Return the count of a CREDIT frame.

    Raises:
        RemoteFault: it is not one number.
    """
    if len(body) != _U32.size:
        raise RemoteFault("a credit that is not a number")
    return int.from_bytes(body)
