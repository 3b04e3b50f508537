"""From a typed verb to a final receipt: dry runs, refusals, limits, consents, salts."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from config.address import format_address
from consensus import codec
from consensus.calls import payments
from consensus.calls.weights import CommitWeights
from consensus.ledger.records import get_account
from consensus.ledger.subnet.records import get_subnet
from consensus.quantities import ZERO_HASH, Amount, Hash32, NetUid
from consensus.types import Transaction
from daemon.cli.output import Exit
from daemon.cli.tx.governing import write_voucher
from tests import builders
from tests.builders import SUBNET, TAO, key_of
from tests.daemon import world
from tests.daemon.http.door import Capture, Door, open_door

GENESIS = world.make_world()
HASH = Hash32(bytes.fromhex("ab" * 32))
VOUCHER = payments.Voucher(HASH, Amount(TAO), ZERO_HASH, builders.sign_as("alice", b"no matter"))


@pytest.fixture(autouse=True)
def _no_operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NEUROND_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "voucher.json").write_text(json.dumps(write_voucher(VOUCHER)))


async def test_a_transfer_is_sent_waited_for_and_told(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        shown = await door.read("tx", "transfer", "bob", "1.5", "-w", "alice", "--dry-run")
        told = await door.read("tx", "transfer", "bob", "1.5", "-w", "alice", "--yes")
        assert told["code"] == 0
        assert told["status"] == "final"
        assert told["fee"] == shown["preview"]["fee"]
        for effect in shown["preview"]["effects"]:
            (address,) = effect["who"]
            name = {format_address(key_of(one)): one for one in ("alice", "bob")}[address]
            assert get_account(door.state, key_of(name)).free == int(effect["after"])
        assert await door.run("tx", "transfer", "bob", "1", "-w", "alice", "-y") == Exit.OK
        assert "final in block 2" in capsys.readouterr().out


async def test_what_would_be_refused_is_not_sent(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        call = ("tx", "transfer", "bob", "1000000", "-w", "alice")
        error = (await door.read(*call, "--yes", code=Exit.FAILED))["error"]
        assert error["code"] == "not_enough_funds"
        assert error["remedy"].startswith("Send less")
        assert error["message"].startswith("Not sent")
        assert await door.run(*call, "--dry-run") == Exit.FAILED
        assert "would FAIL" in capsys.readouterr().out
        assert door.node.height == 0


async def test_a_refusal_in_the_block_is_an_error_with_its_remedy(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door, trio.open_nursery() as nursery:
        door.is_paused = True
        call = ("tx", "transfer", "bob", "600", "-w", "alice", "--yes")
        first = await door.read(*call, "--no-wait")
        assert first["status"] == "pending"

        async def resume() -> None:
            await world.wait_until(lambda: len(door.node.chain.mempool) == 2)
            door.is_paused = False

        nursery.start_soon(resume)
        error = (await door.read(*call, code=Exit.FAILED))["error"]
        assert error["code"] == "not_enough_funds"
        assert error["remedy"].startswith("Send less")
        assert "refused with code 2" in error["message"]
        assert get_account(door.state, key_of("alice")).nonce == 2


async def test_what_a_call_made_is_told_by_its_number(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        await door.read("tx", "transfer", "hot0", "5", "-w", "alice", "--yes")
        call = ("tx", "propose-text", "hello", "--activation", "+200000", "-w", "hot0", "--yes")
        assert await door.run(*call) == Exit.OK
        assert "proposal 0" in capsys.readouterr().out.replace("  ", " ")


async def test_a_swap_beyond_its_limit_is_not_sent(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        call = ("tx", "stake", "1", "50", "--hotkey", "hot0", "-w", "alice")
        error = (await door.read(*call, "--yes", code=Exit.FAILED))["error"]
        assert error["code"] == "order_dropped"
        assert "--slippage" in error["remedy"]
        assert await door.run(*call, "--dry-run") == Exit.FAILED
        assert "would NOT be done" in capsys.readouterr().out
        assert await door.run(*call, "--slippage", "10", "--dry-run") == Exit.OK
        swap = next(
            line
            for line in capsys.readouterr().out.splitlines()
            if line.lstrip().startswith("swap")
        )
        assert "alpha of subnet 1 for 50 TAO" in swap
        assert "% from the price now" in swap
        done = await door.read(*call, "--yes", "--slippage", "10")
        (bought,) = (each for each in done["changes"] if each["what"] == "stake")
        assert bought["before"] == "0"
        assert int(bought["after"]) > 47 * TAO


async def test_a_swap_that_others_made_too_dear_says_that_it_was_not_done(
    tmp_path: Path, capsys: Capture
):
    async with open_door(GENESIS, tmp_path, capsys) as door, trio.open_nursery() as nursery:
        door.is_paused = True
        call = ("tx", "stake", "1", "8", "--hotkey", "hot0", "-w", "alice", "--yes")
        await door.read(*call, "--no-wait")

        async def resume() -> None:
            await world.wait_until(lambda: len(door.node.chain.mempool) == 2)
            door.is_paused = False

        nursery.start_soon(resume)
        error = (await door.read(*call, code=Exit.FAILED))["error"]
        assert error["code"] == "order_dropped"
        assert "came back" in error["message"]


async def test_a_swap_between_subnets_waits_for_its_second_leg(tmp_path: Path, capsys: Capture):
    second = builders.make_subnet(netuid=NetUid(2))
    genesis = replace(GENESIS, subnets=(*GENESIS.subnets, second))
    async with open_door(genesis, tmp_path, capsys) as door, trio.open_nursery() as nursery:
        call = ("tx", "stake", "1", "8", "--hotkey", "hot0", "-w", "alice", "--yes")
        await door.read(*call)

        async def follow() -> None:
            await world.wait_until(lambda: door.node.height == 2)
            await door.grow()

        nursery.start_soon(follow)
        swap = ("1", "2", "3", "--hotkey", "hot0", "--to-hotkey", "hot1", "-w", "alice")
        done = await door.read("tx", "swap-stake", *swap, "--yes")
        moved = {
            each["netuid"]: int(each["after"]) - int(each["before"])
            for each in done["changes"]
            if each["what"] == "stake"
        }
        assert moved[1] == -3 * TAO
        assert 2.9 * TAO < moved[2] < 3.1 * TAO


async def test_without_a_terminal_or_a_yes_nothing_is_sent(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        assert await door.run("tx", "transfer", "bob", "1", "-w", "alice") == Exit.DECLINED
        text = capsys.readouterr().err
        assert "Send 1 TAO to bob" in text
        assert "--yes" in text
        assert door.node.height == 0


@pytest.mark.parametrize(
    ("typed", "code", "words"),
    [
        ("transfer bob 1 -w hot0", "wrong_kind", "needs a coldkey"),
        ("vote 1 yes -w alice", "wrong_kind", "needs a hotkey"),
        ("transfer nobody 1 -w alice", "unknown_address", "nobody"),
        ("transfer bob 1.0000000001 -w alice", "usage", "no amount"),
        ("transfer bob -w alice", "usage", "AMOUNT"),
        ("vote 1 maybe -w hot0", "usage", "neither yes nor no"),
        ("set-take 101% --hotkey hot0 -w cold0", "usage", "more than all"),
        ("stake 9 1 --hotkey hot0 -w alice", "not_found", "subnet 9"),
        ("stake 1 1 --slippage x --hotkey hot0 -w alice", "usage", "percentage"),
        ("commit-weights 1 2=x -w hot0", "usage", "no weight"),
        ("commit-weights 1 2=0 -w hot0", "usage", "above zero"),
        ("reveal-weights 1 -w hot0 --epoch 3", "no_salt_file", "1-3-"),
        ("reveal-weights 1 -w hot0 --salt-file voucher.json", "key_exposed", "voucher.json"),
        ("redeem-voucher nowhere.json -w hot0", "unreadable", "nowhere"),
        ("set-identity --name " + "x" * 129 + " -w alice", "usage", "129 bytes"),
        ("close-channel abc -w hot0", "usage", "hex"),
        ("transfer bob 1 -w alice --network devnet", "bad_config", "template"),
    ],
)
async def test_a_mistake_is_caught_before_anything_is_sent(
    tmp_path: Path, capsys: Capture, typed: str, code: str, words: str
):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        found = await door.run("tx", *typed.split(), "--yes", "--json")
        assert found != Exit.OK
        error = json.loads(capsys.readouterr().out)["error"]
        assert error["code"] == code
        assert words in json.dumps(error)
        assert error["remedy"]


async def test_weights_are_committed_kept_and_revealed(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        await door.grow(2)
        await door.read("tx", "commit-weights", "1", "2=1", "3=0.5", "-w", "hot0", "--yes")
        (file,) = (tmp_path / "weights").iterdir()
        assert file.stat().st_mode & 0o077 == 0
        await door.grow(8 - 1 - door.node.height)
        await door.read("tx", "reveal-weights", "1", "-w", "hot0", "--yes")
        assert door.node.height == 8


async def test_weights_wait_for_no_block_that_cannot_take_them(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        tempo = get_subnet(door.state, SUBNET).hyper.tempo
        call = ("commit-weights", "1", "2=1", "-w", "hot0")
        assert await read_last_block(door, *call) == tempo - 1
        await door.read("tx", *call, "--yes")
        await door.grow(tempo - 1 - door.node.height)
        reveal = ("reveal-weights", "1", "-w", "hot0")
        step = (await door.read("query", "hyperparameters", "1"))["next_step"]
        assert await read_last_block(door, *reveal) == step - 1
        await door.grow(step - 1 - door.node.height)
        error = (await door.read("tx", *reveal, "--yes", code=Exit.FAILED))["error"]
        assert error["code"] == "reveal_closed"


async def read_last_block(door: Door, *call: str) -> int:
    """Return the last block that may include what a verb would send."""
    told = await door.read("tx", *call, "--dry-run")
    return codec.decode(Transaction, bytes.fromhex(told["transaction"])).valid_until


async def test_a_dry_run_of_a_commitment_keeps_nothing(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        await door.read("tx", "commit-weights", "1", "2=1", "-w", "hot0", "--dry-run")
        assert not (tmp_path / "weights").exists()


async def test_a_commitment_names_the_subnet_s_scorer_unless_told_otherwise(
    tmp_path: Path, capsys: Capture
):
    (subnet,) = GENESIS.subnets
    pinned = replace(GENESIS, subnets=(replace(subnet, scorer_hash=HASH),))
    other = "cd" * 32
    async with open_door(pinned, tmp_path, capsys) as door:
        call = ("tx", "commit-weights", "1", "2=1", "-w", "hot0", "--dry-run")
        for more, scorer in (((), HASH.hex()), (("--scorer", other), other)):
            told = await door.read(*call, *more)
            sent = codec.decode(Transaction, bytes.fromhex(told["transaction"])).call
            assert isinstance(sent, CommitWeights)
            assert sent.scorer.hex() == scorer


async def test_consent_can_come_from_another_machine(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        alice = format_address(key_of("alice"))
        told = await door.read("tx", "consent", alice, "--hotkey", "new")
        (door.keys / "new.json").unlink()
        call = ("tx", "register", "1", "--hotkey", format_address(key_of("new")), "-w", "alice")
        error = (await door.read(*call, "--yes", code=Exit.KEY))["error"]
        assert error["code"] == "consent_missing"
        done = await door.read(*call, "--yes", "--consent", told["consent"])
        assert done["code"] == 0


async def test_a_dry_run_needs_neither_key_nor_password(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        (door.keys / "alice.json").unlink()
        alice = format_address(key_of("alice"))
        shown = await door.read("tx", "transfer", "bob", "1", "-w", alice, "--dry-run")
        assert shown["preview"]["outcome"] == "succeeds"
        error = await door.read("tx", "transfer", "bob", "1", "-w", alice, "-y", code=Exit.KEY)
        assert error["error"]["code"] == "key_missing"
