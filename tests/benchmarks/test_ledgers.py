"""A benchmark's ledger does with a block what a node does, and finds its head again."""

from pathlib import Path

import pytest

from benchmarks.accounts import Traffic, measure_tree
from benchmarks.ledgers import Ledger, make_genesis, make_key, open_ledger, store_genesis
from consensus.ledger.genesis import GenesisAccount
from consensus.ledger.records import get_account
from consensus.ledger.state import Draft
from consensus.quantities import Amount

KEYS = [make_key(f"account {number}") for number in range(20)]
BALANCE = 10**9


async def _fill(ledger: Ledger, blocks: int) -> None:
    traffic = Traffic(KEYS)
    for _ in range(blocks):
        applied = await ledger.add(traffic.make(ledger.state, 5))
        assert [receipt.code for receipt in applied.receipts] == [0] * 5


async def test_transfers_are_paid_and_kept(tmp_path: Path):
    accounts = tuple(GenesisAccount(key, Amount(BALANCE)) for key in KEYS)
    chain_id = await store_genesis(tmp_path, make_genesis(accounts))
    async with open_ledger(tmp_path, chain_id) as ledger:
        await _fill(ledger, 3)
        root, took = ledger.state.root, ledger.took
        assert len(took) == 3
        assert all(each.apply_ms > 0 < each.commit_ms for each in took)
    async with open_ledger(tmp_path, chain_id) as ledger:
        assert (ledger.state.height, ledger.state.root) == (3, root)
        found = [get_account(ledger.state, key) for key in KEYS]
        assert sum(account.nonce for account in found) == 15
        assert sum(account.free for account in found) < len(KEYS) * BALANCE  # fees are burned


async def test_what_is_written_between_blocks_is_part_of_the_next(tmp_path: Path):
    chain_id = await store_genesis(tmp_path, make_genesis())

    def change(draft: Draft) -> None:
        draft.put(b"\xff key", b"value")

    async with open_ledger(tmp_path, chain_id) as ledger:
        await ledger.write(change)
        await ledger.add()
        assert ledger.state.get(b"\xff key") == b"value"
        assert ledger.state.height == 2


async def test_measuring_the_tree_leaves_it_alone(tmp_path: Path):
    accounts = tuple(GenesisAccount(key, Amount(BALANCE)) for key in KEYS)
    chain_id = await store_genesis(tmp_path, make_genesis(accounts))
    async with open_ledger(tmp_path, chain_id) as ledger:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("benchmarks.accounts.TRANSFERS", 3)
            figures = measure_tree(ledger.state, KEYS)
        assert figures["merkle_reads_per_key"] == figures["merkle_writes_per_key"]
        await _fill(ledger, 1)
