"""Real networks on loopback for the tests of this room."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import trio

from consensus.quantities import Hash32
from consensus.verdict import Accept, Verdict
from p2p.network import Answer, Network, NetworkSettings, PeerUp, Topic, open_network

CHAIN = Hash32(b"c" * 32)
SETTINGS = NetworkSettings()


class Recorder:
    """A judge that keeps what it was asked and answers `verdict`."""

    def __init__(self, verdict: Verdict | None = None) -> None:
        self.verdict: Verdict = Accept() if verdict is None else verdict
        self.got: list[tuple[Topic, bytes, bytes]] = []
        self._came = trio.lowlevel.ParkingLot()

    async def __call__(self, topic: Topic, peer: bytes, payload: bytes) -> Verdict:
        self.got.append((topic, peer, payload))
        self._came.unpark_all()
        return self.verdict

    async def wait(self, count: int) -> None:
        """Return when `count` messages were judged; fail after 5 s."""
        with trio.fail_after(5):
            while len(self.got) < count:
                await self._came.park()

    @property
    def payloads(self) -> list[bytes]:
        return [payload for _, _, payload in self.got]


@asynccontextmanager
async def open_node(
    number: int,
    judge: Callable[..., object] | None = None,
    answers: Mapping[str, Answer] | None = None,
    settings: NetworkSettings = SETTINGS,
    chain: Hash32 = CHAIN,
) -> AsyncGenerator[Network]:
    """Open node `number`, accepting everything unless told otherwise."""
    chosen = Recorder() if judge is None else judge
    seed = number.to_bytes(32, "big")
    async with open_network(settings, seed, chain, chosen, answers or {}) as network:  # type: ignore[arg-type]
        yield network


@asynccontextmanager
async def open_pair(
    judge: Callable[..., object] | None = None,
    answers: Mapping[str, Answer] | None = None,
    settings: NetworkSettings = SETTINGS,
) -> AsyncGenerator[tuple[Network, Network]]:
    """Open nodes 1 and 2, connected; `judge`, `answers` and `settings` are those of node 2."""
    async with (
        open_node(1) as one,
        open_node(2, judge, answers, settings) as two,
    ):
        await one.connect(two.addresses[0])
        await wait_peers(two, 1)
        yield one, two


async def wait_peers(network: Network, count: int, limit_s: float = 8.0) -> None:
    """Return when `network` has exactly `count` peers; fail after `limit_s`."""
    await wait_until(lambda: len(network.peers()) == count, limit_s)


async def wait_until(is_true: Callable[[], bool], limit_s: float = 5.0) -> None:
    """Return when `is_true`; fail after `limit_s`."""
    with trio.fail_after(limit_s):
        while not is_true():  # noqa: ASYNC110 - any condition at all
            await trio.sleep(0.005)


def bootstrapped(network: Network, settings: NetworkSettings = SETTINGS) -> NetworkSettings:
    """Return `settings` with `network` as the peer to begin with."""
    return replace(settings, bootstrap=network.addresses)


__all__ = [
    "CHAIN", "Network", "NetworkSettings", "PeerUp", "Recorder", "Topic",
    "bootstrapped", "open_node", "open_pair", "wait_peers", "wait_until",
]  # fmt: skip
