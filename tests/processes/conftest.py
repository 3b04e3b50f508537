"""The one running network that the tests of this folder share, in the order they are written."""

from collections.abc import Iterator

import pytest

from scripts.tools.devnet.plan import Options
from tests.processes.cluster import START_S, Cluster, wait_until, write_cluster

OPTIONS = Options(nodes=4, validators=1, miners=1, block_ms=500, tempo=20)
"""Quick blocks, and no more models than the tests need."""


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Four daemons that have finalised their first blocks."""
    cluster = write_cluster(tmp_path_factory.mktemp("network"), OPTIONS)
    try:
        cluster.start(0, 1, 2, 3)
        wait_until(
            lambda: min(cluster.heights()) >= 2 or not all(map(cluster.is_alive, range(4))),
            START_S,
            f"the first blocks (heights {cluster.heights()})",
        )
        for index in range(4):
            assert cluster.is_alive(index), cluster.log(index)
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def healthy(network: Cluster) -> Iterator[Cluster]:
    """Whole before the test, and whole again after it, or the test has failed."""
    network.assert_healthy()
    yield network
    network.assert_healthy()
