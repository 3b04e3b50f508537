"""The head of the chain, and the mempool that goes with it: the only place the head changes.

Blocks above the last final one live here as `Applied` values, each an overlay on its parent's
state. When one becomes final, storage writes it and the overlays above are laid on the disk's
copy, so no overlay ever has more ancestors than there are unfinal blocks.

Only `daemon/engine/driver.py` calls what changes the chain, one call at a time; anyone may read.
What comes into the mempool comes by `daemon/engine/pool.py`; here it loses what blocks include.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import trio

from consensus import crypto
from consensus.agreement.certificates import Committee
from consensus.errors import InvalidBlock
from consensus.ledger import proposal, transition
from consensus.ledger.mempool import Mempool
from consensus.ledger.state import State
from consensus.ledger.transition import Applied
from consensus.quantities import Hash32
from consensus.types import Block, Certificate, HandOff, Header, SignedTransaction
from daemon.engine.eras import read_committee, read_next_committee
from daemon.engine.upgrades import check_protocol
from storage.store import EraEnd, FinalBlock, Store


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The last final block and the ledger after it."""

    digest: Hash32
    header: Header
    state: State


@dataclass(frozen=True, slots=True)
class Body:
    """What a leader's block is filled with: the rest of it is agreement's."""

    transactions: tuple[SignedTransaction, ...]
    state_root: Hash32
    receipts_root: Hash32


Listener = Callable[[Block, Hash32, Applied], None]
"""Told of every block that became final, oldest first, once it is durable."""


class Chain:
    """The chain of one node; made ready by `open_chain`."""

    def __init__(self, store: Store, head: ChainHead, mempool: Mempool) -> None:
        self._store = store
        self._head = head
        self._applied: dict[Hash32, Applied] = {}
        self._parents: dict[Hash32, Hash32] = {}
        self._moved = trio.Event()
        self._committee = read_committee(head.state)
        self._next_committee = read_next_committee(head.state)
        self._executor = trio.CapacityLimiter(1)
        self.mempool = mempool
        self.listeners: list[Listener] = []

    @property
    def head(self) -> ChainHead:
        """The last final block."""
        return self._head

    @property
    def committee(self) -> Committee:
        """Who votes on the block after the head."""
        return self._committee

    @property
    def next_committee(self) -> Committee:
        """Who will vote in the era after; for checking signatures, as it knows no leaders."""
        return self._next_committee

    @property
    def open_count(self) -> int:
        """How many executed blocks stand above the final one, on whatever branch."""
        return len(self._applied)

    def state_after(self, digest: Hash32) -> State | None:
        """Return the ledger after a block that is final head or was found valid above it."""
        if digest == self._head.digest:
            return self._head.state
        applied = self._applied.get(digest)
        return None if applied is None else applied.state

    async def execute(self, block: Block, digest: Hash32) -> str | None:
        """Apply `block` to its parent's state and remember the result; return why it is invalid.

        The parent must be the head or executed before: agreement asks in that order.

        Raises:
            ProtocolTooOld: the block is judged by rules this node does not know.
        """
        if digest in self._applied:
            return None
        parent = self.state_after(block.header.parent)
        assert parent is not None, "agreement executes a parent before its children"
        check_protocol(parent)
        try:
            applied = await trio.to_thread.run_sync(
                transition.apply_block,
                parent,
                block,
                self.mempool.is_verified,
                limiter=self._executor,
            )
        except InvalidBlock as error:
            return str(error)
        self._applied[digest] = applied
        self._parents[digest] = block.header.parent
        return None

    async def commit(
        self, blocks: Sequence[Block], certificate: Certificate, seals: tuple[Block, ...] = ()
    ) -> None:
        """Make executed `blocks` final: durable, then visible, then told to the listeners.

        `seals` lead from an era's last block to what `certificate` names.

        Raises:
            ProtocolTooOld: all of that is done, and no block after them is for this node.
        """
        digests = [crypto.compute_header_digest(block.header) for block in blocks]
        finals = [
            _final(block, digest, self._applied[digest])
            for block, digest in zip(blocks, digests, strict=True)
        ]
        done = [self._applied[digest] for digest in digests]
        committee = read_committee(done[-1].state)
        ended = None
        if committee.era != self._committee.era:
            header = (*blocks, *seals)[-1].header
            ended = EraEnd(HandOff(certificate, header, committee.entries), seals)
        await self._store.finalize(finals, certificate, ended)
        if ended is not None:
            self._committee = committee
            self._next_committee = read_next_committee(done[-1].state)
        self._rebase(blocks[-1].header, digests[-1], done[-1].state)
        for block in blocks:
            self.mempool.remove(block.transactions)
        self.mempool.advance(self._head.state)
        for block, digest, applied in zip(blocks, digests, done, strict=True):
            for listener in self.listeners:
                listener(block, digest, applied)
        self._moved.set()
        self._moved = trio.Event()
        check_protocol(self._head.state)

    async def wait_height(self, height: int) -> None:
        """Return once the final height is at least `height`."""
        while self._head.header.height < height:
            await self._moved.wait()

    def build(self, parent: Hash32) -> Body | None:
        """Return what a block on `parent` is filled with; None if we never executed `parent`.

        Raises:
            ProtocolTooOld: the block would be one of rules this node does not know.
        """
        state = self.state_after(parent)
        if state is None:
            return None
        check_protocol(state)
        return Body(
            proposal.build_body(state, self.mempool),
            state.root,
            transition.get_receipts_root(state),
        )

    def forget(self, is_dropped: Callable[[Hash32], bool]) -> None:
        """Forget executed blocks that agreement has dropped; it drops no ancestor of a kept one."""
        self._applied = {d: each for d, each in self._applied.items() if not is_dropped(d)}
        self._parents = {digest: self._parents[digest] for digest in self._applied}

    def _rebase(self, header: Header, digest: Hash32, state: State) -> None:
        """Lay what stands above the new head on the disk's copy of it; forget all else."""
        reader = self._store.states.reader(header.height)
        self._head = ChainHead(digest, header, State.from_reader(reader, header.height, state.root))
        kept: dict[Hash32, State] = {digest: self._head.state}
        applied: dict[Hash32, Applied] = {}
        for child, old in sorted(self._applied.items(), key=lambda item: item[1].state.height):
            base = kept.get(self._parents[child])
            if base is not None and child != digest:
                kept[child] = replace(old.state, base=base)
                applied[child] = replace(old, state=kept[child])
        self._applied = applied
        self._parents = {child: self._parents[child] for child in applied}


def _final(block: Block, digest: Hash32, applied: Applied) -> FinalBlock:
    state = applied.state
    return FinalBlock(block, digest, state.root, applied.receipts, state.changes, state.nodes)
