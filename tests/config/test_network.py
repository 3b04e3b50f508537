from dataclasses import replace
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.network import (
    Founder,
    found_network,
    list_templates,
    load_network,
    load_template,
    parse_network,
    render_network,
)
from consensus.ledger.genesis import Genesis, compute_chain_id, compute_first_law_id
from consensus.quantities import U64, Hash32, PublicKey, TimeMs


def key(number: int) -> PublicKey:
    return PublicKey(bytes([number]) * 32)


def make_genesis(template: str = "devnet") -> Genesis:
    founder = Founder(key(1), Hash32(bytes(32)), key(2), key(3), key(4))
    return found_network(load_template(template), founder, TimeMs(1_700_000_000_000), identify)


def identify(task: str) -> tuple[U64, Hash32]:
    return U64(len(task)), Hash32(task.encode().ljust(32))


def refuse(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as raised:
        parse_network(text, "network.toml")
    return raised.value


@pytest.mark.parametrize("name", list_templates())
def test_a_network_made_of_a_template_is_read_back_as_it_was(name: str):
    genesis = make_genesis(name)
    assert parse_network(render_network(genesis), "network.toml") == genesis


def test_the_built_in_templates_are_a_devnet_and_a_testnet():
    assert list_templates() == ("devnet", "testnet")


@pytest.mark.parametrize("name", list_templates())
def test_a_template_has_no_keys_and_can_not_be_run(name: str):
    with pytest.raises(ConfigError) as raised:
        load_network(name)
    assert f"neurond init --network {name}" in str(raised.value)


def test_an_edited_file_is_refused_by_its_pinned_hash():
    text = render_network(make_genesis())
    problem = refuse(text.replace("tempo = 20", "tempo = 21")).problems[0]
    assert problem.key == "genesis_hash"
    assert problem.where == "network.toml:3"


def test_without_a_pin_the_file_is_what_it_says():
    genesis = make_genesis()
    text = render_network(genesis).replace("genesis_hash", "# genesis_hash")
    read = parse_network(text.replace("tempo = 20", "tempo = 21"), "network.toml")
    assert read.subnets[0].hyper.tempo == 21
    assert compute_chain_id(read) != compute_chain_id(genesis)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("time_ms = 1700000000000", 'time_ms = "now"', "time_ms"),
        ("[params]", "[parms]", "Did you mean params?"),
        ("block_ms = 1000", "block_ms = -1", "block_ms"),
        ("netuid = 1", "netuid = 0", "root"),
        ("stake = 100000000000000", "stake = 1", "stake of 1 rao"),
        ("stake = 100000000000000", f"stake = {2**63}", "cap"),
        ("reveal_blocks = 5", "reveal_blocks = 15", "reveal_blocks"),
        ("[[accounts]]", "[[accounts", "TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place_or_the_rule(before: str, after: str, words: str):
    text = render_network(make_genesis())
    assert before in text
    assert words in str(refuse(text.replace(before, after)))


def test_a_validator_listed_twice_is_refused():
    genesis = make_genesis()
    twice = replace(genesis, validators=genesis.validators * 2)
    assert "contradicts itself" in str(refuse(render_network(twice)))


@pytest.mark.parametrize("data", [None, b"\xff\xfe"])
def test_a_file_that_can_not_be_read_is_refused_with_a_remedy(tmp_path: Path, data: bytes | None):
    path = tmp_path / "network.toml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ConfigError) as raised:
        load_network(str(path))
    assert "scripts/devnet" in str(raised.value)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError) as raised:
        load_network("mainnet")
    assert "devnet, testnet" in str(raised.value)


def test_a_new_network_counts_the_rows_of_the_scorers_it_was_made_with():
    subnet = make_genesis().subnets[0]
    assert (subnet.scorer_version, subnet.scorer_hash) == identify(subnet.task)


def test_a_network_of_law_1_is_said_to_be_an_earlier_neurond_s():
    genesis = make_genesis()
    text = render_network(genesis)
    old = text.replace(compute_chain_id(genesis).hex(), compute_first_law_id(genesis).hex())
    (problem,) = refuse(old).problems
    assert problem.key == "genesis_hash"
    assert "law 1" in problem.message
    assert "the neurond that made it" in problem.remedy
