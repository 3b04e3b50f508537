"""Many transactions at once are let in exactly as one by one, and cost the door far less."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing

from consensus import codec, crypto, parcels
from consensus.ledger.mempool import Mempool
from consensus.quantities import ZERO_HASH, Hash32, Nonce, Signature
from consensus.types import SignedTransaction
from daemon.engine.admission import Admission
from daemon.engine.errors import NodeError
from daemon.engine.gate import PARCEL
from p2p.network import Topic
from tests import builders
from tests.daemon import world

GENESIS = world.make_world()


@asynccontextmanager
async def _open(folder: Path) -> AsyncGenerator[tuple[world.Node, Admission]]:
    async with world.open_parts(GENESIS, folder) as node:
        yield node, Admission(node.chain, node.network)


def make_many(node: world.Node, count: int) -> list[SignedTransaction]:
    state = node.chain.head.state
    return [builders.make_transaction(state, nonce=Nonce(nonce)) for nonce in range(count)]


def id_of(signed: SignedTransaction) -> bytes:
    return crypto.compute_transaction_id(signed.transaction)


async def test_many_are_let_in_with_one_result_each_in_their_order(tmp_path: Path):
    async with _open(tmp_path) as (node, admission):
        many = make_many(node, 2 * PARCEL + 3)
        found = await admission.submit_many([codec.encode(signed) for signed in many])
        assert list(found) == [id_of(signed) for signed in many]
        assert len(node.chain.mempool) == len(many)
        block = await world.add_block(node.driver.machine.committee, node.chain)
        assert set(block.transactions) == set(many)


async def test_a_bad_one_among_many_is_refused_alone_and_as_if_it_came_alone(tmp_path: Path):
    async with _open(tmp_path) as (node, admission):
        state = node.chain.head.state
        good = make_many(node, 4)
        bad = [
            replace(good[3], signature=Signature(bytes(64))),
            replace(good[3], signature=good[2].signature),
            builders.make_transaction(state, "bob", chain_id=ZERO_HASH),
            builders.make_transaction(state, "bob", nonce=Nonce(5_000)),
            good[0],
        ]
        items = [codec.encode(signed) for signed in (*good[:3], *bad)] + [b"\xff", b""]
        found = await admission.submit_many(items)
        assert list(found[:3]) == [id_of(signed) for signed in good[:3]]
        assert len(node.chain.mempool) == 3
        for data, result in zip(items[3:], found[3:], strict=True):
            assert isinstance(result, NodeError)
            with pytest.raises(NodeError) as alone:
                await admission.submit(data)
            told = (result.why, result.code, result.message, result.remedy)
            assert told == (
                alone.value.why,
                alone.value.code,
                alone.value.message,
                alone.value.remedy,
            )


async def test_many_are_gossiped_in_bundles_without_those_refused(tmp_path: Path):
    async with (
        world.open_parts(GENESIS, tmp_path / "ear", seed=7) as ear,
        _open(tmp_path / "node") as (node, admission),
    ):
        await node.network.connect(ear.network.addresses[0])
        items = [codec.encode(signed) for signed in make_many(node, PARCEL + 5)]
        await admission.submit_many([*items, b"\xff", items[0]])
        await world.wait_until(lambda: len(ear.chain.mempool) == len(items))
        bundles = [data for topic, data in ear.heard if topic is Topic.TX]
        assert len(bundles) == 2
        told = [each for bundle in bundles for each in parcels.read_transactions(bundle)]
        assert sorted(told) == sorted(items)


async def test_one_of_many_that_is_let_in_alone_is_gossiped_as_itself(tmp_path: Path):
    async with (
        world.open_parts(GENESIS, tmp_path / "ear", seed=7) as ear,
        _open(tmp_path / "node") as (node, admission),
    ):
        await node.network.connect(ear.network.addresses[0])
        item = codec.encode(make_many(node, 1)[0])
        await admission.submit_many([b"\xff", item])
        await world.wait_until(lambda: len(ear.chain.mempool) == 1)
        assert [data for topic, data in ear.heard if topic is Topic.TX] == [item]


async def test_a_full_pool_refuses_before_it_looks_at_signatures(tmp_path: Path):
    async with _open(tmp_path) as (node, admission):
        node.chain.mempool = Mempool(count_max=2)
        forged = [replace(each, signature=Signature(bytes(64))) for each in make_many(node, 4)]
        good = [codec.encode(signed) for signed in make_many(node, 2)]
        assert all(isinstance(each, bytes) for each in await admission.submit_many(good))
        for result in await admission.submit_many([codec.encode(each) for each in forged[2:]]):
            assert isinstance(result, NodeError)
            assert "full" in result.message


async def test_a_list_waits_while_more_waits_than_blocks_can_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("daemon.engine.admission.CROWD_BLOCKS", 0)
    async with _open(tmp_path) as (node, admission), trio.open_nursery() as nursery:
        first, second = (codec.encode(signed) for signed in make_many(node, 2))
        await admission.submit_many([first])
        nursery.start_soon(admission.submit_many, [second])
        await trio.testing.wait_all_tasks_blocked()
        assert len(node.chain.mempool) == 1
        block = await world.add_block(node.driver.machine.committee, node.chain)
        assert [codec.encode(signed) for signed in block.transactions] == [first]
        await world.wait_until(lambda: len(node.chain.mempool) == 1)
        assert node.chain.mempool.get(_id_of(second)) is not None


async def test_a_list_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("daemon.engine.admission.CROWD_BLOCKS", 0)
    monkeypatch.setattr("daemon.engine.admission.WAIT_S", 0.01)
    async with _open(tmp_path) as (node, admission):
        for signed in make_many(node, 2):
            (found,) = await admission.submit_many([codec.encode(signed)])
            assert found == id_of(signed)


def _id_of(data: bytes) -> Hash32:
    return Hash32(id_of(codec.decode(SignedTransaction, data)))


async def test_nothing_at_all_is_no_error(tmp_path: Path):
    async with _open(tmp_path) as (_, admission):
        assert await admission.submit_many([]) == ()
