"""Text: what is the next byte of each of these prefixes of source code nobody has seen before?

A query is the canonical CBOR of `TextQuery`, 1 to 64 prefixes of 1 to 256 bytes. The answer is, for
each prefix in order, 256 little-endian u16 that sum to exactly 65535: the probability of each next
byte times 65535. A challenge takes `PREFIXES` positions from `FILES` files of the standard library,
renamed by the seed (`neurons/tasks/text/corpus.py`); the key is the true next byte of each.

Score: the log score (proper: the honest belief pays best), in bits per byte, as the gain over a
fixed order-0 model of source code, meaned over the query's prefixes and divided by that model's
own entropy: 0 for what letter frequencies alone achieve or worse, 1 for knowing every byte. The
reference also takes out much of the luck of easy and hard positions. A zero probability is scored
as half a unit (17 bits), so one bold zero costs dearly and not infinitely.

32 prefixes a query: two models half a bit apart (a spread of about 2 bits per prefix between them)
are told apart at two sigma after three queries.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from consensus import codec
from consensus.errors import DecodeError
from consensus.quantities import U16, U16_MAX, Bytes256, CountMax
from neurons.dice import Dice
from neurons.errors import InvalidTaskParams, MalformedAnswer, MalformedQuery
from neurons.ports import ChainRecord
from neurons.task import Card, Challenge, Fault, Judged, Judgement, Whose
from neurons.tasks.text import corpus
from neurons.tasks.text.distributions import (
    ROW_BYTES,
    SYMBOLS,
    pack_rows,
    quantise,
    read_answer,
)
from neurons.tasks.text.options import read_options

PREFIXES = 32
"""Positions of one challenge."""
FILES = 4
"""Files they are taken from: reading and renaming one takes about 2 ms."""
PREFIX_BYTES_MAX = 256
PREFIX_COUNT_MAX = 64
QUERY_BYTES_MAX = PREFIX_COUNT_MAX * (PREFIX_BYTES_MAX + 3) + 16
COPY_DISTANCE_MAX = 0.004
"""Mean total variation per prefix up to which two answers are one model's. Measured over 8 queries:
n-grams of other text 0.03 and more apart, transformers of another seed 0.06, the same transformer 4
of 40 steps further 0.03; pools that share their n-gram and 60 of 80 steps, the nearest, 0.006."""
GLANCE_ROWS = 4
"""Rows compared first: different models nearly always differ by the whole limit there."""
ZERO_WEIGHT = 0.5
"""What a symbol of probability zero is scored as, in units of 1 / 65535."""

_COMMON = (
    " etsrianol\nfdc_upm.)(h,'\":bg=xyk#w0vE1-TNI*ASR]3[z\\Cj2OFMDLq>P+465%U8<79BH}{/VKG`WX!;|QYZ?@"
    "J^&$~"
)
_COMMON_COUNTS = (
    *(27121, 7891, 4757, 4101, 3782, 3759, 3658, 3549, 3226, 3105, 2859, 2272, 2158, 1870, 1841),
    *(1635, 1592, 1447, 1345, 1161, 1161, 1093, 1001, 1001, 886, 865, 835, 822, 685, 679, 607, 521),
    *(
        465,
        459,
        413,
        387,
        297,
        281,
        251,
        232,
        217,
        181,
        160,
        151,
        146,
        145,
        137,
        137,
        136,
        124,
        120,
    ),
    *(120, 117, 116, 113, 106, 93, 92, 91, 88, 82, 80, 75, 75, 74, 69, 68, 68, 59, 57, 57, 56, 49),
    *(42, 36, 36, 34, 32, 30, 29, 29, 28, 27, 24, 18, 16, 15, 11, 11, 10, 10, 9, 9, 9, 1, 1),
)
"""The order-0 reference: how often each byte occurs in 100,000 of Python 3.11's library."""
REFERENCE_ENTROPY_BITS = 4.57
"""Bits per byte of the reference on its own text: the gain of an answer that knows every byte."""


@dataclass(frozen=True, slots=True)
class TextQuery:
    """The prefixes whose next bytes are asked for."""

    prefixes: Annotated[tuple[Bytes256, ...], CountMax(PREFIX_COUNT_MAX)]


@dataclass(frozen=True, slots=True)
class TextParams:
    """What a subnet's owner may choose of the task: the prefixes of one query."""

    prefixes: U16


def open_text(params: bytes) -> "TextTask":
    """Return the task with `params`, the canonical CBOR of `TextParams`; empty: 32 prefixes.

    Raises:
        InvalidTaskParams: they are something else, or out of bounds.
    """
    if not params:
        return TextTask()
    try:
        return TextTask(codec.decode(TextParams, params).prefixes)
    except (DecodeError, ValueError) as error:
        raise InvalidTaskParams(f"task params {params.hex()[:40]}: {error}") from error


def encode_query(prefixes: Sequence[bytes]) -> bytes:
    """Return the body that asks for the next byte of each of `prefixes`."""
    return codec.encode(TextQuery(tuple(Bytes256(prefix) for prefix in prefixes)))


def read_query(body: bytes) -> tuple[bytes, ...]:
    """Return the prefixes of a query body.

    Raises:
        MalformedQuery: no `TextQuery`, no prefixes, or an empty one.
    """
    try:
        query = codec.decode(TextQuery, body, QUERY_BYTES_MAX)
    except DecodeError as error:
        raise MalformedQuery(str(error)) from error
    if not query.prefixes or not all(query.prefixes):
        raise MalformedQuery("a query asks for 1 to 64 prefixes of 1 to 256 bytes")
    return query.prefixes


def compute_bits(rows: NDArray[np.uint16], truth: bytes) -> NDArray[np.float64]:
    """Return the log score in bits of each row (count, 256) for its true next byte: (count,)."""
    chosen = rows[np.arange(len(truth)), np.frombuffer(truth, dtype=np.uint8)]
    return -np.log2(np.maximum(chosen.astype(np.float64), ZERO_WEIGHT) / U16_MAX)


class TextTask:
    """The built-in task `text`, over this Python's library or over the sample that ships."""

    name = "text"
    version = 2
    query_bytes_max = QUERY_BYTES_MAX
    answer_bytes_max = PREFIX_COUNT_MAX * ROW_BYTES
    reference = "neurons.tasks.text.models.reference:TextModel"

    def __init__(
        self,
        prefixes: int = PREFIXES,
        list_files: Callable[[], tuple[Path, ...]] = corpus.list_files,
    ) -> None:
        if not 1 <= prefixes <= PREFIX_COUNT_MAX:
            raise ValueError(f"a text query has 1 to {PREFIX_COUNT_MAX} prefixes, not {prefixes}")
        self._prefixes = prefixes
        self._list_files = list_files

    @cached_property
    def _files(self) -> tuple[Path, ...]:
        return self._list_files()

    @cached_property
    def _reference_counts(self) -> NDArray[np.float64]:
        """How often the reference saw each byte (256,), whole; one it never saw counts once."""
        counts = np.ones(SYMBOLS)
        counts[[ord(char) for char in _COMMON]] += _COMMON_COUNTS
        return counts

    @cached_property
    def _reference_bits(self) -> NDArray[np.float64]:
        """Bits the reference pays for each byte (256,)."""
        return -np.log2(self._reference_counts / self._reference_counts.sum())

    def sample(self, seed: bytes, count: int, record: ChainRecord) -> tuple[Challenge, ...]:  # noqa: ARG002 - needs no chain
        """Make `count` challenges of `prefixes` each; reads `FILES` files for each."""
        return tuple(
            self._sample_one(Dice(seed + index.to_bytes(4, "big"))) for index in range(count)
        )

    def _sample_one(self, dice: Dice) -> Challenge:
        prefixes: list[bytes] = []
        truth = bytearray()
        for number in range(min(FILES, self._prefixes)):
            text = corpus.rename(corpus.read_source(dice.choose(self._files)), dice).encode()
            for _ in range(number, self._prefixes, FILES):
                place = 1 + dice.below(len(text) - 1)
                prefixes.append(text[max(0, place - PREFIX_BYTES_MAX) : place])
                truth.append(text[place])
        return Challenge(encode_query(prefixes), bytes(truth))

    def measure(self, body: bytes) -> int:
        """Return how many prefixes a query body has.

        Raises:
            MalformedQuery: see `read_query`.
        """
        return len(read_query(body))

    def verify(self, challenge: Challenge, answer: bytes, record: ChainRecord) -> Judgement:  # noqa: ARG002 - needs no chain
        """Judge `answer` by its log score on the challenge's true next bytes."""
        truth = challenge.key
        try:
            rows = read_answer(answer, len(truth))
        except MalformedAnswer as error:
            return Fault(Whose.MINER, str(error))
        reference = self._reference_bits[np.frombuffer(truth, dtype=np.uint8)]
        gains = (reference - compute_bits(rows, truth)) / REFERENCE_ENTROPY_BITS
        return Judged(min(max(float(gains.mean()), 0.0), 1.0), tuple(gains.tolist()))

    def find_copies(self, answers: Sequence[bytes]) -> tuple[int, ...]:
        """Return for each answer the first one within `COPY_DISTANCE_MAX` of it, or itself."""
        if not answers:
            return ()
        rows = np.array([np.frombuffer(answer, dtype="<u2") for answer in answers], dtype=np.int32)
        limit = (
            COPY_DISTANCE_MAX * 2 * U16_MAX * rows.shape[1] / SYMBOLS
        )  # both sides' excess counts
        widths = (min(GLANCE_ROWS * SYMBOLS, rows.shape[1]), rows.shape[1])
        originals: list[int] = []
        found: list[int] = []
        for index, row in enumerate(rows):
            near = np.array(originals, dtype=np.intp)
            for width in widths:
                distances = np.abs(rows[near, :width] - row[:width]).sum(axis=1, dtype=np.int64)
                near = near[distances <= limit]
            if near.size == 0:
                originals.append(index)
            found.append(int(near[0]) if near.size else index)
        return tuple(found)

    def fixed_answers(self, challenge: Challenge, record: ChainRecord) -> tuple[bytes, ...]:  # noqa: ARG002 - needs no chain
        """Return the truth, the reference, half of each, a wrong certainty, and four malformed.

        Whole numbers all along, so that no machine's rounding makes another answer.
        """
        count = len(challenge.key)
        baseline = np.tile(self._reference_counts, (count, 1))
        truth = np.zeros((count, SYMBOLS))
        places = np.arange(count), np.frombuffer(challenge.key, dtype=np.uint8)
        truth[places] = self._reference_counts.sum()
        beliefs = (truth, baseline, truth + baseline, np.roll(truth, 1, axis=1))
        best, *others = (pack_rows(quantise(rows)) for rows in beliefs)
        excess = (int.from_bytes(best[:2], "little") + 1).to_bytes(2, "little") + best[2:]
        return best, *others, b"", best[:-1], best + bytes(ROW_BYTES), excess

    def make_portable(self) -> "TextTask":
        """Return the task over the sample that this package ships."""
        return TextTask(self._prefixes, corpus.list_sample)

    def read_options(self, options: Mapping[str, object]) -> Mapping[str, object]:
        """Return the reference miner's options, checked and complete; see `options.py`."""
        return read_options(options)

    def describe(self) -> Card:
        """Return what people are told of the task."""
        example = np.full((1, SYMBOLS), 0.1 / SYMBOLS)
        example[0, ord("n")] = 0.9
        return Card(
            summary="What is the next byte of source code nobody has seen before?",
            query="Canonical CBOR: a list of one list of 1 to 64 byte strings of 1 to 256 bytes.",
            answer="For each of them 256 little-endian u16 that sum to 65535: the probability of "
            "each next byte, times 65535.",
            example_query=encode_query([b"    retur"]),
            example_answer=pack_rows(quantise(example)),
            price_unit="prefix",
        )
