import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from config.reader import load_settings
from scripts.tools.devnet.markets import TEXT
from scripts.tools.devnet.plan import (
    NodePlan,
    Options,
    PlanError,
    first_reward_height,
    key_names,
    peer_address,
    plan_hyperparameters,
    plan_nodes,
    plan_params,
    public_key,
    render_config,
    stake_hotkey,
)


def make_nodes(options: Options) -> tuple[NodePlan, ...]:
    return plan_nodes(options, tuple(range(20_000, 20_000 + 2 * options.nodes)))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (Options(nodes=0), "--nodes"),
        (Options(nodes=33), "--nodes"),
        (Options(nodes=3), "4 nodes"),
        (Options(miners=-1), "negative"),
        (Options(tempo=3), "--tempo"),
        (Options(block_ms=1), "--block-ms"),
        (Options(subnets=0), "--subnets"),
        (Options(nodes=8, validators=2, miners=3, subnets=3), "a validator and a miner each"),
    ],
)
def test_options_that_make_no_network_are_refused_with_the_option_named(
    options: Options, word: str
) -> None:
    with pytest.raises(PlanError, match=word):
        make_nodes(options)


def test_validators_come_first_then_miners_then_plain_nodes() -> None:
    nodes = make_nodes(Options(nodes=6))
    roles = [node.role for node in nodes]
    assert roles == ["validator", "validator", "miner", "miner", "none", "none"]


def test_task_that_is_asked_for_is_the_first_subnet_s_and_its_miners_have_no_options() -> None:
    options = Options(nodes=8, validators=4, miners=4, subnets=3, task="heat")
    nodes = make_nodes(options)
    tasks = {node.netuid: node.task for node in nodes}
    assert tasks == {1: "heat", 2: "forecast", 3: "text"}
    miner = next(node for node in nodes if node.role == "miner" and node.netuid == 1)
    assert miner.model == "reference"
    settings = tomllib.loads(render_config(options, nodes, miner))
    assert settings["neuron"]["options"] == {}


def test_further_subnets_get_the_last_validator_and_the_last_miner_each() -> None:
    nodes = make_nodes(Options(nodes=8, validators=4, miners=4, subnets=3))
    assert [node.netuid for node in nodes] == [1, 1, 2, 3, 1, 1, 2, 3]
    assert sorted(node.skill or 0 for node in nodes[4:6]) == [0, 1]


def test_a_second_subnet_forecasts_and_its_two_miners_differ_in_skill() -> None:
    options = Options(nodes=7, validators=3, miners=4, subnets=2)
    nodes = make_nodes(options)
    assert [node.netuid for node in nodes] == [1, 1, 2, 1, 1, 2, 2]
    texts = [tomllib.loads(render_config(options, nodes, node))["neuron"] for node in nodes[5:]]
    assert [text["options"] for text in texts] == [{"skill": "mixed"}, {"skill": "naive"}]
    assert [node.model for node in nodes[5:]] == ["mixed forecasters", "naive forecaster"]


def test_no_two_subnets_have_the_same_rules() -> None:
    rules = [plan_hyperparameters(Options(subnets=3), netuid) for netuid in (1, 2, 3)]
    assert len({rule.tempo for rule in rules}) == 3
    assert [rule.liquid_alpha for rule in rules] == [False, True, False]


def test_every_miner_skill_is_given_once_and_the_seed_decides_to_whom() -> None:
    given = {tuple(node.skill for node in make_nodes(Options(seed=seed))[2:]) for seed in range(20)}
    assert given == {(0, 1), (1, 0)}
    six = make_nodes(Options(nodes=8, miners=6))
    assert sorted(node.skill for node in six if node.skill is not None) == [0, 1, 2, 3, 3, 3]


def test_no_two_keys_of_a_devnet_are_equal_and_another_seed_shares_none() -> None:
    def keys(options: Options) -> list[bytes]:
        return [
            public_key(options, node, name)
            for node in make_nodes(options)
            for name in key_names(node)
        ]

    first, second = keys(Options(seed=1)), keys(Options(seed=2))
    assert len({*first, *second}) == len(first) + len(second)


def test_a_mining_hotkey_carries_no_stake() -> None:
    options = Options()
    for node in make_nodes(options):
        is_neuron_key = stake_hotkey(options, node) == public_key(options, node, "hotkey")
        assert is_neuron_key == (node.role != "miner")


def test_the_peer_id_in_an_address_is_libp2p_s_text_form() -> None:
    options = Options()
    assert "/p2p/12D3Koo" in peer_address(options, make_nodes(options)[0])


@pytest.mark.parametrize("tempo", [4, 20, 50_400])
def test_constants_hold_their_relations_at_any_tempo(tempo: int) -> None:
    options = Options(tempo=tempo, block_ms=1_000)
    hyper = plan_hyperparameters(options)
    assert hyper.reveal_blocks == tempo // 4
    assert plan_params(options).block_reward == 10**9 // 12


def test_an_epoch_is_paid_when_its_reveals_are_over() -> None:
    assert first_reward_height(Options(tempo=20), 1) == 25
    assert first_reward_height(Options(tempo=20), 3) == 65


@pytest.mark.parametrize("index", range(5))
def test_a_written_configuration_is_one_the_daemon_reads_without_a_complaint(
    tmp_path: Path, index: int
) -> None:
    options = Options(nodes=5)
    nodes = make_nodes(options)
    file = tmp_path / "node-0" / "node.toml"
    file.parent.mkdir()
    (tmp_path / "network.toml").touch()
    file.write_text(render_config(options, nodes, nodes[index]))
    settings = load_settings(file, {}, {}, tmp_path).settings
    assert settings.node.name == f"node-{index}"
    assert settings.neuron.role == nodes[index].role
    assert settings.api.listen == f"127.0.0.1:{nodes[index].api_port}"
    assert len(settings.p2p.bootstrap) == 4
    assert settings.agreement.validate
    skill = nodes[index].skill
    if skill is not None:
        assert settings.neuron.options == {**TEXT.skills[skill][1], "seed": index}


def test_nothing_on_a_validator_s_side_tells_the_miners_apart() -> None:
    options = Options()
    nodes = make_nodes(options)
    swapped = tuple(
        node if node.skill is None else replace(node, skill=1 - node.skill) for node in nodes
    )
    for node in nodes:
        if node.role == "validator":
            text = render_config(options, nodes, node)
            assert text == render_config(options, swapped, node)
            assert "model" not in tomllib.loads(text)["neuron"]
