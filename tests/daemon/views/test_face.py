"""What the HTTP door shows of a real node, and what it lets in."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from config.address import format_address
from config.sections.api import ApiSettings
from config.sections.neuron import NeuronSettings, Role
from consensus import codec, crypto
from consensus.calls.accounts import Transfer
from consensus.ledger.mempool import Mempool
from consensus.quantities import ZERO_HASH, Amount, Height, Nonce, Uid
from daemon.engine.errors import NodeError, Why
from daemon.hosting.neuron import Neuron
from daemon.hosting.port import ChainPort
from daemon.http.app import build_app
from daemon.http.keys import ApiKeys
from daemon.views import accounts, neurons, stake
from daemon.views.face import Face
from daemon.views.node import Check
from daemon.views.transactions import ReceiptAnswer
from daemon.views.view import StateAnswer, StateQuestion
from neurons.mining.miner import Miner
from neurons.validating.rounds import Validator
from neurons.worker.runtime import Runtime
from p2p.network import Topic
from tests import builders
from tests.daemon import world
from tests.daemon.hosting.test_neuron import FixedRuntime

GENESIS = world.make_world()


@asynccontextmanager
async def _open(folder: Path, blocks: int = 0) -> AsyncGenerator[world.Node]:
    if blocks:
        await world.grow(GENESIS, folder, blocks)
    async with world.open_parts(GENESIS, folder) as node:
        yield node


def _with_neuron(node: world.Node, role: Role, hotkey: str) -> tuple[Face, Neuron]:
    key = builders.signer_of(hotkey)
    port = ChainPort(node.chain, node.network, node.submitter, node.store, key)
    settings = NeuronSettings(role=role)
    neuron = Neuron(settings, port, node.chain, node.telemetry, builders.signer_of("node"))
    info = node.view._info  # pyright: ignore[reportPrivateUsage]
    parts = (node.chain, node.store, node.driver, node.syncing, node.network, node.submitter)
    return Face(info, *parts, neuron), neuron


def _check(view: Face, name: str) -> Check:
    return next(check for check in view.readiness() if check.name == name)


# -- reading ---------------------------------------------------------------------------------------


async def test_status_is_that_of_the_final_head(tmp_path: Path):
    async with _open(tmp_path, blocks=3) as node:
        status = node.view.status()
        assert status.height == 3
        assert status.head == node.chain.head.digest.hex()
        assert status.state_root == node.chain.head.state.root.hex()
        assert status.network == "unit"
        assert status.peers == ()
        assert not status.is_validator
        assert status.supply is not None
        assert status.supply.issued > 0


async def test_blocks_come_newest_first_and_within_bounds(tmp_path: Path):
    async with _open(tmp_path, blocks=5) as node:
        assert [b.height for b in node.view.blocks(None, 3)] == [5, 4, 3]
        assert [b.height for b in node.view.blocks(Height(1), 9)] == [1, 0]
        assert [b.height for b in node.view.blocks(Height(99), 1)] == [5]


async def test_a_final_block_shows_its_signers_transactions_and_receipts(tmp_path: Path):
    async with _open(tmp_path) as node:
        signed = builders.make_transaction(node.chain.head.state)
        await world.add_block(node.driver.machine.committee, node.chain, signed)
        block = node.view.block(Height(1))
        assert len(block.signers) >= 3
        assert len(block.transactions) == 1
        with pytest.raises(NodeError) as caught:
            node.view.block(Height(2))
        assert (caught.value.why, caught.value.code) == (Why.UNKNOWN, "not_found")


async def test_what_does_not_exist_is_not_found(tmp_path: Path):
    async with _open(tmp_path) as node:
        nothing: tuple[StateQuestion[StateAnswer], ...] = (
            neurons.metagraph(builders.NetUid(9)),
            neurons.explain(builders.NetUid(9), Uid(0)),
            neurons.explain(builders.SUBNET, Uid(99)),
            stake.delegate(builders.key_of("nobody")),
        )
        for question in nothing:
            with pytest.raises(NodeError) as caught:
                await node.view.ask(question, None)
            assert caught.value.why is Why.UNKNOWN
            assert caught.value.remedy


async def test_every_route_answers_of_a_real_node(tmp_path: Path):
    async with _open(tmp_path, blocks=12) as node:
        app = build_app(node.view, node.telemetry, ApiSettings(), ApiKeys(None), metrics=True)
        transport = httpx.ASGITransport(app=app)  # pyright: ignore[reportArgumentType]
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            alice, hot0 = (format_address(builders.key_of(name)) for name in ("alice", "hot0"))
            for path in (
                "/healthz",
                "/metrics",
                "/chain/status",
                "/chain/blocks",
                "/chain/blocks/11",
                "/chain/metagraph/1",
                f"/chain/account/{alice}",
                "/chain/explain/1/0",
                f"/chain/account/{alice}?height=3",
                f"/chain/account/{alice}?proof=1",
                "/chain/metagraph/1?height=7&proof=1",
                "/chain/explain/1/0?proof=1",
                "/chain/proof?key=02",
                "/chain/validators?proof=1",
                "/chain/delegates?proof=1",
                f"/chain/delegates/{hot0}?proof=1",
                "/chain/concentration?proof=1",
            ):
                answer = await client.get(path)
                assert answer.status_code == 200, (path, answer.text)
            assert (await client.get("/readyz")).status_code in {200, 503}


# -- submitting ------------------------------------------------------------------------------------


async def test_a_submitted_transaction_is_gossiped_committed_and_receipted(tmp_path: Path):
    async with (
        world.open_parts(GENESIS, tmp_path / "ear", seed=7) as ear,
        _open(tmp_path / "node") as node,
    ):
        await node.network.connect(ear.network.addresses[0])
        data = codec.encode(builders.make_transaction(node.chain.head.state))
        identity = await node.view.submit(data)
        await world.wait_until(lambda: (Topic.TX, data) in ear.heard)
        await world.wait_until(lambda: ear.chain.mempool.get(identity) is not None)
        await world.add_block(node.driver.machine.committee, node.chain)
        shown = node.view.block(Height(1)).transactions
        assert [transaction.id for transaction in shown] == [identity.hex()]
        assert (await node.view.ask(accounts.account(builders.key_of("alice")), None)).nonce == 1


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"chain_id": ZERO_HASH}, "invalid_transaction", "another network"),
        ({"valid_until": Height(0)}, "invalid_transaction", "expired"),
        ({"nonce": Nonce(100_000)}, "not_now", "far ahead"),
        ({"tip": Amount(10**15)}, "not_now", "exceed"),
    ],
)
async def test_a_refused_transaction_says_why_and_whether_for_ever(
    tmp_path: Path, fields: dict[str, Any], code: str, words: str
):
    async with _open(tmp_path) as node:
        signed = builders.make_transaction(node.chain.head.state, **fields)
        with pytest.raises(NodeError) as caught:
            await node.view.submit(codec.encode(signed))
        assert (caught.value.why, caught.value.code) == (Why.IMPOSSIBLE, code)
        assert words in caught.value.message
        assert caught.value.remedy


async def test_a_replayed_transaction_is_refused_for_ever(tmp_path: Path):
    async with _open(tmp_path) as node:
        data = codec.encode(builders.make_transaction(node.chain.head.state))
        await node.view.submit(data)
        with pytest.raises(NodeError, match="waiting already") as caught:
            await node.view.submit(data)
        assert caught.value.code == "not_now"
        await world.add_block(node.driver.machine.committee, node.chain)
        with pytest.raises(NodeError, match="was used") as caught:
            await node.view.submit(data)
        assert caught.value.code == "invalid_transaction"


async def test_a_receipt_follows_its_transaction_from_the_pool_into_a_block(tmp_path: Path):
    async with _open(tmp_path) as node:
        committee = node.driver.machine.committee
        state = node.chain.head.state
        good = builders.make_transaction(state)
        unknown = Transfer(builders.key_of("bob"), Amount(10**18))
        bad = builders.make_transaction(state, "bob", unknown)
        with pytest.raises(NodeError) as caught:
            node.view.receipt(crypto.compute_transaction_id(good.transaction))
        assert (caught.value.why, caught.value.code) == (Why.UNKNOWN, "not_found")
        paid, failed = [await node.view.submit(codec.encode(each)) for each in (good, bad)]
        assert node.view.receipt(paid) == ReceiptAnswer(paid.hex(), "pending")
        block = await world.add_block(committee, node.chain)
        shown = node.view.receipt(paid)
        assert (shown.status, shown.height, shown.code, shown.error) == ("final", 1, 0, None)
        assert block.transactions[shown.index or 0] == good
        shown = node.view.receipt(failed)
        assert (shown.code, shown.error) == (2, "NotEnoughFunds")
        assert shown.remedy
        assert shown.fee


async def test_bytes_that_are_no_transaction_are_a_bad_request(tmp_path: Path):
    async with _open(tmp_path) as node:
        good = codec.encode(builders.make_transaction(node.chain.head.state))
        for data in (b"", b"\xff", good[:-1], good + b"\0", good + bytes(70_000)):
            with pytest.raises(NodeError) as caught:
                await node.view.submit(data)
            assert (caught.value.why, caught.value.code) == (Why.UNREADABLE, "bad_request")


async def test_a_full_pool_says_so(tmp_path: Path):
    async with _open(tmp_path) as node:
        node.chain.mempool = Mempool(count_max=1)
        state = node.chain.head.state
        await node.view.submit(codec.encode(builders.make_transaction(state)))
        with pytest.raises(NodeError, match="full") as caught:
            await node.view.submit(codec.encode(builders.make_transaction(state, "bob")))
        assert caught.value.code == "not_now"


# -- readiness -------------------------------------------------------------------------------------


async def test_a_node_without_peers_is_not_ready(tmp_path: Path):
    async with (
        world.open_parts(GENESIS, tmp_path / "other", seed=7) as other,
        _open(tmp_path / "node") as node,
    ):
        check = _check(node.view, "peers")
        assert not check.ok
        assert "p2p.bootstrap" in check.remedy
        await node.network.connect(other.network.addresses[0])
        assert _check(node.view, "peers").ok


async def test_an_old_head_fails_finality(tmp_path: Path):
    stale = world.make_world(age_ms=60_000)
    async with world.open_parts(stale, tmp_path) as node:
        check = _check(node.view, "finality")
        assert not check.ok
        assert "s old" in check.detail
        assert check.remedy
        now_ms = world.read_time_ms()
        await world.add_block(node.driver.machine.committee, node.chain, time_ms=now_ms)
        assert _check(node.view, "finality").ok


async def test_an_unregistered_hotkey_is_not_ready(tmp_path: Path):
    async with _open(tmp_path) as node:
        view, _ = _with_neuron(node, "miner", "nobody")
        check = _check(view, "neuron")
        assert not check.ok
        assert "Register" in check.remedy


async def test_a_miner_is_ready_when_its_worker_is(tmp_path: Path):
    async with _open(tmp_path) as node:
        view, neuron = _with_neuron(node, "miner", "hot2")
        assert not _check(view, "worker").ok
        runtime = FixedRuntime(is_ready=False, restarts=3)
        neuron.begin_mining(cast("Runtime", runtime), cast("Miner", None))
        check = _check(view, "worker")
        assert not check.ok
        assert "3 worker restarts" in check.detail
        runtime.is_ready = True
        assert _check(view, "worker").ok
        neuron.failures, neuron.last_failure = 1, "ValueError: damaged"
        neuron.end()
        check = _check(view, "worker")
        assert not check.ok
        assert "damaged" in check.detail


async def test_a_validator_with_old_weights_is_not_ready(tmp_path: Path):
    async with _open(tmp_path) as node:
        view, neuron = _with_neuron(node, "validator", "hot0")
        status = SimpleNamespace(weights_age_epochs=3, reason="no miner answers")
        neuron.begin_validating(cast("Validator", SimpleNamespace(status=status)))
        check = _check(view, "weights")
        assert not check.ok
        assert "3 epochs old: no miner answers" in check.detail
        status.weights_age_epochs = 0
        assert _check(view, "weights").ok
