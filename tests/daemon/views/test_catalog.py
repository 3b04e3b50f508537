"""Every read there is: declared whole, with a unit for each figure, and what each tells."""

import json
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from typing import Annotated, cast

import httpx
import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter

from config.address import format_address
from config.sections.api import ApiSettings
from consensus.calls.accounts import SetIdentity
from consensus.calls.governance import CastVote, Declare, Propose
from consensus.calls.neurons import PublishModel
from consensus.calls.payments import OpenChannel
from consensus.calls.rotation import AnnounceColdkeySwap
from consensus.calls.staking import Child, SetAutoStake, SetChildren
from consensus.ledger.records import get_head
from consensus.ledger.state import Reading, State
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
from daemon import unit
from daemon.cli.app import app
from daemon.cli.catalogue import list_verbs as list_all_verbs
from daemon.cli.query import make_query
from daemon.engine.errors import NodeError
from daemon.http.app import build_app
from daemon.http.keys import ApiKeys
from daemon.http.reads import add_reads
from daemon.telemetry import Telemetry
from daemon.views import accounts, channels, governance, neurons, subnets, supply
from daemon.views.catalog import StateView, list_views
from daemon.views.inputs import COUNT_MAX, CountInput, NetUidInput
from daemon.views.sheet import lay_out, list_marks
from daemon.views.subnets import SubnetsAnswer
from daemon.views.view import AtHeight, Proof, of_state
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


# -- declarations ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToyAnswer:
    """What a toy tells."""

    height: AtHeight
    paid: Annotated[int, unit.rao("What was paid.")]
    proof: Proof = None


@of_state("/chain/toys/{netuid}", "query toy", "1", "Toy {height}")
def toy(state: Reading, netuid: NetUidInput, count: CountInput = 7) -> ToyAnswer:
    """A toy."""
    return ToyAnswer(get_head(state).height, 10**9 * netuid + count)


def list_kinds() -> Iterator[type]:
    """Yield the classes of all answers, and those in them."""
    waiting = [view.kind for view in list_views()]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting += [mark.kind for mark in list_marks(kind) if mark.kind is not None]


def test_every_read_has_a_path_verbs_and_words():
    views = list(list_views())
    assert len(views) == len({view.path for view in views}) > 24
    verbs = [lens.verb for view in views for lens in view.lenses]
    assert len(set(verbs)) == len(verbs)
    for view in views:
        assert view.path.startswith("/chain/"), view.path
        assert all(lens.summary.endswith(".") for lens in view.lenses), view.path
        assert all(kind.about for kind in view.inputs.values()), view.path
        assert {name for name in view.inputs if view.is_in_path(name)} == set(
            re.findall(r"{(\w+)}", view.path)
        )


def test_every_read_has_a_verb_that_is_there():
    known = {str(each["verb"]) for each in list_all_verbs(app)}
    missing = {lens.verb for view in list_views() for lens in view.lenses} - known
    assert missing == set()


def test_every_figure_of_every_answer_has_a_unit():
    bare = [
        (kind.__name__, each.name)
        for kind in list_kinds()
        for each in fields(kind)
        if each.name not in {mark.name for mark in list_marks(kind)}
    ]
    assert bare == []


def test_one_declaration_gives_question_route_openapi_verb_and_sheet():
    state = builders.make_state()
    question = toy(NetUid(2))
    assert question.path == "/chain/toys/2?count=7"
    answer = question.answer(state)
    api = FastAPI()
    add_reads(api, FixedView(), [cast("StateView", toy)])
    schema = api.openapi()
    operation = schema["paths"]["/chain/toys/{netuid}"]["get"]
    assert operation["summary"] == "A toy."
    assert [each["name"] for each in operation["parameters"]] == [
        "netuid",
        "count",
        "height",
        "proof",
    ]
    assert operation["parameters"][1]["schema"]["maximum"] == COUNT_MAX
    paid = schema["components"]["schemas"]["ToyAnswer"]["properties"]["paid"]
    assert (paid["type"], paid["x-unit"]) == ("string", "rao")
    assert "rao" in paid["description"]
    told = json.loads(TypeAdapter(ToyAnswer).dump_json(answer))
    assert told == {"height": 0, "paid": "2000000007", "proof": None}
    sheet = lay_out(ToyAnswer, told, toy.lenses[0])
    assert (sheet.title, sheet.lines) == ("Toy 0", {"paid": "2.000000007 TAO"})
    verb = make_query("toy", cast("StateView", toy), toy.lenses[0])
    assert {"netuid", "count", "height", "proof", "as_json"} <= {each.name for each in verb.params}


def test_amounts_read_back_as_they_were_written():
    reader = TypeAdapter(ToyAnswer)
    answer = ToyAnswer(1, 2**63)
    assert reader.validate_json(reader.dump_json(answer)) == answer


def test_a_lens_shows_the_parts_it_names():
    told = json.loads(
        TypeAdapter(SubnetsAnswer).dump_json(subnets.subnets().answer(builders.make_state()))
    )
    usual, prices = (
        lay_out(SubnetsAnswer, told, lens).listings[0].headings for lens in subnets.subnets.lenses
    )
    assert "slow average" in prices
    assert "slow average" not in usual
    assert "state" not in prices


# -- answers ---------------------------------------------------------------------------------------


def test_a_channel_is_shown_to_both_parties():
    state = do(make_rich(), "alice", OpenChannel(key_of("hot2"), SUBNET, Amount(TAO), Height(90)))
    (row,) = channels.channels(ALICE, 9).answer(state).pays
    assert (row.left, row.end, row.is_closing) == (TAO, 90, False)
    assert channels.channels(key_of("hot2"), 9).answer(state).earns == (row,)
    found = channels.channel(Hash32(bytes.fromhex(row.id))).answer(state)
    assert found.channel == row
    with pytest.raises(NodeError, match="no open channel"):
        channels.channel(CONTENT).answer(state)


def test_a_proposal_is_shown_with_its_votes():
    proposal = Propose(Declare(LongText("Hi.")), Height(200_000))
    state = do(make_rich(), "hot0", proposal)
    state = do(state, "hot0", CastVote(U32(0), is_yes=True))
    (row,) = governance.proposals(9).answer(state).proposals
    assert (row.number, row.standing, row.ballots) == (0, "open", 1)
    assert row.yes > 0 == row.no
    assert "Hi." in row.what
    assert governance.proposal(U32(0)).answer(state).proposal == row
    with pytest.raises(NodeError, match="proposal 1"):
        governance.proposal(U32(1)).answer(state)


def test_a_coldkey_is_shown_with_its_words_its_swap_and_its_pay():
    state = do(make_rich(), "alice", SetIdentity(HELLO))
    state = do(state, "alice", AnnounceColdkeySwap(key_of("fresh")))
    state = do(state, "cold0", SetAutoStake(SUBNET, key_of("hot1")))
    found = accounts.coldkey(ALICE).answer(state)
    assert found.identity is not None
    assert found.identity.name == "Alice"
    assert found.next_coldkey == format_address(key_of("fresh"))
    assert [swap.new_coldkey for swap in accounts.swaps(9).answer(state).swaps] == [
        found.next_coldkey
    ]
    (auto,) = accounts.coldkey(COLD0).answer(state).auto_stake
    assert (auto.netuid, auto.hotkey) == (SUBNET, format_address(key_of("hot1")))
    assert accounts.coldkey(COLD0).answer(state).hotkeys == (format_address(key_of("hot0")),)
    assert accounts.coldkey(key_of("nobody")).answer(state).identity is None


def test_models_and_loans_of_a_subnet_are_shown():
    state = do(make_rich(), "hot2", PublishModel(SUBNET, CONTENT, ShortText("u")))
    (model,) = subnets.models(SUBNET).answer(state).models
    assert (model.content, model.hotkey) == (CONTENT.hex(), format_address(key_of("hot2")))
    lent = (Child(key_of("hot1"), Ratio16(32_768)),)
    state = do(state, "cold0", SetChildren(SUBNET, key_of("hot0"), lent))
    kin = neurons.children(SUBNET, key_of("hot0")).answer(state)
    assert [loan.hotkey for loan in kin.announced] == [format_address(key_of("hot1"))]
    assert kin.effect_at is not None
    for question in (subnets.models(NetUid(9)), neurons.children(NetUid(9), ALICE)):
        with pytest.raises(NodeError, match="subnet 9"):
            question.answer(state)


def test_weights_and_bonds_are_shown_row_by_row():
    played = {"hot0": {2: 65_535, 3: 30_000}, "hot1": {3: 65_535}}
    state = builders.play_epoch(builders.make_state(), played)
    found = neurons.weights(SUBNET, Uid(0), 64).answer(state)
    assert (found.neurons, [row.uid for row in found.rows]) == (4, [0, 1])
    mine = found.rows[0]
    assert (mine.hotkey, mine.miners, mine.weights) == (
        format_address(key_of("hot0")),
        (2, 3),
        (65_535, 30_000),
    )
    assert set(mine.bonded) <= {2, 3}
    assert all(0 < bond <= 1 for bond in mine.bonds)
    assert [row.uid for row in neurons.weights(SUBNET, Uid(1), 1).answer(state).rows] == [1]
    assert neurons.weights(SUBNET, Uid(U16_MAX), 64).answer(state).rows == ()
    with pytest.raises(NodeError, match="subnet 9"):
        neurons.weights(NetUid(9), Uid(0), 64).answer(state)


def test_a_supply_adds_up():
    state = builders.advance(builders.make_state(), 3)
    for netuid in (NetUid(0), SUBNET):
        found = supply.supply(netuid).answer(state)
        kept = found.supply
        held = kept.free + kept.staked + kept.unbonding + kept.pending + kept.pooled
        assert held + kept.locked + kept.ordered == kept.issued < found.cap == SUPPLY_CAP
    with pytest.raises(NodeError, match="subnet 9"):
        supply.supply(NetUid(9)).answer(state)


def test_the_parameters_come_with_what_a_vote_may_set():
    found = governance.params().answer(builders.make_state())
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
