"""What the runtime and its worker say over the worker's pipes: length-prefixed, versioned; sans-IO.

frame = "NW" | version u8 | kind u8 | length u32 | body      (integers big-endian)

    kind      way  body
    START     ->   JSON of `WorkerSpec`
    BATCH     ->   count u16 | count x (id u32 | length u32 | query): answer these together
    STREAM    ->   id u32 | query: answer this one in pieces, `WINDOW` of them on credit
    CREDIT    ->   id u32: one more piece of that stream may come
    CANCEL    ->   id u32: nobody wants the rest of that stream; DONE or FAILED still ends it
    HELLO     <-   empty: the process runs and reads its input
    PROGRESS  <-   JSON {"stage": text, "part": 0..1}
    READY     <-   JSON of `ModelCard`
    UNBUILT   <-   text: there is no model, and why; the process ends
    PIECE     <-   id u32 | sequence number u32 from 0 | bytes
    DONE      <-   id u32 | the answer; nothing where pieces were it
    FAILED    <-   id u32 | text: why this one request has no answer
    BEAT      <-   empty, every `BEAT_S` seconds from its own thread: the process is scheduled

Queries and answers are the task's and mean nothing here. The worker is our own code running
somebody's model: its frames are checked as a stranger's.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import cast

from neurons.backends.backend import ModelCard, Scalar
from neurons.errors import WorkerFault

FRAME_BYTES_MAX = 8 << 20
"""Longest body: a full batch of queries (`batching.BATCH_BYTES_MAX`) and room for their heads."""
PIECE_BYTES_MAX = 64 << 10
"""Longest piece of a stream."""
WINDOW = 16
"""Pieces a stream may be ahead of its reader: all that is ever held of it is 1 MiB."""
REASON_BYTES_MAX = 1_000
"""Longest reason of a failure; what is longer is cut."""
BEAT_S = 1.0
_HEAD = struct.Struct(">2sBBI")
_MAGIC = b"NW"
_VERSION = 2
_COUNT = struct.Struct(">H")
_PAIR = struct.Struct(">II")
_ID = struct.Struct(">I")
_CARD_ITEMS_MAX = 16
_CARD_CHARS_MAX = 100


class FrameKind(IntEnum):
    """What a frame is; the number on the pipe."""

    START = 1
    BATCH = 2
    STREAM = 3
    CREDIT = 4
    CANCEL = 5
    HELLO = 6
    PROGRESS = 7
    READY = 8
    UNBUILT = 9
    PIECE = 10
    DONE = 11
    FAILED = 12
    BEAT = 13


_KINDS = frozenset(FrameKind)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame."""

    kind: FrameKind
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What a worker process is told at its start: which backend, and what to build with it."""

    backend: str
    task: str
    answer_bytes_max: int
    """Longest answer the task lets a miner send."""
    task_params: bytes = b""
    device: str = "auto"
    threads: int = 1
    cache_dir: str = ""
    options: Mapping[str, object] = field(default_factory=dict[str, object])


_SPEC_FIELDS = tuple(entry.name for entry in fields(WorkerSpec))
_CARD_FIELDS = tuple(entry.name for entry in fields(ModelCard))


def encode(frame: Frame) -> bytes:
    """Return the bytes of `frame`."""
    return _HEAD.pack(_MAGIC, _VERSION, frame.kind, len(frame.body)) + frame.body


class FrameReader:
    """Cuts a byte stream into frames; never holds more than one frame's bytes and one chunk."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return the frames completed by `chunk`.

        Raises:
            WorkerFault: no frame of this version starts here, or one is too long.
        """
        self._data += chunk
        frames: list[Frame] = []
        place = 0
        while len(self._data) - place >= _HEAD.size:
            magic, version, kind, length = cast(
                "tuple[bytes, int, int, int]", _HEAD.unpack_from(self._data, place)
            )
            if magic != _MAGIC or version != _VERSION or kind not in _KINDS:
                start = bytes(self._data[place : place + _HEAD.size])
                raise WorkerFault(f"no frame of version {_VERSION} starts with {start!r}")
            if length > FRAME_BYTES_MAX:
                raise WorkerFault(f"a frame of {length} bytes where {FRAME_BYTES_MAX} are allowed")
            end = place + _HEAD.size + length
            if len(self._data) < end:
                break
            frames.append(Frame(FrameKind(kind), bytes(self._data[place + _HEAD.size : end])))
            place = end
        del self._data[:place]
        return frames


# -- to the worker --------------------------------------------------------------------------------


def encode_start(spec: WorkerSpec) -> Frame:
    """Return the frame that tells a worker what to build."""
    plain = {name: getattr(spec, name) for name in _SPEC_FIELDS}
    plain |= {"task_params": spec.task_params.hex(), "options": dict(spec.options)}
    return Frame(FrameKind.START, json.dumps(plain).encode())


def decode_start(body: bytes) -> WorkerSpec:
    """Return the spec of a START body our own runtime wrote.

    Raises:
        WorkerFault: no JSON, or another version's fields.
    """
    plain = _read_object(body)
    if set(plain) != set(_SPEC_FIELDS):
        raise WorkerFault("the runtime and the worker are of different versions")
    plain["task_params"] = bytes.fromhex(str(plain["task_params"]))
    return WorkerSpec(**plain)  # pyright: ignore[reportArgumentType] # checked by name; our own values


def encode_batch(queries: Sequence[tuple[int, bytes]]) -> Frame:
    """Return the frame that asks for an answer to each of `queries`, given as id and body."""
    parts = [_COUNT.pack(len(queries))]
    for number, query in queries:
        parts += (_PAIR.pack(number, len(query)), query)
    return Frame(FrameKind.BATCH, b"".join(parts))


def decode_batch(body: bytes) -> list[tuple[int, bytes]]:
    """Return the ids and bodies of the queries of a BATCH body our own runtime wrote."""
    (count,) = cast("tuple[int]", _COUNT.unpack_from(body))
    place = _COUNT.size
    queries: list[tuple[int, bytes]] = []
    for _ in range(count):
        number, length = cast("tuple[int, int]", _PAIR.unpack_from(body, place))
        start = place + _PAIR.size
        place = start + length
        queries.append((number, body[start:place]))
    assert place == len(body)
    return queries


def encode_tagged(kind: FrameKind, number: int, rest: bytes = b"") -> Frame:
    """Return the frame of `kind` about request `number`."""
    return Frame(kind, _ID.pack(number) + rest)


# -- from the worker ------------------------------------------------------------------------------


def decode_tagged(body: bytes) -> tuple[int, bytes]:
    """Return the request id and the rest of a body that starts with one.

    Raises:
        WorkerFault: too short for an id.
    """
    if len(body) < _ID.size:
        raise WorkerFault("a frame about a request without the request's id")
    return int.from_bytes(body[: _ID.size], "big"), body[_ID.size :]


def encode_failed(number: int, reason: str) -> Frame:
    """Return the frame that says why request `number` has no answer."""
    return encode_tagged(FrameKind.FAILED, number, _encode_reason(reason))


def encode_unbuilt(reason: str) -> Frame:
    """Return the frame that says why there is no model."""
    return Frame(FrameKind.UNBUILT, _encode_reason(reason))


def _encode_reason(reason: str) -> bytes:
    """Cut a reason; it may quote a stranger's query, and so hold what UTF-8 can't say."""
    return reason.encode("utf-8", "backslashreplace")[:REASON_BYTES_MAX]


def decode_reason(text: bytes) -> str:
    """Return a worker's words, cut and made printable."""
    return text[:REASON_BYTES_MAX].decode("utf-8", "replace")


def encode_piece(number: int, sequence: int, piece: bytes) -> Frame:
    """Return the frame with piece `sequence` of the answer to request `number`."""
    return Frame(FrameKind.PIECE, _PAIR.pack(number, sequence) + piece)


def decode_piece(rest: bytes) -> tuple[int, bytes]:
    """Return the sequence number and the bytes of what follows the id in a PIECE body.

    Raises:
        WorkerFault: no sequence number, or too many bytes.
    """
    sequence, piece = decode_tagged(rest)
    if len(piece) > PIECE_BYTES_MAX:
        raise WorkerFault(f"a piece of {len(piece)} bytes where {PIECE_BYTES_MAX} are allowed")
    return sequence, piece


def encode_progress(stage: str, part: float) -> Frame:
    """Return the frame that says how far the worker's start is.

    Raises:
        TypeError, ValueError, OverflowError: `part` is no number; the model's class said it.
    """
    plain = {"stage": str(stage), "part": float(part)}
    return Frame(FrameKind.PROGRESS, json.dumps(plain).encode())


def decode_progress(body: bytes) -> tuple[str, float]:
    """Return the stage and the part done, clipped to 0..1.

    Raises:
        WorkerFault: no such JSON.
    """
    plain = _read_object(body)
    stage, part = plain.get("stage"), plain.get("part")
    if not isinstance(stage, str) or not isinstance(part, int | float):
        raise WorkerFault("progress without a stage and a part")
    return stage[:_CARD_CHARS_MAX], float(min(max(part, 0), 1))


def encode_ready(card: ModelCard) -> Frame:
    """Return the frame that says the model serves.

    Raises:
        TypeError, ValueError, OverflowError: `parameters` is no number, or `qualities` no mapping.
    """
    plain = {name: getattr(card, name) for name in _CARD_FIELDS}
    plain |= {"parameters": int(card.parameters), "qualities": dict(card.qualities)}
    return Frame(FrameKind.READY, json.dumps(plain, default=str).encode())


def decode_ready(body: bytes) -> ModelCard:
    """Return the model card, cut to what a person reads.

    Raises:
        WorkerFault: missing or foreign fields.
    """
    plain = _read_object(body)
    parameters, qualities = plain.get("parameters"), plain.get("qualities")
    if set(plain) != set(_CARD_FIELDS) or not isinstance(parameters, int):
        raise WorkerFault("a model card with other fields")
    if not isinstance(qualities, dict):
        raise WorkerFault("a model card whose qualities are no table")
    told = list(cast("dict[str, object]", qualities).items())[:_CARD_ITEMS_MAX]
    return ModelCard(
        name=_clip(plain["name"]),
        device=_clip(plain["device"]),
        parameters=parameters,
        qualities={_clip(word): _read_scalar(value) for word, value in told},
        cached=bool(plain["cached"]),
    )


def _clip(value: object) -> str:
    return str(value)[:_CARD_CHARS_MAX]


def _read_scalar(value: object) -> Scalar:
    return value if isinstance(value, int | float) else _clip(value)


def _read_object(body: bytes) -> dict[str, object]:
    try:
        plain: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise WorkerFault(f"no JSON: {error}") from error
    if not isinstance(plain, dict):
        raise WorkerFault("no JSON object")
    return cast("dict[str, object]", plain)
