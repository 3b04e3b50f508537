"""A real node's HTTP door for tests of the command line: a chain that makes a block when asked to.

`open_door` serves a node of `tests/daemon/world.py` on loopback; `Door.run` runs a verb against it
in a thread, with keys of `tests/builders.py` by their names. Whatever reaches the mempool is in the
next block, so a verb that waits comes back.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
import trio

from config.sections.api import ApiSettings
from consensus.ledger.genesis import Genesis
from consensus.ledger.state import State
from daemon.cli.app import main
from daemon.http.app import build_app
from daemon.http.keys import ApiKeys
from daemon.http.server import serve_http
from storage.keys.keystore import KeyKind, Keystore
from tests.daemon import world

Capture = pytest.CaptureFixture[str]
KEYS = {
    "alice": "coldkey",
    "bob": "coldkey",
    "cold0": "coldkey",
    "cold1": "coldkey",
    "hot0": "hotkey",
    "hot1": "hotkey",
    "new": "hotkey",
    "node": "node",
    "consensus": "consensus",
    "beacon": "beacon",
}


def make_keys(folder: Path) -> Path:
    """Write the toy keys of `KEYS`, which are those of the builders."""
    keys = folder / "keys"
    store = Keystore(keys)
    for name, kind in KEYS.items():
        seed = blake2b(name.encode(), digest_size=32).digest()
        store.create_devnet(name, KeyKind(kind), "", seed)
    return keys


@dataclass(slots=True)
class Door:
    """A node, its address, a folder of keys, and what the verbs print."""

    node: world.Node
    address: str
    keys: Path
    capture: Capture
    is_paused: bool = False
    """Whether transactions wait."""

    @property
    def state(self) -> State:
        """The head's."""
        return self.node.chain.head.state

    async def run(self, *arguments: str) -> int:
        """Run a verb that talks to a node and uses keys; return its exit code."""
        call = (*arguments, "--api", self.address, "--keystore", str(self.keys))
        return await trio.to_thread.run_sync(main, call)

    async def offline(self, *arguments: str) -> int:
        """Run a verb that talks to nobody."""
        return await trio.to_thread.run_sync(main, arguments)

    async def ask(self, *arguments: str) -> int:
        """Run a verb that only asks a node."""
        return await trio.to_thread.run_sync(main, (*arguments, "--api", self.address))

    async def read(self, *arguments: str, code: int = 0) -> Any:  # noqa: ANN401 - JSON is anything
        """Run a verb with --json and return what it printed."""
        self.capture.readouterr()
        found = await self.run(*arguments, "--json")
        out, err = self.capture.readouterr()
        assert found == code, (arguments, out, err)
        return json.loads(out)

    async def grow(self, count: int = 1) -> None:
        """Make blocks final."""
        for _ in range(count):
            await world.add_block(self.node.driver.machine.committee, self.node.chain)


async def _make_blocks(door: Door) -> None:
    while True:
        if len(door.node.chain.mempool) and not door.is_paused:
            await door.grow()
        await trio.sleep(0.005)


@asynccontextmanager
async def open_door(
    genesis: Genesis, folder: Path, capture: Capture, *, keys: Path | None = None
) -> AsyncGenerator[Door]:
    """Serve a node of `genesis`, which makes a block whenever a transaction waits."""
    settings = replace(ApiSettings(), listen="127.0.0.1:0", rate_per_s=1e6, rate_burst=1_000_000)
    async with world.open_parts(genesis, folder / "node") as node, trio.open_nursery() as nursery:
        app = build_app(node.view, node.telemetry, settings, ApiKeys(None), metrics=False)
        stop = trio.Event()
        (address,) = await nursery.start(partial(serve_http, app, settings, stop, 1.0))
        door = Door(node, address, make_keys(folder) if keys is None else keys, capture)
        nursery.start_soon(_make_blocks, door)
        yield door
        stop.set()
        nursery.cancel_scope.cancel()
