"""Frames between runtime and worker: cut anywhere, refused when they are none."""

import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurons.backends.backend import ModelCard
from neurons.errors import WorkerFault
from neurons.worker import frames
from neurons.worker.frames import Frame, FrameKind, FrameReader, WorkerSpec

FRAMES = [
    Frame(FrameKind.HELLO),
    Frame(FrameKind.DONE, b"x" * 700),
    Frame(FrameKind.BEAT),
    Frame(FrameKind.READY),
]


@given(st.integers(1, 800))
def test_frames_survive_any_cutting(size: int) -> None:
    stream = b"".join(map(frames.encode, FRAMES))
    reader = FrameReader()
    read: list[Frame] = []
    for start in range(0, len(stream), size):
        read += reader.feed(stream[start : start + size])
    assert read == FRAMES


@pytest.mark.parametrize(
    "head",
    [
        b"XX\x02\x08\0\0\0\0",
        b"NW\x01\x08\0\0\0\0",
        b"NW\x02\x00\0\0\0\0",
        b"NW\x02\x0e\0\0\0\0",
        struct.pack(">2sBBI", b"NW", 2, 8, frames.FRAME_BYTES_MAX + 1),
    ],
)
def test_what_is_no_frame_is_refused_at_its_head(head: bytes) -> None:
    with pytest.raises(WorkerFault):
        FrameReader().feed(head)


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=300)), max_size=20))
def test_batch_survives(queries: list[tuple[int, bytes]]) -> None:
    assert frames.decode_batch(frames.encode_batch(queries).body) == queries


@pytest.mark.parametrize("body", [b"", b"abc"])
def test_frame_about_a_request_without_its_id_is_refused(body: bytes) -> None:
    with pytest.raises(WorkerFault):
        frames.decode_tagged(body)


def test_piece_survives_up_to_its_bound() -> None:
    frame = frames.encode_piece(7, 3, bytes(frames.PIECE_BYTES_MAX))
    number, rest = frames.decode_tagged(frame.body)
    assert number == 7
    assert frames.decode_piece(rest) == (3, bytes(frames.PIECE_BYTES_MAX))
    for wrong in (b"abc", rest + b"!"):
        with pytest.raises(WorkerFault):
            frames.decode_piece(wrong)


def test_reason_is_cut_and_made_readable() -> None:
    body = frames.encode_failed(1, "x" * 5_000).body
    assert frames.decode_reason(frames.decode_tagged(body)[1]) == "x" * frames.REASON_BYTES_MAX
    assert frames.decode_reason(b"\xff") == "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"stage": 1, "part": 0}', b"\xff"])
def test_progress_card_and_start_of_another_shape_are_refused(body: bytes) -> None:
    for decode in (frames.decode_progress, frames.decode_ready, frames.decode_start):
        with pytest.raises(WorkerFault):
            decode(body)


def test_card_and_progress_survive() -> None:
    card = ModelCard("ngram", "cpu", 5, {"bits_per_byte": 2.5, "said": "well"}, cached=True)
    assert frames.decode_ready(frames.encode_ready(card).body) == card
    assert frames.decode_progress(frames.encode_progress("training", 7.0).body) == ("training", 1)


def test_number_of_any_kind_is_a_number_of_parameters_and_of_progress() -> None:
    card = ModelCard("x", "cpu", Fraction(5))  # pyright: ignore[reportArgumentType] # a user's class may
    assert frames.decode_ready(frames.encode_ready(card).body).parameters == 5
    huge = b'{"stage": "x", "part": 1' + b"0" * 400 + b"}"
    assert frames.decode_progress(huge) == ("x", 1)
    part = Fraction(1, 2)
    assert frames.decode_progress(frames.encode_progress("x", part).body) == ("x", 0.5)  # pyright: ignore[reportArgumentType] # a user's class may


def test_what_is_no_number_is_refused_where_the_model_says_it() -> None:
    with pytest.raises(TypeError):
        frames.encode_progress("x", None)  # pyright: ignore[reportArgumentType] # a user's class may
    with pytest.raises(TypeError):
        frames.encode_ready(ModelCard("x", "cpu", None))  # pyright: ignore[reportArgumentType] # a user's class may


def test_frame_nested_too_deeply_is_the_workers_fault() -> None:
    with pytest.raises(WorkerFault):
        frames.decode_progress(b"[" * 100_000)


def test_card_is_cut_to_what_a_person_reads() -> None:
    qualities = {f"quality {number:02}": object() for number in range(99)}
    card = ModelCard("x" * 5_000, "cpu", 5, qualities)  # pyright: ignore[reportArgumentType] # a user's class may
    read = frames.decode_ready(frames.encode_ready(card).body)
    assert len(read.name) == 100
    assert len(read.qualities) == 16
    assert all(isinstance(value, str) for value in read.qualities.values())


def test_worker_spec_survives() -> None:
    options = {"kind": "ngram", "order": 6, "train_s": 0.5, "strict": True}
    spec = WorkerSpec("builtin", "text", 10, b"\x81\x07", "cpu", 2, "/tmp/x", options)
    assert frames.decode_start(frames.encode_start(spec).body) == spec
