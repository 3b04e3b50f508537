from dataclasses import replace
from pathlib import Path

import pytest

from config.network import load_network, parse_network, render_network
from consensus.agreement import beacon
from consensus.crypto import hash_beacon
from consensus.ledger.genesis import Genesis, build_genesis
from consensus.ledger.queries import metagraph
from consensus.quantities import NetUid, TimeMs
from scripts.tools.devnet import genesis
from scripts.tools.devnet.folder import State
from scripts.tools.devnet.genesis import read_now_ms, write_devnet
from scripts.tools.devnet.plan import (
    NodePlan,
    Options,
    PlanError,
    key_names,
    key_seed,
    plan_nodes,
    public_key,
    stake_hotkey,
)
from storage.keys.keystore import Keystore

OPTIONS = Options()
NODES = plan_nodes(OPTIONS, tuple(range(20_000, 20_008)))


@pytest.fixture(autouse=True)
def short_beacon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain of a million hashes takes most of a second; its length changes nothing here."""
    monkeypatch.setattr(genesis, "BEACON_LENGTH", 16)
    assert beacon.BEACON_LENGTH > 16


def make_genesis(nodes: tuple[NodePlan, ...] = NODES) -> Genesis:
    return genesis.build_genesis(OPTIONS, nodes, TimeMs(1_700_000_000_000))


def test_a_genesis_survives_its_network_file() -> None:
    genesis = make_genesis()
    assert parse_network(render_network(genesis), "network.toml") == genesis


def test_every_node_votes_with_equal_stake() -> None:
    entries = [validator.entry for validator in make_genesis().validators]
    assert len(entries) == 4
    assert len({entry.stake for entry in entries}) == 1


def test_validators_start_with_a_permit_and_miners_with_neither_permit_nor_stake() -> None:
    state, _ = build_genesis(make_genesis())
    graph = metagraph(state, NetUid(1))
    assert [bool(permit) for permit in graph.permits] == [True, True, False, False]
    assert [stake > 0 for stake in graph.stake] == [True, True, False, False]


def test_a_folder_holds_a_network_file_and_each_node_s_keys(tmp_path: Path) -> None:
    state = State(OPTIONS, read_now_ms(), tuple(range(20_000, 20_008)))
    write_devnet(tmp_path, state)
    genesis = load_network(str(tmp_path / "network.toml"))
    assert genesis.time_ms == state.genesis_ms
    for node in state.nodes:
        listing = Keystore(tmp_path / node.name / "keys").list()
        assert listing.damaged == ()
        found = {key.name: key.public_key for key in listing.keys}
        assert found == {name: public_key(OPTIONS, node, name) for name in key_names(node)}
        assert genesis.validators[node.index].entry.hotkey == stake_hotkey(OPTIONS, node)


def test_writing_again_keeps_the_network_and_the_keys(tmp_path: Path) -> None:
    state = State(OPTIONS, read_now_ms(), tuple(range(20_000, 20_008)))
    write_devnet(tmp_path, state)
    kept = ["network.toml", "node-0/keys/consensus.json"]
    before = [(tmp_path / name).read_bytes() for name in kept]
    write_devnet(tmp_path, state)
    assert [(tmp_path / name).read_bytes() for name in kept] == before


def test_the_ledger_takes_what_a_node_s_beacon_key_reveals() -> None:
    genesis = make_genesis()
    for node, validator in zip(NODES, genesis.validators, strict=True):
        chain = beacon.HashChain(key_seed(OPTIONS, node, "beacon"), 16)
        reveal = chain.reveal(validator.beacon_tip)
        assert reveal is not None
        assert hash_beacon(reveal) == validator.beacon_tip


def test_task_that_is_not_installed_is_refused_with_those_there_are() -> None:
    options = replace(OPTIONS, task="heat")
    with pytest.raises(PlanError, match=r"--task: no task 'heat': known are .*text"):
        genesis.build_genesis(options, plan_nodes(options, tuple(range(20_000, 20_008))), TimeMs(1))
