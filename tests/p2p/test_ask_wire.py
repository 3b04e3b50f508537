"""Frames of the ask protocol."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p import ask_wire
from p2p.ask_wire import AskKind, Request
from p2p.errors import RemoteFault
from p2p.wire import FRAME_MAX, PIECE_MAX, FrameBuffer

REQUEST = Request("query", 1_000, 250)


@given(st.integers(0, 4 * PIECE_MAX), st.integers(0, 2**32 - 1))
def test_a_question_of_any_size_arrives_whole(size: int, call: int):
    payload = bytes(size)
    frames = FrameBuffer().feed(b"".join(ask_wire.write_request(call, REQUEST, payload)))
    assert all(len(frame) <= FRAME_MAX for frame in frames)
    heads = [ask_wire.read_ask(frame) for frame in frames]
    assert {head[0] for head in heads} == {AskKind.REQUEST}
    assert {head[2] for head in heads} == {call}
    assert [head[1] & ask_wire.MORE for head in heads] == [1] * (len(heads) - 1) + [0]
    request, first = ask_wire.read_request(frames[0][ask_wire.HEAD_SIZE :])
    assert request == REQUEST
    rest = b"".join(frame[ask_wire.HEAD_SIZE :] for frame in frames[1:])
    assert first + rest == payload


@pytest.mark.parametrize("size", [0, 1, PIECE_MAX, PIECE_MAX + 1, 3 * PIECE_MAX])
def test_an_answer_of_any_size_ends_with_its_only_unflagged_piece(size: int):
    frames = list(ask_wire.write_pieces(AskKind.ANSWER, 1, bytes(size)))
    flags = [ask_wire.read_ask(frame[4:])[1] for frame in frames]
    assert flags == [ask_wire.MORE] * (len(frames) - 1) + [0]
    assert sum(len(frame) - 4 - ask_wire.HEAD_SIZE for frame in frames) == size


@pytest.mark.parametrize(
    "body",
    [b"", b"\0" * 8, b"\0" * 9, b"\0" * 8 + b"\x05abc", b"\0" * 8 + b"\x01\xff"],
)
def test_a_damaged_question_is_the_askers_fault(body: bytes):
    with pytest.raises(RemoteFault, match="a request"):
        ask_wire.read_request(body)


def test_an_error_keeps_its_code_and_message():
    frame = ask_wire.write_error(9, 70, "no such model")
    assert ask_wire.read_error(frame[4 + ask_wire.HEAD_SIZE :]) == (70, "no such model")


def test_short_frames_are_refused():
    with pytest.raises(RemoteFault):
        ask_wire.read_ask(b"\x01\x00")
    with pytest.raises(RemoteFault):
        ask_wire.read_error(b"\x01")
    with pytest.raises(RemoteFault):
        ask_wire.read_credit(b"\x01")
