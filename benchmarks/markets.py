"""The whole market on disk: 256 subnets of 256 neurons, 64 of which are validators.

Every validator weighs the 192 others and has bonds in them, so that no epoch step is spared any of
its work. All tempos are equal, so the law alone keeps the steps apart. The blocks carry no
transactions. `steps_core_percent` is what the steps of one tempo take of one core at the blocks of
6 s that a public network has. `rss_own` leaves out the pages of the database file, which the system
takes back when it needs them. `python -m benchmarks.markets [--json]`.
"""

import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

import numpy as np
import psutil
import trio

from benchmarks.ledgers import Ledger, make_genesis, make_key, open_ledger, store_genesis
from benchmarks.measure import Figure, is_json_wanted, median, percentile, report
from consensus.ledger import keys
from consensus.ledger.events import EpochClosed
from consensus.ledger.genesis import Genesis, GenesisNeuron, GenesisStake, GenesisSubnet
from consensus.ledger.state import Draft
from consensus.ledger.subnet.records import Column, get_netuids, put_column
from consensus.ledger.tables import BOND, WEIGHT, encode_row
from consensus.ledger.transition import Applied
from consensus.params import Hyperparameters
from consensus.quantities import (
    RAO_PER_TAO,
    U16,
    U16_MAX,
    Amount,
    Hash32,
    NetUid,
    ShortText,
    TaskParams,
    Uid,
)

SUBNETS, NEURONS, VALIDATORS = 256, 256, 64
TEMPO = U16(360)
REVEAL_BLOCKS = U16(20)
BLOCK_S = 6
POOL = Amount(1_000 * RAO_PER_TAO)
ALPHA = Amount(100 * RAO_PER_TAO)
BOND_MAX = 1 << 24
OWNERS = 64
"""Coldkeys that share the neurons of a subnet."""


def make_market() -> Genesis:
    """Return a genesis with every subnet, neuron and validator's stake in place."""
    netuids = [NetUid(number) for number in range(1, SUBNETS + 1)]
    stakes = [
        GenesisStake(netuid, neuron.hotkey, neuron.coldkey, ALPHA)
        for netuid in netuids
        for neuron in _make_neurons(netuid)[:VALIDATORS]
    ]
    subnets = tuple(_make_subnet(netuid) for netuid in netuids)
    return replace(make_genesis(), stakes=tuple(stakes), subnets=subnets)


def _make_subnet(netuid: NetUid) -> GenesisSubnet:
    return GenesisSubnet(
        netuid=netuid,
        task=ShortText("text"),
        task_params=TaskParams(b""),
        owner=(_make_neurons(netuid)[0].hotkey,),
        hyper=Hyperparameters(
            tempo=TEMPO,
            reveal_blocks=REVEAL_BLOCKS,
            max_uids=U16(NEURONS),
            max_validators=U16(VALIDATORS),
        ),
        neurons=_make_neurons(netuid),
        pool_tao=POOL,
        pool_alpha=POOL,
    )


def _make_neurons(netuid: NetUid) -> tuple[GenesisNeuron, ...]:
    return tuple(
        GenesisNeuron(make_key(f"hotkey {netuid} {uid}"), make_key(f"coldkey {uid % OWNERS}"))
        for uid in range(NEURONS)
    )


def put_rows(draft: Draft) -> None:
    """Write what 64 validators of every subnet have revealed: weights on all other neurons."""
    miners = list(range(VALIDATORS, NEURONS))
    heights = np.full(NEURONS, draft.height, dtype=np.int64)
    random = np.random.default_rng(1)
    for netuid in get_netuids(draft):
        quality = random.integers(1, 40_000, len(miners), dtype=np.int64)
        for uid in range(VALIDATORS):
            noise = random.integers(0, 20_000, len(miners), dtype=np.int64)
            values = np.minimum(quality + noise, U16_MAX).tolist()
            draft.put(keys.row(netuid, Uid(uid)), encode_row(miners, values, WEIGHT))
            bonds = random.integers(1, BOND_MAX, len(miners), dtype=np.int64).tolist()
            draft.put(keys.bond_row(netuid, Uid(uid)), encode_row(miners, bonds, BOND))
        put_column(draft, netuid, Column.ACTIVE, heights)
        put_column(draft, netuid, Column.COMMITTED, heights)


async def measure_tempo(ledger: Ledger) -> dict[str, Figure]:
    """Apply the blocks of a tempo, in which every subnet makes its epoch step."""
    steps: list[int] = []
    peak = own_peak = 0
    process = psutil.Process()
    for _ in range(TEMPO):
        steps.append(_count_steps(await ledger.add()))
        memory = process.memory_info()
        peak, own_peak = max(peak, memory.rss), max(own_peak, memory.rss - memory.shared)
    cpu = [(each.apply_cpu_ms + each.commit_cpu_ms) / 1_000 for each in ledger.took]
    plain_s = median([each for each, count in zip(cpu, steps, strict=True) if not count])
    epochs_s = sum(each - plain_s for each, count in zip(cpu, steps, strict=True) if count)
    worst = max(range(TEMPO), key=lambda at: cpu[at])
    apply_ms = [each.apply_ms for each in ledger.took]
    return {
        "block_apply_p50_ms": percentile(apply_ms, 50),
        "block_apply_p99_ms": percentile(apply_ms, 99),
        "block_commit_p50_ms": percentile([each.commit_ms for each in ledger.took], 50),
        "block_cpu_without_steps_ms": round(plain_s * 1_000, 2),
        "block_cpu_worst_ms": round(cpu[worst] * 1_000, 1),
        "steps": sum(steps),
        "steps_in_a_block_max": max(steps),
        "step_cpu_ms": round(epochs_s / sum(steps) * 1_000, 2),
        "steps_cpu_s_per_tempo": round(epochs_s, 2),
        "steps_core_percent": round(100 * epochs_s / (TEMPO * BLOCK_S), 3),
        "rss_peak_mb": round(peak / 1e6),
        "rss_own_peak_mb": round(own_peak / 1e6),
    }


def _count_steps(applied: Applied) -> int:
    return sum(isinstance(event, EpochClosed) for event in applied.events)


def measure_load(ledger: Ledger) -> dict[str, Figure]:
    """Read every entry of the state from the disk once."""
    began_s = perf_counter()
    sizes = [len(key) + len(value) for key, value in ledger.state.scan(b"")]
    took_s = perf_counter() - began_s
    return {
        "state_entries": len(sizes),
        "state_mb": round(sum(sizes) / 1e6, 1),
        "state_load_s": round(took_s, 2),
    }


async def _build(folder: Path) -> Hash32:
    chain_id = await store_genesis(folder, make_market())
    async with open_ledger(folder, chain_id) as ledger:
        while ledger.state.height < TEMPO:
            await ledger.add()
        await ledger.write(put_rows)
    return chain_id


def build(folder: Path) -> Hash32:
    """Make the market in `folder`, up to the block before the first epoch is closed."""
    return trio.run(_build, folder)


async def _measure() -> dict[str, Figure]:
    with tempfile.TemporaryDirectory(prefix="neurond-bench-") as name:
        # Made by another process, so that this one's memory is that of a node and no more.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            chain_id = await trio.to_thread.run_sync(pool.submit(build, Path(name)).result)
        async with open_ledger(Path(name), chain_id) as ledger:
            load = measure_load(ledger)
            return {"subnets": SUBNETS, "neurons": SUBNETS * NEURONS, **load} | (
                await measure_tempo(ledger)
            )


if __name__ == "__main__":
    report("markets", trio.run(_measure), as_json=is_json_wanted())
