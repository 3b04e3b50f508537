"""Open everything a node keeps, check whose it is and that it is whole, close it in order.

A data folder holds `lock` (one daemon at a time), `chain` and `sign` (two LMDB environments).
Before this process maps a file, a child process opens and scans it (`storage/check.py`): a damaged
file kills whoever maps it, and no handler can help.

`persist` keeps the order in which things must become durable (`docs/spec/agreement.md` 2.9): bodies
and certificates, then the votes that depend on them, in one thread call. `finalize` is one
transaction: blocks, certificate, state and receipts, and with an era's last block the hand-off to
the next.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from consensus.crypto import compute_header_digest
from consensus.quantities import Hash32
from consensus.types import Block, Certificate, HandOff, Proposal, Receipt, Vote
from storage.blocks import Blocks, StoredHead
from storage.boot import check_folder, lock_folder
from storage.db import Database, Run, open_database, run_in_thread
from storage.errors import WrongOrder
from storage.journal import Journal
from storage.peers import Peers
from storage.schema import Txn, process_identity
from storage.standings import Standings
from storage.states import States, Written


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """How much the store may take and keep. Sizes in bytes."""

    chain_bytes_max: int = 64 << 30
    """Largest `chain` environment; address space is reserved, disk is used as needed."""
    sign_bytes_max: int = 64 << 20
    """Largest `sign` environment; it holds some hundred rows."""
    cache_bytes: int = 32 << 20
    """Rows of the newest state kept in memory."""
    history_blocks: int = 1_024
    """How many heights below the head stay readable, and their transactions found by id."""


@dataclass(frozen=True, slots=True)
class FinalBlock:
    """A block that became final, and what executing it did; `root` is the state's after it."""

    block: Block
    digest: Hash32
    root: Hash32
    receipts: tuple[Receipt, ...]
    changes: Mapping[bytes, bytes | None]
    nodes: Mapping[bytes, bytes | None]


@dataclass(frozen=True, slots=True)
class EraEnd:
    """What is stored with an era's last block: the hand-off, and the seals up to its header."""

    hand_off: HandOff
    seals: tuple[Block, ...]


class Store:
    """Everything a node keeps, open."""

    __slots__ = ("_chain", "_run", "_sign", "blocks", "journal", "peers", "standings", "states")

    def __init__(self, chain: Database, sign: Database, settings: StoreSettings, run: Run) -> None:
        self._chain = chain
        self._sign = sign
        self._run = run
        self.journal = Journal(sign, chain)
        self.blocks = Blocks(chain)
        head = self.blocks.head()
        self.states = States(
            chain,
            head=-1 if head is None else head.height,
            cache_bytes=settings.cache_bytes,
            history_blocks=settings.history_blocks,
        )
        self.standings = Standings(chain)
        self.peers = Peers(chain)

    @property
    def databases(self) -> tuple[Database, Database]:
        """The environments, for figures about their size: chain, sign."""
        return self._chain, self._sign

    async def persist(
        self,
        *,
        votes: Sequence[Vote] = (),
        blocks: Sequence[Proposal | Block] = (),
        certificates: Sequence[Certificate] = (),
    ) -> None:
        """Make everything durable: blocks and certificates first, then the votes that need them.

        When it returns, the votes may be sent.

        Raises:
            DoubleVote, JournalLost: see `Journal.append`; blocks and certificates are kept.
            StorageFull, StorageFailed, Corrupt: see `Database.write`.
        """

        def put(txn: Txn) -> None:
            for item in blocks:
                self.blocks.put_block(txn, item)
            for certificate in certificates:
                self.blocks.put_certificate(txn, certificate)

        def work() -> None:
            self._chain.write_now(put)
            if votes:
                self.journal.append_now(votes)

        if blocks or certificates:
            await self._chain.run(work)
        elif votes:
            await self.journal.append(votes)

    async def finalize(
        self,
        finals: Sequence[FinalBlock],
        certificate: Certificate | None,
        ended: EraEnd | None = None,
    ) -> StoredHead:
        """Append `finals`, oldest first, to the chain in one durable transaction.

        `certificate` made the last of them final; it is None for genesis alone. `ended` comes with
        an era's last block. Proposals and certificates of views now passed are forgotten, and so
        are states beyond the history kept.

        Raises:
            WrongOrder: they do not follow the stored head; nothing was written.
            StorageFull, StorageFailed, Corrupt: see `Database.write`; nothing was written.
        """
        last = finals[-1]
        header = last.block.header
        view = header.view if certificate is None else certificate.view
        head = StoredHead(header.height, header.era, view, last.digest, last.root, certificate)

        def put(txn: Txn) -> list[Written]:
            if ended is not None:
                self.blocks.put_hand_off(txn, ended.hand_off, ended.seals)
            return self._finalize(txn, finals, head)

        def work() -> None:
            for written in self._chain.write_now(put):
                self.states.advance(written)

        _check_certificate(head, ended)
        await self._chain.run(work)
        if ended is None:
            self.journal.forget_below(head.era, head.view)
        else:
            self.journal.forget_below(head.era + 1, 0)
        return head

    async def accept_journal_loss(self) -> None:
        """Let a new journal sign, if `docs/spec/agreement.md` 2.9 allows; see `Journal.is_new`."""
        await self.journal.accept_loss(self._chain)

    def _finalize(self, txn: Txn, finals: Sequence[FinalBlock], head: StoredHead) -> list[Written]:
        self._check_order(txn, finals, head)
        written: list[Written] = []
        for final in finals:
            height = final.block.header.height
            self.blocks.put_final(txn, final.block, final.digest, final.root, final.receipts)
            written.append(self.states.apply_in(txn, height, final.changes, final.nodes))
            self.blocks.forget_transactions(txn, self.states.horizon)
        self.blocks.put_head(txn, head)
        self.journal.remember_in(txn, self._chain.tables["meta"])
        return written

    def _check_order(self, txn: Txn, finals: Sequence[FinalBlock], head: StoredHead) -> None:
        stored = self.blocks.head_in(txn)
        height = -1 if stored is None else stored.height
        parent = None if stored is None else stored.digest
        if (head.certificate is None) != (stored is None):
            raise WrongOrder("genesis, and it alone, becomes final without a certificate")
        for final in finals:
            header = final.block.header
            height += 1
            if header.height != height:
                raise WrongOrder(f"height {header.height} where {height} comes next")
            if parent is not None and header.parent != parent:
                raise WrongOrder(f"the block of height {height} has another parent")
            parent = final.digest


def _check_certificate(head: StoredHead, ended: EraEnd | None) -> None:
    """Check that a head's certificate names it, or the last seal above it."""
    digest = head.digest
    for seal in () if ended is None else ended.seals:
        if seal.header.parent != digest:
            raise WrongOrder("a seal does not stand on the era's last block")
        digest = compute_header_digest(seal.header)
    if head.certificate is not None and head.certificate.digest != digest:
        raise WrongOrder("the certificate is of another block")


@asynccontextmanager
async def open_store(
    data_dir: Path,
    chain_id: Hash32,
    settings: StoreSettings | None = None,
    run: Run = run_in_thread,
) -> AsyncGenerator[Store, None]:
    """Open the data folder for `chain_id`, create what is missing, close all of it at the end.

    Raises:
        Locked: another daemon runs on it.
        WrongNetwork, SchemaTooNew: it is not ours, or not for this version.
        Corrupt: something in it is damaged.
        StorageFull, StorageFailed: the disk won't have it.
    """
    settings = settings or StoreSettings()
    with lock_folder(data_dir):
        for name in ("chain", "sign"):
            await check_folder(data_dir / name)
        async with (
            open_database(data_dir / "chain", bytes_max=settings.chain_bytes_max, run=run) as chain,
            open_database(data_dir / "sign", bytes_max=settings.sign_bytes_max, run=run) as sign,
        ):
            for database in (chain, sign):
                tables = database.tables
                database.write_now(
                    lambda txn, tables=tables: process_identity(txn, tables, chain_id)
                )
            yield Store(chain, sign, settings, run)
