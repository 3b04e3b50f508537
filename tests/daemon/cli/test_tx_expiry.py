"""A transaction that no block takes is told as expired, one on a silent chain as waiting."""

import json
from pathlib import Path

import pytest
import trio

from daemon.cli import progress
from daemon.cli.output import Exit
from tests.daemon import world
from tests.daemon.http.door import Capture, open_door

GENESIS = world.make_world()


@pytest.fixture(autouse=True)
def _no_operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NEUROND_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


CALL = ("tx", "transfer", "bob", "1", "-w", "alice", "--yes", "--json")


async def test_one_that_was_dropped_expires(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door, trio.open_nursery() as nursery:
        door.is_paused = True

        async def drop() -> None:
            await world.wait_until(lambda: len(door.node.chain.mempool) == 1)
            waiting = [pending.signed for pending in door.node.chain.mempool.take(door.state)]
            door.node.chain.mempool.remove(waiting)
            await door.grow(3)

        nursery.start_soon(drop)
        assert await door.run(*CALL, "--valid-for", "2") == Exit.FAILED
        error = json.loads(capsys.readouterr().out)["error"]
        assert error["code"] == "expired"
        assert "send anew" in error["remedy"]


async def test_one_on_a_chain_that_stands_still_waits(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(progress, "STILL_S", 0.5)
    async with open_door(GENESIS, tmp_path, capsys) as door:
        door.is_paused = True
        assert await door.run(*CALL) == Exit.FAILED
        error = json.loads(capsys.readouterr().out)["error"]
        assert error["code"] == "no_progress"
        assert "query receipt" in error["remedy"]
