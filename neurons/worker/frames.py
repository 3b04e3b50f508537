"""What the runtime and its worker say over the worker's pipes: length-prefixed, versioned; sans-IO.

frame = "NW" | version u8 | kind u8 | length u32 | body      (integers big-endian)

    kind      way  body
    START     ->   JSON of `WorkerSpec`
    BATCH     ->   batch id u32 | count u16 | count x (length u16, prefix)
    HELLO     <-   empty: the process runs and reads its input
    PROGRESS  <-   JSON {"stage": text, "part": 0..1}
    READY     <-   JSON of `ModelCard`
    ANSWER    <-   batch id u32 | count x 512 bytes (`distributions.pack_rows`)
    FAULT     <-   batch id u32 | text: the model made no distribution of this batch
    BEAT      <-   empty, every `BEAT_S` seconds from its own thread: the process is scheduled

The worker is our own code running somebody's model: its frames are checked as a stranger's.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from enum import IntEnum
from typing import cast

from neurons.errors import WorkerFault
from neurons.tasks.text.distributions import ROW_BYTES

FRAME_BYTES_MAX = 8 << 20
"""Longest body: 16,384 distributions."""
BEAT_S = 1.0
_HEAD = struct.Struct(">2sBBI")
_MAGIC = b"NW"
_VERSION = 1
_KINDS = frozenset(range(1, 9))
_BATCH_HEAD = struct.Struct(">IH")
_ID = struct.Struct(">I")


class FrameKind(IntEnum):
    """What a frame is; the number on the pipe."""

    START = 1
    BATCH = 2
    HELLO = 3
    PROGRESS = 4
    READY = 5
    ANSWER = 6
    FAULT = 7
    BEAT = 8


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame."""

    kind: FrameKind
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a ready worker tells of its model; `bits_per_byte` is on renamed text it never saw."""

    model: str
    device: str
    parameters: int
    bits_per_byte: float
    train_s: float
    cached: bool


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
        while len(self._data) >= _HEAD.size:
            magic, version, kind, length = cast(
                "tuple[bytes, int, int, int]", _HEAD.unpack_from(self._data)
            )
            if magic != _MAGIC or version != _VERSION or kind not in _KINDS:
                start = bytes(self._data[: _HEAD.size])
                raise WorkerFault(f"no frame of version {_VERSION} starts with {start!r}")
            if length > FRAME_BYTES_MAX:
                raise WorkerFault(f"a frame of {length} bytes where {FRAME_BYTES_MAX} are allowed")
            end = _HEAD.size + length
            if len(self._data) < end:
                break
            frames.append(Frame(FrameKind(kind), bytes(self._data[_HEAD.size : end])))
            del self._data[:end]
        return frames


# -- bodies ---------------------------------------------------------------------------------------


def encode_batch(batch_id: int, prefixes: Sequence[bytes]) -> Frame:
    """Return the frame that asks for the next byte of each of `prefixes`."""
    parts = [_BATCH_HEAD.pack(batch_id, len(prefixes))]
    for prefix in prefixes:
        parts += (len(prefix).to_bytes(2, "big"), prefix)
    return Frame(FrameKind.BATCH, b"".join(parts))


def decode_batch(body: bytes) -> tuple[int, list[bytes]]:
    """Return the id and the prefixes of a BATCH body our own runtime wrote."""
    batch_id, count = cast("tuple[int, int]", _BATCH_HEAD.unpack_from(body))
    place = _BATCH_HEAD.size
    prefixes: list[bytes] = []
    for _ in range(count):
        start = place + 2
        place = start + int.from_bytes(body[place:start], "big")
        prefixes.append(body[start:place])
    assert place == len(body)
    return batch_id, prefixes


def encode_answer(batch_id: int, rows: bytes) -> Frame:
    """Return the frame that answers batch `batch_id`."""
    return Frame(FrameKind.ANSWER, _ID.pack(batch_id) + rows)


def encode_fault(batch_id: int, message: str) -> Frame:
    """Return the frame that says the model failed on batch `batch_id`."""
    return Frame(FrameKind.FAULT, _ID.pack(batch_id) + message.encode()[:1_000])


def decode_reply(body: bytes) -> tuple[int, bytes]:
    """Return the batch id and the rest of an ANSWER or FAULT body.

    Raises:
        WorkerFault: too short for an id.
    """
    if len(body) < _ID.size:
        raise WorkerFault("an answer without a batch id")
    return int.from_bytes(body[: _ID.size], "big"), body[_ID.size :]


def split_rows(rows: bytes, count: int) -> tuple[bytes, ...]:
    """Return the `count` distributions of an answer.

    Raises:
        WorkerFault: another number of them.
    """
    if len(rows) != count * ROW_BYTES:
        raise WorkerFault(f"{len(rows)} bytes of answer for {count} prefixes")
    return tuple(rows[start : start + ROW_BYTES] for start in range(0, len(rows), ROW_BYTES))


def encode_progress(stage: str, part: float) -> Frame:
    """Return the frame that says how far the worker's start is."""
    return Frame(FrameKind.PROGRESS, json.dumps({"stage": stage, "part": part}).encode())


def decode_progress(body: bytes) -> tuple[str, float]:
    """Return the stage and the part done, clipped to 0..1.

    Raises:
        WorkerFault: no such JSON.
    """
    plain = _read_object(body)
    stage, part = plain.get("stage"), plain.get("part")
    if not isinstance(stage, str) or not isinstance(part, int | float):
        raise WorkerFault("progress without a stage and a part")
    return stage[:100], min(max(float(part), 0.0), 1.0)


def encode_ready(card: ModelCard) -> Frame:
    """Return the frame that says the model serves."""
    return Frame(FrameKind.READY, json.dumps(asdict(card)).encode())


def decode_ready(body: bytes) -> ModelCard:
    """Return the model card.

    Raises:
        WorkerFault: missing or foreign fields.
    """
    plain = _read_object(body)
    if set(plain) != {field.name for field in fields(ModelCard)}:
        raise WorkerFault("a model card with other fields")
    return ModelCard(**plain)  # pyright: ignore[reportArgumentType] # shown, never computed with


def _read_object(body: bytes) -> dict[str, object]:
    try:
        plain: object = json.loads(body)
    except ValueError as error:
        raise WorkerFault(f"no JSON: {error}") from error
    if not isinstance(plain, dict):
        raise WorkerFault("no JSON object")
    return cast("dict[str, object]", plain)
