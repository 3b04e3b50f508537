"""Nodes go from era to era: together, late, after a restart, and with a set that changes."""

from pathlib import Path

import pytest

from config.sections.agreement import AgreementSettings
from consensus import codec, crypto, parcels
from consensus.agreement import light
from consensus.agreement import messages as m
from consensus.agreement.headers import NOTHING, build_block
from consensus.quantities import U32, Era, Height, TimeMs, View
from consensus.types import Block, HandOff, Status
from daemon.engine.bootstrap import WrongBeacon, check_voters
from daemon.engine.driver import Voter
from daemon.engine.eras import build_committee, get_entries
from tests import builders
from tests.daemon import world

ERA = 6
GENESIS = world.make_world(era_blocks=U32(ERA))


async def test_a_key_in_no_set_follows_and_its_beacon_is_checked_once_it_is_known(tmp_path: Path):
    stranger = Voter(builders.signer_of("consensus9"), world.beacon_of(9))
    settings = AgreementSettings(validate=True)
    async with world.open_parts(GENESIS, tmp_path, stranger) as node:
        assert node.driver.machine.me is None
        assert not node.driver.is_member
        state = node.chain.head.state
        check_voters(settings, (stranger,), state)
        check_voters(settings, (world.make_voter(0),), state)
        check_voters(AgreementSettings(validate=False), (), state)
        mixed = Voter(builders.signer_of("consensus0"), world.beacon_of(1))
        with pytest.raises(WrongBeacon, match="'beacon'"):
            check_voters(settings, (mixed,), state)


async def test_a_cluster_goes_from_era_to_era(tmp_path: Path):
    async with world.open_cluster(GENESIS, tmp_path) as nodes:
        await world.wait_height(3 * ERA + 1, *nodes.values())
        for node in nodes.values():
            assert node.driver.machine.committee == node.chain.committee
            assert node.view.status().era == node.chain.committee.era >= 4
            assert node.view.status().is_validator


async def test_whoever_comes_late_crosses_the_eras_that_are_over(tmp_path: Path):
    async with world.open_cluster(GENESIS, tmp_path) as nodes:
        await world.wait_height(4 * ERA + 2, *nodes.values())
        known = tuple(node.network.addresses[0] for node in nodes.values())
        async with world.open_node(GENESIS, tmp_path / "late", bootstrap=known) as late:
            await world.wait_height(4 * ERA + 2, late)
            assert late.driver.machine.me is None
            for era in range(1, 4):
                mine = late.store.blocks.hand_off(era)
                assert mine is not None
                assert mine.header.height == era * ERA


async def test_a_restart_at_a_boundary_finds_itself_in_the_next_era(tmp_path: Path):
    await world.grow(GENESIS, tmp_path, ERA)
    async with world.open_parts(GENESIS, tmp_path, world.make_voter(0)) as node:
        assert node.height == ERA
        machine = node.driver.machine
        assert machine.committee.era == 2
        assert machine.views.final_view == 0
        assert node.driver.is_member


async def test_blocks_of_every_era_name_their_own_proposers_and_signers(tmp_path: Path):
    await world.grow(GENESIS, tmp_path, 3 * ERA + 2)
    async with world.open_parts(GENESIS, tmp_path) as node:
        for height in range(1, 3 * ERA + 3):
            shown = node.view.block(height)  # pyright: ignore[reportArgumentType]  # a Height
            header = node.store.blocks.header_at(height)
            assert header is not None
            entries = get_entries(node.store, node.chain.committee, header.era)
            assert crypto.compute_vset_hash(entries) == header.vset_hash
            assert len(shown.signers) == 3


async def test_hand_offs_lead_a_light_client_to_the_head(tmp_path: Path):
    await world.grow(GENESIS, tmp_path, 3 * ERA + 1)
    async with world.open_parts(GENESIS, tmp_path) as node:
        answers = world.answers_of(node)
        committee = build_committee(GENESIS)
        for era in range(1, 4):
            answer = await answers[parcels.ERA_ASK](b"peer", era.to_bytes(8, "big"))
            committee = light.follow(committee, codec.decode(HandOff, answer))
        head = node.store.blocks.head()
        assert head is not None
        assert head.certificate is not None
        light.verify_finality(committee, node.chain.head.header, head.certificate)
        assert await answers[parcels.ERA_ASK](b"peer", (4).to_bytes(8, "big")) == b""


async def test_ranges_end_where_an_era_ends(tmp_path: Path):
    await world.grow(GENESIS, tmp_path, 2 * ERA, every=ERA)
    async with world.open_parts(GENESIS, tmp_path) as node:
        answers = world.answers_of(node)
        question = (2).to_bytes(8, "big") + (64).to_bytes(2, "big")
        found = parcels.read_range(await answers[parcels.RANGE_ASK](b"peer", question))
        assert found is not None
        assert [block.header.height for block in found[1]] == list(range(2, ERA + 1))


async def test_what_is_said_too_early_waits_for_its_era(tmp_path: Path):
    await world.grow(GENESIS, tmp_path / "ahead", ERA)
    await world.grow(GENESIS, tmp_path / "node", ERA - 1)
    async with (
        world.open_parts(GENESIS, tmp_path / "ahead", seed=5) as ahead,
        world.open_parts(GENESIS, tmp_path / "node") as node,
    ):
        committee = ahead.chain.committee
        vote = world.make_era_vote(committee)
        payload = parcels.pack_vote(vote)
        await node.inbox.judge(world.Topic.VOTE, b"peer", payload)
        assert [message for _, message in node.inbox.early] == [vote]
        forged = parcels.pack_vote(world.make_era_vote(committee, forged=True))
        await node.inbox.judge(world.Topic.VOTE, b"peer", forged)
        assert len(node.inbox.early) == 1


async def test_a_status_of_the_era_before_is_answered_with_how_it_ended(tmp_path: Path):
    await world.grow(GENESIS, tmp_path, ERA)
    async with world.open_parts(GENESIS, tmp_path) as node:
        machine = node.driver.machine
        machine.step(0, m.Start())
        late = m.StatusReceived(b"late", Status(Era(1), machine.view, machine.view, ()))
        (sent,) = [each for each in machine.step(0, late) if isinstance(each, m.Send)]
        ended = node.store.blocks.hand_off(1)
        assert ended is not None
        assert sent.message == ended.certificate


async def seal_last(node: world.Node) -> Block:
    """Make the era's last block final by a seal on it, as after a view without finality."""
    committee = node.chain.committee
    block = world.make_next(committee, node.chain)
    digest = crypto.compute_header_digest(block.header)
    assert await node.chain.execute(block, digest) is None
    view = View(block.header.view + 1)
    time_ms = TimeMs(block.header.time_ms + world.BLOCK_MS)
    seal = build_block(committee, view, (digest, block.header), time_ms, NOTHING, ())
    certificate = world.certify(committee, crypto.compute_header_digest(seal.header), view)
    await node.chain.commit((block,), certificate, (seal,))
    return seal


async def test_a_sealed_era_is_proven_and_handed_on_with_its_seals(tmp_path: Path):
    await world.grow(GENESIS, tmp_path / "node", ERA - 1)
    async with world.open_parts(GENESIS, tmp_path / "node", seed=5) as node:
        seal = await seal_last(node)
        assert node.store.blocks.seals(1) == (seal.header,)
        answers = world.answers_of(node)
        proof = parcels.read_proof(await answers[parcels.PROOF_ASK](b"peer", b""))
        assert proof is not None
        assert proof[1] == seal.header
        question = (1).to_bytes(8, "big") + (64).to_bytes(2, "big")
        found = parcels.read_range(await answers[parcels.RANGE_ASK](b"peer", question))
        assert found is not None
        assert found[1][-1].header == seal.header
        assert node.view.block(Height(ERA)).signers
        known = node.network.addresses
        async with world.open_node(GENESIS, tmp_path / "late", bootstrap=known) as late:
            await world.wait_height(ERA, late)
            assert late.store.blocks.seals(1) == (seal.header,)
            await world.wait_until(lambda: late.driver.machine.committee.era == 2)


async def test_a_sealed_era_is_found_again_after_a_restart_and_gone_on_from(tmp_path: Path):
    await world.grow(GENESIS, tmp_path, ERA - 1)
    async with world.open_parts(GENESIS, tmp_path) as node:
        await seal_last(node)
    await world.grow(GENESIS, tmp_path, ERA)
    async with world.open_parts(GENESIS, tmp_path) as node:
        assert node.height == 2 * ERA
        assert node.chain.committee.era == 3
