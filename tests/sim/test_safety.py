"""Whatever the network, the crashes and a hostile third do: one chain, and it goes on."""

import pytest

from tests.sim.campaign import VILLAINS, Choice, run_seed

CHUNK = 50


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 500, CHUNK))
def test_five_hundred_bad_worlds_agree_and_go_on(first: int) -> None:
    outcomes = [run_seed(seed, Choice()) for seed in range(first, first + CHUNK)]
    assert [each for each in outcomes if each.kind != "ok"] == []


@pytest.mark.parametrize("villain", VILLAINS)
def test_each_villain_is_survived(villain: str) -> None:
    outcome = run_seed(1, Choice(villain=villain))
    assert (outcome.kind, outcome.detail) == ("ok", "")


@pytest.mark.parametrize("nodes", [1, 2, 3, 4])
def test_a_small_network_agrees_too(nodes: int) -> None:
    outcomes = [run_seed(seed, Choice(nodes=nodes)) for seed in range(5)]
    assert [each for each in outcomes if each.kind != "ok"] == []


@pytest.mark.slow
def test_sixteen_nodes_agree_too() -> None:
    outcomes = [run_seed(seed, Choice(nodes=16)) for seed in range(10)]
    assert [each for each in outcomes if each.kind != "ok"] == []


@pytest.mark.slow
def test_a_long_chain_under_attack_keeps_its_memory_bounded() -> None:
    outcome = run_seed(5, Choice(villain="coalition", until=400))
    assert (outcome.kind, outcome.detail) == ("ok", "")
    assert outcome.height >= 400


def test_a_seed_replays_exactly() -> None:
    traces: list[list[str]] = [[], []]
    outcomes = [run_seed(7, Choice(villain="coalition"), each.append) for each in traces]
    assert outcomes[0] == outcomes[1]
    assert traces[0] == traces[1]
    assert run_seed(7, Choice(villain="coalition")) == outcomes[0], "a trace changes nothing"


def test_the_hostile_are_really_shown_to_be() -> None:
    outcomes = [run_seed(seed, Choice(villain="coalition")) for seed in range(5)]
    assert sum(each.accusations for each in outcomes) > 0
