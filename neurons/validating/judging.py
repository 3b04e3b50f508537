"""From answers to outcomes: verify each, blame whom it concerns, pay a copied answer once.

Pure arithmetic of a task, so it may take a while: call it in a thread.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from consensus.types import MinerKey
from neurons.ports import ChainRecord, MetagraphView
from neurons.task import Challenge, Fault, Judged, Task, Whose
from neurons.validating.asking import Asked, Delivered, Missed
from neurons.validating.copies import find_seniors
from neurons.validating.scoring import Answered, Miss, Outcome


@dataclass(frozen=True, slots=True)
class Rated:
    """What a question to one miner came to, and why, where that is not plain."""

    outcome: Outcome
    reason: str = ""


def rate_misses(asked: Mapping[MinerKey, Asked]) -> dict[MinerKey, Rated]:
    """Return the outcome of each question that brought no answer."""
    missed = {key: each for key, each in asked.items() if isinstance(each, Missed)}
    return {key: Rated(each.miss, each.reason) for key, each in missed.items()}


def rate_answers(
    task: Task,
    meta: MetagraphView,
    challenge: Challenge,
    delivered: Mapping[MinerKey, Delivered],
    record: ChainRecord,
) -> dict[MinerKey, Rated]:
    """Return the outcome of each answer to `challenge`; a copy's quality is 0."""
    rated = {key: _judge(task, challenge, each, record) for key, each in delivered.items()}
    valid = {
        key: delivered[key].answer
        for key, each in rated.items()
        if isinstance(each.outcome, Answered)
    }
    for key, senior in find_seniors(task, meta, valid).items():
        reason = f"the same answer as that of uid {senior}, which was registered earlier"
        rated[key] = Rated(Answered(0.0, delivered[key].latency_ms), reason)
    return rated


def _judge(task: Task, challenge: Challenge, delivered: Delivered, record: ChainRecord) -> Rated:
    judgement = task.verify(challenge, delivered.answer, record)
    match judgement:
        case Judged():
            if not isfinite(judgement.quality):
                return Rated(Miss.EXCUSED, f"the task found a quality of {judgement.quality}")
            return Rated(Answered(judgement.quality, delivered.latency_ms))
        case Fault(whose=Whose.MINER):
            return Rated(Miss.FAULT, judgement.reason)
        case Fault():
            return Rated(Miss.EXCUSED, judgement.reason)
