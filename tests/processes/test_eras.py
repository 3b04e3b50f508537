"""Five daemons, four of which vote: stake and a consensus key make the fifth the one they need."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from config.address import format_address
from config.network import render_network
from consensus import codec, crypto
from consensus.agreement.beacon import BEACON_LENGTH, HashChain
from consensus.calls.rotation import SetConsensusKey
from consensus.calls.staking import StakeRoot
from consensus.ledger.genesis import Genesis, GenesisAccount, GenesisHotkey, compute_chain_id
from consensus.quantities import U32, Amount, Height, Nonce, TimeMs
from consensus.types import Call, Transaction
from scripts.tools.devnet.folder import State, pick_ports
from scripts.tools.devnet.genesis import build_genesis, read_now_ms
from scripts.tools.devnet.plan import ROOT_STAKE, Options, key_seed, public_key, stake_hotkey
from tests.processes.cluster import START_S, Cluster, wait_until, write_cluster

pytestmark = pytest.mark.slow

OPTIONS = Options(nodes=5, validators=0, miners=0, block_ms=500, tempo=20)
ERA = 20
ERA_S = 60.0
"""Twenty blocks of half a second take ten, and a busy machine takes its time."""
FIFTH = 4


def make_genesis(state: State) -> Genesis:
    """Return a devnet's genesis without its fifth validator, who has the money to become one."""
    whole = build_genesis(state.options, state.nodes, TimeMs(state.genesis_ms))
    fifth = whole.validators[FIFTH]
    rich = GenesisAccount(fifth.coldkey, Amount(2 * ROOT_STAKE))
    return replace(
        whole,
        params=replace(whole.params, era_blocks=U32(ERA), era_churn_ppm=U32(500_000)),
        validators=whole.validators[:FIFTH],
        hotkeys=(
            *whole.hotkeys,
            GenesisHotkey(fifth.entry.hotkey, fifth.coldkey, whole.params.take_max),
        ),
        accounts=(*(each for each in whole.accounts if each.key != fifth.coldkey), rich),
    )


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Genesis]]:
    folder: Path = tmp_path_factory.mktemp("eras")
    state = State(OPTIONS, read_now_ms(), pick_ports(2 * OPTIONS.nodes))
    genesis = make_genesis(state)
    (folder / "network.toml").write_text(render_network(genesis))
    cluster = write_cluster(folder, OPTIONS, state)
    try:
        cluster.start(*range(OPTIONS.nodes))
        wait_until(lambda: min(cluster.heights()) >= 1, START_S, "the first blocks")
        yield cluster, genesis
    finally:
        cluster.close()


def send(cluster: Cluster, genesis: Genesis, nonce: int, call: Call) -> None:
    """Hand a call of the fifth's coldkey in at the first node's door."""
    node = cluster.nodes[FIFTH]
    key = SigningKey(key_seed(OPTIONS, node, "coldkey"))
    transaction = Transaction(
        chain_id=compute_chain_id(genesis),
        signer=public_key(OPTIONS, node, "coldkey"),
        nonce=Nonce(nonce),
        valid_until=Height(cluster.height(0) + 100),
        tip=Amount(0),
        call=call,
    )
    signed = crypto.sign_transaction(key, transaction)
    url = cluster.nodes[0].api + "/chain/transactions"
    answer = cluster.client.post(url, content=codec.encode(signed))
    assert answer.is_success, answer.text


def test_stake_and_a_key_make_a_follower_a_validator_whom_the_others_need(
    network: tuple[Cluster, Genesis],
) -> None:
    cluster, genesis = network
    node = cluster.nodes[FIFTH]
    hotkey = stake_hotkey(OPTIONS, node)
    before = cluster.status(FIFTH)
    assert before is not None
    assert (before.is_validator, before.validators) == (False, 4)

    key = SigningKey(key_seed(OPTIONS, node, "consensus"))
    tip = HashChain(key_seed(OPTIONS, node, "beacon"), BEACON_LENGTH).tip
    message = crypto.consensus_message(compute_chain_id(genesis), hotkey, tip)
    name = public_key(OPTIONS, node, "consensus")
    send(cluster, genesis, 0, StakeRoot(hotkey, Amount(ROOT_STAKE)))
    send(cluster, genesis, 1, SetConsensusKey(hotkey, name, crypto.sign(key, message), tip))

    def is_in() -> bool:
        status = cluster.status(FIFTH)
        return status is not None and status.is_validator

    wait_until(is_in, 3 * ERA_S, f"the fifth votes: {cluster.log(FIFTH)[-2000:]}")
    status = cluster.status(FIFTH)
    assert status is not None
    assert status.validators == 5
    assert status.era >= 3

    # Of equal stakes four of five are a quorum: without the first, the fifth is needed.
    first = cluster.height(1)
    cluster.kill(0)
    others = (1, 2, 3, FIFTH)
    cluster.wait_rise(others, ERA + 5, 4 * ERA_S)
    top = min(cluster.heights(*others))
    shown = [cluster.get(1, f"/chain/blocks/{height}") for height in range(first + 5, top)]
    address = format_address(hotkey)
    assert all(text is not None for text in shown)
    signed = [text for text in shown if text and address in text.split('"signers"')[1]]
    assert len(signed) > len(shown) // 2
    proposers = {block.proposer for block in cluster.blocks(1, 1, top).values()}
    assert address in proposers
    cluster.start(0)
    cluster.wait_rise((0, *others), 2, 2 * ERA_S)
    cluster.assert_no_fork()
