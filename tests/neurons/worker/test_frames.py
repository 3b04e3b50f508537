"""Frames between runtime and worker: cut anywhere, refused when they are none."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurons.errors import WorkerFault
from neurons.tasks.text.models.spec import (
    ModelSpec,
    WorkerSpec,
    compute_orders,
    compute_spec_hash,
    decode_worker_spec,
    encode_worker_spec,
)
from neurons.worker import frames
from neurons.worker.frames import Frame, FrameKind, FrameReader, ModelCard

FRAMES = [
    Frame(FrameKind.HELLO),
    Frame(FrameKind.ANSWER, b"x" * 700),
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
        b"XX\x01\x08\0\0\0\0",
        b"NW\x02\x08\0\0\0\0",
        b"NW\x01\x00\0\0\0\0",
        b"NW\x01\x09\0\0\0\0",
        struct.pack(">2sBBI", b"NW", 1, 8, frames.FRAME_BYTES_MAX + 1),
    ],
)
def test_what_is_no_frame_is_refused_at_its_head(head: bytes) -> None:
    with pytest.raises(WorkerFault):
        FrameReader().feed(head)


@given(st.integers(0, 2**32 - 1), st.lists(st.binary(max_size=300), max_size=20))
def test_batch_survives(batch_id: int, prefixes: list[bytes]) -> None:
    frame = frames.encode_batch(batch_id, prefixes)
    assert frames.decode_batch(frame.body) == (batch_id, prefixes)


@pytest.mark.parametrize("body", [b"", b"abc"])
def test_answer_without_id_is_refused(body: bytes) -> None:
    with pytest.raises(WorkerFault):
        frames.decode_reply(body)


def test_answer_of_another_count_is_refused() -> None:
    assert len(frames.split_rows(bytes(1_024), 2)) == 2
    with pytest.raises(WorkerFault):
        frames.split_rows(bytes(1_024), 3)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"stage": 1, "part": 0}', b"\xff"])
def test_progress_of_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(WorkerFault):
        frames.decode_progress(body)
    with pytest.raises(WorkerFault):
        frames.decode_ready(body)


def test_card_and_progress_survive() -> None:
    card = ModelCard("ngram", "cpu", 5, 2.5, 1.0, cached=True)
    assert frames.decode_ready(frames.encode_ready(card).body) == card
    assert frames.decode_progress(frames.encode_progress("training", 7.0).body) == ("training", 1)


def test_worker_spec_survives_and_its_model_has_one_name() -> None:
    spec = WorkerSpec(ModelSpec(model="ngram", order=6), "cpu", 2, "/tmp/x")
    assert decode_worker_spec(encode_worker_spec(spec)) == spec
    names = {compute_spec_hash(ModelSpec(seed=seed)) for seed in (1, 1, 2)}
    assert len(names) == 2


def test_orders_go_down_by_twos_to_zero() -> None:
    assert [compute_orders(order) for order in (0, 1, 3, 4)] == [(0,), (0, 1), (0, 1, 3), (0, 2, 4)]


@pytest.mark.parametrize(
    "wrong",
    [{"model": "gpt"}, {"order": 7}, {"width": 30}, {"steps": 0}, {"corpus_bytes": 9}],
)
def test_spec_no_model_can_have_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|none of"):
        ModelSpec(**wrong)  # pyright: ignore[reportArgumentType]
