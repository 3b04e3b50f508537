"""Who is paid when several miners give one answer to one challenge."""

from dataclasses import replace

import pytest

from consensus.quantities import Height, NetUid, Ratio16, Uid
from neurons.ports import U64, MetagraphView, MinerKey, NeuronView
from neurons.validating.asking import Asked
from neurons.validating.copies import pay_once
from neurons.validating.scoring import Answered, Miss, Outcome
from tests.neurons.world import LevelTask, World, make_hotkey

TASK = LevelTask(World())


def make_subnet(**registered: int) -> MetagraphView:
    """Return a subnet of miners, by uid, each with the block it was registered in."""
    neurons = tuple(
        NeuronView(Uid(uid), make_hotkey(name), Height(block), name.encode(), has_permit=False)
        for uid, (name, block) in enumerate(registered.items())
    )
    return MetagraphView(NetUid(1), 8, 2, 1, U64(1), 1, Ratio16(65_535), neurons)


def pay(meta: MetagraphView, **answers: bytes | Miss) -> dict[str, Outcome]:
    """Return each miner's outcome, by name, after copies were looked for."""
    asked: dict[MinerKey, Asked] = {}
    names: dict[MinerKey, str] = {}
    for neuron, (name, answer) in zip(meta.neurons, answers.items(), strict=True):
        key = MinerKey(neuron.hotkey, neuron.registered_block)
        names[key] = name
        found = Asked(answer) if isinstance(answer, Miss) else Asked(Answered(0.5, 9.0))
        asked[key] = replace(found, answer=b"" if isinstance(answer, Miss) else answer)
    return {names[key]: each.outcome for key, each in pay_once(TASK, meta, asked).items()}


@pytest.mark.parametrize(("first", "second"), [(3, 7), (7, 3), (5, 5)])
def test_of_two_equal_answers_the_earlier_registered_neuron_s_is_paid(
    first: int, second: int
) -> None:
    outcomes = pay(make_subnet(a=first, b=second), a=b"x", b=b"x")
    paid = "b" if second < first else "a"  # a lower uid breaks the tie
    assert outcomes[paid] == Answered(0.5, 9.0)
    assert outcomes["a" if paid == "b" else "b"] == Answered(0.0, 9.0)


def test_different_answers_are_all_paid() -> None:
    outcomes = pay(make_subnet(a=1, b=2, c=3), a=b"x", b=b"y", c=b"z")
    assert set(outcomes.values()) == {Answered(0.5, 9.0)}


def test_neuron_that_gave_no_answer_copies_nobody_and_is_copied_by_nobody() -> None:
    outcomes = pay(make_subnet(a=1, b=2, c=3), a=Miss.LATE, b=Miss.FAULT, c=b"")
    assert outcomes == {"a": Miss.LATE, "b": Miss.FAULT, "c": Answered(0.5, 9.0)}


def test_copy_is_told_whose_answer_it_gave() -> None:
    meta = make_subnet(a=1, b=2)
    keys = [MinerKey(neuron.hotkey, neuron.registered_block) for neuron in meta.neurons]
    paid = pay_once(TASK, meta, {key: Asked(Answered(1.0, 9.0), answer=b"x") for key in keys})
    assert paid[keys[0]].reason == ""
    assert "uid 0" in paid[keys[1]].reason
