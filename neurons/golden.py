"""A scorer's identity on the chain: what its task makes of a few seeds, and of fixed answers.

A subnet's mechanism pins a scorer by version and hash, and rows of another one don't count. The
hash is over the task's name, its version and its *golden vector*: a few seeds, the hash of the
challenge each makes, and the judgement of the task's fixed answers to it, all as whole numbers. So
it is the same on every platform and every Python, a typo changes nothing, and whatever changes a
challenge or a judgement shows. It is computed from the code at work, not read from a file: a node
that judges otherwise has another identity.

The vector is made with the task as it is without params, of what its package ships
(`make_portable`) and of a made-up chain (`GoldenRecord`). `golden.json` beside the task holds it
for reviewers: a test and `neurond task check` compare, and `tests/vectors/scorers.json` holds the
hash of each released version.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import cast

from consensus import codec
from consensus.crypto import hash32
from consensus.quantities import U64, Hash32, Height
from neurons.catalog import open_task
from neurons.dice import Dice
from neurons.errors import SeriesNotKept
from neurons.ports import SERIES
from neurons.task import Challenge, Fault, Judgement, Task

FILE = "golden.json"
SEEDS = tuple(hash32(b"neurond/golden", bytes([number])) for number in range(4))
HEIGHT = Height(10_000)
"""Where the made-up chain stands when challenges are sampled."""
UNIT = 1_000_000
"""Qualities and items are whole numbers of 1 / `UNIT`, rounded to the nearest."""
_SEASON = 24
_WHOSE = {"miner": -1, "validator": -2, "nobody": -3}

Vector = dict[str, object]
"""A golden vector as plain JSON."""


@dataclass(frozen=True, slots=True)
class GoldenRecord:
    """A made-up chain up to `height`: each series 1,000 or more, with a season and some noise."""

    height: Height

    def get_series(self, name: str, first: Height, count: int) -> tuple[int, ...]:
        """Return a series; see `neurons.ports.ChainRecord.get_series`."""
        if name not in SERIES or not 0 <= first <= first + count <= self.height + 1:
            raise SeriesNotKept(f"{count} of {name!r} from {first}, at height {self.height}")
        return tuple(_make_number(name, height) for height in range(first, first + count))


def _make_number(name: str, height: int) -> int:
    wave = abs(height % _SEASON - _SEASON // 2) * 50
    return 1_000 + wave + Dice(name.encode() + height.to_bytes(8, "big")).below(100)


def make_vector(task: Task) -> Vector:
    """Return the golden vector of `task`, computed now. Blocking (files): call it in a thread."""
    portable = task.make_portable()
    cases = [_make_case(portable, seed) for seed in SEEDS]
    return {"task": task.name, "version": task.version, "unit": UNIT, "cases": cases}


def _make_case(task: Task, seed: bytes) -> dict[str, object]:
    (challenge,) = task.sample(seed, 1, GoldenRecord(HEIGHT))
    record = GoldenRecord(Height(max(HEIGHT, challenge.ripe_at)))
    judgements = [
        _write_judgement(answer, task.verify(challenge, answer, record))
        for answer in task.fixed_answers(challenge, record)
    ]
    digest = compute_challenge_hash(challenge)
    return {"seed": seed.hex(), "challenge": digest.hex(), "judgements": judgements}


def compute_challenge_hash(challenge: Challenge) -> Hash32:
    """Hash everything of a challenge."""
    parts = [challenge.body, challenge.key, challenge.ripe_at, challenge.closes_at]
    return hash32(b"neurond/asked", codec.encode(parts))


def _write_judgement(answer: bytes, judgement: Judgement) -> dict[str, object]:
    told = hash32(b"neurond/answer", answer).hex()
    if isinstance(judgement, Fault):
        return {"answer": told, "fault": judgement.whose.value}
    items = [round(item * UNIT) for item in judgement.items]
    return {"answer": told, "quality": round(judgement.quality * UNIT), "items": items}


def compute_scorer_hash(task: Task) -> Hash32:
    """Return the identity of `task`'s scorer, from the code at work.

    Blocking (files): call it in a thread.
    """
    return hash_vector(make_vector(task))


def identify_scorer(name: str) -> tuple[U64, Hash32]:
    """Return version and identity of the scorer of the task `name`; raises as `open_task`."""
    task = open_task(name)
    return U64(task.version), compute_scorer_hash(task)


def hash_vector(vector: Vector) -> Hash32:
    """Hash a golden vector: canonical CBOR of name, version and cases, each a list.

    A judgement is (answer's hash, quality, items), or (answer's hash, -1, -2 or -3: whose fault).
    """
    cases = cast("list[Mapping[str, object]]", vector["cases"])
    plain = [vector["task"], vector["version"], [_list_case(case) for case in cases]]
    return hash32(b"neurond/scorer", codec.encode(plain))


def _list_case(case: Mapping[str, object]) -> list[object]:
    judgements = cast("list[Mapping[str, object]]", case["judgements"])
    return [case["seed"], case["challenge"], [_list_judgement(each) for each in judgements]]


def _list_judgement(judgement: Mapping[str, object]) -> list[object]:
    if "fault" in judgement:
        return [judgement["answer"], _WHOSE[str(judgement["fault"])]]
    return [judgement["answer"], judgement["quality"], judgement["items"]]


# -- the file beside the task ---------------------------------------------------------------------


def find_file(task: Task) -> Traversable:
    """Return where the task's golden vector is kept: `golden.json` of its class's package."""
    package = type(task).__module__.rpartition(".")[0]
    return files(package or type(task).__module__) / FILE


def read_vector(task: Task) -> Vector | None:
    """Return the kept golden vector; None when there is none that can be read."""
    try:
        plain: object = json.loads(find_file(task).read_text(encoding="utf-8"))
    except (OSError, ValueError, ModuleNotFoundError):
        return None
    return cast("Vector", plain) if isinstance(plain, dict) else None


def render_vector(vector: Vector) -> str:
    """Return the text of `golden.json`: one line a judgement."""
    head = {key: vector[key] for key in ("task", "version", "unit")}
    text = json.dumps(head, indent=1).rstrip("}\n") + ',\n "cases": ['
    cases = cast("list[Mapping[str, object]]", vector["cases"])
    return text + ",".join(_render_case(case) for case in cases) + "\n ]\n}\n"


def _render_case(case: Mapping[str, object]) -> str:
    judgements = cast("list[object]", case["judgements"])
    lines = ",\n    ".join(json.dumps(judgement) for judgement in judgements)
    head = f'"seed": "{case["seed"]}",\n   "challenge": "{case["challenge"]}"'
    return f'\n  {{{head},\n   "judgements": [\n    {lines}\n   ]}}'
