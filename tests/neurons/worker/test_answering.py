"""Whoever is to blame fails alone: bodies, batches and streams of a model that misbehaves."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import pytest

from neurons.backends.backend import Model
from neurons.errors import WorkerFault
from neurons.worker import frames
from neurons.worker.answering import FAILURES_MAX, Answerer
from neurons.worker.frames import PIECE_BYTES_MAX, WINDOW, Frame, FrameKind


class Mute(Exception):
    """An exception that can't say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Echo:
    """Answers each query with itself, unless the query says otherwise."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def answer(self, bodies: Sequence[bytes]) -> list[object]:
        self.calls.append(len(bodies))
        if b"raise" in bodies:
            raise ValueError("boom")
        if b"exit" in bodies:
            raise SystemExit(3)
        if b"mute" in bodies:
            raise Mute
        if b"surrogate" in bodies:
            raise ValueError(json.loads('"\\ud800"'))
        if b"lose" in bodies:
            return list(bodies[1:])
        odd: dict[bytes, object] = {b"refuse": KeyError("no"), b"text": "text", b"none": None}
        return [odd.get(body, body) for body in bodies]


class Streaming(Echo):
    """Streams the numbers up to the query's, and says when it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = 0
        self.odd: dict[int, Callable[[], object]] = {}

    def stream(self, body: bytes) -> Iterator[bytes]:
        try:
            for number in range(int(body)):
                yield cast("bytes", self.odd.get(number, str(number).encode)())
        finally:
            self.closed += 1


def _boom() -> object:
    raise ValueError("boom")


def make_answerer(model: object | None = None, answer_bytes_max: int = 200_000) -> Answerer:
    return Answerer(cast("Model", model or Echo()), answer_bytes_max)


def ask(answerer: Answerer, *bodies: bytes) -> dict[int, bytes | str]:
    """Return each query's answer, or in a text why it failed."""
    said = answerer.hear(frames.encode_batch(list(enumerate(bodies))))
    return dict(map(_read, said))


def _read(frame: Frame) -> tuple[int, bytes | str]:
    number, rest = frames.decode_tagged(frame.body)
    assert frame.kind in {FrameKind.DONE, FrameKind.FAILED}
    return number, rest if frame.kind is FrameKind.DONE else rest.decode()


# -- batches ---------------------------------------------------------------------------------------


def test_a_batch_is_one_call() -> None:
    model = Echo()
    assert ask(make_answerer(model), b"a", b"b", b"c") == {0: b"a", 1: b"b", 2: b"c"}
    assert model.calls == [3]


@pytest.mark.parametrize(
    ("poison", "reason"),
    [
        (b"raise", "ValueError: boom"),
        (b"exit", "SystemExit: 3"),
        (b"mute", "Mute: it can't be put into words"),
        (b"surrogate", r"ValueError: \ud800"),
        (b"lose", "0 answers to 1 queries"),
        (b"refuse", "KeyError: 'no'"),
        (b"text", "an answer of type str, not bytes"),
        (b"none", "an answer of type NoneType, not bytes"),
        (b"x" * 11, "an answer of 11 bytes where 10 are allowed"),
    ],
)
def test_a_poisoned_query_fails_alone(poison: bytes, reason: str) -> None:
    answers = ask(make_answerer(answer_bytes_max=10), b"a", poison, b"b")
    assert answers == {0: b"a", 1: reason, 2: b"b"}


def test_a_model_that_fails_on_every_query_is_broken_and_on_some_is_not() -> None:
    answerer = make_answerer()
    for _ in range(3):
        ask(answerer, b"a", *[b"raise"] * (FAILURES_MAX - 1))
        assert not answerer.is_broken
    ask(answerer, b"raise")
    assert answerer.is_broken


def test_what_the_model_refuses_does_not_make_it_broken() -> None:
    answerer = make_answerer()
    ask(answerer, *[b"refuse"] * 2 * FAILURES_MAX)
    assert not answerer.is_broken


def test_what_a_worker_says_is_not_for_a_worker() -> None:
    with pytest.raises(WorkerFault, match="READY"):
        make_answerer().hear(Frame(FrameKind.READY))


# -- streams ---------------------------------------------------------------------------------------


def open_stream(answerer: Answerer, body: bytes, number: int = 9) -> None:
    assert answerer.hear(frames.encode_tagged(FrameKind.STREAM, number, body)) == []


def run(answerer: Answerer) -> list[Frame]:
    """Return all that the streams say on the credit they have."""
    said: list[Frame] = []
    while answerer.is_streaming:
        said += answerer.advance()
    return said


def read_pieces(said: list[Frame]) -> list[tuple[int, bytes]]:
    bodies = [frames.decode_tagged(frame.body)[1] for frame in said]
    return [frames.decode_piece(body) for body in bodies]


def test_pieces_come_numbered_and_then_the_end() -> None:
    answerer = make_answerer(Streaming())
    open_stream(answerer, b"3")
    *pieces, end = run(answerer)
    assert read_pieces(pieces) == [(0, b"0"), (1, b"1"), (2, b"2")]
    assert end == frames.encode_tagged(FrameKind.DONE, 9)


def test_a_stream_is_ahead_of_its_reader_by_its_credit_only() -> None:
    answerer = make_answerer(Streaming())
    open_stream(answerer, b"99")
    assert len(run(answerer)) == WINDOW
    answerer.hear(frames.encode_tagged(FrameKind.CREDIT, 9))
    assert read_pieces(run(answerer)) == [(WINDOW, str(WINDOW).encode())]


def test_a_cancelled_stream_is_closed_and_ends() -> None:
    model = Streaming()
    answerer = make_answerer(model)
    open_stream(answerer, b"99")
    answerer.advance()
    cancel = frames.encode_tagged(FrameKind.CANCEL, 9)
    assert answerer.hear(cancel) == [frames.encode_tagged(FrameKind.DONE, 9)]
    assert model.closed == 1
    assert not answerer.is_streaming
    assert answerer.hear(cancel) == answerer.hear(frames.encode_tagged(FrameKind.CREDIT, 9)) == []


def test_streams_take_turns_and_batches_come_between() -> None:
    answerer = make_answerer(Streaming())
    open_stream(answerer, b"2", 1)
    open_stream(answerer, b"2", 2)
    assert [frames.decode_tagged(each.body)[0] for each in answerer.advance()] == [1, 2]
    assert ask(answerer, b"a") == {0: b"a"}
    assert [frames.decode_tagged(each.body)[0] for each in answerer.advance()] == [1, 2]


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (_boom, "ValueError: boom"),
        (lambda: None, "a piece of type NoneType, not bytes"),
        (lambda: bytes(PIECE_BYTES_MAX + 1), "a piece of 65537 bytes where 65536 are allowed"),
    ],
)
def test_a_stream_that_fails_says_why_after_its_pieces(
    odd: Callable[[], object], reason: str
) -> None:
    model = Streaming()
    model.odd[1] = odd
    answerer = make_answerer(model)
    open_stream(answerer, b"3")
    piece, end = run(answerer)
    assert read_pieces([piece]) == [(0, b"0")]
    assert end == frames.encode_failed(9, reason)
    assert model.closed == 1


def test_a_stream_is_no_longer_than_an_answer_may_be() -> None:
    model = Streaming()
    model.odd = dict.fromkeys(range(3), lambda: bytes(6))
    answerer = make_answerer(model, answer_bytes_max=10)
    open_stream(answerer, b"3")
    assert run(answerer)[-1] == frames.encode_failed(
        9, "an answer of 12 bytes where 10 are allowed"
    )


def test_a_model_that_can_not_stream_is_cut_into_pieces() -> None:
    answerer = make_answerer()
    open_stream(answerer, bytes(PIECE_BYTES_MAX + 1))
    first, second, end = run(answerer)
    assert [len(piece) for _, piece in read_pieces([first, second])] == [PIECE_BYTES_MAX, 1]
    assert end.kind is FrameKind.DONE
    for poison, reason in (
        (b"refuse", "KeyError: 'no'"),
        (b"text", "an answer of type str, not bytes"),
    ):
        open_stream(answerer, poison)
        assert run(answerer) == [frames.encode_failed(9, reason)]
