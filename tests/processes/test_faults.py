"""Kill, freeze and cut real daemons: the others go on, nobody forks, and the lost one returns."""

from time import sleep

import pytest

from tests.processes.cluster import Cluster, wait_until
from tests.processes.witness import witnessing

pytestmark = pytest.mark.slow

RETURN_S = 10.0
"""How long a killed daemon may take from its restart to the head."""
QUIET_S = 5.0
"""Ten block times: long enough to see that nothing becomes final."""
FROZEN_S = 20.0
EVICTED_S = 20.0
"""Liveness is checked every 10 s; by then a silent peer must be gone."""


def test_one_of_four_killed_stops_nobody_and_is_back_at_the_head_within_10_s(
    healthy: Cluster,
) -> None:
    others = (0, 1, 2)
    healthy.kill(3)
    healthy.wait_rise(others, 5, 30)
    healthy.start(3)
    wait_until(
        lambda: healthy.height(3) >= max(healthy.heights(*others)) - 1 > 0,
        RETURN_S,
        f"node 3 at the head ({healthy.heights()})",
    )
    healthy.wait_rise((0, 1, 2, 3), 5, 30)


def test_killed_at_any_moment_it_never_votes_twice(healthy: Cluster) -> None:
    """Each kill falls at another moment of a view; a witness keeps every vote it hears."""
    with witnessing(healthy) as witness:
        for delay_s in (0.05, 0.2, 0.35):
            healthy.kill(2)
            sleep(delay_s)
            healthy.start(2)
            wait_until(
                lambda: healthy.height(2) >= max(healthy.heights(0, 1, 3)) - 1 > 0,
                RETURN_S,
                "node 2 at the head",
            )
        heard = witness.count
        healthy.wait_rise((0, 1, 2, 3), 3, 30)
        assert witness.count > heard
    assert [healthy.figure(i, "neurond_conflicting_votes_total") for i in range(4)] == [0.0] * 4


def test_with_two_of_four_killed_nothing_is_final_until_one_returns(healthy: Cluster) -> None:
    healthy.kill(2, 3)
    sleep(1.0)  # what was on its way arrives
    before = healthy.heights(0, 1)
    sleep(QUIET_S)
    assert healthy.heights(0, 1) == before
    assert before[0] == before[1] or abs(before[0] - before[1]) == 1
    healthy.start(2)
    healthy.wait_rise((0, 1, 2), 3, 40)
    healthy.assert_no_fork()
    healthy.start(3)


def test_a_frozen_daemon_is_evicted_and_heals(healthy: Cluster) -> None:
    healthy.freeze(1)
    try:
        healthy.wait_rise((0, 2, 3), 3, 30)
        took_s = wait_until(
            lambda: [healthy.peers(i) for i in (0, 2, 3)] == [2, 2, 2],
            EVICTED_S,
            f"the frozen peer is gone ({[healthy.peers(i) for i in (0, 2, 3)]})",
        )
        sleep(max(0.0, FROZEN_S - took_s))
    finally:
        healthy.thaw(1)
    wait_until(
        lambda: healthy.height(1) >= max(healthy.heights(0, 2, 3)) - 1 > 0, 30, "node 1 caught up"
    )
    wait_until(lambda: healthy.peers(1) == 3, 60, f"node 1 has its peers ({healthy.peers(1)})")


def test_a_killed_worker_is_restarted_and_its_node_does_not_notice(healthy: Cluster) -> None:
    miner = next(plan.index for plan in healthy.nodes if plan.role == "miner")
    wait_until(lambda: healthy.worker(miner) is not None, 60, "the worker runs")
    worker = healthy.worker(miner)
    assert worker is not None
    status = healthy.status(miner)
    assert status is not None
    assert status.neuron is not None
    restarts = status.neuron.worker_restarts
    worker.kill()
    healthy.wait_rise((0, 1, 2, 3), 4, 30)

    def is_back() -> bool:
        now = healthy.status(miner)
        return (
            now is not None
            and now.neuron is not None
            and now.neuron.worker_restarts == restarts + 1
            and now.neuron.state == "ready"
        )

    wait_until(is_back, 60, "the worker is ready again")
    fresh = healthy.worker(miner)
    assert fresh is not None
    assert fresh.pid != worker.pid
    assert healthy.figure(miner, "neurond_worker_restarts_total") >= 1
