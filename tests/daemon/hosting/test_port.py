"""What a neuron asks of its node: submit, read back, keep secrets, put queries to peers."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from consensus import codec, crypto, parcels
from consensus.quantities import Height
from consensus.reward import commit_reveal
from consensus.reward.commit_reveal import WeightSecret
from consensus.types import SignedTransaction
from daemon.hosting.port import ChainPort
from neurons.errors import MinerBusy, NodeUnreachable, PeerFault
from p2p import errors as p2p_errors
from p2p.network import Answer, Topic
from tests import builders
from tests.daemon import world

GENESIS = world.make_world()
ROW = {2: 65_535, 3: 100}


@asynccontextmanager
async def _open(folder: Path, hotkey: str = "hot0") -> AsyncGenerator[tuple[world.Node, ChainPort]]:
    async with world.open_parts(GENESIS, folder) as node:
        yield (
            node,
            ChainPort(
                node.chain, node.network, node.submitter, node.store, builders.signer_of(hotkey)
            ),
        )


async def _include(node: world.Node, until: int = 0) -> None:
    """Add one block of what waits, or empty ones up to height `until`."""
    while True:
        await world.add_block(node.driver.machine.committee, node.chain)
        if node.height >= until:
            return


# -- submitting ------------------------------------------------------------------------------------


async def test_a_submitted_call_is_signed_admitted_and_gossiped(tmp_path: Path):
    async with (
        world.open_parts(GENESIS, tmp_path / "ear", seed=7) as ear,
        _open(tmp_path / "node") as (node, port),
    ):
        await node.network.connect(ear.network.addresses[0])
        state = node.chain.head.state
        await port.submit(builders.make_commit(state, "hot0", builders.make_reveal(ROW)))
        await world.wait_until(lambda: bool(ear.chain.mempool))
        (topic, payload) = ear.heard[-1]
        assert topic is Topic.WEIGHTS
        signed = codec.decode(SignedTransaction, payload)
        assert signed.transaction.signer == builders.key_of("hot0")
        assert node.chain.mempool.get(crypto.compute_transaction_id(signed.transaction)) == signed


async def test_a_call_that_waits_is_not_signed_twice(tmp_path: Path):
    async with _open(tmp_path) as (node, port):
        state = node.chain.head.state
        call = builders.make_commit(state, "hot0", builders.make_reveal(ROW))
        await port.submit(call)
        await port.submit(call)
        assert len(node.chain.mempool) == 1


async def test_a_second_call_takes_the_next_nonce(tmp_path: Path):
    async with _open(tmp_path, "alice") as (node, port):
        for amount in (1, 2):
            transfer = builders.Transfer(builders.key_of("bob"), builders.Amount(amount))
            await port.submit(transfer)
        assert len(node.chain.mempool) == 2
        await _include(node)
        receipts = node.store.blocks.receipts_at(1)
        assert receipts is not None
        assert [receipt.code for receipt in receipts] == [0, 0]


async def test_a_refused_call_is_not_raised_and_may_come_again(tmp_path: Path):
    async with _open(tmp_path) as (node, port):
        reveal = builders.make_reveal(ROW)
        await port.submit(reveal)  # nothing was committed
        assert len(node.chain.mempool) == 0
        await port.submit(builders.make_commit(node.chain.head.state, "hot0", reveal))
        await _include(node, until=7)
        await port.submit(reveal)
        assert len(node.chain.mempool) == 1


# -- reading back ----------------------------------------------------------------------------------


async def test_the_state_of_weights_follows_commit_and_reveal(tmp_path: Path):
    async with _open(tmp_path) as (node, port):
        nothing = port.weights_state(builders.SUBNET)
        assert (nothing.commit_epoch, nothing.commit_digest, nothing.revealed_epoch) == (None,) * 3
        reveal = builders.make_reveal(ROW)
        commit = builders.make_commit(node.chain.head.state, "hot0", reveal)
        await port.submit(commit)
        await _include(node)
        committed = port.weights_state(builders.SUBNET)
        assert committed.commit_epoch == 0
        assert committed.commit_digest == commit.digest
        assert committed.revealed_epoch is None
        await _include(node, until=7)
        await port.submit(reveal)
        await _include(node)
        assert node.height == 8
        assert port.weights_state(builders.SUBNET).revealed_epoch == 0


async def test_a_stranger_has_no_weights(tmp_path: Path):
    async with _open(tmp_path, "nobody") as (_, port):
        state = port.weights_state(builders.SUBNET)
        assert (state.commit_epoch, state.commit_digest, state.revealed_epoch) == (None,) * 3


async def test_the_views_are_those_of_the_final_head(tmp_path: Path):
    async with _open(tmp_path) as (node, port):
        before = port.chain()
        graph = port.metagraph(builders.SUBNET)
        assert port.metagraph(builders.SUBNET) is graph
        assert [neuron.uid for neuron in graph.neurons] == [0, 1, 2, 3]
        assert graph.neurons[0].hotkey == port.hotkey
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(port.wait_height, Height(1))
                await _include(node)
        assert port.chain().height == before.height + 1
        assert port.chain().mix != before.mix
        assert port.metagraph(builders.SUBNET) is not graph


async def test_a_served_endpoint_shows_as_the_peer_it_is(tmp_path: Path):
    async with _open(tmp_path, "hot2") as (node, port):
        await port.submit(builders.make_serve(node.chain.head.state, "hot2", "node"))
        await _include(node)
        served = port.metagraph(builders.SUBNET).neurons[2]
        assert served.peer_id == crypto.compute_peer_id(builders.key_of("node"))


# -- keeping ---------------------------------------------------------------------------------------


async def test_secrets_outlive_the_process_and_open_their_commitments(tmp_path: Path):
    async with _open(tmp_path) as (node, port):
        chain_id = port.chain().chain_id

        def make(epoch: int, hotkey: str) -> WeightSecret:
            row = builders.make_reveal(ROW, epoch)
            return commit_reveal.make_secret(chain_id, builders.key_of(hotkey), row)

        for secret in (make(0, "hot0"), make(1, "hot0"), make(1, "hot1")):
            await port.keep_weights(secret)
        commit = builders.make_commit(node.chain.head.state, "hot0", builders.make_reveal(ROW, 1))
    async with _open(tmp_path) as (_, port):
        kept = await port.load_weights(builders.SUBNET)
        assert kept == (make(0, "hot0"), make(1, "hot0"))
        assert kept[1].digest == commit.digest


# -- asking ----------------------------------------------------------------------------------------


@asynccontextmanager
async def _asked(folder: Path, answer: Answer) -> AsyncGenerator[tuple[ChainPort, bytes]]:
    """Yield a port and a peer whose neuron answers so."""
    async with (
        world.open_parts(
            GENESIS, folder / "peer", seed=7, answers={parcels.QUERY_ASK: answer}
        ) as peer,
        _open(folder / "node") as (node, port),
    ):
        await node.network.connect(peer.network.addresses[0])
        yield port, peer.network.peer_id


async def test_a_query_brings_the_peers_reply(tmp_path: Path):
    async def answer(_peer: bytes, payload: bytes) -> bytes:
        return payload[::-1]

    async with _asked(tmp_path, answer) as (port, peer):
        assert await port.ask(peer, b"abc") == b"cba"


async def test_a_refusal_is_the_peers_fault(tmp_path: Path):
    async def refuse(_peer: bytes, _payload: bytes) -> bytes:
        raise p2p_errors.Refuse(64, "no")

    async with _asked(tmp_path, refuse) as (port, peer):
        with pytest.raises(PeerFault, match="no"):
            await port.ask(peer, b"abc")


async def test_a_busy_peer_says_when_to_come_back(tmp_path: Path):
    async def be_busy(_peer: bytes, _payload: bytes) -> bytes:
        raise p2p_errors.PeerBusy(retry_ms=1_234)

    async with _asked(tmp_path, be_busy) as (port, peer):
        with pytest.raises(MinerBusy) as caught:
            await port.ask(peer, b"abc")
        assert caught.value.retry_ms == 1_234


async def test_a_peer_nobody_knows_is_unreachable(tmp_path: Path):
    async with _open(tmp_path) as (_, port):
        with pytest.raises(NodeUnreachable), trio.fail_after(5):
            await port.ask(crypto.compute_peer_id(builders.key_of("lost")), b"abc")
