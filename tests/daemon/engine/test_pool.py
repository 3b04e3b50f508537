"""The one way into the pool: many are let in as one by one, and signatures are looked at last."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing

from consensus import codec, crypto, parcels
from consensus.calls.accounts import Transfer
from consensus.ledger.mempool import Mempool
from consensus.quantities import ZERO_HASH, Amount, Hash32, Nonce, Signature
from consensus.types import SignedTransaction
from consensus.verdict import Ignore
from daemon.engine.errors import NodeError
from daemon.engine.pool import PARCEL, PoolDoor, Submitter
from p2p.network import Topic
from tests import builders
from tests.daemon import world

GENESIS = world.make_world()


@asynccontextmanager
async def _open(folder: Path) -> AsyncGenerator[tuple[world.Node, Submitter]]:
    async with world.open_parts(GENESIS, folder) as node:
        yield node, node.submitter


def make_many(node: world.Node, count: int) -> list[SignedTransaction]:
    state = node.chain.head.state
    return [builders.make_transaction(state, nonce=Nonce(nonce)) for nonce in range(count)]


def id_of(signed: SignedTransaction) -> bytes:
    return crypto.compute_transaction_id(signed.transaction)


async def test_many_are_let_in_with_one_result_each_in_their_order(tmp_path: Path):
    async with _open(tmp_path) as (node, submitter):
        many = make_many(node, 2 * PARCEL + 3)
        found = await submitter.submit_many([codec.encode(signed) for signed in many])
        assert list(found) == [id_of(signed) for signed in many]
        assert len(node.chain.mempool) == len(many)
        block = await world.add_block(node.driver.machine.committee, node.chain)
        assert set(block.transactions) == set(many)


async def test_a_bad_one_among_many_is_refused_alone_and_as_if_it_came_alone(tmp_path: Path):
    async with _open(tmp_path) as (node, submitter):
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
        found = await submitter.submit_many(items)
        assert list(found[:3]) == [id_of(signed) for signed in good[:3]]
        assert len(node.chain.mempool) == 3
        for data, result in zip(items[3:], found[3:], strict=True):
            assert isinstance(result, NodeError)
            with pytest.raises(NodeError) as alone:
                await submitter.submit(data)
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
        _open(tmp_path / "node") as (node, submitter),
    ):
        await node.network.connect(ear.network.addresses[0])
        items = [codec.encode(signed) for signed in make_many(node, PARCEL + 5)]
        await submitter.submit_many([*items, b"\xff", items[0]])
        await world.wait_until(lambda: len(ear.chain.mempool) == len(items))
        bundles = [data for topic, data in ear.heard if topic is Topic.TX]
        assert len(bundles) == 2
        told = [each for bundle in bundles for each in parcels.read_transactions(bundle)]
        assert sorted(told) == sorted(items)


async def test_one_of_many_that_is_let_in_alone_is_gossiped_as_itself(tmp_path: Path):
    async with (
        world.open_parts(GENESIS, tmp_path / "ear", seed=7) as ear,
        _open(tmp_path / "node") as (node, submitter),
    ):
        await node.network.connect(ear.network.addresses[0])
        item = codec.encode(make_many(node, 1)[0])
        await submitter.submit_many([b"\xff", item])
        await world.wait_until(lambda: len(ear.chain.mempool) == 1)
        assert [data for topic, data in ear.heard if topic is Topic.TX] == [item]


async def test_a_full_pool_refuses_before_it_looks_at_signatures(tmp_path: Path):
    async with _open(tmp_path) as (node, submitter):
        node.chain.mempool = Mempool(count_max=2)
        forged = [replace(each, signature=Signature(bytes(64))) for each in make_many(node, 4)]
        good = [codec.encode(signed) for signed in make_many(node, 2)]
        assert all(isinstance(each, bytes) for each in await submitter.submit_many(good))
        for result in await submitter.submit_many([codec.encode(each) for each in forged[2:]]):
            assert isinstance(result, NodeError)
            assert "full" in result.message


async def test_a_list_waits_while_more_waits_than_blocks_can_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("daemon.engine.pool.CROWD_BLOCKS", 0)
    async with _open(tmp_path) as (node, submitter), trio.open_nursery() as nursery:
        first, second = (codec.encode(signed) for signed in make_many(node, 2))
        await submitter.submit_many([first])
        nursery.start_soon(submitter.submit_many, [second])
        await trio.testing.wait_all_tasks_blocked()
        assert len(node.chain.mempool) == 1
        block = await world.add_block(node.driver.machine.committee, node.chain)
        assert [codec.encode(signed) for signed in block.transactions] == [first]
        await world.wait_until(lambda: len(node.chain.mempool) == 1)
        assert node.chain.mempool.get(_id_of(second)) is not None


async def test_a_list_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("daemon.engine.pool.CROWD_BLOCKS", 0)
    monkeypatch.setattr("daemon.engine.pool.WAIT_S", 0.01)
    async with _open(tmp_path) as (node, submitter):
        for signed in make_many(node, 2):
            (found,) = await submitter.submit_many([codec.encode(signed)])
            assert found == id_of(signed)


def _id_of(data: bytes) -> Hash32:
    return Hash32(id_of(codec.decode(SignedTransaction, data)))


async def test_nothing_at_all_is_no_error(tmp_path: Path):
    async with _open(tmp_path) as (_, submitter):
        assert await submitter.submit_many([]) == ()


# -- one at a time -------------------------------------------------------------------------------


async def test_what_could_not_come_in_anyway_is_refused_with_its_signature_unseen(tmp_path: Path):
    async with _open(tmp_path) as (node, _):
        state = node.chain.head.state
        far = builders.make_transaction(state, nonce=Nonce(5_000))
        forged = codec.encode(replace(far, signature=Signature(bytes(64))))
        door = PoolDoor(node.chain)
        (refusal,) = await door.admit_each([forged])
        assert "far ahead" in str(refusal)
        assert isinstance(await door.judge([forged]), Ignore)


async def test_one_that_comes_from_two_sides_at_once_is_let_in_once(tmp_path: Path):
    async with _open(tmp_path) as (node, submitter):
        (item,) = (codec.encode(signed) for signed in make_many(node, 1))
        found: list[object] = []

        async def submit() -> None:
            found.extend(await submitter.submit_many([item]))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(submit)
            nursery.start_soon(submit)
        assert sum(isinstance(each, NodeError) for each in found) == 1
        assert len(node.chain.mempool) == 1


async def test_calls_signed_at_the_same_time_get_a_nonce_each(tmp_path: Path):
    async with _open(tmp_path) as (node, submitter):
        calls = [Transfer(builders.key_of("bob"), Amount(amount)) for amount in (1, 2, 3)]
        async with trio.open_nursery() as nursery:
            for call in calls:
                nursery.start_soon(submitter.submit_call, builders.signer_of("alice"), call)
        block = await world.add_block(node.driver.machine.committee, node.chain)
        assert sorted(signed.transaction.nonce for signed in block.transactions) == [0, 1, 2]


async def test_a_call_that_is_refused_says_why_and_leaves_its_nonce_free(tmp_path: Path):
    async with _open(tmp_path) as (node, submitter):
        call = Transfer(builders.key_of("bob"), Amount(1))
        with pytest.raises(NodeError, match="exceed"):
            await submitter.submit_call(builders.signer_of("nobody"), call)
        assert node.chain.mempool.next_nonce(node.chain.head.state, builders.key_of("nobody")) == 0
