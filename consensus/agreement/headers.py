"""What a block's header must say for the block to follow its parent, and how a leader writes one.

Only what the committee and the parent's header decide: era, height, leader, time, set. The ledger's
part (roots, reveal, transactions) is judged by whoever has the parent's state.
"""

from consensus import crypto
from consensus.agreement.certificates import Committee
from consensus.agreement.messages import BlockBody, Timing
from consensus.quantities import Hash32, Height, TimeMs, ValidatorIndex, View
from consensus.types import Block, BlockKind, Certificate, Header


def is_child(committee: Committee, timing: Timing, header: Header, parent: Header) -> bool:
    """Tell whether `header` may follow `parent`, the ledger's part apart."""
    return (
        header.era == committee.era
        and header.kind is BlockKind.BLOCK
        and header.height == parent.height + 1
        and header.parent_view == parent.view
        and header.view > parent.view
        and header.proposer == committee.leader(header.view)
        and header.time_ms >= parent.time_ms + timing.block_ms
        and header.vset_hash == header.next_vset_hash == committee.vset_hash
    )


def is_whole(block: Block) -> bool:
    """Tell whether a block that came without its leader's signature is what its header says."""
    header = block.header
    return header.body_root == crypto.compute_body_root(
        block.transactions
    ) and header.justify_root == crypto.compute_justify_root(block.justify)


def build_block(
    committee: Committee,
    view: View,
    parent: tuple[Hash32, Header],
    time_ms: TimeMs,
    body: BlockBody,
    justify: tuple[Certificate, ...],
) -> Block:
    """Return the block of `view`'s leader on `parent`, at `time_ms`."""
    digest, above = parent
    header = Header(
        era=committee.era,
        view=view,
        height=Height(above.height + 1),
        kind=BlockKind.BLOCK,
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
        next_vset_hash=committee.vset_hash,
    )
    return Block(header, body.transactions, justify)
