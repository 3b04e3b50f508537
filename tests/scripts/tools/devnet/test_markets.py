import pytest

from neurons.catalog import open_task
from scripts.tools.devnet.markets import count_idle_epochs, get_market, plan_task_params


@pytest.mark.parametrize("netuid", range(1, 9))
@pytest.mark.parametrize("tempo", [4, 25, 50_400])
def test_every_subnet_s_task_reads_its_params_and_its_miners_options(
    netuid: int, tempo: int
) -> None:
    market = get_market(netuid)
    task = open_task(market.task, plan_task_params(netuid, tempo))
    for _, options in market.skills:
        task.read_options(options)


def test_forecasts_owe_nothing_before_the_first_can_be_judged() -> None:
    assert [count_idle_epochs(1, tempo) for tempo in (4, 29, 400)] == [0, 0, 0]
    assert [count_idle_epochs(2, tempo) for tempo in (4, 20, 29, 400)] == [9, 2, 1, 0]
