"""Transfers among a million accounts on disk: rules, Merkle tree and durable commit; and proofs.

Signatures are left out, for a node checks them when a transaction reaches it. Payers and payees are
drawn anew for every block, so nearly every account it touches comes from the disk. Rates are of one
core, per second of wall time and per second of the process's own time (`cpu`), which other work on
the machine disturbs less. `python -m benchmarks.accounts [--json]`.
"""

import gc
import tempfile
from collections import Counter
from pathlib import Path
from random import Random
from time import perf_counter, process_time

import trio

from benchmarks.ledgers import Ledger, make_genesis, make_key, open_ledger, store_genesis
from benchmarks.measure import Figure, is_json_wanted, median, report
from consensus import merkle
from consensus.calls.accounts import Transfer
from consensus.ledger import keys
from consensus.ledger.genesis import GenesisAccount
from consensus.ledger.records import get_network
from consensus.ledger.state import State
from consensus.quantities import RAO_PER_TAO, Amount, Hash32, Height, Nonce, PublicKey, Signature
from consensus.types import SignedTransaction, Transaction

ACCOUNTS = 1_000_000
BLOCKS, TRANSFERS = 15, 1_000
WARM_BLOCKS = 2
PROOFS = 300
BALANCE = Amount(RAO_PER_TAO)
NO_SIGNATURE = Signature(bytes(64))


class Traffic:
    """Transfers between accounts drawn at random; no payer twice in a block."""

    def __init__(self, accounts: list[PublicKey]) -> None:
        self._accounts = accounts
        self._nonces: Counter[PublicKey] = Counter()
        self._random = Random(1)

    def make(self, state: State, count: int) -> list[SignedTransaction]:
        """Return `count` transfers for the block after `state`."""
        chain_id = get_network(state).chain_id
        chosen = self._random.sample(self._accounts, 2 * count)
        return [
            self._pay(chain_id, Height(state.height + 100), payer, payee)
            for payer, payee in zip(chosen[:count], chosen[count:], strict=True)
        ]

    def _pay(
        self, chain_id: Hash32, valid_until: Height, payer: PublicKey, payee: PublicKey
    ) -> SignedTransaction:
        nonce = Nonce(self._nonces[payer])
        self._nonces[payer] += 1
        call = Transfer(payee, Amount(1_000))
        paid = Transaction(chain_id, payer, nonce, valid_until, Amount(0), call)
        return SignedTransaction(paid, NO_SIGNATURE)


class CountingReader:
    """A state's Merkle nodes, counting who asks."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.reads = 0

    def get_node(self, path: bytes) -> bytes | None:
        """Return the stored node at `path`."""
        self.reads += 1
        return self._state.get_node(path)


async def measure_transfers(ledger: Ledger, traffic: Traffic) -> dict[str, Figure]:
    """Apply blocks of transfers and store them; return the rates, with the commit and without."""
    for _ in range(WARM_BLOCKS + BLOCKS):
        applied = await ledger.add(traffic.make(ledger.state, TRANSFERS))
        assert all(receipt.code == 0 for receipt in applied.receipts)
    took = ledger.took[WARM_BLOCKS:]
    per_s = TRANSFERS * 1_000
    return {
        "apply_per_s": median([per_s / each.apply_ms for each in took]),
        "apply_per_cpu_s": median([per_s / each.apply_cpu_ms for each in took]),
        "with_commit_per_s": median([per_s / (each.apply_ms + each.commit_ms) for each in took]),
        "with_commit_per_cpu_s": median(
            [per_s / (each.apply_cpu_ms + each.commit_cpu_ms) for each in took]
        ),
    }


def measure_tree(state: State, accounts: list[PublicKey]) -> dict[str, Figure]:
    """Update the tree by blocks of new balances that are not kept; return what a key costs."""
    random = Random(3)
    spent: list[float] = []
    reads = writes = count = 0
    for _ in range(BLOCKS):
        chosen = random.sample(accounts, 2 * TRANSFERS)
        changes = dict.fromkeys(map(keys.account, chosen), bytes(16))
        counting = CountingReader(state)
        began_s = process_time()
        _, written = merkle.update(counting, changes)
        spent.append((process_time() - began_s) / len(changes) * 1e6)
        reads, writes = reads + counting.reads, writes + len(written)
        count += len(changes)
    return {
        "merkle_cpu_us_per_key": median(spent),
        "merkle_reads_per_key": round(reads / count, 2),
        "merkle_writes_per_key": round(writes / count, 2),
    }


def measure_proofs(state: State, accounts: list[PublicKey]) -> dict[str, Figure]:
    """Return how large a proof of one account is, and what making and checking it costs."""
    random = Random(2)
    chosen = [keys.account(key) for key in random.sample(accounts, PROOFS)]
    made: list[float] = []
    checked: list[float] = []
    sizes: list[float] = []
    for key in chosen:
        value = state.get(key)
        began_s = perf_counter()
        proof = merkle.prove(state, key)
        made_s = perf_counter()
        assert merkle.verify(state.root, key, value, proof)
        checked.append((perf_counter() - made_s) * 1e6)
        made.append((made_s - began_s) * 1e6)
        sizes.append(32.0 * (len(proof.siblings) + len(proof.other)))
    return {
        "proof_bytes": median(sizes),
        "proof_make_us": median(made),
        "proof_check_us": median(checked),
    }


async def _measure() -> dict[str, Figure]:
    accounts = [make_key(f"account {number}") for number in range(ACCOUNTS)]
    with tempfile.TemporaryDirectory(prefix="neurond-bench-") as name:
        genesis = make_genesis(tuple(GenesisAccount(key, BALANCE) for key in accounts))
        chain_id = await store_genesis(Path(name), genesis)
        del genesis
        gc.collect()
        gc.freeze()  # as a node does once it runs
        async with open_ledger(Path(name), chain_id) as ledger:
            return {
                "accounts": ACCOUNTS,
                **await measure_transfers(ledger, Traffic(accounts)),
                **measure_tree(ledger.state, accounts),
                **measure_proofs(ledger.state, accounts),
            }


if __name__ == "__main__":
    report("accounts", trio.run(_measure), as_json=is_json_wanted())
