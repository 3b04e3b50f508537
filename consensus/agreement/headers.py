"""What a block's header must say for the block to follow its parent, and how a leader writes one.

Only what the committee and the parent's header decide: era, height, leader, time, sets. The
ledger's part (roots, reveal, transactions) is judged by whoever has the parent's state.

An era's last block may not be final when its views go on. Then leaders propose seals: empty blocks
of the same height above it; when one of them is final, so is the block. A seal changes nothing, so
the ledger's part of its header is all zeros, and the chain forgets it once the era is over.

The last block of an era is the genesis of the next, whose views begin at 1: `as_genesis` gives its
header the place it has there.
"""

from dataclasses import replace

from consensus import crypto
from consensus.agreement.certificates import Committee
from consensus.agreement.messages import BlockBody, Timing
from consensus.quantities import ZERO_HASH, Era, Hash32, Height, TimeMs, ValidatorIndex, View
from consensus.types import Block, BlockKind, Certificate, Header

NOTHING = BlockBody((), ZERO_HASH, ZERO_HASH, ZERO_HASH)
"""The ledger's part of a seal."""


def is_child(committee: Committee, timing: Timing, header: Header, parent: Header) -> bool:
    """Tell whether `header` may follow `parent`, the ledger's part of a block apart."""
    return (
        header.era == committee.era
        and header.kind is compute_kind(committee, parent)
        and header.height == _compute_height(parent, header.kind)
        and header.parent_view == parent.view
        and header.view > parent.view
        and header.proposer == committee.leader(header.view)
        and header.time_ms >= parent.time_ms + timing.block_ms
        and header.vset_hash == committee.vset_hash
        and header.next_vset_hash == committee.next_vset_hash
        and (header.kind is BlockKind.BLOCK or _is_empty(header))
    )


def compute_kind(committee: Committee, parent: Header) -> BlockKind:
    """Return what may stand on `parent`: a block, or on an era's last one nothing but seals."""
    return BlockKind.SEAL if parent.height >= committee.last else BlockKind.BLOCK


def as_genesis(header: Header, era: Era) -> Header:
    """Return the header of the block before `era` as that era sees it: its own view 0."""
    return replace(header, era=era, view=View(0))


def is_whole(block: Block) -> bool:
    """Tell whether a block that came without its leader's signature is what its header says.

    A seal may come without its certificates: whoever fetches one by digest knows that a quorum
    stands behind it, and they can be large.
    """
    header = block.header
    if header.body_root != crypto.compute_body_root(block.transactions):
        return False
    is_bare = header.kind is BlockKind.SEAL and not block.justify
    return is_bare or header.justify_root == crypto.compute_justify_root(block.justify)


def build_block(
    committee: Committee,
    view: View,
    parent: tuple[Hash32, Header],
    time_ms: TimeMs,
    body: BlockBody,
    justify: tuple[Certificate, ...],
) -> Block:
    """Return what `view`'s leader puts on `parent` at `time_ms`: a block, or an empty seal."""
    digest, above = parent
    kind = compute_kind(committee, above)
    header = Header(
        era=committee.era,
        view=view,
        height=_compute_height(above, kind),
        kind=kind,
        parent=digest,
        parent_view=above.view,
        proposer=ValidatorIndex(committee.leader(view)),
        time_ms=time_ms,
        reveal=body.reveal,
        body_root=crypto.compute_body_root(body.transactions),
        justify_root=crypto.compute_justify_root(justify),
        state_root=body.state_root,
        receipts_root=body.receipts_root,
        vset_hash=committee.vset_hash,
        next_vset_hash=committee.next_vset_hash,
    )
    return Block(header, body.transactions, justify)


def _compute_height(parent: Header, kind: BlockKind) -> Height:
    return Height(parent.height + (1 if kind is BlockKind.BLOCK else 0))


def _is_empty(header: Header) -> bool:
    return header.body_root == crypto.compute_body_root(()) and (
        header.reveal,
        header.state_root,
        header.receipts_root,
    ) == (ZERO_HASH, ZERO_HASH, ZERO_HASH)
