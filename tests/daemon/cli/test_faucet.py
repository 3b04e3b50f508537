"""`neurond faucet`: what it sends is there when it comes back, unless nobody is to wait."""

from pathlib import Path

import pytest

from config.address import format_address
from consensus.ledger.records import get_account
from consensus.quantities import RAO_PER_TAO, Amount
from daemon.engine.faucet import Faucet, Spring
from tests.builders import key_of, signer_of
from tests.daemon import world
from tests.daemon.http.door import Capture, Door, open_door

GENESIS = world.make_world()


@pytest.fixture(autouse=True)
def _no_operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NEUROND_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def give_faucet(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the node give a TAO of alice's to whoever asks."""
    spring = Spring(signer_of("alice"), Amount(RAO_PER_TAO), 60.0)
    faucet = Faucet(spring, door.node.chain, door.node.submitter.submit_call)
    monkeypatch.setattr(door.node.view, "_faucet", faucet)


async def test_it_comes_back_when_the_address_has_it(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        give_faucet(door, monkeypatch)
        before = get_account(door.state, key_of("bob")).free
        told = await door.read("faucet", "bob")
        assert told["to"] == format_address(key_of("bob"))
        assert (told["status"], told["height"]) == ("final", door.node.height)
        assert get_account(door.state, key_of("bob")).free == before + RAO_PER_TAO


async def test_it_can_leave_at_once(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        door.is_paused = True
        give_faucet(door, monkeypatch)
        assert await door.run("faucet", "bob", "--no-wait") == 0
        assert "on its way" in capsys.readouterr().out
        assert door.node.height == 0
        assert len(door.node.chain.mempool) == 1


async def test_a_node_without_one_says_so(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        assert (await door.read("faucet", "bob", code=1))["error"]["code"] == "not_found"
