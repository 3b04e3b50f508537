"""Answers of any kept height, and what a stranger with nothing but the genesis makes of them."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from consensus.agreement.light import InvalidProof
from consensus.ledger import keys
from consensus.quantities import Height, NetUid, Uid
from consensus.types import SignedTransaction
from daemon.engine.bootstrap import open_chain
from daemon.engine.eras import build_committee
from daemon.engine.errors import NodeError, Why
from daemon.views import accounts, asking, neurons, stake
from daemon.views.asking import Asking
from daemon.views.proofs import Proven, check_answer
from daemon.views.view import Answer, StateAnswer, StateQuestion
from daemon.views.what_if import StakeEdit, WeightsEdit, WhatIfEdits, read_edits
from storage.store import StoreSettings, open_store
from tests import builders
from tests.daemon import world

GENESIS = world.make_world()
COMMITTEE = build_committee(GENESIS)
ALICE, BOB = builders.key_of("alice"), builders.key_of("bob")
QUESTIONS: tuple[tuple[StateQuestion[StateAnswer], bool], ...] = (
    (neurons.metagraph(builders.SUBNET), False),  # who lends stake is found by a scan
    (neurons.explain(builders.SUBNET, Uid(0)), True),
    (accounts.entries((keys.account(ALICE), b"none")), True),
    (stake.validators(), True),
    (accounts.account(BOB), False),
    (stake.delegates(3), False),
    (stake.delegate(builders.key_of("hot0")), False),
    (stake.concentration(), False),
)
"""Each with whether its answer can be proven whole."""


@asynccontextmanager
async def _open(
    folder: Path, blocks: int, settings: StoreSettings | None = None, every: int = 1
) -> AsyncGenerator[Asking]:
    """Open a chain in each of whose blocks alice pays bob 1 TAO."""
    await world.grow(GENESIS, folder, blocks, every, pay)
    async with open_store(folder, COMMITTEE.chain_id, settings) as store:
        yield Asking(await open_chain(store, GENESIS), store)


def pay(state: builders.State) -> tuple[SignedTransaction, ...]:
    return (builders.make_transaction(state),)


def write(answer: object) -> dict[str, object]:
    """Return an answer as its JSON is read."""
    return json.loads(_writer(type(answer)).dump_json(answer))


@cache
def _writer(kind: type) -> TypeAdapter[object]:
    return TypeAdapter(kind)


async def prove(
    asker: Asking, question: StateQuestion[Answer], height: int | None = None
) -> Proven[Answer]:
    wanted = None if height is None else Height(height)
    told = write(await asker.ask_proved(question, wanted))
    return check_answer(COMMITTEE, question, wanted, told)


# -- heights ---------------------------------------------------------------------------------------


async def test_an_answer_is_of_the_height_asked_and_says_so(tmp_path: Path):
    async with _open(tmp_path, 4) as asker:
        seen = [await asker.ask(accounts.account(ALICE), Height(h)) for h in range(5)]
        assert [account.nonce for account in seen] == [0, 1, 2, 3, 4]
        assert [account.height for account in seen] == [0, 1, 2, 3, 4]
        assert await asker.ask(accounts.account(ALICE), None) == seen[4]
        for question, _ in QUESTIONS:
            if "explain" not in question.path:
                assert (await asker.ask(question, Height(2))).height == 2


async def test_a_height_that_is_not_kept_is_refused_with_the_window(tmp_path: Path):
    async with _open(tmp_path, 6, StoreSettings(history_blocks=3)) as asker:
        chain = asker._chain  # pyright: ignore[reportPrivateUsage]
        await world.add_block(COMMITTEE, chain)
        for height, why in ((8, Why.UNKNOWN), (2, Why.GONE), (0, Why.GONE)):
            with pytest.raises(NodeError, match="heights 3 to 7 are kept") as caught:
                await asker.ask(accounts.account(ALICE), Height(height))
            assert (caught.value.why, caught.value.code) == (why, "not_kept")
        assert (await asker.ask(accounts.account(ALICE), Height(3))).nonce == 3


# -- proofs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("question", "is_complete"), QUESTIONS, ids=[q.path for q, _ in QUESTIONS])
async def test_every_answer_is_proven_to_who_knows_the_genesis(
    tmp_path: Path,
    question: StateQuestion[StateAnswer],
    is_complete: bool,  # noqa: FBT001 - a case's expectation
):
    async with _open(tmp_path, 12) as asker:
        proven = await prove(asker, question)
        assert proven.height == 11
        assert proven.is_complete == is_complete
        assert proven.answer == await asker.ask(question, Height(11))
        earlier = await prove(asker, question, 10)
        assert earlier.height == 10
        assert proven.time_ms - earlier.time_ms == world.BLOCK_MS


async def test_a_certificate_some_blocks_later_proves_too(tmp_path: Path):
    async with _open(tmp_path, 8, every=4) as asker:
        shown = (await asker.ask_proved(accounts.account(BOB), Height(0))).proof
        assert shown is not None
        assert len(shown.headers) == 4
        assert (await prove(asker, accounts.account(BOB), 0)).answer.free == 10 * builders.TAO


async def test_nothing_vouches_for_the_head_yet(tmp_path: Path):
    async with _open(tmp_path, 2) as asker:
        with pytest.raises(NodeError, match="is not final yet") as caught:
            await asker.ask_proved(accounts.account(BOB), Height(2))
        assert (caught.value.why, caught.value.code) == (Why.UNKNOWN, "not_proved_yet")
        with pytest.raises(NodeError) as caught:
            await asker.ask_proved(accounts.account(BOB), Height(3))
        assert caught.value.code == "not_kept"


async def test_a_proof_that_would_be_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with _open(tmp_path, 2) as asker:
        monkeypatch.setattr(asking, "KEYS_MAX", 5)
        with pytest.raises(NodeError) as caught:
            await asker.ask_proved(neurons.metagraph(builders.SUBNET), None)
        assert (caught.value.why, caught.value.code) == (Why.IMPOSSIBLE, "proof_too_large")


async def test_a_lying_node_convinces_nobody(tmp_path: Path):
    question = accounts.account(ALICE)
    async with _open(tmp_path, 4) as asker:
        honest = await asker.ask_proved(question, Height(2))
        other = await asker.ask_proved(question, Height(1))
        assert honest.proof is not None
        assert other.proof is not None
        key = keys.account(ALICE).hex()
        left = tuple(pair for pair in honest.proof.entries if pair[0] != key)
        lies = [
            replace(honest, free=honest.free + 1),
            replace(honest, proof=None),
            replace(honest, proof=other.proof),
            replace(honest, height=1),
            replace(honest, proof=replace(honest.proof, height=1)),
            replace(honest, proof=replace(honest.proof, tree="zz")),
            replace(honest, proof=replace(honest.proof, entries=left)),
            replace(honest, proof=replace(honest.proof, entries=(*left, (key, None)))),
            replace(honest, proof=replace(honest.proof, headers=())),
            replace(honest, proof=replace(honest.proof, certificate=other.proof.certificate)),
        ]
        for lie in lies:
            with pytest.raises(InvalidProof):
                check_answer(COMMITTEE, question, Height(2), write(lie))
        stranger = replace(COMMITTEE, entries=COMMITTEE.entries[::-1])
        with pytest.raises(InvalidProof):
            check_answer(stranger, question, Height(2), write(honest))
        assert check_answer(COMMITTEE, question, Height(2), write(honest)).answer.nonce == 2


async def test_what_is_not_there_is_proven_not_to_be(tmp_path: Path):
    async with _open(tmp_path, 2) as asker:
        question = accounts.entries((keys.subnet(NetUid(9)),))
        proven = await prove(asker, question)
        assert proven.answer.entries[0].value is None
        assert proven.is_complete


# -- what if ---------------------------------------------------------------------------------------


async def test_the_last_epoch_is_replayed_with_edits(tmp_path: Path):
    async with _open(tmp_path, 12) as asker:
        edits = read_edits(WhatIfEdits(stakes=(StakeEdit(0, 0),)))
        shown = await asker.what_if(builders.SUBNET, edits, None)
        assert (shown.netuid, shown.height, shown.epoch) == (1, 12, 0)
        graph = await asker.ask(neurons.metagraph(builders.SUBNET), None)
        assert [n.before.emission for n in shown.neurons] == [n.emission for n in graph.neurons]
        assert shown.neurons[0].after.emission == 0 < shown.neurons[0].before.emission


async def test_what_can_t_be_replayed_says_why(tmp_path: Path):
    async with _open(tmp_path, 12) as asker:
        nothing = read_edits(WhatIfEdits())
        wrong = read_edits(WhatIfEdits(weights=(WeightsEdit(9, (), ()),)))
        for netuid, edits, height, code in (
            (9, nothing, None, "not_found"),
            (1, nothing, 3, "not_found"),
            (1, wrong, None, "invalid_edit"),
            (1, nothing, 99, "not_kept"),
        ):
            at = None if height is None else Height(height)
            with pytest.raises(NodeError) as caught:
                await asker.what_if(NetUid(netuid), edits, at)
            assert caught.value.code == code
            assert caught.value.remedy


async def test_too_many_replays_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with _open(tmp_path, 2) as asker:
        monkeypatch.setattr(asking, "REPLAYS_WAITING", 0)
        with pytest.raises(NodeError) as caught:
            await asker.what_if(builders.SUBNET, read_edits(WhatIfEdits()), None)
        assert (caught.value.why, caught.value.code) == (Why.BUSY, "busy")
