"""The scene in small: a validator, two real miners with real models, an epoch, and who is paid."""

import pytest
import trio

from consensus.quantities import Uid, Weight
from neurons.mining.miner import Miner, MinerSettings
from neurons.tasks.text.task import TextTask
from neurons.validating.rounds import RoundSettings, Validator
from neurons.worker.frames import WorkerSpec
from neurons.worker.process import RuntimeSettings
from neurons.worker.runtime import Runtime, open_runtime
from tests.neurons.world import NETUID, FakeMemory, FakeNode, Peer, World, quiet

STRONG = {"kind": "ngram", "order": 4, "corpus_bytes": 600_000}
WEAK = {
    "kind": "transformer",
    "train_steps": 60,
    "width": 32,
    "layers": 1,
    "heads": 2,
    "corpus_bytes": 100_000,
}


@pytest.mark.slow
async def test_better_model_is_paid_more_within_one_epoch_of_its_start() -> None:
    world = World(tempo=16, reveal_blocks=4, block_s=0.4)
    task = TextTask()
    with trio.fail_after(240):
        async with trio.open_nursery() as nursery:
            for name, options in (("strong", STRONG), ("weak", WEAK)):
                spec = WorkerSpec(
                    "builtin", task.name, task.answer_bytes_max, device="cpu", options=options
                )
                settings = RuntimeSettings(spec)
                runtime = await nursery.start(_keep_runtime, settings)
                miner = Miner(FakeNode(world, name), runtime, task, MinerSettings(NETUID), quiet)
                world.add_miner(name, _peer(miner))
            settings = RoundSettings(NETUID, deadline_s=2.0, round_s=0.4)
            validator = Validator(FakeNode(world), FakeMemory(world), task, settings, quiet)
            nursery.start_soon(validator.run)
            nursery.start_soon(world.make_blocks)
            while 1 not in world.revealed:
                await world.tick.wait()
            status = validator.status
            nursery.cancel_scope.cancel()
    row = world.revealed[1]
    weights: dict[Uid, Weight | int] = dict(zip(row.uids, row.values, strict=True))
    assert weights[Uid(1)] == 65_535 > weights.get(Uid(2), 0) * 1.2
    strong, weak = status.miners
    assert strong.quality > weak.quality + 0.05
    assert min(strong.reliability, weak.reliability) > 0.5


def _peer(miner: Miner) -> Peer:
    async def peer(payload: bytes) -> bytes:
        return await miner.answer(b"validator", payload)

    return peer


async def _keep_runtime(settings: RuntimeSettings, task_status: trio.TaskStatus[Runtime]) -> None:
    async with open_runtime(settings, quiet) as runtime:
        task_status.started(runtime)
        await trio.sleep_forever()
