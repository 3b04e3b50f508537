"""What a node answers: its head with proof, ranges that end certified, blocks with ancestors."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from consensus import parcels
from consensus.agreement.certificates import verify_certificate
from consensus.quantities import Hash32
from daemon.engine.answers import ANCESTORS_MAX, make_answers
from p2p.errors import Refuse
from tests.daemon import world

GENESIS = world.make_world()
Handlers = Mapping[str, Callable[[bytes, bytes], Awaitable[bytes]]]


@asynccontextmanager
async def _open(
    folder: Path, blocks: int, every: int = 1
) -> AsyncGenerator[tuple[world.Node, Handlers]]:
    if blocks:
        await world.grow(GENESIS, folder, blocks, every)
    async with world.open_parts(GENESIS, folder) as node:
        yield node, cast("Handlers", make_answers(node.store, node.driver))


async def _ask_range(answers: Handlers, first: int, count: int) -> tuple[int, ...]:
    """Return the heights of a range, having checked its certificate."""
    question = first.to_bytes(8, "big") + count.to_bytes(2, "big")
    found = parcels.read_range(await answers[parcels.RANGE_ASK](b"peer", question))
    return () if found is None else tuple(block.header.height for block in found[1])


async def _ask_block(answers: Handlers, digest: Hash32, height: int) -> tuple[int, ...]:
    answer = await answers[parcels.BLOCK_ASK](b"peer", parcels.pack_block_ask(digest, height))
    return tuple(block.header.height for block in parcels.read_blocks(answer))


async def test_the_head_is_told_and_proven(tmp_path: Path):
    async with _open(tmp_path, 3) as (node, answers):
        assert await answers[parcels.HEAD_ASK](b"peer", b"") == (3).to_bytes(8, "big")
        proof = parcels.read_proof(await answers[parcels.PROOF_ASK](b"peer", b""))
        assert proof is not None
        certificate, header = proof
        verify_certificate(node.driver.machine.committee, certificate)
        assert certificate.digest == node.chain.head.digest
        assert header == node.chain.head.header


async def test_a_node_at_genesis_has_nothing_to_prove(tmp_path: Path):
    async with _open(tmp_path, 0) as (_, answers):
        assert await answers[parcels.HEAD_ASK](b"peer", b"") == bytes(8)
        assert await answers[parcels.PROOF_ASK](b"peer", b"") == b""
        assert await _ask_range(answers, 1, 64) == ()


async def test_a_range_is_what_was_asked_where_every_block_is_certified(tmp_path: Path):
    async with _open(tmp_path, 10) as (_, answers):
        assert await _ask_range(answers, 3, 4) == (3, 4, 5, 6)
        assert await _ask_range(answers, 8, 64) == (8, 9, 10)
        assert await _ask_range(answers, 11, 64) == ()
        assert await _ask_range(answers, 2**64 - 1, 0xFFFF) == ()


async def test_a_range_ends_at_a_certificate_before_or_beyond_its_count(tmp_path: Path):
    async with _open(tmp_path, 10, every=5) as (_, answers):
        assert await _ask_range(answers, 1, 9) == (1, 2, 3, 4, 5)
        assert await _ask_range(answers, 4, 1) == (4, 5)
        assert await _ask_range(answers, 6, 2) == (6, 7, 8, 9, 10)


async def test_a_block_comes_with_its_ancestors_oldest_first(tmp_path: Path):
    async with _open(tmp_path, 20) as (node, answers):
        assert await _ask_block(answers, node.chain.head.digest, 0) == (*range(5, 21),)
        assert len(range(5, 21)) == ANCESTORS_MAX
        assert await _ask_block(answers, Hash32(bytes(32)), 0) == ()


async def test_ancestors_that_the_asker_has_are_left_out(tmp_path: Path):
    async with _open(tmp_path, 20) as (node, answers):
        assert await _ask_block(answers, node.chain.head.digest, 17) == (18, 19, 20)
        assert await _ask_block(answers, node.chain.head.digest, 20) == (20,)
        assert await _ask_block(answers, node.chain.head.digest, 2**64 - 1) == (20,)


@pytest.mark.parametrize("kind", [parcels.BLOCK_ASK, parcels.RANGE_ASK])
@pytest.mark.parametrize("question", [b"", b"x", bytes(33)])
async def test_a_question_that_is_none_is_refused(tmp_path: Path, kind: str, question: bytes):
    async with _open(tmp_path, 0) as (_, answers):
        with pytest.raises(Refuse):
            await answers[kind](b"peer", question)
