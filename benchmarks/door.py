"""Transactions a node's HTTP door takes per second: one a request, and lists of a hundred.

One daemon, its own validator, with blocks so far apart that it does little else. Signed transfers
of funded accounts are posted over four connections that stay open, as fast as they are answered.
`cpu_us` is the daemon's processor time per transaction: what the door takes away from agreement.
The sender runs on the same cores.
"""

from dataclasses import dataclass

import trio
from nacl.signing import SigningKey

from benchmarks.daemons import START_S, Daemons, open_daemons
from benchmarks.measure import Figure, is_json_wanted, median, report
from consensus import codec, crypto
from consensus.calls.accounts import Transfer
from consensus.ledger.genesis import GenesisAccount, compute_chain_id
from consensus.quantities import RAO_PER_TAO, Amount, Hash32, Height, Nonce
from consensus.types import Transaction
from daemon.http.many import write_many

RUNS = 3
SENDERS = 64
COUNT = 1_400
"""Transfers of one run, twice: beyond two full blocks (512 KiB) a list waits at the door."""
MANY = 100
LINES = 4
BLOCK_MS = 20_000
VALID_BLOCKS = 900


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
        size = len(self._keys)
        return [self._sign_one(chain_id, at % size, valid_until) for at in range(count)]

    def _sign_one(self, chain_id: Hash32, who: int, valid_until: Height) -> bytes:
        call = Transfer(self._public[(who + 1) % len(self._keys)], Amount(1))
        nonce = Nonce(self._nonces[who])
        self._nonces[who] += 1
        paid = Transaction(chain_id, self._public[who], nonce, valid_until, Amount(0), call)
        return codec.encode(crypto.sign_transaction(self._keys[who], paid))


class Line:
    """A connection to a door, for one request after another."""

    def __init__(self, stream: trio.SocketStream, port: int) -> None:
        self._stream = stream
        self._head = (
            f"POST /chain/transactions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            "Content-Type: application/cbor\r\nContent-Length: "
        )

    async def post(self, body: bytes) -> tuple[int, bytes]:
        """Hand in a body; return the status and the answer's body."""
        await self._stream.send_all(f"{self._head}{len(body)}\r\n\r\n".encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += await self._receive()
        head, _, found = answer.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(found) < size:
            found += await self._receive()
        return int(head.split()[1]), found

    async def _receive(self) -> bytes:
        data = await self._stream.receive_some()
        assert data, "the door hung up"
        return data


async def open_line(port: int) -> Line:
    """Connect to the door on `port` of this machine."""
    return Line(await trio.open_tcp_stream("127.0.0.1", port), port)


@dataclass(frozen=True, slots=True)
class Run:
    """How fast one door took transactions, and what each cost it."""

    per_s: float
    cpu_us: float


async def measure_run(daemons: Daemons, bodies: list[bytes], count: int) -> Run:
    """Return how fast the door takes `bodies`, which hold `count` transactions."""
    waiting = iter(bodies)

    async def post_all() -> None:
        line = await open_line(daemons.nodes[0].api_port)
        for body in waiting:
            status, answer = await line.post(body)
            assert status in {200, 202}, answer
            assert b'"error":{' not in answer, answer

    process = daemons.process(0)
    before, began_s = process.cpu_times(), trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(LINES):
            nursery.start_soon(post_all)
    took_s, after = trio.current_time() - began_s, process.cpu_times()
    cpu_s = after.user + after.system - before.user - before.system
    return Run(count / took_s, cpu_s / count * 1e6)


async def _measure() -> dict[str, Figure]:
    single: list[Run] = []
    many: list[Run] = []
    for _ in range(RUNS):
        wallets = Wallets(SENDERS)
        async with open_daemons(
            nodes=1, block_ms=BLOCK_MS, accounts=wallets.accounts, rate_per_s=1e6
        ) as daemons:
            daemons.start([0])
            chain_id = compute_chain_id(daemons.genesis)
            transfers = wallets.sign(chain_id, 2 * COUNT, Height(VALID_BLOCKS))
            await daemons.wait_height([0], 1, START_S)
            single.append(await measure_run(daemons, transfers[:COUNT], COUNT))
            lists = [
                write_many(transfers[start : start + MANY])
                for start in range(COUNT, 2 * COUNT, MANY)
            ]
            many.append(await measure_run(daemons, lists, COUNT))
    return {
        "single_per_s": median([run.per_s for run in single]),
        "single_cpu_us": median([run.cpu_us for run in single]),
        f"lists_of_{MANY}_per_s": median([run.per_s for run in many]),
        f"lists_of_{MANY}_cpu_us": median([run.cpu_us for run in many]),
    }


if __name__ == "__main__":
    report("door", trio.run(_measure), as_json=is_json_wanted())
