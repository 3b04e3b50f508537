"""The package that `neurond task new` writes: a small task that works, to be changed.

Its question is a list of sums, its answer their results; every part of a real task is there once:
sizes, sampling, judging with items, fixed answers, options, a card, a reference miner, a golden
vector and a test that runs the conformance suite.
"""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib import invalidate_caches
from pathlib import Path

from neurons import golden
from neurons.catalog import load_opener

_PYPROJECT = """\
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "@NAME@"
version = "0.1.0"
description = "A task for neurond."
requires-python = ">=3.11"
dependencies = ["neurond"]

[project.entry-points."neurond.tasks"]
@NAME@ = "@PACKAGE@.task:open_task"

[tool.setuptools]
packages = ["@PACKAGE@"]

[tool.setuptools.package-data]
@PACKAGE@ = ["golden.json"]
"""
_INIT = '''\
"""The task @NAME@ for neurond."""
'''
_TASK = '''\
"""@NAME@: what do these pairs of numbers add up to?

Body: 16 pairs of little-endian u16. Answer: 16 little-endian u32, their sums. Quality: the part of
the sums that is right.
"""

import struct
from collections.abc import Mapping, Sequence

from neurons.dice import Dice
from neurons.errors import InvalidOptions, InvalidTaskParams, MalformedQuery
from neurons.ports import ChainRecord
from neurons.task import Card, Challenge, Fault, Judged, Judgement, Task, Whose, find_equals

PAIRS = 16
QUESTION = struct.Struct(f"<{2 * PAIRS}H")
ANSWER = struct.Struct(f"<{PAIRS}I")


def open_task(params: bytes) -> Task:
    """Return the task; a subnet's owner has nothing to choose."""
    if params:
        raise InvalidTaskParams("@NAME@ has no params")
    return SumTask()


def read_sums(body: bytes) -> list[int]:
    """Return the sums a query asks for."""
    if len(body) != QUESTION.size:
        raise MalformedQuery(f"{len(body)} bytes where {QUESTION.size} make a query")
    numbers = QUESTION.unpack(body)
    return [first + second for first, second in zip(numbers[::2], numbers[1::2], strict=True)]


class SumTask:
    """One task, the same for every subnet."""

    name = "@NAME@"
    version = 1  # raise it with every change of a challenge or a judgement
    query_bytes_max = QUESTION.size
    answer_bytes_max = ANSWER.size
    reference = "@PACKAGE@.reference:SumModel"

    def measure(self, body: bytes) -> int:
        """Return the units of work in a query."""
        return len(read_sums(body))

    def sample(self, seed: bytes, count: int, record: ChainRecord) -> tuple[Challenge, ...]:
        """Make challenges from the seed alone; the key is what judges the answer."""
        return tuple(self._sample(Dice(seed + index.to_bytes(4, "big"))) for index in range(count))

    def _sample(self, dice: Dice) -> Challenge:
        body = QUESTION.pack(*(dice.below(2**16) for _ in range(2 * PAIRS)))
        return Challenge(body, ANSWER.pack(*read_sums(body)))

    def verify(self, challenge: Challenge, answer: bytes, record: ChainRecord) -> Judgement:
        """Judge any bytes; never raise."""
        if len(answer) != ANSWER.size:
            return Fault(Whose.MINER, f"{len(answer)} bytes where {ANSWER.size} make an answer")
        pairs = zip(ANSWER.unpack(answer), ANSWER.unpack(challenge.key), strict=True)
        items = tuple(float(told == true) for told, true in pairs)
        return Judged(sum(items) / PAIRS, items)

    def find_copies(self, answers: Sequence[bytes]) -> tuple[int, ...]:
        """Only equal answers are copies."""
        return find_equals(answers)

    def fixed_answers(self, challenge: Challenge, record: ChainRecord) -> tuple[bytes, ...]:
        """Return the best answer, the baseline, one half right, and a malformed one."""
        half = ANSWER.size // 2
        return challenge.key, bytes(ANSWER.size), challenge.key[:half] + bytes(half), b"?"

    def make_portable(self) -> Task:
        """Nothing of this machine is read."""
        return self

    def read_options(self, options: Mapping[str, object]) -> Mapping[str, object]:
        """Check the reference miner's options: it has none."""
        for name in options:
            raise InvalidOptions(name, "is no option of this model: it has none")
        return {}

    def describe(self) -> Card:
        """Return what people are told of the task."""
        body = QUESTION.pack(*range(2 * PAIRS))
        return Card(
            summary="What do these pairs of numbers add up to?",
            query="16 pairs of little-endian u16.",
            answer="16 little-endian u32: the sum of each pair.",
            example_query=body,
            example_answer=ANSWER.pack(*read_sums(body)),
            price_unit="sum",
        )
'''
_REFERENCE = '''\
"""The reference miner of @NAME@; only a miner's worker imports it, so heavy imports belong here."""

from collections.abc import Sequence

from @PACKAGE@.task import ANSWER, read_sums
from neurons.backends.backend import Setup
from neurons.errors import MalformedQuery


class SumModel:
    """Adds up."""

    def __init__(self, setup: Setup) -> None:
        """Get ready; a model that learns tells how far it is with `setup.report`."""

    def answer(self, bodies: Sequence[bytes]) -> list[bytes | Exception]:
        """Return the answer to each body; an exception fails that one alone."""
        return [self._answer(body) for body in bodies]

    def _answer(self, body: bytes) -> bytes | Exception:
        try:
            return ANSWER.pack(*read_sums(body))
        except MalformedQuery as error:
            return error
'''
_TEST = '''\
"""@NAME@ meets every rule of a task."""

from neurons.conformance import check_task
from @PACKAGE@.task import open_task


def test_task_meets_every_rule() -> None:
    found = check_task(open_task(b""), "@PACKAGE@.task:open_task")
    assert [finding for finding in found if not finding.ok] == []
'''


def write_package(folder: Path, name: str) -> tuple[Path, ...]:
    """Write the package of a new task `name` into `folder`, which must not exist; return its files.

    `name` is an identifier in lower case, as Python's packages have.

    Raises:
        FileExistsError: the folder is there already.
        OSError: it can't be written.
    """
    package = f"task_{name}"
    inside = folder / package
    texts = {
        folder / "pyproject.toml": _PYPROJECT,
        inside / "__init__.py": _INIT,
        inside / "task.py": _TASK,
        inside / "reference.py": _REFERENCE,
        folder / "tests" / f"test_{name}.py": _TEST,
    }
    folder.mkdir(parents=True)
    for path, text in texts.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace("@NAME@", name).replace("@PACKAGE@", package))
    with _importable(folder):
        vector = golden.make_vector(load_opener(f"{package}.task:open_task")(b""))
    kept = inside / golden.FILE
    kept.write_text(golden.render_vector(vector))
    return (*texts, kept)


@contextmanager
def _importable(folder: Path) -> Generator[None]:
    sys.path.insert(0, str(folder.absolute()))
    invalidate_caches()  # what was written a moment ago is not in them
    try:
        yield
    finally:
        sys.path.remove(str(folder.absolute()))
