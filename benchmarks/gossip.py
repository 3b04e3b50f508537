"""Gossip between nodes on loopback: delivery, latency, and CPU per message and node.

All nodes share one process (and so one core), so CPU per message and node is the portable figure:
the process's CPU time over messages x nodes, with every message decoded by every judge and no
signature checked. The last second of a run waits for stragglers: what has not come then is lost.
"""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from time import perf_counter, process_time

import trio

from benchmarks.measure import Figure, is_json_wanted, median, percentile, report
from consensus import codec
from consensus.quantities import U64, Hash32, Signature
from consensus.verdict import Accept, Verdict
from p2p.network import Judge, Network, NetworkSettings, Topic, open_network

CHAIN = Hash32(bytes(32))
RUNS = 3
SECONDS = 3
PLAN = ((4, 50), (4, 200), (4, 1_000), (8, 50), (16, 50))
"""Nodes and messages per second of each measurement."""


@dataclass(frozen=True, slots=True)
class Note:
    """A message of 200 bytes on the wire, with the time it was made in µs."""

    made_us: U64
    number: U64
    first: Signature
    second: Signature
    third: Signature


@dataclass(frozen=True, slots=True)
class Node:
    """One network and when each message reached it, in ms after it was made."""

    network: Network
    latencies_ms: list[float]


@asynccontextmanager
async def open_nodes(count: int) -> AsyncGenerator[list[Node]]:
    """Open `count` nodes, all of which know the first, and wait until they form one network."""
    nodes: list[Node] = []
    async with AsyncExitStack() as stack:
        for number in range(count):
            latencies: list[float] = []
            known = [node.network.addresses[0] for node in nodes]
            settings = NetworkSettings(bootstrap=tuple(known))
            seed = number.to_bytes(32, "big")
            judge = _make_judge(latencies)
            opened = open_network(settings, seed, CHAIN, judge, {})
            nodes.append(Node(await stack.enter_async_context(opened), latencies))
        wanted = min(count - 1, 6)
        with trio.fail_after(60):
            while any(  # noqa: ASYNC110 - many networks, no one event
                node.network.stats()["mesh_peers"] < wanted for node in nodes
            ):
                await trio.sleep(0.1)
        yield nodes


def _make_judge(latencies_ms: list[float]) -> Judge:
    async def judge(_: Topic, __: bytes, payload: bytes) -> Verdict:
        note = codec.decode(Note, payload, 1_024)
        latencies_ms.append(perf_counter() * 1e3 - note.made_us / 1e3)
        return Accept()

    return judge


async def _run(nodes: list[Node], rate: int) -> dict[str, float]:
    for node in nodes:
        node.latencies_ms.clear()
    total = rate * SECONDS
    cpu, start = process_time(), trio.current_time()
    for number in range(total):
        await trio.sleep_until(start + number / rate)
        filler = Signature(number.to_bytes(64, "big"))
        note = Note(U64(int(perf_counter() * 1e6)), U64(number), filler, filler, filler)
        nodes[number % len(nodes)].network.publish(Topic.TX, codec.encode(note))
    await trio.sleep(1)
    latencies = [latency for node in nodes for latency in node.latencies_ms]
    return {
        "delivered_percent": 100 * len(latencies) / (total * (len(nodes) - 1)),
        "p50_ms": percentile(latencies, 50),
        "p99_ms": percentile(latencies, 99),
        "cpu_ms_per_message_node": (process_time() - cpu) * 1e3 / total / len(nodes),
    }


async def _measure() -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for count, rate in PLAN:
        async with open_nodes(count) as nodes:
            await _run(nodes, rate)
            runs = [await _run(nodes, rate) for _ in range(RUNS)]
        for key in runs[0]:
            figures[f"nodes_{count}_rate_{rate}_{key}"] = median([run[key] for run in runs])
    return figures


if __name__ == "__main__":
    report("gossip", trio.run(_measure), as_json=is_json_wanted())
