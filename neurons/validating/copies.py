"""Equal answers to one challenge are one model's work, and that is paid once.

One model behind many uids would otherwise be paid many times, for nothing that one uid does not
give. So of each group of equal answers (equal, or so near that one model must have made them:
`Task.find_copies` says) the neuron that was registered first keeps its quality and the others get
none. All validators order by the same columns of the chain, so they agree on who that is; being
fast does not help. A copy is a valid answer all the same: its reliability does not suffer, and the
uid is paid again in the round in which it answers something of its own.

Source: `neurons.md` section 4. Deviations: "the earlier published model" is the earlier registered
neuron, because an announcement's height changes with every restart and its model hash proves
nothing yet; and a group of one coldkey does not split the share, which its owner gets either way.
"""

from collections.abc import Mapping
from dataclasses import replace

from neurons.ports import MetagraphView, MinerKey, NeuronView
from neurons.task import Task
from neurons.validating.asking import Asked
from neurons.validating.scoring import Answered


def pay_once(
    task: Task, meta: MetagraphView, asked: Mapping[MinerKey, Asked]
) -> dict[MinerKey, Asked]:
    """Return `asked`, the answers to one challenge, with the quality of every copy set to 0."""
    paid = dict(asked)
    judged: list[tuple[NeuronView, MinerKey]] = []
    for neuron in sorted(meta.neurons, key=_seniority):
        key = MinerKey(neuron.hotkey, neuron.registered_block)
        if key in asked and isinstance(asked[key].outcome, Answered):
            judged.append((neuron, key))
    originals = task.find_copies([asked[key].answer for _, key in judged])
    for (neuron, key), original in zip(judged, originals, strict=True):
        senior = judged[original][0]
        outcome = paid[key].outcome
        if senior is not neuron and isinstance(outcome, Answered):
            reason = f"the same answer as that of uid {senior.uid}, which was registered earlier"
            paid[key] = replace(paid[key], outcome=replace(outcome, quality=0.0), reason=reason)
    return paid


def _seniority(neuron: NeuronView) -> tuple[int, int]:
    return neuron.registered_block, neuron.uid
