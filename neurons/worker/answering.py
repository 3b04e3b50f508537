"""Queries in, frames out, in the worker's one model thread: whoever is to blame fails alone.

A batch is answered by one call. When that call raises, or brings another number of answers, every
query of it is asked again on its own; an answer that is an exception, of another type or too long
costs its own query only. Anything raised counts, `SystemExit` and the panics of native code too,
which are no `Exception`: or a query could be made that ends the process. A model that fails on
`FAILURES_MAX` lone queries running is broken rather than badly asked (a lost GPU, a full disk): the
process ends, and the runtime starts a fresh one.

Streams take turns, one piece each, between batches. So a model's class is never called by two
threads, and a piece should take a small part of the batch deadline.
"""

import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from neurons.backends.backend import Model, StreamingModel
from neurons.errors import ModelFault, NeurondError, WorkerFault
from neurons.worker import frames
from neurons.worker.frames import PIECE_BYTES_MAX, WINDOW, Frame, FrameKind

FAILURES_MAX = 16
"""Lone queries failed running that end the worker: a stranger's few bad ones among good don't."""


_END = object()


@dataclass(slots=True)
class _Course:
    """One stream under way."""

    pieces: Iterator[bytes]
    credit: int = WINDOW
    sequence: int = 0
    size_bytes: int = 0


class Answerer:
    """A model at work on frames; `answer_bytes_max` bounds every answer."""

    def __init__(self, model: Model, answer_bytes_max: int) -> None:
        self._model = model
        self._answer_bytes_max = answer_bytes_max
        self._failures = 0
        self._streams: dict[int, _Course] = {}

    @property
    def is_streaming(self) -> bool:
        """Whether `advance` has a piece to make."""
        return any(course.credit for course in self._streams.values())

    @property
    def is_broken(self) -> bool:
        """Whether the model has failed so often running that only a fresh process may help."""
        return self._failures >= FAILURES_MAX

    def hear(self, frame: Frame) -> list[Frame]:
        """Do what `frame` orders and return what to say.

        Raises:
            WorkerFault: the runtime said something else.
        """
        match frame.kind:
            case FrameKind.BATCH:
                return self._answer_batch(frames.decode_batch(frame.body))
            case FrameKind.STREAM:
                number, query = frames.decode_tagged(frame.body)
                self._streams[number] = _Course(self._open_stream(query))
                return []
            case FrameKind.CREDIT:
                number, _ = frames.decode_tagged(frame.body)
                if number in self._streams:  # otherwise it has ended since
                    self._streams[number].credit += 1
                return []
            case FrameKind.CANCEL:
                number, _ = frames.decode_tagged(frame.body)
                return [self._end_stream(number)] if number in self._streams else []
            case _:
                raise WorkerFault(f"{frame.kind.name} is not a runtime's to say")

    def advance(self) -> list[Frame]:
        """Make one piece of every stream whose reader waits for one."""
        running = [number for number, course in self._streams.items() if course.credit]
        return [self._make_piece(number) for number in running]

    # -- batches ----------------------------------------------------------------------------------

    def _answer_batch(self, queries: Sequence[tuple[int, bytes]]) -> list[Frame]:
        answers = self._ask([query for _, query in queries])
        return [
            self._report(number, answer)
            for (number, _), answer in zip(queries, answers, strict=True)
        ]

    def _ask(self, queries: Sequence[bytes]) -> Sequence[object]:
        """Return one outcome for each of `queries`, an exception where there is no answer."""
        try:
            answers: Sequence[object] = list(self._model.answer(queries))
            if len(answers) != len(queries):
                raise ModelFault(f"{len(answers)} answers to {len(queries)} queries")  # noqa: TRY301
        except BaseException as error:  # noqa: BLE001 - a model may raise anything; it is told
            if len(queries) > 1:
                return [self._ask([query])[0] for query in queries]
            traceback.print_exc()
            self._failures += 1
            return [error]
        self._failures = 0
        return answers

    def _report(self, number: int, answer: object) -> Frame:
        if isinstance(answer, BaseException):
            return frames.encode_failed(number, describe(answer))
        if not isinstance(answer, bytes):
            kind = type(answer).__name__
            return frames.encode_failed(number, f"an answer of type {kind}, not bytes")
        if len(answer) > self._answer_bytes_max:
            return frames.encode_failed(number, self._describe_excess(len(answer)))
        return frames.encode_tagged(FrameKind.DONE, number, answer)

    def _describe_excess(self, size: int) -> str:
        return f"an answer of {size} bytes where {self._answer_bytes_max} are allowed"

    # -- streams ----------------------------------------------------------------------------------

    def _open_stream(self, query: bytes) -> Iterator[bytes]:
        """Yield the answer's pieces; a model that can't stream makes all of it at once."""
        if isinstance(self._model, StreamingModel):
            try:
                yield from self._model.stream(query)
            except GeneratorExit:  # ours: nobody wants the rest
                raise
            except BaseException:
                self._failures += 1
                raise
            self._failures = 0
            return
        (answer,) = self._ask([query])
        if isinstance(answer, BaseException):
            raise answer
        if not isinstance(answer, bytes):
            raise ModelFault(f"an answer of type {type(answer).__name__}, not bytes")
        for start in range(0, len(answer), PIECE_BYTES_MAX):
            yield answer[start : start + PIECE_BYTES_MAX]

    def _make_piece(self, number: int) -> Frame:
        course = self._streams[number]
        try:
            piece: object = next(course.pieces, _END)
        except BaseException as error:  # noqa: BLE001 - as in `_ask`
            traceback.print_exc()
            return self._end_stream(number, describe(error))
        if piece is _END:
            return self._end_stream(number)
        if not isinstance(piece, bytes):
            return self._end_stream(number, f"a piece of type {type(piece).__name__}, not bytes")
        if len(piece) > PIECE_BYTES_MAX:
            reason = f"a piece of {len(piece)} bytes where {PIECE_BYTES_MAX} are allowed"
            return self._end_stream(number, reason)
        course.size_bytes += len(piece)
        if course.size_bytes > self._answer_bytes_max:
            return self._end_stream(number, self._describe_excess(course.size_bytes))
        frame = frames.encode_piece(number, course.sequence, piece)
        course.sequence += 1
        course.credit -= 1
        return frame

    def _end_stream(self, number: int, reason: str = "") -> Frame:
        """Close a stream's iterator, so that it can let go of what it holds, and say it ended."""
        course = self._streams.pop(number)
        close = getattr(course.pieces, "close", None)
        try:
            if close is not None:
                close()
        except BaseException as error:  # noqa: BLE001 - as in `_ask`
            traceback.print_exc()
            reason = reason or describe(error)
        if reason:
            return frames.encode_failed(number, reason)
        return frames.encode_tagged(FrameKind.DONE, number)


def describe(error: BaseException) -> str:
    """Return an exception in words; its type too where the words are not ours."""
    try:
        words = str(error)
    except Exception:  # noqa: BLE001 - a model's own exception may fail to say what it is
        words = "it can't be put into words"
    return words if isinstance(error, NeurondError) else f"{type(error).__name__}: {words}"
