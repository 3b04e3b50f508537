"""The tree of known blocks above the last final one.

A block is WAITING until its parent is good, then JUDGED by the ledger, then GOOD or BAD. Children
of a bad block are bad. Only blocks that a certificate or a leader vouches for come in; the tree is
cut back at every finality and holds at most `BLOCKS_MAX`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from consensus.quantities import Hash32, View
from consensus.types import Block, Header, Proposal

BLOCKS_MAX = 1_024
"""Many times a catch-up batch (64) and four proposals in each of the 24 views of the window."""


class BlockStanding(Enum):
    """How far a block's examination has come."""

    WAITING = auto()
    JUDGED = auto()
    GOOD = auto()
    BAD = auto()


@dataclass(slots=True)
class TreeEntry:
    """One block of the tree."""

    block: Block
    digest: Hash32
    proposal: Proposal | None
    standing: BlockStanding = BlockStanding.WAITING
    is_durable: bool = False
    """Whether the body was persisted, because a vote of ours depends on it."""


class BlockTree:
    """Blocks by digest, with the last final block as root."""

    def __init__(self, digest: Hash32, header: Header) -> None:
        self.root = digest
        self.root_header = header
        self._entries: dict[Hash32, TreeEntry] = {}
        self._children: dict[Hash32, list[Hash32]] = {}

    def __len__(self) -> int:
        """Return how many blocks stand above the root."""
        return len(self._entries)

    @property
    def is_full(self) -> bool:
        """Whether no further block is taken in."""
        return len(self._entries) >= BLOCKS_MAX

    def get(self, digest: Hash32) -> TreeEntry | None:
        """Return a block above the root."""
        return self._entries.get(digest)

    def header(self, digest: Hash32) -> Header | None:
        """Return the header of the root or of a block above it."""
        if digest == self.root:
            return self.root_header
        entry = self._entries.get(digest)
        return None if entry is None else entry.block.header

    def is_good(self, digest: Hash32) -> bool:
        """Tell whether a block and all its ancestors were found valid."""
        if digest == self.root:
            return True
        entry = self._entries.get(digest)
        return entry is not None and entry.standing is BlockStanding.GOOD

    def add(self, block: Block, digest: Hash32, proposal: Proposal | None) -> TreeEntry | None:
        """Add a block; None if it was there already (its signature is kept) or the tree is full."""
        known = self._entries.get(digest)
        if known is not None:
            known.proposal = known.proposal or proposal
            return None
        if self.is_full or digest == self.root:
            return None
        entry = TreeEntry(block, digest, proposal)
        self._entries[digest] = entry
        self._children.setdefault(block.header.parent, []).append(digest)
        return entry

    def children(self, digest: Hash32) -> tuple[TreeEntry, ...]:
        """Return the known blocks whose parent is `digest`, in order of arrival."""
        return tuple(self._entries[child] for child in self._children.get(digest, ()))

    def condemn(self, digest: Hash32) -> None:
        """Mark a block and everything above it as bad."""
        doomed = [digest]
        while doomed:
            entry = self._entries[doomed.pop()]
            entry.standing = BlockStanding.BAD
            doomed.extend(self._children.get(entry.digest, ()))

    def path(self, digest: Hash32) -> list[TreeEntry]:
        """Return the blocks from above the root up to `digest`, which must be good."""
        path: list[TreeEntry] = []
        while digest != self.root:
            entry = self._entries[digest]
            path.append(entry)
            digest = entry.block.header.parent
        return path[::-1]

    def keep(self, digests: Iterable[Hash32], view: View) -> None:
        """Make room for a block of `view`: forget what no block in `digests` stands on.

        If that frees nothing, the waiting block of the highest view goes, if it is above `view`:
        whoever is far behind needs the lowest first.
        """
        kept: dict[Hash32, TreeEntry] = {}
        for vouched in digests:
            digest = vouched
            while digest in self._entries and digest not in kept:
                kept[digest] = self._entries[digest]
                digest = kept[digest].block.header.parent
        if len(kept) >= BLOCKS_MAX:
            self._drop_last_waiting(kept, view)
        # In the order of arrival, whatever the order of `digests`.
        self._rebuild({d: entry for d, entry in self._entries.items() if d in kept})

    def _drop_last_waiting(self, kept: dict[Hash32, TreeEntry], view: View) -> None:
        held = (each for each in self._entries.values() if each.digest in kept)
        waiting = [each for each in held if each.standing is BlockStanding.WAITING]
        last = max(waiting, key=lambda each: each.block.header.view, default=None)
        if last is not None and last.block.header.view > view:
            kept.pop(last.digest, None)

    def _rebuild(self, entries: dict[Hash32, TreeEntry]) -> None:
        self._entries = entries
        self._children = {}
        for entry in entries.values():
            self._children.setdefault(entry.block.header.parent, []).append(entry.digest)

    def cut(self, digest: Hash32) -> None:
        """Make `digest` the root and forget every block that does not stand above it."""
        header = self.header(digest)
        assert header is not None
        kept: dict[Hash32, TreeEntry] = {}
        open_ends = [digest]
        while open_ends:
            for child in self.children(open_ends.pop()):
                kept[child.digest] = child
                open_ends.append(child.digest)
        self.root, self.root_header = digest, header
        # Waiting blocks of later views may hang on a parent we don't know yet: they stay.
        for entry in self._entries.values():
            if entry.block.header.view > header.view and self._is_loose(entry):
                kept[entry.digest] = entry
        self._rebuild(kept)

    def _is_loose(self, entry: TreeEntry) -> bool:
        """Tell whether a block's ancestry ends at one we lack, above the root's view."""
        while True:
            parent = self._entries.get(entry.block.header.parent)
            if parent is None:
                return entry.block.header.parent_view > self.root_header.view
            entry = parent
