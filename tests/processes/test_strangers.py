"""Strangers send a live daemon what has crashed other nodes: it survives, and the chain goes on.

The five inputs of `docs/spec/network.md` 5 are malformed pubsub frames, forged peer ids, and
handlers or validators that raise. Ours speaks another gossip protocol, so each is sent to every
protocol it does speak, and to the one it does not.
"""

import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest
import trio

from consensus.quantities import Hash32
from consensus.verdict import Accept, Verdict
from p2p.addresses import parse_address
from p2p.errors import NetworkError, PeerGone
from p2p.host import IDENTIFY_PROTOCOL, PING_PROTOCOL, Connection, Host, HostLimits, bind_host
from p2p.network import Network, NetworkSettings, PeerUp, Topic, open_network
from p2p.wire import ASK_PROTOCOL, GOSSIP_PROTOCOL
from scripts.tools.devnet.plan import peer_address
from tests.processes.cluster import Cluster

pytestmark = pytest.mark.slow

MESHSUB = "/meshsub/1.1.0"
RNG = Random(20)
NOT_PROTOBUF = b"\x09" + b"\xff" * 9
GARBAGE_KEY = (
    b"\x2e\x12\x2c\x0a\x22\x12\x20" + RNG.randbytes(32) + b"\x32\x06" + b"\x08\x01\x12\x02\xff\xff"
)
BAD_EMBEDDED_ID = b"\x2c\x12\x2a\x0a\x26\x00\x24\x08\x01\x12\x20" + b"\xff" * 30
PAYLOADS = {
    "not protobuf": NOT_PROTOBUF,
    "sha256 id and a garbage key": GARBAGE_KEY,
    "malformed embedded id": BAD_EMBEDDED_ID,
    "random bytes": RNG.randbytes(4_096),
    "a length of 4 GiB": b"\xff\xff\xff\xff" + b"x" * 64,
    "empty frames": bytes(4_096),
    "nothing": b"",
}
PROTOCOLS = [GOSSIP_PROTOCOL, ASK_PROTOCOL, IDENTIFY_PROTOCOL, PING_PROTOCOL, MESHSUB]
TARGET = 0
ATTACK_S = 1.0
"""How long an attacker waits to be thrown out before it tries the next thing."""


@pytest.fixture
def survivor(network: Cluster) -> Cluster:
    return network


def target_address(cluster: Cluster) -> str:
    return peer_address(cluster.state.options, cluster.nodes[TARGET])


async def assert_unhurt(cluster: Cluster) -> None:
    """The daemon lives, blocks become final, and nothing in its log is a surprise to it."""
    await trio.to_thread.run_sync(lambda: cluster.wait_rise((0, 1, 2, 3), 2, 30))
    assert cluster.is_alive(TARGET)
    assert "Traceback" not in cluster.log(TARGET)


@asynccontextmanager
async def dialling(cluster: Cluster) -> AsyncGenerator[Connection]:
    """Connect as a stranger with a proven identity and no manners."""
    here = ("/ip4/127.0.0.1/tcp/0",)
    async with (
        bind_host(os.urandom(32), here, HostLimits()) as host,
        trio.open_nursery() as nursery,
    ):
        await nursery.start(_serve_nothing, host)
        with trio.fail_after(15):
            connection = await host.dial(parse_address(target_address(cluster)))
        yield connection
        nursery.cancel_scope.cancel()


async def _serve_nothing(host: Host, task_status: trio.TaskStatus[None]) -> None:
    await host.run({}, task_status)


async def _attempt(attack: Callable[[], Awaitable[object]]) -> None:
    """Attack; being thrown out is a good answer."""
    try:
        with trio.move_on_after(ATTACK_S):
            await attack()
    except (PeerGone, OSError, trio.BrokenResourceError):
        return


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_frames_that_killed_others_end_only_the_sender_s_connection(
    survivor: Cluster, protocol: str
) -> None:
    for payload in PAYLOADS.values():
        async with dialling(survivor) as connection:

            async def attack(data: bytes = payload, to: Connection = connection) -> None:
                stream = await to.open_stream(protocol)
                await stream.write(data)
                await stream.read()

            await _attempt(attack)
    await assert_unhurt(survivor)


async def test_garbage_on_the_bare_port_is_dropped(survivor: Cluster) -> None:
    port = survivor.nodes[TARGET].p2p_port
    for data in (*PAYLOADS.values(), b"\x80" * 5 + b"\x01", b"GET / HTTP/1.1\r\n\r\n"):

        async def attack(data: bytes = data) -> None:
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            async with stream:
                await stream.send_all(data)
                while await stream.receive_some(4_096):
                    pass

        await _attempt(attack)
    await assert_unhurt(survivor)


async def _accept(topic: Topic, peer: bytes, payload: bytes) -> Verdict:
    return Accept()


@asynccontextmanager
async def joined(cluster: Cluster, chain_id: Hash32) -> AsyncGenerator[Network]:
    settings = NetworkSettings(bootstrap=(target_address(cluster),))
    async with open_network(settings, os.urandom(32), chain_id, _accept, {}) as network:
        yield network


async def wait_joined(network: Network) -> None:
    with trio.fail_after(15):
        assert isinstance(await network.events.receive(), PeerUp)


def chain_id_of(cluster: Cluster) -> Hash32:
    status = cluster.status(TARGET)
    assert status is not None
    return Hash32(bytes.fromhex(status.chain_id))


async def test_a_member_that_gossips_rubbish_hurts_nobody(survivor: Cluster) -> None:
    async with joined(survivor, chain_id_of(survivor)) as network:
        await wait_joined(network)
        for topic in Topic:
            for size in (0, 1, 100, 10_000, 200_000):
                network.publish(topic, RNG.randbytes(size))
        await trio.sleep(0.5)
    await assert_unhurt(survivor)


async def test_a_node_of_another_network_is_turned_away(survivor: Cluster) -> None:
    async with joined(survivor, Hash32(bytes(32))) as network:
        await trio.sleep(3)
        assert network.peers() == ()
    await assert_unhurt(survivor)


async def test_questions_nobody_asks_are_refused(survivor: Cluster) -> None:
    async with joined(survivor, chain_id_of(survivor)) as network:
        await wait_joined(network)
        peer = parse_address(target_address(survivor)).peer_id
        assert peer is not None
        for kind in ("query", "blocks", "nonsense", ""):

            async def attack(kind: str = kind) -> None:
                await network.ask(peer, kind, RNG.randbytes(2_000), 1_000)

            with pytest.raises(NetworkError), trio.fail_after(5):
                await attack()
    await assert_unhurt(survivor)
