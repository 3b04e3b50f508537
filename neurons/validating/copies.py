"""Equal answers to one challenge are one model's work, and that is paid once.

One model behind many uids would otherwise be paid many times, for nothing that one uid does not
give. So of each group of equal answers (equal, or so near that one model must have made them:
`Task.find_copies` says) the neuron that was registered first keeps its quality and the others get
none. All validators order by the same columns of the chain, so they agree on who that is; being
fast does not help. A copy is a valid answer all the same: its reliability does not suffer, and the
uid is paid again in the round in which it answers something of its own.

Source: `docs/spec/neurons.md` 4; why seniority is registration: 11.
"""

from collections.abc import Mapping

from consensus.quantities import Uid
from consensus.types import MinerKey
from neurons.ports import MetagraphView, NeuronView
from neurons.task import Task


def find_seniors(
    task: Task, meta: MetagraphView, answers: Mapping[MinerKey, bytes]
) -> dict[MinerKey, Uid]:
    """Return for each miner that copied whose answer it was; all answer one challenge.

    A miner that is not in `meta` any more copies nobody and is copied by nobody.
    """
    judged: list[tuple[NeuronView, MinerKey]] = []
    for neuron in sorted(meta.neurons, key=_seniority):
        key = MinerKey(neuron.hotkey, neuron.registered_block)
        if key in answers:
            judged.append((neuron, key))
    originals = task.find_copies([answers[key] for _, key in judged])
    return {
        key: judged[original][0].uid
        for index, ((_, key), original) in enumerate(zip(judged, originals, strict=True))
        if original != index
    }


def _seniority(neuron: NeuronView) -> tuple[int, int]:
    return neuron.registered_block, neuron.uid
