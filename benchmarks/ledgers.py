"""A ledger on a real disk for benchmarks: one validator, blocks applied and stored one by one.

Nobody votes: the certificates name their block and carry no signature, which the store doesn't ask
for. Everything else is what a node does with a block once it is agreed on.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter, process_time

from consensus import crypto
from consensus.agreement.beacon import HashChain
from consensus.ledger.genesis import (
    Genesis,
    GenesisAccount,
    GenesisValidator,
    build_genesis,
    compute_chain_id,
)
from consensus.ledger.records import get_beacon_tip, get_head, get_member
from consensus.ledger.state import Draft, State
from consensus.ledger.transition import Applied, apply_block
from consensus.params import Params
from consensus.quantities import (
    RAO_PER_TAO,
    U32,
    Amount,
    Hash32,
    Height,
    PublicKey,
    ShortText,
    Signature,
    TimeMs,
    ValidatorIndex,
    View,
)
from consensus.types import Block, Certificate, Header, SignedTransaction, ValidatorEntry, VoteKind
from storage.store import FinalBlock, Store, open_store

BEACON = HashChain(b"benchmark", 1 << 14)
STAKE = Amount(1_000_000 * RAO_PER_TAO)


@dataclass(frozen=True, slots=True)
class Took:
    """How long one block took, in ms: of wall time, and of this process's own."""

    apply_ms: float
    """The rules and the Merkle tree."""
    commit_ms: float
    """The store's one durable transaction."""
    apply_cpu_ms: float
    commit_cpu_ms: float


@dataclass(slots=True)
class Ledger:
    """The state of a chain and where it is stored; made by `open_ledger`."""

    store: Store
    state: State
    head: Header
    digest: Hash32
    took: list[Took] = field(default_factory=list[Took])

    async def add(self, transactions: Sequence[SignedTransaction] = ()) -> Applied:
        """Apply the next block and store it; no signature is checked."""
        block = self._build(tuple(transactions))
        began_s, began_cpu_s = perf_counter(), process_time()
        applied = apply_block(self.state, block, _trust)
        applied_s, applied_cpu_s = perf_counter(), process_time()
        await self._store(block, applied)
        took_s = (
            applied_s - began_s,
            perf_counter() - applied_s,
            applied_cpu_s - began_cpu_s,
            process_time() - applied_cpu_s,
        )
        self.took.append(Took(*[1_000 * each for each in took_s]))
        return applied

    async def write(self, change: Callable[[Draft], None]) -> None:
        """Let `change` do to the state what many blocks of transactions would, in an empty block.

        It comes before the block's own rules, as transactions do.
        """
        block = self._build(())
        draft = Draft(self.state, self.state.height)
        change(draft)
        between = draft.freeze()
        block = replace(block, header=replace(block.header, state_root=between.root))
        applied = apply_block(between, block)
        merged = replace(
            applied.state,
            changes={**between.changes, **applied.state.changes},
            nodes={**between.nodes, **applied.state.nodes},
        )
        await self._store(block, replace(applied, state=merged))

    async def _store(self, block: Block, applied: Applied) -> None:
        header, state = block.header, applied.state
        digest = crypto.compute_header_digest(header)
        final = FinalBlock(block, digest, state.root, applied.receipts, state.changes, state.nodes)
        certificate = Certificate(VoteKind.FINALIZE, header.era, header.view, digest, (), ())
        await self.store.finalize([final], certificate)
        self.head, self.digest = header, digest
        self.state = load_state(self.store, state.root)

    def _build(self, transactions: tuple[SignedTransaction, ...]) -> Block:
        head = get_head(self.state)
        member = get_member(self.state, ValidatorIndex(0))
        assert member is not None
        tip = get_beacon_tip(self.state, member.entry.consensus_key)
        reveal = None if tip is None else BEACON.reveal(tip)
        assert reveal is not None, "a benchmark with more blocks than its beacon has links"
        header = replace(
            self.head,
            height=Height(head.height + 1),
            view=View(self.head.view + 1),
            parent=self.digest,
            parent_view=self.head.view,
            time_ms=TimeMs(head.time_ms + 12_000),
            reveal=reveal,
            body_root=crypto.compute_body_root(transactions),
            state_root=self.state.root,
            receipts_root=head.receipts_root,
        )
        return Block(header, transactions, ())


def make_genesis(accounts: tuple[GenesisAccount, ...] = ()) -> Genesis:
    """Return a network of one validator with `accounts`, and no subnet."""
    hotkey, coldkey = make_key("validator"), make_key("its owner")
    entry = ValidatorEntry(make_key("consensus"), hotkey, STAKE)
    return Genesis(
        network=ShortText("benchmark"),
        params=Params(era_blocks=U32(0)),
        time_ms=TimeMs(1_000_000),
        accounts=accounts,
        validators=(GenesisValidator(entry, coldkey, BEACON.tip),),
        hotkeys=(),
        stakes=(),
        subnets=(),
    )


def make_key(name: str) -> PublicKey:
    """Return a public key whose secret nobody has."""
    return PublicKey(crypto.hash32(b"benchmark", name.encode()))


def load_state(store: Store, root: Hash32) -> State:
    """Return the newest stored state, with nothing of it in memory but the store's cache."""
    height = store.states.head
    return State.from_reader(store.states.reader(height), Height(height), root)


async def store_genesis(folder: Path, genesis: Genesis) -> Hash32:
    """Write the state of `genesis` into a new store in `folder`; return its chain id."""
    state, header = build_genesis(genesis)
    digest = crypto.compute_header_digest(header)
    final = FinalBlock(Block(header, (), ()), digest, state.root, (), state.changes, state.nodes)
    chain_id = compute_chain_id(genesis)
    async with open_store(folder, chain_id) as store:
        await store.finalize([final], None)
    return chain_id


@asynccontextmanager
async def open_ledger(folder: Path, chain_id: Hash32) -> AsyncGenerator[Ledger]:
    """Open the ledger that a store holds, at its head."""
    async with open_store(folder, chain_id) as store:
        kept = store.blocks.head()
        assert kept is not None, "a store without genesis"
        header = store.blocks.header(kept.digest)
        assert header is not None, "the head's header is stored with it"
        yield Ledger(store, load_state(store, kept.root), header, kept.digest)


def _trust(_transaction_id: Hash32, _signature: Signature) -> bool:
    return True
