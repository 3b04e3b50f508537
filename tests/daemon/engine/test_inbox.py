"""Gossip on every topic: let in, ignored, or its sender's fault."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cbor2
import pytest

from consensus import codec, crypto, parcels
from consensus.calls.accounts import Transfer
from consensus.ledger.fees import ENCODING_BYTES_MAX
from consensus.ledger.mempool import Mempool
from consensus.quantities import ZERO_HASH, Amount, Height, Nonce, View
from consensus.types import Proposal, SignedTransaction, Status, VoteKind
from consensus.verdict import Accept, Ignore, Reject, Verdict
from p2p.network import Topic
from tests import builders
from tests.daemon import world

PEER = b"peer"
VALUES = (Topic.VOTE, Topic.BLOCK, Topic.TX, Topic.WEIGHTS, Topic.STATUS, Topic.EVIDENCE)


@asynccontextmanager
async def _open(folder: Path, blocks: int = 0) -> AsyncGenerator[world.Node]:
    genesis = world.make_world()
    if blocks:
        await world.grow(genesis, folder, blocks)
    async with world.open_parts(genesis, folder) as node:
        yield node


async def _judge(node: world.Node, topic: Topic, payload: bytes) -> Verdict:
    return await node.inbox.judge(topic, PEER, payload)


async def _judge_tx(node: world.Node, signed: SignedTransaction) -> Verdict:
    return await _judge(node, Topic.TX, codec.encode(signed))


def _transfer(node: world.Node, **fields: Any) -> SignedTransaction:  # noqa: ANN401 - any field
    return builders.make_transaction(node.chain.head.state, **fields)


# -- what is no message at all --------------------------------------------------------------------


@pytest.mark.parametrize("topic", VALUES)
@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x00",
        b"\xff" * 40,
        b"\x01" + cbor2.dumps([1, 1.5]),
        cbor2.dumps({"a": float("nan")}),
        b"\x02" + cbor2.dumps(list(range(300))),
        b"\x9f" * 60,
    ],
    ids=["empty", "zero", "ones", "float", "nan", "list", "endless"],
)
async def test_garbage_is_its_senders_fault(tmp_path: Path, topic: Topic, payload: bytes):
    async with _open(tmp_path) as node:
        assert isinstance(await _judge(node, topic, payload), Reject)
        assert len(node.chain.mempool) == 0


async def test_a_second_encoding_of_a_good_value_is_rejected(tmp_path: Path):
    async with _open(tmp_path) as node:
        payload = codec.encode(_transfer(node))
        longer = b"\x98" + bytes([payload[0] & 0x1F]) + payload[1:]  # the same list, longer head
        assert cbor2.loads(longer) == cbor2.loads(payload)
        assert isinstance(await _judge(node, Topic.TX, longer), Reject)
        assert isinstance(await _judge(node, Topic.TX, payload + b"\x00"), Reject)
        assert isinstance(await _judge(node, Topic.TX, payload), Accept)


async def test_an_over_long_transaction_is_rejected_unread(tmp_path: Path):
    async with _open(tmp_path) as node:
        payload = codec.encode(_transfer(node)) + bytes(ENCODING_BYTES_MAX)
        verdict = await _judge(node, Topic.TX, payload)
        assert isinstance(verdict, Reject)
        assert str(ENCODING_BYTES_MAX) in verdict.reason


async def test_an_unknown_call_is_rejected(tmp_path: Path):
    async with _open(tmp_path) as node:
        fields = cbor2.loads(codec.encode(_transfer(node)))
        text = repr(fields)
        call = fields[0][-1]
        call[0] = 250  # the tag of no call
        assert repr(fields) != text
        assert isinstance(await _judge(node, Topic.TX, cbor2.dumps(fields)), Reject)


# -- transactions ----------------------------------------------------------------------------------


async def test_a_good_transaction_is_let_in_once(tmp_path: Path):
    async with _open(tmp_path) as node:
        signed = _transfer(node)
        assert isinstance(await _judge_tx(node, signed), Accept)
        assert len(node.chain.mempool) == 1
        assert isinstance(await _judge_tx(node, signed), Ignore)
        assert len(node.chain.mempool) == 1


async def test_another_networks_transaction_is_rejected(tmp_path: Path):
    async with _open(tmp_path) as node:
        verdict = await _judge_tx(node, _transfer(node, chain_id=ZERO_HASH))
        assert verdict == Reject("made for another network")


async def test_a_forged_signature_is_rejected(tmp_path: Path):
    async with _open(tmp_path) as node:
        signed = _transfer(node)
        changed = replace(signed.transaction, call=Transfer(builders.key_of("eve"), Amount(1)))
        assert isinstance(await _judge_tx(node, replace(signed, transaction=changed)), Reject)


async def test_a_replayed_transaction_is_ignored(tmp_path: Path):
    async with _open(tmp_path) as node:
        signed = _transfer(node)
        await _judge_tx(node, signed)
        await world.add_block(node.driver.machine.committee, node.chain)
        receipts = node.store.blocks.receipts_at(1)
        assert receipts is not None
        assert [receipt.code for receipt in receipts] == [0]
        assert len(node.chain.mempool) == 0
        verdict = await _judge_tx(node, signed)
        assert isinstance(verdict, Ignore)
        assert "was used" in verdict.reason


async def test_an_expired_transaction_is_ignored(tmp_path: Path):
    async with _open(tmp_path, blocks=3) as node:
        verdict = await _judge_tx(node, _transfer(node, valid_until=Height(3)))
        assert isinstance(verdict, Ignore)
        assert "expired at 3" in verdict.reason


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"valid_until": Height(1_000_000)}, ""),
        ({"nonce": Nonce(100_000)}, "far ahead"),
        ({"tip": Amount(10**15)}, "exceed"),
        ({"signer": "nobody"}, "exceed"),
    ],
)
async def test_what_may_be_valid_elsewhere_or_later_is_ignored(
    tmp_path: Path, fields: dict[str, object], reason: str
):
    async with _open(tmp_path) as node:
        verdict = await _judge_tx(node, _transfer(node, **fields))
        assert isinstance(verdict, Ignore)
        assert reason in verdict.reason


async def test_a_full_pool_ignores_what_tips_no_more(tmp_path: Path):
    async with _open(tmp_path) as node:
        node.chain.mempool = Mempool(count_max=2)
        for nonce in range(2):
            assert isinstance(await _judge_tx(node, _transfer(node, nonce=Nonce(nonce))), Accept)
        verdict = await _judge_tx(node, _transfer(node, signer="bob"))
        assert isinstance(verdict, Ignore)
        assert "full" in verdict.reason
        better = _transfer(node, signer="bob", tip=Amount(10**6))
        assert isinstance(await _judge_tx(node, better), Accept)
        assert len(node.chain.mempool) == 2


async def test_a_free_call_before_its_time_is_ignored(tmp_path: Path):
    async with _open(tmp_path) as node:
        reveal = builders.make_reveal({0: 65535})
        signed = builders.make_transaction(node.chain.head.state, "hot0", reveal)
        verdict = await _judge(node, Topic.WEIGHTS, codec.encode(signed))
        assert isinstance(verdict, Ignore)


# -- bundles ---------------------------------------------------------------------------------------


def _bundle(*several: SignedTransaction) -> bytes:
    (payload,) = parcels.pack_transactions([codec.encode(signed) for signed in several])
    return payload


def _forge(signed: SignedTransaction) -> SignedTransaction:
    return replace(signed, signature=builders.sign_as("eve", ZERO_HASH))


async def test_a_bundle_is_let_in_once(tmp_path: Path):
    async with _open(tmp_path) as node:
        several = [_transfer(node, nonce=Nonce(nonce)) for nonce in range(3)]
        assert isinstance(await _judge(node, Topic.TX, _bundle(*several)), Accept)
        assert len(node.chain.mempool) == 3
        assert isinstance(await _judge(node, Topic.TX, _bundle(*several)), Ignore)


async def test_the_weights_topic_has_no_bundles(tmp_path: Path):
    async with _open(tmp_path) as node:
        several = [_transfer(node, nonce=Nonce(nonce)) for nonce in range(2)]
        assert isinstance(await _judge(node, Topic.WEIGHTS, _bundle(*several)), Reject)


async def test_a_bundle_with_something_new_is_passed_on(tmp_path: Path):
    async with _open(tmp_path) as node:
        known, late, new = (_transfer(node, nonce=Nonce(nonce)) for nonce in (0, 100_000, 1))
        await _judge_tx(node, known)
        assert isinstance(await _judge(node, Topic.TX, _bundle(known, late, new)), Accept)
        assert len(node.chain.mempool) == 2


async def test_one_forgery_in_a_bundle_is_its_senders_fault_and_nothing_comes_in(tmp_path: Path):
    async with _open(tmp_path) as node:
        good, other = (_transfer(node, nonce=Nonce(nonce)) for nonce in range(2))
        verdict = await _judge(node, Topic.TX, _bundle(good, _forge(other)))
        assert isinstance(verdict, Reject)
        assert len(node.chain.mempool) == 0


async def test_a_forgery_that_could_not_come_in_is_not_passed_on_with_what_can(tmp_path: Path):
    """The next node may be at a height where it could: it would blame us."""
    async with _open(tmp_path) as node:
        good, late = _transfer(node), _transfer(node, nonce=Nonce(100_000))
        verdict = await _judge(node, Topic.TX, _bundle(good, _forge(late)))
        assert isinstance(verdict, Reject)


@pytest.mark.parametrize("fields", [{"chain_id": ZERO_HASH}, {"call": 250}])
async def test_a_bundle_with_something_malformed_is_rejected(
    tmp_path: Path, fields: dict[str, Any]
):
    async with _open(tmp_path) as node:
        good = codec.encode(_transfer(node))
        plain = cbor2.loads(codec.encode(_transfer(node, nonce=Nonce(1))))
        if "call" in fields:
            plain[0][-1][0] = fields["call"]
        else:
            plain[0][0] = fields["chain_id"]
        payload = parcels.BUNDLE + parcels.pack_items([good, cbor2.dumps(plain)])
        assert isinstance(await _judge(node, Topic.TX, payload), Reject)
        assert len(node.chain.mempool) == 0


async def test_a_bundle_for_a_full_pool_is_ignored_with_no_signature_checked(tmp_path: Path):
    async with _open(tmp_path) as node:
        node.chain.mempool = Mempool(count_max=1)
        await _judge_tx(node, _transfer(node))
        several = [_forge(_transfer(node, nonce=Nonce(nonce))) for nonce in (1, 2)]
        verdict = await _judge(node, Topic.TX, _bundle(*several))
        assert isinstance(verdict, Ignore)
        assert "full" in verdict.reason


# -- agreement -------------------------------------------------------------------------------------


async def test_a_vote_is_let_in_and_a_forged_one_is_rejected(tmp_path: Path):
    async with _open(tmp_path) as node:
        state = node.chain.head.state
        vote = builders.make_vote(state, 1)
        assert isinstance(await _judge(node, Topic.VOTE, parcels.pack_vote(vote)), Accept)
        for wrong in (
            replace(vote, signature=builders.make_vote(state, 2).signature),
            builders.make_vote(state, 1, kind=VoteKind.NULLIFY),  # with a digest
            replace(vote, signer=9),
        ):
            assert isinstance(await _judge(node, Topic.VOTE, parcels.pack_vote(wrong)), Reject)


async def test_votes_of_settled_and_far_views_are_ignored(tmp_path: Path):
    async with _open(tmp_path, blocks=3) as node:
        state = node.chain.head.state
        for view in (View(3), View(500)):
            payload = parcels.pack_vote(builders.make_vote(state, 1, view=view))
            assert isinstance(await _judge(node, Topic.VOTE, payload), Ignore)


async def test_only_a_quorums_certificate_is_let_in(tmp_path: Path):
    async with _open(tmp_path) as node:
        committee = node.driver.machine.committee
        good = world.certify(committee, crypto.hash32(b"neurond/seed", b"block"), View(2))
        few = replace(good, signers=good.signers[:2], signatures=good.signatures[:2])
        swapped = replace(good, signatures=good.signatures[::-1])
        for wrong in (few, swapped):
            assert isinstance(await _judge(node, Topic.VOTE, parcels.pack_vote(wrong)), Reject)
        assert isinstance(await _judge(node, Topic.VOTE, parcels.pack_vote(good)), Accept)


async def test_a_proposal_needs_its_leaders_signature_and_its_own_body(tmp_path: Path):
    async with _open(tmp_path) as node:
        committee = node.driver.machine.committee
        block = world.make_next(committee, node.chain)
        header = block.header
        digest = crypto.compute_header_digest(header)
        message = crypto.vote_message(
            committee.chain_id, VoteKind.PROPOSE, header.era, header.view, digest
        )
        leader = committee.leader(header.view)
        signature = builders.sign_as(f"consensus{leader}", message)
        good = Proposal(block, signature)
        other = builders.sign_as(f"consensus{(leader + 1) % 4}", message)
        stuffed = replace(block, transactions=(_transfer(node),))
        for wrong in (Proposal(block, other), Proposal(stuffed, signature)):
            assert isinstance(await _judge(node, Topic.BLOCK, codec.encode(wrong)), Reject)
        assert isinstance(await _judge(node, Topic.BLOCK, codec.encode(good)), Accept)


async def test_a_status_that_contradicts_itself_is_rejected(tmp_path: Path):
    async with _open(tmp_path) as node:
        era = node.driver.machine.committee.era
        good = Status(era, final_view=View(1), view=View(3), missing=(View(2),))
        assert isinstance(await _judge(node, Topic.STATUS, codec.encode(good)), Accept)
        for wrong in (replace(good, view=View(1)), replace(good, missing=(View(2), View(2)))):
            assert isinstance(await _judge(node, Topic.STATUS, codec.encode(wrong)), Reject)


async def test_verdicts_and_accepted_votes_are_counted(tmp_path: Path):
    async with _open(tmp_path) as node:
        vote = builders.make_vote(node.chain.head.state, 1)
        await _judge(node, Topic.VOTE, parcels.pack_vote(vote))
        forged = replace(vote, signer=2)
        await _judge(node, Topic.VOTE, parcels.pack_vote(forged))
        figures = node.telemetry.render().decode()
        assert 'neurond_votes_total{kind="notarize",origin="peers"} 1.0' in figures
        assert 'neurond_gossip_verdicts_total{topic="vote",verdict="reject"} 1.0' in figures
