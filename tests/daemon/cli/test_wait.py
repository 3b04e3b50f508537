"""`neurond wait` comes back when the chain is where it said, and not before."""

import json
from pathlib import Path

import pytest
import trio

from daemon.cli import progress
from daemon.cli.client import NodeClient
from daemon.cli.output import Exit
from daemon.cli.wait import find_goal
from tests.daemon import world
from tests.daemon.http.door import Capture, Door, open_door

GENESIS = world.make_world()
TEMPO, REVEAL_BLOCKS = GENESIS.subnets[0].hyper.tempo, GENESIS.subnets[0].hyper.reveal_blocks


@pytest.fixture(autouse=True)
def _no_operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NEUROND_CONFIG", raising=False)
    monkeypatch.setattr(progress, "POLL_S", 0.005)
    monkeypatch.chdir(tmp_path)


async def count_blocks(door: Door, *arguments: str) -> int:
    """Return the height at which a verb came back, with a block whenever it has had time to."""
    codes: list[int] = []
    done = trio.Event()

    async def run() -> None:
        codes.append(await door.ask("wait", *arguments))
        done.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        while not done.is_set() and door.node.height < 3 * TEMPO:
            with trio.move_on_after(0.05) as grace:
                await done.wait()
            if grace.cancelled_caught:
                await door.grow()
    assert codes == [Exit.OK]
    return door.node.height


@pytest.mark.slow  # blocks at leisure
@pytest.mark.parametrize(
    ("what", "goal"),
    [
        (("--height", "+3"), 4),
        (("--height", "2"), 2),
        (("--height", "0"), 1),
        (("--reveals", "1"), TEMPO - 1),
        (("--epoch-step", "1"), TEMPO + REVEAL_BLOCKS),
    ],
)
async def test_it_comes_back_at_that_block(
    tmp_path: Path, capsys: Capture, what: tuple[str, str], goal: int
):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        await door.grow()
        reached = await count_blocks(door, *what)
        assert goal <= reached <= goal + 1, "the block after may come before it looks"
        assert "is final" in capsys.readouterr().out


async def test_a_subnet_may_be_started_in_the_block_after_the_one_waited_for(
    tmp_path: Path, capsys: Capture
):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        client = NodeClient(door.address)
        goal, _ = await trio.to_thread.run_sync(find_goal, client, "start", "1")
        assert goal == GENESIS.params.subnet_start_blocks - 1


@pytest.mark.parametrize("what", [(), ("--height", "1", "--reveals", "1"), ("--height", "soon")])
async def test_it_wants_one_thing_to_wait_for(
    tmp_path: Path, capsys: Capture, what: tuple[str, ...]
):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        assert await door.ask("wait", *what) == Exit.USAGE


async def test_a_subnet_that_is_not_there_is_told(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        assert await door.ask("wait", "--epoch-step", "9") == Exit.FAILED
        assert "no subnet 9" in capsys.readouterr().err


async def test_a_chain_that_stands_still_ends_the_wait(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(progress, "STILL_S", 0.02)
    async with open_door(GENESIS, tmp_path, capsys) as door:
        assert await door.ask("wait", "--height", "+1") == Exit.FAILED
        assert "stands at 0" in capsys.readouterr().err


@pytest.mark.slow  # a round trip
async def test_programs_get_one_document(tmp_path: Path, capsys: Capture):
    async with open_door(GENESIS, tmp_path, capsys) as door:
        assert await door.ask("wait", "--height", "0", "--json") == Exit.OK
        told = json.loads(capsys.readouterr().out)
        assert told == {"height": 0, "waited_for": "height 0"}
