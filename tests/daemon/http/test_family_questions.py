"""What the door tells of channels, proposals, coldkeys, models, loans and supplies."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from config.address import format_address
from config.sections.api import ApiSettings
from consensus.calls.accounts import SetIdentity
from consensus.calls.governance import CastVote, Declare, Propose
from consensus.calls.neurons import PublishModel
from consensus.calls.payments import OpenChannel
from consensus.calls.rotation import AnnounceColdkeySwap
from consensus.calls.staking import Child, SetAutoStake, SetChildren
from consensus.ledger.state import State
from consensus.params import SUPPLY_CAP
from consensus.quantities import (
    U16_MAX,
    U32,
    Amount,
    Hash32,
    Height,
    Identity,
    LongText,
    NetUid,
    Ratio16,
    ShortText,
    Uid,
)
from consensus.types import Call
from daemon.engine.errors import NodeError
from daemon.http import family_questions as ask
from daemon.http import market_questions as markets
from daemon.http.app import build_app
from daemon.http.keys import ApiKeys
from daemon.telemetry import Telemetry
from tests import builders
from tests.builders import SUBNET, TAO, key_of
from tests.daemon.http.fixed_view import FixedView

ALICE, COLD0 = key_of("alice"), key_of("cold0")
CONTENT = Hash32(bytes([7] * 32))
HELLO = Identity(ShortText("Alice"), ShortText("u"), ShortText("c"), LongText("a"))


def do(state: State, signer: str, call: Call) -> State:
    applied = builders.do(state, signer, call)
    assert [receipt.code for receipt in applied.receipts] == [0]
    return applied.state


def make_rich() -> State:
    """Return a state in which the miners' hotkeys can pay fees."""
    genesis = builders.make_genesis()
    purses = tuple(
        replace(genesis.accounts[0], key=key_of(name)) for name in ("hot0", "hot2", "cold1")
    )
    return builders.make_state(accounts=(*genesis.accounts, *purses))


def test_a_channel_is_shown_to_both_parties():
    state = do(make_rich(), "alice", OpenChannel(key_of("hot2"), SUBNET, Amount(TAO), Height(90)))
    (row,) = ask.ask_channels(ALICE, 9).answer(state).pays
    assert (row.left, row.end, row.is_closing) == (TAO, 90, False)
    assert ask.ask_channels(key_of("hot2"), 9).answer(state).earns == (row,)
    found = ask.ask_channel(Hash32(bytes.fromhex(row.id))).answer(state)
    assert found.channel == row
    with pytest.raises(NodeError, match="no open channel"):
        ask.ask_channel(CONTENT).answer(state)


def test_a_proposal_is_shown_with_its_votes():
    proposal = Propose(Declare(LongText("Hi.")), Height(200_000))
    state = do(make_rich(), "hot0", proposal)
    state = do(state, "hot0", CastVote(U32(0), is_yes=True))
    (row,) = ask.ask_proposals(9).answer(state).proposals
    assert (row.number, row.standing, row.ballots) == (0, "open", 1)
    assert row.yes > 0 == row.no
    assert "Hi." in row.what
    assert ask.ask_proposal(U32(0)).answer(state).proposal == row
    with pytest.raises(NodeError, match="proposal 1"):
        ask.ask_proposal(U32(1)).answer(state)


def test_a_coldkey_is_shown_with_its_words_its_swap_and_its_pay():
    state = do(make_rich(), "alice", SetIdentity(HELLO))
    state = do(state, "alice", AnnounceColdkeySwap(key_of("fresh")))
    state = do(state, "cold0", SetAutoStake(SUBNET, key_of("hot1")))
    found = ask.ask_coldkey(ALICE).answer(state)
    assert found.identity is not None
    assert found.identity.name == "Alice"
    assert found.next_coldkey == format_address(key_of("fresh"))
    assert [swap.new_coldkey for swap in ask.ask_swaps(9).answer(state).swaps] == [
        found.next_coldkey
    ]
    (auto,) = ask.ask_coldkey(COLD0).answer(state).auto_stake
    assert (auto.netuid, auto.hotkey) == (SUBNET, format_address(key_of("hot1")))
    assert ask.ask_coldkey(COLD0).answer(state).hotkeys == (format_address(key_of("hot0")),)
    assert ask.ask_coldkey(key_of("nobody")).answer(state).identity is None


def test_models_and_loans_of_a_subnet_are_shown():
    state = do(make_rich(), "hot2", PublishModel(SUBNET, CONTENT, ShortText("u")))
    (model,) = ask.ask_models(SUBNET).answer(state).models
    assert (model.content, model.hotkey) == (CONTENT.hex(), format_address(key_of("hot2")))
    lent = (Child(key_of("hot1"), Ratio16(32_768)),)
    state = do(state, "cold0", SetChildren(SUBNET, key_of("hot0"), lent))
    kin = ask.ask_children(SUBNET, key_of("hot0")).answer(state)
    assert [loan.hotkey for loan in kin.announced] == [format_address(key_of("hot1"))]
    assert kin.effect_at is not None
    for question in (ask.ask_models(NetUid(9)), ask.ask_children(NetUid(9), ALICE)):
        with pytest.raises(NodeError, match="subnet 9"):
            question.answer(state)


def test_weights_and_bonds_are_shown_row_by_row():
    played = {"hot0": {2: 65_535, 3: 30_000}, "hot1": {3: 65_535}}
    state = builders.play_epoch(builders.make_state(), played)
    found = ask.ask_weights(SUBNET, Uid(0), 64).answer(state)
    assert (found.neurons, [row.uid for row in found.rows]) == (4, [0, 1])
    mine = found.rows[0]
    assert (mine.hotkey, mine.miners, mine.weights) == (
        format_address(key_of("hot0")),
        (2, 3),
        (65_535, 30_000),
    )
    assert set(mine.bonded) <= {2, 3}
    assert all(0 < bond <= 1 for bond in mine.bonds)
    assert [row.uid for row in ask.ask_weights(SUBNET, Uid(1), 1).answer(state).rows] == [1]
    assert ask.ask_weights(SUBNET, Uid(U16_MAX), 64).answer(state).rows == ()
    with pytest.raises(NodeError, match="subnet 9"):
        ask.ask_weights(NetUid(9), Uid(0), 64).answer(state)


def test_a_supply_adds_up():
    state = builders.advance(builders.make_state(), 3)
    for netuid in (NetUid(0), SUBNET):
        found = ask.ask_supply(netuid).answer(state)
        held = found.free + found.staked + found.unbonding + found.pending + found.pooled
        assert held + found.locked + found.ordered == found.issued < found.cap == SUPPLY_CAP
    with pytest.raises(NodeError, match="subnet 9"):
        ask.ask_supply(NetUid(9)).answer(state)


def test_the_parameters_come_with_what_a_vote_may_set():
    found = markets.ask_params().answer(builders.make_state())
    assert found.bounds["stake_min"][0] <= found.params["stake_min"] <= found.bounds["stake_min"][1]
    assert "block_ms" in found.params
    assert "block_ms" not in found.bounds


@asynccontextmanager
async def open_client() -> AsyncGenerator[httpx.AsyncClient]:
    app = build_app(FixedView(), Telemetry(), ApiSettings(), ApiKeys(None), metrics=False)
    transport = httpx.ASGITransport(app=app)  # pyright: ignore[reportArgumentType]
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def test_every_route_answers_or_says_what_there_is_not():
    address = format_address(key_of("hot0"))
    async with open_client() as client:
        for path, status in {
            "/chain/params": 200,
            "/chain/subnets": 200,
            "/chain/subnets/1": 200,
            "/chain/subnets/1/models": 200,
            "/chain/subnets/1/weights": 200,
            "/chain/subnets/1/weights?first=2&count=1&proof=1": 200,
            "/chain/subnets/1/weights?count=65": 400,
            "/chain/subnets/9/weights": 404,
            f"/chain/subnets/1/children/{address}": 200,
            "/chain/supply/0": 200,
            "/chain/supply/1?height=2": 200,
            f"/chain/account/{address}/channels": 200,
            "/chain/proposals?proof=1": 200,
            "/chain/proposals/0": 404,
            f"/chain/coldkeys/{address}": 200,
            "/chain/swaps": 200,
            f"/chain/channels/{'00' * 32}": 404,
            "/chain/channels/xyz": 400,
            "/chain/subnets/9/models": 404,
            "/chain/proposals?count=0": 400,
            "/chain/account/nobody/channels": 400,
        }.items():
            answer = await client.get(path)
            assert answer.status_code == status, (path, answer.text)
            if status != 200:
                assert answer.json()["error"]["remedy"], path
