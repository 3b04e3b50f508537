"""The verbs that ask: every one against a real door, its figures those of the state."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from config.address import format_address
from config.network import render_network
from consensus.calls.payments import OpenChannel
from consensus.crypto import compute_channel_id
from consensus.ledger.records import get_account, get_network
from consensus.quantities import Amount, Height, Nonce
from daemon.cli.output import Exit
from daemon.cli.subnet import VERBS
from daemon.views.catalog import FaceView, StateView, list_verbs
from tests import builders
from tests.builders import SUBNET, TAO, key_of
from tests.daemon import world
from tests.daemon.http.door import Capture, Door, open_door

GENESIS = world.make_world()
TYPED = {
    "netuid": "1",
    "address": format_address(key_of("alice")),
    "hotkey": format_address(key_of("hot0")),
    "channel": "ab" * 32,
    "transaction": "ab" * 32,
    "number": "0",
    "height": "0",
    "era": "0",
    "uid": "2",
}
QUERIES = tuple((verb, view) for verb, view, _ in list_verbs("query"))
NOT_THERE = {"channel", "proposal", "receipt"}
"""What a young chain has none of."""


@pytest.fixture(autouse=True)
def _no_operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NEUROND_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def type_out(verb: str, view: StateView | FaceView) -> list[str]:
    needed = ("--key", "02") if verb == "entries" else ()
    return [verb, *(TYPED[name] for name in view.inputs if view.is_in_path(name)), *needed]


async def play_epoch(door: Door) -> None:
    """Let hot0 and hot1 judge the miners for one epoch."""
    reveal = builders.make_reveal({2: 65_535, 3: 9})
    for hotkey in ("hot0", "hot1"):
        commit = builders.make_commit(door.state, hotkey, reveal)
        signed = builders.make_transaction(door.state, hotkey, commit)
        await world.add_block(door.node.driver.machine.committee, door.node.chain, signed)
    await door.grow(7 - door.node.height)
    signed = [builders.make_transaction(door.state, hot, reveal) for hot in ("hot0", "hot1")]
    await world.add_block(door.node.driver.machine.committee, door.node.chain, *signed)
    await door.grow(12 - door.node.height)


@pytest.mark.slow  # every verb, twice
async def test_every_question_is_answered_for_people_and_programs(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        await play_epoch(door)
        for verb, view in QUERIES:
            code = Exit.FAILED if verb in NOT_THERE else Exit.OK
            told = await door.read("query", *type_out(verb, view), code=code)
            assert ("error" in told) == (verb in NOT_THERE), verb
            assert await door.run("query", *type_out(verb, view)) == code, verb
            out, err = capsys.readouterr()
            assert out or err, verb
            assert "{" not in out, verb


@pytest.mark.slow  # a proof of each
async def test_every_question_of_the_state_can_be_proven(tmp_path: Path, capsys: Capture):
    network = tmp_path / "network.toml"
    network.write_text(render_network(GENESIS))
    async with open_door(GENESIS, tmp_path, capsys) as door:
        await door.grow(3)
        for verb, view in QUERIES:
            if not view.is_of_state or verb in NOT_THERE:
                continue
            call = ("query", *type_out(verb, view), "--proof", "--network", str(network))
            told = await door.read(*call)
            assert told["proof"]["verified"] is True, verb
            assert told["height"] == told["proof"]["height"] == 2, verb
        other = tmp_path / "other.toml"
        other.write_text(render_network(replace(GENESIS, time_ms=GENESIS.time_ms + 1)))
        call = ("query", "validators", "--proof", "--network", str(other))
        error = (await door.read(*call, code=Exit.FAILED))["error"]
        assert error["code"] == "not_proven"
        for verb in (("query", "subnets"), ("tx", "transfer", "bob", "1", "-w", "alice", "-y")):
            told = await door.read(*verb, "--network", str(other), code=Exit.USAGE)
            assert told["error"]["code"] == "wrong_network"
            await door.read(*verb, "--network", str(network))


async def test_figures_are_those_of_the_height_that_is_asked_for(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        await door.read("tx", "transfer", "bob", "1.5", "-w", "alice", "--yes")
        now = await door.read("query", "account", "alice")
        then = await door.read("query", "account", "alice", "--height", "0")
        assert now["free"] == str(get_account(door.state, key_of("alice")).free)
        assert then["free"] == str(1_000 * TAO)
        error = (await door.read("query", "account", "bob", "--height", "99", code=1))["error"]
        assert error["remedy"]


async def test_a_receipt_tells_what_became_of_a_transaction(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        sent = await door.read("tx", "transfer", "bob", "1", "-w", "alice", "-y")
        told = await door.read("query", "receipt", sent["id"])
        assert (told["status"], told["code"], told["height"]) == ("final", 0, 1)
        assert await door.run("query", "block", "1") == Exit.OK
        assert "transfer" in capsys.readouterr().out


async def test_an_explanation_adds_up_to_the_rao(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        await play_epoch(door)
        for uid in ("0", "2"):
            reward = (await door.read("explain", "1", uid))["explanation"]
            assert int(reward["emission"]) > 0
            votes = sum(int(part["amount"]) for part in reward["votes"])
            assert votes == int(reward["miner_emission"])
            parts = [int(reward[name]) for name in ("owner", "delegators", "sold", "lenders")]
            assert sum(parts) == int(reward["validator_emission"])
            assert await door.run("explain", "1", uid) == Exit.OK
            out = capsys.readouterr().out
            assert "Earned in all" in out
            assert "as a miner" in out
            assert "as a validator" in out
        error = (await door.read("explain", "1", "99", code=Exit.FAILED))["error"]
        assert error["code"] == "not_found"


async def test_what_if_replays_the_epoch_with_edits(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        await play_epoch(door)
        call = ("what-if", "1", "--weights", "0:3=1", "--weights", "1:3=1", "--stake", "0=500")
        told = await door.read(*call)
        change = {
            neuron["uid"]: int(neuron["after"]["emission"]) - int(neuron["before"]["emission"])
            for neuron in told["neurons"]
        }
        assert change[3] > 0 > change[2]
        assert await door.run(*call) == Exit.OK
        assert "change" in capsys.readouterr().out
        for wrong in ("--weights=3=1", "--stake=0", "--rule=kappa", "--weights=x:1=1"):
            error = (await door.read("what-if", "1", wrong, code=Exit.USAGE))["error"]
            assert error["code"] == "usage"
        error = (await door.read("what-if", "1", "--rule", "nonsense=1", code=1))["error"]
        assert error["code"] == "invalid_edit"


async def test_an_owner_sees_the_market_and_has_the_same_verbs_as_tx(
    tmp_path: Path, capsys: Capture
):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        told = await door.read("subnet", "show", "1")
        assert told["mechanism"]["task"] == "text"
        assert await door.run("subnet", "show", "1") == Exit.OK
        assert "tempo" in capsys.readouterr().out
        for name, verb in VERBS.items():
            call = {
                "create": ["text", "--hotkey", "hot0"],
                "start": ["1"],
                "set": ["1", "tempo", "50"],
                "mechanism": ["1", "text", "--activation", "+90"],
                "identity": ["1", "--name", "Text"],
            }[name]
            own = await _dry_run(door, "subnet", name, *call)
            assert own == await _dry_run(door, "tx", verb, *call), name


async def _dry_run(door: Door, *call: str) -> object:
    capture = door.capture
    capture.readouterr()
    await door.run(*call, "-w", "cold0", "--dry-run", "--json")
    told = json.loads(capture.readouterr().out)
    return told["transaction"], told["preview"]["error"]


async def test_a_voucher_is_made_checked_and_redeemed(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        opened = await door.read(
            "tx", "open-channel", "1", "hot0", "5", "--expiry", "+90", "-w", "alice", "--yes"
        )
        chain_id = get_network(door.state).chain_id
        assert opened["channel"] == compute_channel_id(chain_id, key_of("alice"), Nonce(1)).hex()
        file = str(tmp_path / "v.json")
        make = ("voucher", "make", opened["channel"], "2", "--out", file, "-w", "alice")
        keys = ("--keystore", str(door.keys))
        assert await door.offline(*make, *keys) == Exit.DECLINED
        assert await door.offline(*make, *keys, "--yes", "--json") == Exit.OK
        capsys.readouterr()
        assert await door.ask("voucher", "check", file, "--json") == Exit.OK
        told = json.loads(capsys.readouterr().out)
        assert int(told["pays"]) + int(told["burns"]) == 2 * TAO
        await door.read("tx", "transfer", "hot0", "1", "-w", "alice", "--yes")
        before = get_account(door.state, key_of("cold0")).free
        await door.read("tx", "redeem-voucher", file, "-w", "hot0", "--yes")
        assert get_account(door.state, key_of("cold0")).free == before + int(told["pays"])
        assert await door.ask("voucher", "check", file, "--json") == Exit.FAILED
        error = json.loads(capsys.readouterr().out)["error"]
        assert error["code"] == "voucher_stale"
        assert error["remedy"]


@pytest.mark.parametrize(
    ("amount", "signer", "code"),
    [("9", "alice", "voucher_too_large"), ("1", "bob", "voucher_forged")],
)
async def test_a_voucher_that_pays_nothing_says_why(
    tmp_path: Path, capsys: Capture, amount: str, signer: str, code: str
):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        call = OpenChannel(key_of("hot0"), SUBNET, Amount(5 * TAO), Height(90))
        signed = builders.make_transaction(door.state, "alice", call)
        await world.add_block(door.node.driver.machine.committee, door.node.chain, signed)
        chain_id = get_network(door.state).chain_id
        channel = compute_channel_id(chain_id, key_of("alice"), Nonce(1)).hex()
        file = str(tmp_path / "v.json")
        keys = ("--keystore", str(door.keys), "-w", signer, "--yes")
        assert await door.offline("voucher", "make", channel, amount, "--out", file, *keys) == 0
        capsys.readouterr()
        assert await door.ask("voucher", "check", file, "--json") == Exit.FAILED
        assert json.loads(capsys.readouterr().out)["error"]["code"] == code
