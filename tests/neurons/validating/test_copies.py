"""Whose answer is whose when several miners give one answer to one challenge."""

import pytest

from consensus.quantities import U64, Height, NetUid, Ratio16, Uid
from consensus.types import MinerKey
from neurons.ports import MetagraphView, NeuronView
from neurons.validating.copies import find_seniors
from tests.neurons.world import LevelTask, World, make_hotkey

TASK = LevelTask(World())


def make_subnet(**registered: int) -> MetagraphView:
    """Return a subnet of miners, by uid, each with the block it was registered in."""
    neurons = tuple(
        NeuronView(Uid(uid), make_hotkey(name), Height(block), name.encode(), has_permit=False)
        for uid, (name, block) in enumerate(registered.items())
    )
    return MetagraphView(NetUid(1), 8, 2, 1, U64(1), 1, Ratio16(65_535), neurons)


def find(meta: MetagraphView, **answers: bytes) -> dict[str, int]:
    """Return for each miner that copied, by name, the uid of the neuron it copied."""
    registered = {neuron.hotkey: neuron.registered_block for neuron in meta.neurons}
    names = {
        MinerKey(make_hotkey(name), registered.get(make_hotkey(name), Height(0))): name
        for name in answers
    }
    seniors = find_seniors(TASK, meta, {key: answers[name] for key, name in names.items()})
    return {names[key]: uid for key, uid in seniors.items()}


@pytest.mark.parametrize(("first", "second"), [(3, 7), (7, 3), (5, 5)])
def test_of_two_equal_answers_the_later_registered_neuron_s_is_the_copy(
    first: int, second: int
) -> None:
    copies = find(make_subnet(a=first, b=second), a=b"x", b=b"x")
    assert copies == ({"a": 1} if second < first else {"b": 0})  # a lower uid breaks the tie


def test_different_answers_copy_nobody() -> None:
    assert find(make_subnet(a=1, b=2, c=3), a=b"x", b=b"y", c=b"z") == {}


def test_neuron_that_gave_no_answer_copies_nobody_and_is_copied_by_nobody() -> None:
    assert find(make_subnet(a=1, b=2, c=3, d=4), b=b"", d=b"") == {"d": 1}


def test_neuron_that_is_registered_no_more_copies_nobody() -> None:
    assert find(make_subnet(a=1, b=2), a=b"x", gone=b"x") == {}
