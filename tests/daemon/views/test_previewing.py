"""Previews of a real node through its door, and the questions about markets beside them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio

from config.address import format_address
from config.sections.api import ApiSettings
from consensus import codec
from consensus.calls.accounts import Transfer
from consensus.calls.staking import Child, SetChildren, StakeRoot
from consensus.quantities import Amount, Ratio16
from consensus.refusals import NotEnoughFunds
from daemon.engine.errors import NodeError
from daemon.http.app import build_app
from daemon.http.keys import ApiKeys
from daemon.views import previewing
from tests import builders
from tests.daemon import world

GENESIS = world.make_world()
PATH = "/chain/preview"


@asynccontextmanager
async def open_door(folder: Path) -> AsyncGenerator[tuple[httpx.AsyncClient, world.Node]]:
    async with world.open_parts(GENESIS, folder) as node:
        app = build_app(node.view, node.telemetry, ApiSettings(), ApiKeys(None), metrics=False)
        transport = httpx.ASGITransport(app=app)  # pyright: ignore[reportArgumentType]
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client, node


def make_transfer(node: world.Node, tao: int) -> bytes:
    call = Transfer(builders.key_of("bob"), Amount(tao * builders.TAO))
    return codec.encode(builders.make_transaction(node.chain.head.state, "alice", call))


async def test_a_preview_shows_what_the_block_then_does(tmp_path: Path):
    async with open_door(tmp_path) as (client, node):
        signed = builders.make_transaction(node.chain.head.state)
        shown = (await client.post(PATH, content=codec.encode(signed.transaction))).json()
        assert shown["outcome"] == "succeeds"
        assert shown["code"] == 0
        assert shown["nonce"] == 0
        await world.add_block(node.driver.machine.committee, node.chain, signed)
        for effect in shown["effects"]:
            assert effect["what"] == "free"
            (address,) = effect["who"]
            account = (await client.get(f"/chain/account/{address}")).json()
            assert account["free"] == effect["after"]


async def test_a_refusal_comes_with_code_words_and_remedy(tmp_path: Path):
    async with open_door(tmp_path) as (client, node):
        shown = (await client.post(PATH, content=make_transfer(node, 10**6))).json()
        assert shown["outcome"] == "fails"
        assert shown["code"] == NotEnoughFunds.code
        assert shown["error"] == "NotEnoughFunds"
        assert shown["remedy"] == NotEnoughFunds.remedy
        assert "free balance" in shown["message"]


async def test_a_refusal_names_keys_by_their_addresses(tmp_path: Path):
    stranger = builders.key_of("stranger")
    children = SetChildren(builders.SUBNET, builders.key_of("hot0"), (Child(stranger, Ratio16(1)),))
    async with open_door(tmp_path) as (client, node):
        for signer, call in (
            ("alice", StakeRoot(stranger, Amount(builders.TAO))),
            ("cold0", children),
        ):
            signed = builders.make_transaction(node.chain.head.state, signer, call)
            shown = (await client.post(PATH, content=codec.encode(signed))).json()
            assert shown["error"] == "UnknownHotkey"
            assert format_address(stranger) in shown["message"]
            assert stranger.hex() not in shown["message"]


async def test_the_next_nonce_counts_what_waits(tmp_path: Path):
    async with open_door(tmp_path) as (client, node):
        data = make_transfer(node, 1)
        await node.view.submit(data)
        assert (await client.post(PATH, content=data)).json()["nonce"] == 1


async def test_a_wrong_signature_can_not_be_included(tmp_path: Path):
    async with open_door(tmp_path) as (client, node):
        data = bytearray(make_transfer(node, 1))
        data[-1] ^= 1
        shown = (await client.post(PATH, content=bytes(data))).json()
        assert shown["outcome"] == "impossible"
        assert "signature" in shown["message"]
        assert shown["remedy"]


@pytest.mark.parametrize("body", [b"", b"\x86", b"\xff" * 40, b"\x82\x80\x80", b"{}"])
async def test_what_is_no_transaction_is_a_bad_request(tmp_path: Path, body: bytes):
    async with open_door(tmp_path) as (client, _):
        answer = await client.post(PATH, content=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["remedy"]


async def test_too_many_previews_at_once_are_told_to_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(previewing, "WAITING", 1)
    refused: list[NodeError] = []
    async with open_door(tmp_path) as (_, node):
        data = make_transfer(node, 1)

        async def ask() -> None:
            try:
                await node.view.preview(data)
            except NodeError as error:
                refused.append(error)

        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(ask)
    assert refused
    assert {error.code for error in refused} == {"busy"}


async def test_markets_and_rules_are_shown(tmp_path: Path):
    async with open_door(tmp_path) as (client, _):
        params = (await client.get("/chain/params")).json()
        assert params["params"]["stake_min"] == "2000000"
        assert int(params["subnet_cost"]) > 0
        (row,) = (await client.get("/chain/subnets")).json()["subnets"]
        assert row["netuid"] == 1
        assert int(row["price"]) > 0
        subnet = (await client.get("/chain/subnets/1")).json()
        assert subnet["row"] == row
        assert subnet["next_step"] == 10
        tempo = next(rule for rule in subnet["hyperparameters"] if rule["name"] == "tempo")
        assert (tempo["value"], subnet["tempo"]) == ("8", 8)
        assert (await client.get("/chain/subnets/9")).status_code == 404


async def test_an_account_that_was_never_used_can_be_previewed(tmp_path: Path):
    async with open_door(tmp_path) as (client, node):
        signed = builders.make_transaction(node.chain.head.state, "nobody")
        shown = (await client.post(PATH, content=codec.encode(signed))).json()
        assert shown["outcome"] == "impossible"
        assert "exceed" in shown["message"]
        assert format_address(builders.key_of("nobody"))
