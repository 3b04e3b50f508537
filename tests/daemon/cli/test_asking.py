"""What a client sees of a real node over a real socket, and what it refuses to believe."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
import trio
from pydantic import TypeAdapter

from config.sections.api import ApiSettings
from consensus import codec
from consensus.agreement.light import InvalidProof
from consensus.crypto import compute_transaction_id
from consensus.ledger.genesis import Genesis
from consensus.quantities import U32, ZERO_HASH, Era, Height, Nonce
from daemon.cli import asking
from daemon.cli.client import NodeClient
from daemon.cli.options import Common
from daemon.cli.output import CliError
from daemon.cli.tx.desk import read_rows
from daemon.cli.tx.flow import send
from daemon.cli.what_if import ask_what_if
from daemon.engine.eras import build_committee
from daemon.http.app import build_app
from daemon.http.keys import ApiKeys
from daemon.http.many import write_many
from daemon.http.server import serve_http
from daemon.unit import Fields
from daemon.views import accounts, transactions
from daemon.views.transactions import SubmitManyAnswer
from tests import builders
from tests.daemon import world

GENESIS = world.make_world()
SHORT = world.make_world(era_blocks=U32(3))
ALICE = accounts.account(builders.key_of("alice"))
T = TypeVar("T")


@asynccontextmanager
async def _serve(
    folder: Path, blocks: int, genesis: Genesis = GENESIS
) -> AsyncGenerator[tuple[world.Node, NodeClient]]:
    await world.grow(genesis, folder, blocks)
    settings = replace(ApiSettings(), listen="127.0.0.1:0")
    stop = trio.Event()
    async with world.open_parts(genesis, folder) as node, trio.open_nursery() as nursery:
        app = build_app(node.view, node.telemetry, settings, ApiKeys(None), metrics=False)
        (address,) = await nursery.start(partial(serve_http, app, settings, stop, 1.0))
        yield node, NodeClient(address)
        stop.set()


async def call(work: Callable[[], T]) -> T:
    return await trio.to_thread.run_sync(work)


def test_the_set_a_client_trusts_is_the_one_the_node_votes_with():
    trusted, committee = asking.trust_genesis(GENESIS), build_committee(GENESIS)
    assert trusted.vset_hash == committee.vset_hash
    assert trusted.era == committee.era
    assert trusted.chain_id == committee.chain_id


async def test_answers_of_later_eras_are_proven_to_who_knows_the_genesis(tmp_path: Path):
    committee = asking.trust_genesis(SHORT)
    async with _serve(tmp_path, 11, SHORT) as (_, client):
        proven = await call(lambda: asking.ask_proved(client, committee, ALICE))
        assert proven.height == 10
        early = await call(lambda: asking.ask_proved(client, committee, ALICE, Height(2)))
        assert early.answer.free == 1_000 * builders.TAO
        with pytest.raises(InvalidProof, match="ended"):
            await call(lambda: asking.follow(client, committee, Era(9)))
        stranger = replace(committee, entries=committee.entries[::-1])
        with pytest.raises(CliError, match="not shown to have ended"):
            await call(lambda: asking.ask_proved(client, stranger, ALICE))


async def test_an_answer_is_taken_as_it_is_or_proven(tmp_path: Path):
    committee = asking.trust_genesis(GENESIS)
    async with _serve(tmp_path, 3) as (_, client):
        told = await call(lambda: client.get_ok(ALICE.at(Height(1))))
        assert (told["height"], told["proof"]) == (1, None)
        proven = await call(lambda: asking.ask_proved(client, committee, ALICE))
        assert (proven.height, proven.answer.free) == (2, 1_000 * builders.TAO)
        entries = accounts.entries((b"\x02",))
        shown = await call(lambda: asking.ask_proved(client, committee, entries, Height(0)))
        assert (shown.height, shown.is_complete) == (0, True)


async def test_a_node_of_another_network_convinces_nobody(tmp_path: Path):
    committee = asking.trust_genesis(world.make_world(age_ms=99_000))
    async with _serve(tmp_path, 3) as (_, client):
        with pytest.raises(CliError) as caught:
            await call(lambda: asking.ask_proved(client, committee, ALICE))
        assert caught.value.code == "not_proven"
        with pytest.raises(CliError, match="are kept") as caught:
            await call(lambda: asking.ask_proved(client, committee, ALICE, Height(9)))
        assert caught.value.code == "not_kept"


async def test_transactions_go_in_one_by_one_or_many_and_are_found(tmp_path: Path):
    async with _serve(tmp_path, 1) as (node, client):
        state = node.chain.head.state
        one = builders.make_transaction(state, "bob")
        many = [builders.make_transaction(state, nonce=Nonce(nonce)) for nonce in range(5)]
        many.append(builders.make_transaction(state, "cold0", chain_id=ZERO_HASH))
        body = write_many([codec.encode(signed) for signed in many])
        identity = await call(lambda: send(client, one))
        assert identity == compute_transaction_id(one.transaction)
        told = await call(lambda: client.post_ok("/chain/transactions", body))
        results = TypeAdapter(SubmitManyAnswer).validate_python(told).results
        assert [result.id for result in results[:5]] == [
            compute_transaction_id(signed.transaction).hex() for signed in many[:5]
        ]
        assert results[5].error is not None
        assert results[5].error.code == "invalid_transaction"
        receipt = transactions.receipt(identity).path
        assert (await call(lambda: client.get_ok(receipt)))["status"] == "pending"
        await world.add_block(node.driver.machine.committee, node.chain)
        found = await call(lambda: client.get_ok(receipt))
        assert (found["status"], found["height"], found["code"]) == ("final", 2, 0)
        with pytest.raises(CliError) as caught:
            await call(lambda: send(client, one))
        assert caught.value.code == "invalid_transaction"


async def test_an_epoch_is_replayed_over_the_wire(tmp_path: Path):
    async with _serve(tmp_path, 11) as (_, client):

        def replay(*rows: str) -> Fields:
            return ask_what_if(Common(api=client.url), str(builders.SUBNET), rows, (), ())

        assert len(read_rows(await call(replay), "neurons")) == 4
        with pytest.raises(CliError, match="no permit") as caught:
            await call(lambda: replay("3:"))
        assert caught.value.code == "invalid_edit"
