"""The bodies of blocks: how they come in, are judged, made durable, and fetched when we lack them.

A body comes with its leader's signature (a proposal) or by digest, when a certificate or a wanted
child names it; any peer may serve those. It is judged once its parent is good: its place by
`headers.is_child`, the rest by the ledger, which answers `ExecuteBlock`; of a seal, only its place.

Source: `docs/spec/agreement.md` 2.7, 2.9.
"""

from consensus import crypto
from consensus.agreement import messages as m
from consensus.agreement.blocktree import BlockStanding, BlockTree, TreeEntry
from consensus.agreement.certificates import Committee
from consensus.agreement.headers import is_child, is_whole
from consensus.agreement.messages import Tag, TimerKind, Timing
from consensus.agreement.outbox import Outbox
from consensus.agreement.repair import Repair
from consensus.agreement.views import Views
from consensus.quantities import Hash32, View
from consensus.types import Block, BlockKind, Proposal, VoteKind

WALK_MAX = 256
"""Heights above the final one within which bodies are fetched one after another, backwards; a node
further behind gets ranges (`BlocksReceived` with a certificate), lowest first."""


class Bodies:
    """One machine's blocks above the final one, and its search for the missing."""

    def __init__(self, committee: Committee, timing: Timing, views: Views, out: Outbox) -> None:
        self._committee = committee
        self._timing = timing
        self._views = views
        self._out = out
        self._repair = Repair(timing.delta_ms)

    @property
    def tree(self) -> BlockTree:
        """The blocks we have."""
        return self._views.tree

    @property
    def repair(self) -> Repair:
        """What we lack, and what others may ask."""
        return self._repair

    # -- coming in -----------------------------------------------------------------------------

    def add(self, item: Proposal | Block, digest: Hash32, peer: m.Peer, now_ms: int) -> None:
        """Take in a body, begin to judge it, and go on to its parent if a quorum vouches for it."""
        proposal = item if isinstance(item, Proposal) else None
        block = item.block if isinstance(item, Proposal) else item
        view = block.header.view
        if self.tree.is_full:
            self.tree.keep(self._views.vouched(), view)
        entry = self.tree.add(block, digest, proposal)
        if entry is None:
            return
        is_vouched = self._repair.is_wanted(digest) or self._views.is_notarized(view, digest)
        self._repair.found(digest)
        self._examine(entry)
        if is_vouched:
            self.chase(digest, view, peer, now_ms)

    def add_wanted(self, blocks: tuple[Block, ...], peer: m.Peer, now_ms: int) -> None:
        """Take in each of `blocks`, parents first, that we want or that leads to one we want."""
        for block in reversed(blocks):
            digest = crypto.compute_header_digest(block.header)
            if self._repair.is_wanted(digest) and is_whole(block):
                self.add(block, digest, peer, now_ms)

    # -- judging -------------------------------------------------------------------------------

    def _examine(self, entry: TreeEntry) -> None:
        """Judge a block whose parent is good: its place here, the rest by the ledger."""
        header = entry.block.header
        if entry.standing is not BlockStanding.WAITING or not self.tree.is_good(header.parent):
            return
        parent = self.tree.header(header.parent)
        assert parent is not None
        if not is_child(self._committee, self._timing, header, parent):
            self.tree.condemn(entry.digest)
        elif header.kind is BlockKind.SEAL:
            self._approve(entry)
        else:
            entry.standing = BlockStanding.JUDGED
            self._out.execute(entry.block, entry.digest)

    def _approve(self, entry: TreeEntry) -> None:
        entry.standing = BlockStanding.GOOD
        for child in self.tree.children(entry.digest):
            self._examine(child)

    def on_executed(self, event: m.Executed) -> bool:
        """Take the ledger's judgement; tell whether it was waited for."""
        entry = self.tree.get(event.digest)
        if entry is None or entry.standing is not BlockStanding.JUDGED:
            return False
        if event.is_valid:
            self._approve(entry)
        else:
            self.tree.condemn(event.digest)
        return True

    def keep(self, digest: Hash32) -> None:
        """Persist the body before the vote that depends on it (`docs/spec/agreement.md` 2.9)."""
        entry = self.tree.get(digest)
        assert entry is not None
        if not entry.is_durable:
            entry.is_durable = True
            self._out.persist_block(entry.proposal or entry.block)

    # -- fetching ------------------------------------------------------------------------------

    def chase(self, digest: Hash32, view: View, peer: m.Peer, now_ms: int) -> None:
        """Want the first block we lack on the way down from a certified one."""
        while view > self._views.final_view:
            entry = self.tree.get(digest)
            if entry is None:
                self._repair.want(digest, view, peer, now_ms)
                self._set_timer()
                return
            header = entry.block.header
            is_far = header.height - self.tree.root_header.height > WALK_MAX
            if is_far or entry.standing is not BlockStanding.WAITING:
                return
            digest, view = header.parent, header.parent_view

    def chase_certified(self, now_ms: int) -> None:
        """Want everything that a quorum names and we lack."""
        for record in self._views:
            for certificate in record.certificates.values():
                if certificate.kind is not VoteKind.NULLIFY:
                    self.chase(certificate.digest, certificate.view, None, now_ms)

    def ask(self, now_ms: int) -> None:
        """Ask for what is due."""
        asks = self._repair.take_asks(now_ms)
        if asks:
            self._out.ask(asks)
            self._set_timer()

    def on_final(self, view: View, now_ms: int) -> None:
        """Forget what finality made useless, and look again at what is above it."""
        self._repair.forget(view)
        self.chase_certified(now_ms)

    def _set_timer(self) -> None:
        at_ms = self._repair.next_ms()
        if at_ms is not None:
            self._out.set_timer(Tag(TimerKind.CHASE, View(0)), at_ms)
