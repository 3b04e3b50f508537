"""Verified answers in, scores out, u16 at the border; pure. Floats become integers here alone.

Two things: a miner's standing over rounds (`MinerScore`, `update`, `compute_scores`), and scores to
a row of weights (`to_weights`). What an answer's numbers mean is its task's.

score = quality x reliability^2.5 x latency factor

- quality: exponential mean of judged qualities (weight `QUALITY_STEP` for the newest; the mean of
  all while there are few, because sums and counts decay alike).
- reliability: the same with the slower `RELIABILITY_STEP` over what was asked. An answer counts 1,
  `Busy` 1/2, a fault of the miner (wrong, late, refused) 0. What is the validator's fault is not
  counted. A miner nobody reached is excused `EXCUSED_ABSENCES` times running (networks lose
  connections), then counts 0 at half weight. Before a miner's first valid answer its failures count
  a quarter: it may be training, and without quality it has no weight anyway.
- silence: after `SILENT_ROUNDS_MAX` rounds running without a valid answer the score is 0 until the
  next one, however good the past.
- latency: 1 up to the median of all miners, falling by at most `LATENCY_LOSS_MAX` at
  `LATENCY_RATIO_MAX` times it. A fast wrong answer never beats a slow right one.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from math import ceil
from statistics import median
from typing import cast

from consensus.fixed import is_limited
from consensus.quantities import U16_MAX, Uid, Weight

QUALITY_STEP = 0.08
"""Newest round's part in the quality: about 12 rounds of memory."""
RELIABILITY_STEP = 0.02
"""Newest round's part in the reliability: about 50 rounds of memory."""
RELIABILITY_POWER = 2.5
EXCUSED_ABSENCES = 2
SILENT_ROUNDS_MAX = 10
LATENCY_STEP = 0.1
LATENCY_LOSS_MAX = 0.1
LATENCY_RATIO_MAX = 4.0


# -- a miner's standing ---------------------------------------------------------------------------


class Miss(Enum):
    """Why a round brought no judged answer, by whose fault it was."""

    BUSY = "busy"
    FAULT = "fault"
    LATE = "late"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    EXCUSED = "excused"


@dataclass(frozen=True, slots=True)
class Answered:
    """A round's valid answer: its quality in [0, 1] and how long it took, ms."""

    quality: float
    latency_ms: float


Outcome = Answered | Miss


@dataclass(frozen=True, slots=True)
class MinerScore:
    """A miner's standing with one validator; sums and weights decay alike."""

    quality_sum: float = 0.0
    quality_weight: float = 0.0
    reliability_sum: float = 0.0
    reliability_weight: float = 0.0
    latency_ms: float = 0.0
    rounds: int = 0
    answers: int = 0
    silent_rounds: int = 0

    @property
    def quality(self) -> float:
        """Mean quality of recent answers; 0 before the first."""
        return self.quality_sum / self.quality_weight if self.quality_weight else 0.0

    @property
    def reliability(self) -> float:
        """Part of recent questions answered well; 1 before the first question."""
        weight = self.reliability_weight
        return self.reliability_sum / weight if weight else 1.0


_SCORE = struct.Struct("<B5d3Q")
_SCORE_VERSION = 1


def pack_score(score: MinerScore) -> bytes:
    """Return `score` as bytes for the store: a version and IEEE doubles, exact both ways."""
    return _SCORE.pack(
        _SCORE_VERSION,
        score.quality_sum,
        score.quality_weight,
        score.reliability_sum,
        score.reliability_weight,
        score.latency_ms,
        score.rounds,
        score.answers,
        score.silent_rounds,
    )


def unpack_score(data: bytes) -> MinerScore | None:
    """Return the score of `data`; None when another version wrote it (the miner starts afresh)."""
    if len(data) != _SCORE.size or data[0] != _SCORE_VERSION:
        return None
    _, *values = cast(
        "tuple[int, float, float, float, float, float, int, int, int]", _SCORE.unpack(data)
    )
    return MinerScore(*values)  # pyright: ignore[reportArgumentType] # struct says the order


def update(score: MinerScore, outcome: Outcome) -> MinerScore:
    """Return the standing after one more round."""
    match outcome:
        case Answered():
            return _count_answer(score, outcome)
        case Miss.EXCUSED:
            return score
        case Miss():
            return _count_miss(score, outcome)


def _count_answer(score: MinerScore, answer: Answered) -> MinerScore:
    keep = 1 - QUALITY_STEP
    first = score.answers == 0
    drift = 0.0 if first else LATENCY_STEP * (answer.latency_ms - score.latency_ms)
    counted = replace(
        score,
        quality_sum=score.quality_sum * keep + min(max(answer.quality, 0.0), 1.0),
        quality_weight=score.quality_weight * keep + 1,
        latency_ms=answer.latency_ms if first else score.latency_ms + drift,
        rounds=score.rounds + 1,
        answers=score.answers + 1,
        silent_rounds=0,
    )
    return _count_reliability(counted, 1.0, 1.0)


def _count_miss(score: MinerScore, miss: Miss) -> MinerScore:
    silent = score.silent_rounds + 1
    weight = 1.0
    if miss is Miss.UNREACHABLE:
        weight = 0.0 if silent <= EXCUSED_ABSENCES else 0.5
    if score.answers == 0:
        weight /= 4
    counted = replace(score, rounds=score.rounds + 1, silent_rounds=silent)
    return _count_reliability(counted, 0.5 if miss is Miss.BUSY else 0.0, weight)


def _count_reliability(score: MinerScore, value: float, weight: float) -> MinerScore:
    keep = 1 - RELIABILITY_STEP * weight
    return replace(
        score,
        reliability_sum=score.reliability_sum * keep + value * weight,
        reliability_weight=score.reliability_weight * keep + weight,
    )


def compute_scores(standings: Mapping[Uid, MinerScore]) -> dict[Uid, float]:
    """Return each miner's score in [0, 1]; latency is relative to the median of all who answer."""
    times = [score.latency_ms for score in standings.values() if score.answers]
    middle = median(times) if times else 0.0
    return {uid: _compute_score(score, middle) for uid, score in standings.items()}


def _compute_score(score: MinerScore, median_ms: float) -> float:
    if score.silent_rounds >= SILENT_ROUNDS_MAX:
        return 0.0
    latency = compute_latency_factor(score.latency_ms, median_ms)
    return score.quality * score.reliability**RELIABILITY_POWER * latency


def compute_latency_factor(latency_ms: float, median_ms: float) -> float:
    """Return 1 at or below the median, down to 1 - `LATENCY_LOSS_MAX` far above it."""
    if median_ms <= 0 or latency_ms <= median_ms:
        return 1.0
    excess = (latency_ms / median_ms - 1) / (LATENCY_RATIO_MAX - 1)
    return 1 - LATENCY_LOSS_MAX * min(excess, 1.0)


# -- weights --------------------------------------------------------------------------------------


def to_weights(
    scores: Mapping[Uid, float], max_weight: int, count_min: int
) -> tuple[tuple[Uid, ...], tuple[Weight, ...]]:
    """Return a row of weights by share of score: uids ascending, largest value 65535, no zeros.

    No miner gets more than `max_weight` / 65535 of the row's sum; what is cut goes to the others by
    share. Rounded up, and up again as far as that cap, which the chain checks exactly, demands.
    The row is empty when the chain would take none: no miner has a score, fewer than `count_min`
    have, or too few for the cap.
    """
    ranked = {uid: score for uid, score in sorted(scores.items()) if score > 0}
    if len(ranked) < max(count_min, 1) or max_weight * len(ranked) < U16_MAX:
        return (), ()
    shares = _cap_shares(list(ranked.values()), max_weight / U16_MAX)
    top = max(shares)
    values = [max(1, ceil(share / top * U16_MAX)) for share in shares]
    while not is_limited(values, max_weight):
        values = [min(value + 1, U16_MAX) for value in values]
    return tuple(ranked), tuple(map(Weight, values))


def _cap_shares(scores: list[float], cap: float) -> list[float]:
    """Return shares that sum to 1, none above `cap` (save by rounding); `cap` * count >= 1."""
    count = len(scores)
    capped: set[int] = set()
    while True:
        free = [index for index in range(count) if index not in capped]
        if not free:
            return [1 / count] * count
        total = sum(scores[index] for index in free)
        room = 1 - cap * len(capped)
        shares = [cap] * count
        for index in free:
            shares[index] = scores[index] / total * room
        over = {index for index in free if shares[index] > cap}
        if not over:
            return shares
        capped |= over
