"""A subnet that forecasts beside one of text: judged by what the chain says later, and paid."""

from pathlib import Path

import pytest
import trio

from scripts.tools.devnet.plan import Options
from scripts.tools.devnet.watch import NeuronSeen, Watch
from tests.processes.cluster import write_cluster

pytestmark = pytest.mark.slow

OPTIONS = Options(nodes=4, validators=2, miners=2, block_ms=500, tempo=20, subnets=2)
PAID_S = 120.0
"""An epoch is 12 s. The first forecasts are judged in the second, and paid in the fourth."""


async def test_a_forecast_is_judged_when_the_chain_has_spoken_and_its_miner_is_paid(
    tmp_path: Path,
) -> None:
    cluster = write_cluster(tmp_path, OPTIONS)
    try:
        cluster.start(0, 1, 2, 3)
        async with Watch(OPTIONS, cluster.nodes) as watch:
            with trio.fail_after(PAID_S):
                miner = await wait_paid(watch)
        assert miner.plan.model == "mixed forecasters"
        assert miner.incentive == 1.0
        status = cluster.status(3)
        assert status is not None
        assert status.neuron is not None
        assert status.neuron.model == "forecast, mixed"
        cluster.assert_no_fork()
    finally:
        cluster.close()


async def wait_paid(watch: Watch) -> NeuronSeen:
    """Return the miner of the second subnet once it has earned something."""
    while True:
        seen = await watch.look()
        for neuron in seen.neurons:
            if neuron.plan.role == "miner" and neuron.plan.netuid == 2 and neuron.earned:
                return neuron
        await trio.sleep(0.5)
