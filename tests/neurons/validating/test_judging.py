"""From answers to outcomes: whose fault, whose copy."""

# ruff: noqa: ARG002 - a fixed judgement looks at nothing

import math
from dataclasses import replace

import pytest

from consensus.quantities import Height, Uid
from consensus.types import MinerKey
from neurons.ports import ChainRecord, MetagraphView, NeuronView
from neurons.task import Challenge, Fault, Judged, Judgement, Whose
from neurons.validating.asking import Delivered, Missed
from neurons.validating.judging import rate_answers, rate_misses
from neurons.validating.scoring import Answered, Miss
from tests.neurons.world import NETUID, FakeNode, FakeRecord, LevelTask, World, make_hotkey

CHALLENGE = Challenge(b"question", b"")
META: MetagraphView = FakeNode(World()).metagraph(NETUID)
A, B = (MinerKey(make_hotkey(name), Height(0)) for name in "ab")


class JudgeTask(LevelTask):
    def __init__(self, judgement: Judgement) -> None:
        super().__init__(World())
        self.judgement = judgement

    def verify(self, challenge: Challenge, answer: bytes, record: ChainRecord) -> Judgement:
        return self.judgement


def rate(judgement: Judgement) -> object:
    task = JudgeTask(judgement)
    rated = rate_answers(task, META, CHALLENGE, {A: Delivered(b"1", 9.0)}, FakeRecord(Height(0)))
    return rated[A].outcome


@pytest.mark.parametrize(
    ("judgement", "outcome"),
    [
        (Judged(0.25), Answered(0.25, 9.0)),
        (Fault(Whose.MINER, "no answer of this task"), Miss.FAULT),
        (Fault(Whose.VALIDATOR, "a file is gone"), Miss.EXCUSED),
        (Fault(Whose.NOBODY, "the truth never came"), Miss.EXCUSED),
        (Judged(math.nan), Miss.EXCUSED),
        (Judged(math.inf), Miss.EXCUSED),
    ],
)
def test_only_a_miner_s_own_fault_is_its_fault(judgement: Judgement, outcome: object) -> None:
    assert rate(judgement) == outcome


def test_copy_earns_nothing_and_is_told_whose_answer_it_gave() -> None:
    neurons = tuple(
        NeuronView(Uid(uid), key.hotkey, key.registered_block, b"", has_permit=False)
        for uid, key in ((4, A), (5, B))
    )
    delivered = {B: Delivered(b"\xff", 8.0), A: Delivered(b"\xff", 9.0)}
    meta, task = replace(META, neurons=neurons), LevelTask(World())
    rated = rate_answers(task, meta, CHALLENGE, delivered, FakeRecord(Height(0)))
    assert rated[A].outcome == Answered(1.0, 9.0)
    assert rated[B].outcome == Answered(0.0, 8.0)
    assert (rated[A].reason, "uid 4" in rated[B].reason) == ("", True)


def test_what_brought_no_answer_keeps_its_reason() -> None:
    asked = {A: Missed(Miss.LATE, "no answer in 3 s"), B: Delivered(b"", 1.0)}
    rated = rate_misses(asked)
    assert list(rated) == [A]
    assert (rated[A].outcome, rated[A].reason) == (Miss.LATE, "no answer in 3 s")
