"""Ask another process: round trip one at a time, and asks per second with many in flight.

The answer of 200 B goes through everything a real one does: quotas and deadlines on, question and
answer decoded and encoded as canonical CBOR on both sides. Medians of `RUNS` runs.
"""

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import trio

from benchmarks.measure import Figure, is_json_wanted, median, percentile, report
from consensus import codec
from consensus.quantities import U64, Hash32, Signature
from consensus.verdict import Accept, Verdict
from p2p.network import Network, NetworkSettings, Topic, open_network

CHAIN = Hash32(bytes(32))
RUNS = 5
ALONE = 1_500
FLOOD = 8_000
IN_FLIGHT = (8, 32, 128)


@dataclass(frozen=True, slots=True)
class Note:
    """A question or answer of 200 bytes on the wire."""

    number: U64
    first: Signature
    second: Signature
    third: Signature


class Line(Protocol):
    """One end of a pipe between processes."""

    def send(self, obj: object, /) -> None:
        """Send a value to the other end."""

    def recv(self) -> object:
        """Wait for a value from the other end."""
        ...


def _make_note(number: int) -> Note:
    filler = Signature(bytes(64))
    return Note(U64(2**32 + number), filler, Signature(b"\1" * 64), Signature(b"\2" * 62 + b"ab"))


async def _judge(_: Topic, __: bytes, ___: bytes) -> Verdict:
    return Accept()


async def _answer(_: bytes, payload: bytes) -> bytes:
    note = codec.decode(Note, payload, 1_024)
    return codec.encode(_make_note(note.number - 2**32))


def _serve(pipe: Line) -> None:
    async def main() -> None:
        answers = {"note": _answer}
        async with open_network(NetworkSettings(), b"s" * 32, CHAIN, _judge, answers) as network:
            pipe.send(network.addresses[0])
            await trio.to_thread.run_sync(pipe.recv)

    trio.run(main)


async def _ask_alone(network: Network, peer: bytes) -> list[float]:
    times: list[float] = []
    for number in range(ALONE):
        start = perf_counter()
        await _ask_once(network, peer, number)
        times.append((perf_counter() - start) * 1_000)
    return times


async def _ask_once(network: Network, peer: bytes, number: int) -> None:
    with trio.fail_after(5):
        answer = await network.ask(peer, "note", codec.encode(_make_note(number)), 1_024)
    assert codec.decode(Note, answer, 1_024).number == 2**32 + number


async def _ask_many(network: Network, peer: bytes, in_flight: int) -> tuple[float, list[float]]:
    numbers = iter(range(FLOOD))
    times: list[float] = []

    async def worker() -> None:
        for number in numbers:
            start = perf_counter()
            await _ask_once(network, peer, number)
            times.append((perf_counter() - start) * 1_000)

    start = perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(in_flight):
            nursery.start_soon(worker)
    return FLOOD / (perf_counter() - start), times


async def _measure(address: str) -> dict[str, Figure]:
    figures: dict[str, Figure] = {"payload_bytes": len(codec.encode(_make_note(0)))}
    async with open_network(NetworkSettings(), b"c" * 32, CHAIN, _judge, {}) as network:
        peer = await network.connect(address)
        await _ask_alone(network, peer)
        alone = [await _ask_alone(network, peer) for _ in range(RUNS)]
        figures["alone_p50_ms"] = median([percentile(run, 50) for run in alone])
        figures["alone_p99_ms"] = median([percentile(run, 99) for run in alone])
        figures["alone_asks_per_s"] = median([1_000 * len(run) / sum(run) for run in alone])
        for in_flight in IN_FLIGHT:
            runs = [await _ask_many(network, peer, in_flight) for _ in range(RUNS)]
            figures[f"in_flight_{in_flight}_asks_per_s"] = median([rate for rate, _ in runs])
            figures[f"in_flight_{in_flight}_p50_ms"] = median([percentile(t, 50) for _, t in runs])
    return figures


def measure() -> dict[str, Figure]:
    """Return the figures, with the answering side in a process of its own."""
    return with_process(_serve, lambda pipe: trio.run(_measure, str(pipe.recv())))


def with_process(
    target: Callable[[Line], None], work: Callable[[Line], dict[str, Figure]]
) -> dict[str, Figure]:
    """Return what `work` finds while `target` runs in another process, joined by a pipe."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = multiprocessing.Pipe()
    process = context.Process(target=target, args=(theirs,), daemon=True)
    process.start()
    try:
        figures = work(ours)
        ours.send("end")
        process.join(5)
    finally:
        process.kill()
    return figures


if __name__ == "__main__":
    report("ask", measure(), as_json=is_json_wanted())
