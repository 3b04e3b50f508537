"""Committed transfers per second: four daemons as processes on this machine's cores, 1 s blocks.

Signed transfers between funded accounts are handed to the four HTTP doors in turn, one request
each, at a steady rate; the nodes gossip them, agree on blocks of them and pay them. What counts is
what every node's ledger did (`neurond_transactions` with result ok) over a steady window, so lost
or refused transfers are missing from it. The sender runs on the same cores.
"""

from dataclasses import dataclass

import trio
from nacl.signing import SigningKey

from benchmarks.daemons import START_S, Daemons, Final, open_daemons
from benchmarks.measure import Figure, is_json_wanted, median, percentile, report
from consensus import codec, crypto
from consensus.calls.accounts import Transfer
from consensus.ledger.genesis import GenesisAccount, compute_chain_id
from consensus.quantities import RAO_PER_TAO, Amount, Hash32, Height, Nonce
from consensus.types import Transaction

RUNS = 3
RATES = (500, 700)
"""Transfers offered per second, one window each."""
WARM_S, WINDOW_S = 5.0, 15.0
SENDERS = 64
LINES = 4
"""Connections to each door: each has one request under way."""
VALID_BLOCKS = 900
OK = "neurond_transactions_total{result=ok}"


@dataclass(frozen=True, slots=True)
class Window:
    """What was seen while transfers came at `rate` per second."""

    rate: int
    committed_per_s: float
    refused: int
    finality_ms: list[float]


class Wallets:
    """Accounts that pay each other a rao at a time, in turn."""

    def __init__(self, count: int) -> None:
        seeds = [crypto.hash32(b"wallet", bytes([number])) for number in range(count)]
        self._keys = [SigningKey(seed) for seed in seeds]
        self._public = [crypto.compute_public_key(seed) for seed in seeds]
        self._nonces = [0] * count

    @property
    def accounts(self) -> tuple[GenesisAccount, ...]:
        """Return what genesis gives them."""
        return tuple(GenesisAccount(key, Amount(1_000 * RAO_PER_TAO)) for key in self._public)

    def sign(self, chain_id: Hash32, count: int, valid_until: Height) -> list[bytes]:
        """Return the encodings of the next `count` transfers."""
        return [self._sign_one(chain_id, at % SENDERS, valid_until) for at in range(count)]

    def _sign_one(self, chain_id: Hash32, who: int, valid_until: Height) -> bytes:
        call = Transfer(self._public[(who + 1) % SENDERS], Amount(1))
        nonce = Nonce(self._nonces[who])
        self._nonces[who] += 1
        paid = Transaction(chain_id, self._public[who], nonce, valid_until, Amount(0), call)
        return codec.encode(crypto.sign_transaction(self._keys[who], paid))


class Sender:
    """Posts transfers to every door at a steady rate, over connections that stay open."""

    def __init__(self, daemons: Daemons, transfers: list[bytes]) -> None:
        self._ports = [node.api_port for node in daemons.nodes]
        self._give, self._take = trio.open_memory_channel[bytes](len(transfers))
        self._transfers = transfers
        self.refused = 0

    async def run(self, rate: int) -> None:
        """Send everything, `rate` per second; slower if the doors don't keep up."""
        async with trio.open_nursery() as nursery:
            for port in self._ports * LINES:
                nursery.start_soon(self._post_all, port)
            begin_s = trio.current_time()
            with self._give:
                for number, transfer in enumerate(self._transfers):
                    await trio.sleep_until(begin_s + number / rate)
                    await self._give.send(transfer)

    async def _post_all(self, port: int) -> None:
        line = await trio.open_tcp_stream("127.0.0.1", port)
        head = (
            f"POST /chain/transactions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            "Content-Type: application/cbor\r\nContent-Length: "
        )
        async with line:
            async for transfer in self._take:
                await line.send_all(f"{head}{len(transfer)}\r\n\r\n".encode() + transfer)
                answer = b""
                while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
                    answer += await line.receive_some()
                self.refused += not answer.startswith(b"HTTP/1.1 202")


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
            committed = await _committed_per_s(daemons, seen)
            nursery.cancel_scope.cancel()
    finality = [float(final.finality_ms) for finals in seen for final in finals]
    return Window(rate, committed, sender.refused, finality)


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
        figures[f"{name}_refused"] = sum(w.refused for w in windows)
        for percent in (50, 99):
            values = [percentile(w.finality_ms, percent) for w in windows]
            figures[f"{name}_finality_p{percent}_ms"] = median(values)
    return figures


if __name__ == "__main__":
    report("throughput", trio.run(_measure), as_json=is_json_wanted())
