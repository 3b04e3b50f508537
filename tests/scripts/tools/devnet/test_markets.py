import pytest

from neurons.catalog import open_task
from scripts.tools.devnet.markets import (
    FORECAST,
    TEXT,
    count_idle_epochs,
    get_market,
    get_usual_task,
    plan_task_params,
)


@pytest.mark.parametrize("netuid", range(1, 9))
@pytest.mark.parametrize("tempo", [4, 25, 50_400])
def test_every_subnet_s_task_reads_its_params_and_its_miners_options(
    netuid: int, tempo: int
) -> None:
    name = get_usual_task(netuid)
    task = open_task(name, plan_task_params(name, tempo))
    for _, options in get_market(name).skills:
        task.read_options(options)


def test_task_of_somebody_s_package_runs_without_params_or_options() -> None:
    market = get_market("heat")
    assert (market.task, [dict(options) for _, options in market.skills]) == ("heat", [{}])
    assert plan_task_params("heat", 20) == b""
    assert count_idle_epochs("heat", 4) == 0


def test_forecasts_owe_nothing_before_the_first_can_be_judged() -> None:
    assert [count_idle_epochs(TEXT.task, tempo) for tempo in (4, 29, 400)] == [0, 0, 0]
    idle = [count_idle_epochs(FORECAST.task, tempo) for tempo in (4, 20, 29, 400)]
    assert idle == [9, 2, 1, 0]
