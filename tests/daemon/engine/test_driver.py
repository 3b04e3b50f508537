"""Nodes in one loop agree, lose one, restart it, and let followers follow."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from typing import cast

import pytest
import trio
import trio.testing

from consensus import crypto, parcels
from consensus.agreement import messages as m
from consensus.quantities import ZERO_HASH, TimeMs
from consensus.types import Block, VoteKind
from daemon.engine import syncing
from daemon.engine.driver import MAILBOX_MAX
from daemon.engine.eras import build_committee
from p2p.network import Topic
from storage.errors import DoubleVote, StorageError
from tests import builders
from tests.daemon import world


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing, "HEAD_S", 0.2)


def _chain_of(node: world.Node, height: int) -> tuple[bytes | None, ...]:
    return tuple(node.store.blocks.digest_at(h) for h in range(height + 1))


@pytest.mark.slow
async def test_four_nodes_finalise_the_same_blocks_and_states(tmp_path: Path):
    async with world.open_cluster(world.make_world(), tmp_path) as nodes:
        await world.wait_height(6, *nodes.values())
        assert len({_chain_of(node, 6) for node in nodes.values()}) == 1
        assert len({node.store.blocks.root_at(6) for node in nodes.values()}) == 1


@pytest.mark.slow
async def test_three_of_four_go_on_and_the_fourth_catches_up_when_it_returns(tmp_path: Path):
    genesis = world.make_world()
    async with AsyncExitStack() as others:
        nodes = await others.enter_async_context(world.open_cluster(genesis, tmp_path, (0, 1, 2)))
        known = tuple(node.network.addresses[0] for node in nodes.values())
        async with world.open_node(genesis, tmp_path / "node3", 3, bootstrap=known) as fourth:
            await world.wait_height(2, fourth)
            before = fourth.store.journal.load()
            reached = fourth.height
        await world.wait_height(reached + 4, *nodes.values())
        async with world.open_node(genesis, tmp_path / "node3", 3, bootstrap=known) as fourth:
            assert set(before) <= set(fourth.store.journal.load())
            await world.wait_height(nodes[0].height + 3, fourth)
            assert _chain_of(fourth, reached) == _chain_of(nodes[0], reached)
            await world.wait_until(lambda: len(fourth.store.journal.load()) > len(before))


@pytest.mark.slow
async def test_a_restarted_validator_says_the_same_again_and_nothing_else(tmp_path: Path):
    genesis = world.make_world()
    async with world.open_node(genesis, tmp_path / "one", 0) as alone:  # no quorum: it stands still
        await world.wait_until(lambda: alone.driver.machine.view == 1)
        await world.wait_until(lambda: bool(alone.store.journal.load()))
        before = alone.store.journal.load()
    said = {parcels.pack_vote(vote) for vote in before if vote.kind is not VoteKind.PROPOSE}
    async with (
        world.open_parts(genesis, tmp_path / "ear", seed=7) as ear,
        world.open_node(genesis, tmp_path / "one", 0, bootstrap=ear.network.addresses) as again,
    ):
        await world.wait_until(lambda: said <= {payload for _, payload in ear.heard})
        kept = {(vote.view, vote.kind): vote for vote in again.store.journal.load()}
        assert all(kept[vote.view, vote.kind] == vote for vote in before)
        votes = [parcels.read_vote(p) for topic, p in ear.heard if topic is Topic.VOTE]
        assert all(kept[vote.view, vote.kind] == vote for vote in votes)


@pytest.mark.slow
async def test_a_follower_follows_and_signs_nothing(tmp_path: Path):
    genesis = world.make_world()
    async with world.open_cluster(genesis, tmp_path, (0, 1, 2)) as nodes:
        known = tuple(node.network.addresses[0] for node in nodes.values())
        async with world.open_node(genesis, tmp_path / "follower", bootstrap=known) as follower:
            await world.wait_height(nodes[0].height + 3, follower)
            assert follower.store.journal.load() == ()
            assert not follower.view.status().is_validator


# -- the record of our votes ---------------------------------------------------------------------


@pytest.mark.slow
async def test_a_lost_journal_keeps_silent_until_a_fresh_block_is_final(tmp_path: Path):
    genesis = world.make_world(clock_drift_ms=300)
    async with world.open_cluster(genesis, tmp_path, (0, 1, 2)) as nodes:
        known = tuple(node.network.addresses[0] for node in nodes.values())
        async with world.open_node(genesis, tmp_path / "node3", 3, bootstrap=known) as fourth:
            await world.wait_height(2, fourth)
        rmtree(tmp_path / "node3" / "sign")
        async with world.open_node(genesis, tmp_path / "node3", 3, bootstrap=known) as fourth:
            assert fourth.driver.machine.me is None
            begun_ms = fourth.driver._started_ms  # pyright: ignore[reportPrivateUsage]
            await world.wait_until(lambda: fourth.driver.machine.me == 3)
            assert fourth.chain.head.header.time_ms > begun_ms + 2 * 300
            oldest = fourth.height
            await world.wait_until(lambda: bool(fourth.store.journal.load()))
            final_view = fourth.store.blocks.header_at(oldest)
            assert final_view is not None
            assert all(v.view > final_view.view for v in fourth.store.journal.load())


async def test_a_lost_journal_without_fresh_blocks_stays_silent(tmp_path: Path):
    genesis = world.make_world()
    await world.grow(genesis, tmp_path, 3)
    rmtree(tmp_path / "sign")
    for _ in range(2):  # also when it is started again
        async with world.open_node(genesis, tmp_path, 0) as node:
            committee = build_committee(genesis)
            assert node.driver.machine.me is None
            await _make_final(node, world.make_next(committee, node.chain))
            assert node.driver.machine.me is None
            assert node.store.journal.load() == ()
        rmtree(tmp_path / "sign")


async def test_a_vote_of_ours_we_have_no_record_of_silences_us(tmp_path: Path):
    genesis = world.make_world()
    async with world.open_node(genesis, tmp_path, 0) as node:
        assert node.driver.machine.me == 0
        vote = builders.make_vote(node.chain.head.state, 0, view=5)
        verdict = await node.inbox.judge(Topic.VOTE, b"peer", parcels.pack_vote(vote))
        assert type(verdict).__name__ == "Accept"
        await world.wait_until(lambda: node.driver.machine.me is None)
        assert not node.view.status().is_validator


async def test_a_vote_that_contradicts_the_journal_ends_the_node_with_a_clear_error(
    tmp_path: Path,
):
    """The journal is the last door: here a bug of agreement is played by a record it never saw."""
    genesis = world.make_world()
    async with world.open_parts(genesis, tmp_path, world.make_voter(0), seed=0) as node:
        state = node.chain.head.state
        other = builders.make_vote(
            state, 0, kind=VoteKind.FINALIZE, digest=crypto.hash32(b"neurond/seed", b"other")
        )
        await node.store.persist(votes=[other])
        errors: list[StorageError] = []
        with trio.fail_after(10):
            try:
                await node.driver.run(node.network)
            except* StorageError as group:
                errors.extend(_leaves(group.exceptions))
        assert len(errors) == 1
        assert isinstance(errors[0], DoubleVote)
        assert "view 1" in errors[0].message
        assert "consensus key" in errors[0].remedy


def _leaves(errors: Sequence[BaseException]) -> list[StorageError]:
    found: list[StorageError] = []
    for error in errors:
        if isinstance(error, BaseExceptionGroup):
            found += _leaves(cast("BaseExceptionGroup[BaseException]", error).exceptions)
        else:
            assert isinstance(error, StorageError)
            found.append(error)
    return found


# -- the mailbox and other bounds ------------------------------------------------------------------


async def test_a_full_mailbox_refuses_strangers_and_lets_our_own_work_wait(tmp_path: Path):
    genesis = world.make_world()
    async with world.open_parts(genesis, tmp_path) as node:
        vote = builders.make_vote(node.chain.head.state, 1)
        payload = parcels.pack_vote(vote)
        event = m.VoteReceived(b"peer", vote)
        assert all(node.driver.offer(event) for _ in range(MAILBOX_MAX))
        assert not node.driver.offer(event)
        verdict = await node.inbox.judge(Topic.VOTE, b"peer", payload)
        assert type(verdict).__name__ == "Ignore"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(node.driver.deliver, event)
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert nursery.child_tasks
            nursery.start_soon(node.driver.run, node.network)
            await world.wait_until(lambda: len(nursery.child_tasks) == 1)
            nursery.cancel_scope.cancel()


async def test_what_is_remembered_of_unfinal_blocks_is_bounded(tmp_path: Path):
    genesis = world.make_world()
    committee = build_committee(genesis)
    async with world.open_parts(genesis, tmp_path) as node:
        digests = [crypto.hash32(b"neurond/seed", b"%d" % i) for i in range(3_000)]
        for digest in digests:
            node.driver._note_seen(digest)  # pyright: ignore[reportPrivateUsage]
        assert len(node.driver._seen_s) <= 1_024  # pyright: ignore[reportPrivateUsage]
        block = world.make_next(committee, node.chain)
        for offset in range(3):
            header = replace(block.header, time_ms=TimeMs(block.header.time_ms + offset))
            digest = crypto.compute_header_digest(header)
            assert await node.chain.execute(replace(block, header=header), digest) is None
        assert node.chain.open_count == 3
        kept = crypto.compute_header_digest(block.header)
        node.chain.forget(lambda digest: digest != kept)
        assert node.chain.open_count == 1
        assert node.chain.state_after(kept) is not None
        await node.chain.commit((block,), world.certify(committee, kept, block.header.view))
        assert node.height == 1


async def _make_final(node: world.Node, block: Block) -> None:
    """Hand a block to the running driver with its certificate, and wait."""
    header = block.header
    committee = node.driver.machine.committee
    certificate = world.certify(committee, crypto.compute_header_digest(header), header.view)
    await node.driver.deliver(m.BlocksReceived(None, (block,), certificate))
    await world.wait_height(header.height, node)


async def test_a_block_that_breaks_the_law_is_not_voted_for(tmp_path: Path):
    genesis = world.make_world()
    committee = build_committee(genesis)
    async with world.open_parts(genesis, tmp_path) as node:
        block = world.make_next(committee, node.chain)
        wrong = replace(block, header=replace(block.header, state_root=ZERO_HASH))
        digest = crypto.compute_header_digest(wrong.header)
        assert (await node.driver.execute(wrong, digest)).is_valid is False
        assert node.chain.state_after(digest) is None
