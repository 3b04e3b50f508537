"""Committed transfers per second: four daemons as processes on this machine's cores, 1 s blocks.

Signed transfers between funded accounts are handed to the four HTTP doors in turn, lists of 25, at
a steady rate; the nodes gossip them, agree on blocks of them and pay them. What counts is
what every node's ledger did (`neurond_transactions` with result ok) over a steady window, so lost
or refused transfers are missing from it. The sender runs on the same cores. `cpu_us` is a node's
processor time per committed transfer: what it took of a machine that others use too.
"""

import json
from dataclasses import dataclass
from http import HTTPStatus

import trio

from benchmarks.daemons import START_S, Daemons, Final, open_daemons
from benchmarks.door import Wallets, open_line
from benchmarks.measure import Figure, is_json_wanted, median, percentile, report
from consensus.ledger.genesis import compute_chain_id
from consensus.quantities import Height
from daemon.http.many import write_many

RUNS = 3
RATES = (500, 1_000, 2_000)
"""Transfers offered per second, one window each; the last is more than blocks of 256 KiB hold."""
WARM_S, WINDOW_S = 5.0, 15.0
SENDERS = 64
MANY = 25
"""Transfers in one request: what a busy wallet collects in a moment."""
LINES = 4
"""Connections to each door: each has one request under way."""
VALID_BLOCKS = 900
OK = "neurond_transactions_total{result=ok}"


@dataclass(frozen=True, slots=True)
class Window:
    """What was seen while transfers came at `rate` per second."""

    rate: int
    committed_per_s: float
    cpu_us: float
    refused: int
    finality_ms: list[float]


class Sender:
    """Posts transfers to every door at a steady rate, over connections that stay open."""

    def __init__(self, daemons: Daemons, transfers: list[bytes]) -> None:
        self._ports = [node.api_port for node in daemons.nodes]
        self._lists = [transfers[at : at + MANY] for at in range(0, len(transfers), MANY)]
        self._give, self._take = trio.open_memory_channel[list[bytes]](len(self._lists))
        self.refused = 0

    async def run(self, rate: int) -> None:
        """Send everything, `rate` per second; slower if the doors don't keep up."""
        async with trio.open_nursery() as nursery:
            for port in self._ports * LINES:
                nursery.start_soon(self._post_all, port)
            begin_s = trio.current_time()
            with self._give:
                for number, transfers in enumerate(self._lists):
                    await trio.sleep_until(begin_s + number * MANY / rate)
                    await self._give.send(transfers)

    async def _post_all(self, port: int) -> None:
        line = await open_line(port)
        async for transfers in self._take:
            status, answer = await line.post(write_many(transfers))
            accepted = json.loads(answer)["accepted"] if status == HTTPStatus.OK else 0
            self.refused += len(transfers) - accepted


async def measure_window(rate: int) -> Window:
    """Return what four fresh nodes commit while transfers come at `rate` per second."""
    wallets = Wallets(SENDERS)
    async with open_daemons(accounts=wallets.accounts, rate_per_s=1e6) as daemons:
        everyone = range(len(daemons.nodes))
        daemons.start(everyone)
        transfers = wallets.sign(
            compute_chain_id(daemons.genesis), int(rate * (WARM_S + WINDOW_S)), Height(VALID_BLOCKS)
        )
        await daemons.wait_height(everyone, 3, START_S)
        sender = Sender(daemons, transfers)
        seen: list[list[Final]] = [[] for _ in everyone]
        async with trio.open_nursery() as nursery:
            for index in everyone:
                nursery.start_soon(daemons.collect_finals, index, seen[index])
            nursery.start_soon(sender.run, rate)
            await trio.sleep(WARM_S)
            cpu_s = _get_cpu_s(daemons)
            committed = await _committed_per_s(daemons, seen)
            cpu_us = (_get_cpu_s(daemons) - cpu_s) / WINDOW_S / max(1.0, committed) * 1e6
            nursery.cancel_scope.cancel()
    finality = [float(final.finality_ms) for finals in seen for final in finals]
    return Window(rate, committed, cpu_us, sender.refused, finality)


def _get_cpu_s(daemons: Daemons) -> float:
    """Return the processor time of a node so far, on average over them."""
    times = [daemons.process(index).cpu_times() for index in range(len(daemons.nodes))]
    return sum(each.user + each.system for each in times) / len(times)


async def _committed_per_s(daemons: Daemons, seen: list[list[Final]]) -> float:
    """Return the rate of ok transfers by the slowest node, between two final blocks of each."""
    begin = [len(finals) for finals in seen]
    before = [(await daemons.figures(index))[OK] for index in range(len(seen))]
    began_s = trio.current_time()
    await trio.sleep(WINDOW_S)
    after = [(await daemons.figures(index))[OK] for index in range(len(seen))]
    took_s = trio.current_time() - began_s
    for finals, first in zip(seen, begin, strict=True):
        del finals[:first]
    return min(now - then for now, then in zip(after, before, strict=True)) / took_s


async def _measure() -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for rate in RATES:
        windows = [await measure_window(rate) for _ in range(RUNS)]
        name = f"offered_{rate}"
        figures[f"{name}_committed_per_s"] = median([w.committed_per_s for w in windows])
        figures[f"{name}_cpu_us"] = median([w.cpu_us for w in windows])
        figures[f"{name}_refused"] = sum(w.refused for w in windows)
        for percent in (50, 99):
            values = [percentile(w.finality_ms, percent) for w in windows]
            figures[f"{name}_finality_p{percent}_ms"] = median(values)
    return figures


if __name__ == "__main__":
    report("throughput", trio.run(_measure), as_json=is_json_wanted())
