"""The class that `docs/backends.md` documents, as a real miner of a real network: it is paid."""

import re
from pathlib import Path

import pytest
import trio

from daemon.hosting.status import NeuronStatus
from scripts.tools.devnet.plan import Options
from scripts.tools.devnet.watch import NeuronSeen, Watch
from tests.neurons.backends.documented import write_example
from tests.processes.cluster import START_S, Cluster, wait_until, write_cluster

pytestmark = pytest.mark.slow

OPTIONS = Options(nodes=2, validators=1, miners=1, block_ms=500, tempo=20)
MINER = 1
PAID_S = 60.0
"""An epoch is 10 s; rows of weights made in one are revealed and paid in the next."""


async def test_the_documented_class_mines_and_is_paid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "path"
    path.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(path))
    cluster = write_cluster(tmp_path / "net", OPTIONS)
    use_backend(cluster.home(MINER) / "node.toml", write_example(tmp_path))
    try:
        cluster.start(0, 1)
        wait_until(lambda: look(cluster).state == "failed", START_S, "the class is missing")
        assert look(cluster).reason == "ModuleNotFoundError: No module named 'my_miner'"
        cluster.wait_rise((0, 1), 2, 30)
        write_example(path)
        wait_until(lambda: look(cluster).state == "ready", START_S, "the class is tried again")
        assert look(cluster).model == "pairs"
        async with Watch(OPTIONS, cluster.nodes) as watch:
            with trio.fail_after(PAID_S):
                miner = await wait_paid(watch)
        assert miner.incentive == 1.0
    finally:
        cluster.close()


def use_backend(config: Path, backend: str) -> None:
    """Put `backend`, with an option of its own, in the place of the built-in model."""
    text = re.sub(r"\n\[neuron\.options\]\n[^\[]*", "\n", config.read_text())
    assert "[neuron]\n" in text
    text = text.replace("[neuron]\n", f'[neuron]\nbackend = "{backend}"\n')
    config.write_text(text + "\n[neuron.options]\nfiles = 50\n")


def look(cluster: Cluster) -> NeuronStatus:
    """Return what the miner says of itself; nothing yet is a state of its own."""
    status = cluster.status(MINER)
    neuron = status.neuron if status else None
    return neuron or NeuronStatus("miner", 1, "", None, "not up")


async def wait_paid(watch: Watch) -> NeuronSeen:
    """Return the miner as it stands once it has earned something."""
    while True:
        seen = await watch.look()
        for neuron in seen.neurons:
            if neuron.plan.role == "miner" and neuron.earned:
                return neuron
        await trio.sleep(0.5)
