"""The effects of one step, collected by kind and handed out in the order they must happen.

1. Persist; 2. tell and ask peers; 3. set timers; 4. commit; 5. evidence; 6. have blocks judged and
built. So nothing is told before it is durable (`docs/spec/agreement.md` 2.9), in whatever order the
rules of the step ran. A commit makes its certificate durable too. No vote depends on that one, so
it is not persisted a second time, which would cost each block a disk flush before it is final.
"""

from collections.abc import Iterable

from consensus.agreement import messages as m
from consensus.agreement.blocktree import BlockTree
from consensus.quantities import Hash32, TimeMs, View
from consensus.types import (
    Block,
    BlockKind,
    Certificate,
    ConflictingVotes,
    Header,
    Proposal,
    Status,
    Vote,
)


class Outbox:
    """What one step asks for; empty again after `flush`."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._votes: list[Vote] = []
        self._blocks: list[Proposal | Block] = []
        self._certificates: list[Certificate] = []
        self._told: list[m.Effect] = []
        self._timers: dict[m.Tag, int] = {}
        self._commits: list[m.Commit] = []
        self._evidence: list[m.Effect] = []
        self._work: list[m.ExecuteBlock | m.BuildBlock] = []

    def persist_vote(self, vote: Vote) -> None:
        """Keep a statement of ours."""
        self._votes.append(vote)

    def persist_block(self, block: Proposal | Block) -> None:
        """Keep a body that a vote depends on."""
        self._blocks.append(block)

    def persist_certificate(self, certificate: Certificate) -> None:
        """Keep a certificate."""
        self._certificates.append(certificate)

    def publish(self, message: Vote | Proposal | Status) -> None:
        """Tell everyone."""
        self._told.append(m.Publish(message))

    def send(self, peer: bytes, message: Certificate | Status | Proposal) -> None:
        """Tell one peer."""
        self._told.append(m.Send(peer, message))

    def ask(self, wanted: Iterable[tuple[m.Peer, Hash32]]) -> None:
        """Ask for bodies."""
        self._told.extend(m.AskBlock(peer, digest) for peer, digest in wanted)

    def set_timer(self, tag: m.Tag, at_ms: int) -> None:
        """Set an alarm; the last setting of a step holds."""
        self._timers[tag] = at_ms

    def commit(self, path: tuple[Block, ...], certificate: Certificate) -> None:
        """Declare blocks final, and the seals above them."""
        blocks = tuple(each for each in path if each.header.kind is BlockKind.BLOCK)
        self._commits.append(m.Commit(blocks, certificate, path[len(blocks) :]))

    def accuse(self, evidence: ConflictingVotes) -> None:
        """Show proof against a validator."""
        self._evidence.append(m.Accuse(evidence))

    def fall_silent(self, vote: Vote) -> None:
        """Say that somebody else votes with our key."""
        self._evidence.append(m.FallSilent(vote))

    def execute(self, block: Block, digest: Hash32) -> None:
        """Have the ledger judge a block."""
        self._work.append(m.ExecuteBlock(block, digest))

    def build(self, view: View, parent: Hash32, header: Header, time_ms: TimeMs) -> None:
        """Have the ledger fill a block."""
        self._work.append(m.BuildBlock(view, parent, header, time_ms))

    def flush(self, tree: BlockTree) -> tuple[m.Effect, ...]:
        """Return the effects in order, and forget them.

        Work on blocks that a finality of the same step cut out of `tree` is left out.
        """
        effects: list[m.Effect] = []
        committed = [commit.certificate for commit in self._commits]
        certificates = tuple(each for each in self._certificates if each not in committed)
        if self._votes or self._blocks or certificates:
            effects.append(m.Persist(tuple(self._votes), tuple(self._blocks), certificates))
        effects += self._told
        effects += [m.SetTimer(tag, at_ms) for tag, at_ms in self._timers.items()]
        effects += self._commits
        effects += self._evidence
        for work in self._work:
            needed = work.digest if isinstance(work, m.ExecuteBlock) else work.parent
            if tree.header(needed) is not None:
                effects.append(work)
        if effects:
            self._clear()
        return tuple(effects)
