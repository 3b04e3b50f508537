"""The rules every task must meet: one check each, for a built-in task or a stranger's package.

`check_task` runs them all and returns a `Finding` each; `neurond task check` prints them, and a
test runs them for every task there is. They use what a subnet would use: the task's own `sample`
and `verify`, its reference miner through its class, its `golden.json`. What must not happen here
(importing torch, another hash seed) happens in processes of its own: `python -m
neurons.conformance challenges|answers PLACE OPTIONS`, which speak JSON.

Times are compared with the time this machine takes to hash, so that a slow one fails no task.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite
from statistics import mean
from typing import cast

from consensus.codec import BOUNDS
from consensus.quantities import Bytes64K, Height, ShortText
from neurons import golden
from neurons.backends.backend import Setup
from neurons.backends.python import load_class
from neurons.catalog import load_opener
from neurons.dice import Dice
from neurons.errors import InvalidOptions, MalformedQuery
from neurons.golden import HEIGHT, GoldenRecord
from neurons.task import Challenge, Fault, Judged, Judgement, Task, Whose
from neurons.validating.pending import BLOCKS_AHEAD_MAX

SEED = b"conformance"
CHALLENGES = 4
FUZZED = 240
"""Odd answers and bodies tried."""
NOTHING_MAX = 0.05
"""Quality that random answers and the baseline may reach on average."""
BEST_MIN = 0.5
"""Quality that the best fixed answer reaches at least."""
REFERENCE_MARGIN = 0.05
"""How far above random answers the reference miner is at least."""
SAMPLE_MIB, VERIFY_MIB = 400, 100
"""Most time of a challenge and of a judgement: that of hashing so many MiB (1 to 2 ms each)."""
REFERENCE_S = 300.0
"""Longest time the reference miner may take to get ready and answer."""
BYTES_MAX = BOUNDS[Bytes64K][1]
RECORD = GoldenRecord(HEIGHT)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule found; `detail` says why it is broken, or what was measured."""

    rule: str
    ok: bool
    detail: str


class _Broken(Exception):
    """A rule that does not hold, in a sentence."""


def check_task(
    task: Task, place: str, options: Mapping[str, object] | None = None
) -> tuple[Finding, ...]:
    """Run every rule on `task`, made by `place` ("package.module:open_task") without params.

    `options` go to its reference miner: a quick one, say. Blocking, for some seconds and as long
    as the reference miner takes to get ready.
    """
    rules: Sequence[tuple[str, Callable[[], str]]] = (
        ("it has a name, a version and bounds", lambda: _check_bounds(task)),
        ("its card tells what it is", lambda: _check_card(task)),
        ("equal seeds make equal challenges", lambda: _check_seeds(task, place)),
        ("every process makes the same challenges", lambda: _check_processes(task, place)),
        ("its golden vector is the one beside it", lambda: _check_golden(task)),
        ("no answer makes it fail", lambda: _check_fuzz(task)),
        ("no body makes it fail", lambda: _check_bodies(task)),
        ("random answers earn nothing", lambda: _check_random(task)),
        ("the best answer is far above the baseline", lambda: _check_fixed(task)),
        ("equal answers are copies", lambda: _check_copies(task)),
        ("its options are checked", lambda: _check_options(task)),
        ("it is quick to sample and to judge", lambda: _check_speed(task)),
        ("its reference miner beats chance", lambda: _check_reference(task, place, options or {})),
    )
    return tuple(_run(rule, check) for rule, check in rules)


def _run(rule: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(rule, ok=True, detail=check())
    except _Broken as broken:
        return Finding(rule, ok=False, detail=str(broken))
    except Exception as error:  # noqa: BLE001 - somebody else's code, which may fail in any way
        return Finding(rule, ok=False, detail=f"{type(error).__name__}: {error}")


def _demand(holds: object, sentence: str) -> None:
    if not holds:
        raise _Broken(sentence)


# -- what it says of itself -----------------------------------------------------------------------


def _check_bounds(task: Task) -> str:
    _demand(1 <= len(task.name) <= BOUNDS[ShortText][1], "its name is empty or too long")
    _demand(task.version >= 1, "its version is not 1 or more")
    for name, size in (("query", task.query_bytes_max), ("answer", task.answer_bytes_max)):
        _demand(0 < size <= BYTES_MAX, f"{name}_bytes_max is {size}, not 1 to {BYTES_MAX}")
    for challenge in _sample(task):
        _demand(len(challenge.body) <= task.query_bytes_max, "a body is over query_bytes_max")
        _demand(len(challenge.key) <= BYTES_MAX, f"a key is over {BYTES_MAX} bytes")
        _demand(task.measure(challenge.body) >= 1, "a challenge measures less than 1")
        ahead = challenge.ripe_at - RECORD.height
        _demand(ahead <= BLOCKS_AHEAD_MAX, f"a challenge ripens in {ahead} blocks: too late")
    return f"{task.name} {task.version}"


def _check_card(task: Task) -> str:
    card = task.describe()
    words = (card.summary, card.query, card.answer, card.price_unit)
    _demand(all(word.strip() for word in words), "its card leaves something empty")
    units = task.measure(card.example_query)
    _demand(units >= 1, "the example query measures less than 1")
    size = len(card.example_answer)
    _demand(size <= task.answer_bytes_max, "the example answer is over answer_bytes_max")
    return f"{units} {card.price_unit}"


def _check_options(task: Task) -> str:
    defaults = task.read_options({})
    _demand(task.read_options(defaults) == defaults, "it does not read its own defaults back")
    try:
        task.read_options({"no such option": 1})
    except InvalidOptions:
        return ", ".join(defaults) or "none"
    raise _Broken("it takes an option it does not have")


# -- challenges -----------------------------------------------------------------------------------


def _sample(task: Task, count: int = CHALLENGES) -> tuple[Challenge, ...]:
    return task.sample(SEED, count, RECORD)


def _check_seeds(task: Task, place: str) -> str:
    challenges = _sample(task)
    _demand(len(challenges) == CHALLENGES, f"asked for {CHALLENGES} it made {len(challenges)}")
    _demand(challenges == _sample(task), "the same seed made other challenges")
    _demand(
        challenges == _sample(load_opener(place)(b"")), "another object of it made other challenges"
    )
    bodies = {challenge.body for challenge in challenges}
    bodies |= {challenge.body for challenge in task.sample(b"another", CHALLENGES, RECORD)}
    _demand(len(bodies) == 2 * CHALLENGES, "different challenges ask the same question")
    return f"{len(bodies)} different ones"


def _check_processes(task: Task, place: str) -> str:
    seen = {_ask_process("challenges", place, {}, seed)["hash"] for seed in ("1", "2")}
    _demand(seen == {_hash_challenges(task)}, "another process makes other challenges")
    has_torch = _ask_process("challenges", place, {}, "3")["torch"]
    _demand(not has_torch, "sampling and judging import torch: the reference miner alone may")
    return "with three hash seeds, without torch"


def _hash_challenges(task: Task) -> str:
    hashes = [golden.compute_challenge_hash(challenge) for challenge in _sample(task)]
    return blake2b(b"".join(hashes), digest_size=16).hexdigest()


def _check_golden(task: Task) -> str:
    kept, vector = golden.read_vector(task), golden.make_vector(task)
    _demand(kept is not None, f"{golden.FILE} is not beside it: neurond task check NAME --write")
    _demand(
        kept == vector,
        "it judges otherwise than its golden.json: raise its version and write the file anew, "
        "or undo the change",
    )
    return golden.hash_vector(vector).hex()


# -- judging --------------------------------------------------------------------------------------


def _record(challenge: Challenge) -> GoldenRecord:
    return GoldenRecord(Height(max(HEIGHT, challenge.ripe_at)))


def _judge(task: Task, challenge: Challenge, answer: bytes) -> Judgement:
    judgement = task.verify(challenge, answer, _record(challenge))
    if isinstance(judgement, Judged):
        numbers = (judgement.quality, *judgement.items)
        _demand(all(map(isfinite, numbers)), "a quality or an item is not finite")
        _demand(0 <= judgement.quality <= 1, f"a quality of {judgement.quality}")
    return judgement


def _rate(task: Task, challenge: Challenge, answer: bytes) -> float:
    judgement = _judge(task, challenge, answer)
    return judgement.quality if isinstance(judgement, Judged) else 0.0


def _make_bytes(dice: Dice, size: int) -> bytes:
    return bytes(dice.below(256) for _ in range(size))


def _mutate(dice: Dice, answer: bytes) -> bytes:
    """Return `answer` cut, extended, or with a byte changed."""
    place = dice.below(len(answer) + 1)
    spoilt = answer[:place] + _make_bytes(dice, 1) + answer[place + 1 :]
    return dice.choose((answer[:place], answer + _make_bytes(dice, 3), spoilt))


def _check_fuzz(task: Task) -> str:
    dice = Dice(SEED)
    challenge = _sample(task, 1)[0]
    fixed = task.fixed_answers(challenge, _record(challenge))
    sizes = sorted({0, 1, len(fixed[0]), task.answer_bytes_max})
    odd = [fill * size for size in sizes for fill in (b"\0", b"\xff")]
    odd += [_make_bytes(dice, size) for size in sizes]
    odd += [_mutate(dice, dice.choose(fixed)) for _ in range(FUZZED)]
    for answer in odd:
        _judge(task, challenge, answer)
    return f"{len(odd)} answers"


def _check_bodies(task: Task) -> str:
    dice = Dice(SEED)
    body = _sample(task, 1)[0].body
    odd = [b"", b"\0", b"\xff" * BYTES_MAX, *(_mutate(dice, body) for _ in range(FUZZED))]
    refused = 0
    for each in odd:
        try:
            _demand(task.measure(each) >= 1, "a body measures less than 1")
        except MalformedQuery:
            refused += 1
    _demand(refused, "it takes everything for a query")
    return f"{refused} of {len(odd)} refused"


def _check_random(task: Task) -> str:
    dice = Dice(SEED)
    qualities = [
        _rate(task, challenge, _make_bytes(dice, len(answer)))
        for challenge in _sample(task)
        for answer in task.fixed_answers(challenge, _record(challenge))[:2]
        for _ in range(10)
    ]
    quality = mean(qualities)
    _demand(quality <= NOTHING_MAX, f"random bytes earn {quality:.3f}")
    return f"{quality:.3f}"


def _check_fixed(task: Task) -> str:
    best, worst, blamed = 1.0, 0.0, 0
    for challenge in _sample(task):
        answers = task.fixed_answers(challenge, _record(challenge))
        _demand(len(answers) > 1, "it has fewer than two fixed answers")
        best = min(best, _rate(task, challenge, answers[0]))
        worst = max(worst, _rate(task, challenge, answers[1]))
        judged = [_judge(task, challenge, answer) for answer in answers]
        blamed += any(isinstance(each, Fault) and each.whose is Whose.MINER for each in judged)
    _demand(best >= BEST_MIN, f"the best fixed answer earns {best:.3f}, not {BEST_MIN} or more")
    _demand(worst <= NOTHING_MAX, f"the baseline earns {worst:.3f}")
    _demand(blamed == CHALLENGES, "no fixed answer is malformed")
    return f"best {best:.3f}, baseline {worst:.3f}"


def _check_copies(task: Task) -> str:
    challenge = _sample(task, 1)[0]
    valid = [
        answer
        for answer in dict.fromkeys(task.fixed_answers(challenge, _record(challenge)))
        if isinstance(_judge(task, challenge, answer), Judged)
    ]
    found = task.find_copies([*valid, *valid])
    originals = found[: len(valid)]
    _demand(found[len(valid) :] == originals, "an equal answer is no copy of the first")
    _demand(all(originals[each] == each for each in originals), "a copy's original is a copy")
    _demand(task.find_copies([]) == (), "of no answers some are copies")
    return f"{len(valid)} answers"


# -- time -----------------------------------------------------------------------------------------


def _check_speed(task: Task) -> str:
    unit = _time(lambda: blake2b(bytes(1 << 20)).digest())
    challenge = _sample(task, 1)[0]
    answer = task.fixed_answers(challenge, _record(challenge))[0]
    sampling = _time(lambda: _sample(task, 1)) / unit
    judging = _time(lambda: _judge(task, challenge, answer)) / unit
    _demand(sampling <= SAMPLE_MIB, f"a challenge takes as long as hashing {sampling:.0f} MiB")
    _demand(judging <= VERIFY_MIB, f"judging takes as long as hashing {judging:.0f} MiB")
    return f"as hashing {sampling:.1f} and {judging:.1f} MiB"


def _time(work: Callable[[], object]) -> float:
    """Return the CPU seconds of the quickest of five runs."""
    best = float("inf")
    for _ in range(5):
        began = time.thread_time()
        work()
        best = min(best, time.thread_time() - began)
    return max(best, 1e-6)


# -- the reference miner, and other processes -----------------------------------------------------


def _check_reference(task: Task, place: str, options: Mapping[str, object]) -> str:
    told = _ask_process("answers", place, options, "0")
    answers = [bytes.fromhex(answer) for answer in cast("list[str]", told["answers"])]
    quality = mean(
        _rate(task, challenge, answer)
        for challenge, answer in zip(_sample(task), answers, strict=True)
    )
    random = mean(_rate(task, each, _make_bytes(Dice(SEED), 64)) for each in _sample(task))
    _demand(quality >= random + REFERENCE_MARGIN, f"it earns {quality:.3f}, chance {random:.3f}")
    return f"{quality:.3f}, chance {random:.3f}"


def _ask_process(
    what: str, place: str, options: Mapping[str, object], hash_seed: str
) -> dict[str, object]:
    """Return what `python -m neurons.conformance WHAT PLACE OPTIONS` prints."""
    paths = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(  # noqa: S603 - this module, once more
        [sys.executable, "-P", "-m", "neurons.conformance", what, place, json.dumps(dict(options))],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=REFERENCE_S,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise _Broken(f"a process of its own failed: {said[-1]}")
    return cast("dict[str, object]", json.loads(lines[-1]))


def main(arguments: Sequence[str]) -> int:
    """Print the JSON that the checks above ask another process for."""
    what, place, options = arguments
    task = load_opener(place)(b"")
    if what == "challenges":
        golden.make_vector(task)
        told = {"hash": _hash_challenges(task), "torch": "torch" in sys.modules}
        print(json.dumps(told))  # noqa: T201 - its output
        return 0
    with tempfile.TemporaryDirectory() as cache:
        plain = cast("dict[str, object]", json.loads(options))
        model = load_class(task.reference)(
            Setup(
                task.name,
                b"",
                "cpu",
                1,
                cache,
                task.read_options(plain),
                lambda _stage, _part: None,
            )
        )
        answers = model.answer([challenge.body for challenge in _sample(task)])
    failed = [answer for answer in answers if isinstance(answer, Exception)]
    if failed:
        raise failed[0]
    told = [answer.hex() for answer in answers if isinstance(answer, bytes)]
    print(json.dumps({"answers": told}))  # noqa: T201 - its output
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
