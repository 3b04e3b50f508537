"""A stranger's task: installed from another folder, listed, a subnet of it run, its miner paid."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from pydantic import TypeAdapter

from daemon.views.node import ReadyAnswer
from scripts.tools.devnet.plan import Options
from scripts.tools.devnet.processes import ROOT
from scripts.tools.devnet.watch import NeuronSeen, Watch
from tests.processes.cluster import START_S, Cluster, wait_until, write_cluster

pytestmark = pytest.mark.slow

OPTIONS = Options(nodes=3, validators=1, miners=2, block_ms=500, tempo=20, task="toy")
"""Three voters of equal stake: a block is final only if each of them votes."""
STRIPPED = 2
"""The node from which the package is taken away."""
MISSING = "no task 'toy': known are "
PAID_S = 60.0
"""An epoch is 10 s; rows of weights made in one are revealed and paid in the next."""


async def test_a_task_from_another_folder_is_listed_mined_and_paid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(install_toy(tmp_path)))
    listed = json.loads(python(tmp_path, "-m", "daemon", "task", "list", "--json"))["tasks"]
    (row,) = (row for row in listed if row["name"] == "toy")
    assert (row["origin"], row["version"], row["problem"]) == ("toy 0.1.0", 1, "")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    cluster = write_cluster(tmp_path / "net", OPTIONS)
    try:
        cluster.start(0, 1, 2)
        async with Watch(OPTIONS, cluster.nodes) as watch:
            with trio.fail_after(PAID_S):
                miner = await wait_paid(watch)
        assert miner.plan.model == "reference"
        assert miner.incentive > 0
        monkeypatch.delenv("PYTHONPATH")
        assert_votes_on_without_it(cluster)
        cluster.assert_no_fork()
    finally:
        cluster.close()


def assert_votes_on_without_it(cluster: Cluster) -> None:
    """Start one node again where the package is not: it says what is missing, and votes."""
    assert cluster.stop(STRIPPED) == []
    begin = len(cluster.log(STRIPPED))
    cluster.start(STRIPPED)
    wait_until(lambda: cluster.height(STRIPPED) >= 0, START_S, "the node is up again")
    cluster.wait_rise((0, 1, STRIPPED), 3, 60)
    assert MISSING in cluster.log(STRIPPED)[begin:]
    wait_until(lambda: MISSING in tell_readiness(cluster), 30, "readiness says what is missing")


def tell_readiness(cluster: Cluster) -> str:
    """Return what the stripped node says is wrong with its neuron."""
    answer = cluster.client.get(cluster.nodes[STRIPPED].api + "/readyz")
    checks = TypeAdapter(ReadyAnswer).validate_json(answer.content).checks
    return " ".join(check.detail for check in checks if not check.ok)


def install_toy(folder: Path) -> Path:
    """Make the package and install it as a stranger would, but offline; return where it lies."""
    package, site = folder / "task-toy", folder / "site"
    python(folder, "-m", "daemon", "task", "new", "toy", "--dir", str(package))
    pip = "-m pip install --quiet --no-index --no-deps --no-build-isolation --no-cache-dir --target"
    python(folder, *pip.split(), str(site), str(package))
    return site


def python(folder: Path, *arguments: str) -> str:
    """Run Python outside the checkout, its packages on the path; return what it says."""
    paths = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def wait_paid(watch: Watch) -> NeuronSeen:
    """Return the first miner that has earned something."""
    while True:
        seen = await watch.look()
        for neuron in seen.neurons:
            if neuron.plan.role == "miner" and neuron.earned:
                return neuron
        await trio.sleep(0.5)
