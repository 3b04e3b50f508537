"""What must hold in every run: no two nodes finalise differently, and nobody honest is at fault.

The checker sees all: every vote told, every certificate kept, every block made. A broken promise
raises `Violation` at the event that broke it.
"""

from typing import TYPE_CHECKING

from consensus import crypto
from consensus.agreement.blocktree import BLOCKS_MAX
from consensus.agreement.repair import PEERS_MAX, WANTED_MAX
from consensus.agreement.simplex import WINDOW
from consensus.quantities import ZERO_HASH, Era, Hash32, ValidatorIndex, View
from consensus.types import (
    Block,
    BlockKind,
    Certificate,
    ConflictingVotes,
    Header,
    Proposal,
    Status,
    Vote,
    VoteKind,
)
from tests.sim.node import compute_post

if TYPE_CHECKING:
    from tests.sim.node import SimNode
    from tests.sim.world import World


class Violation(Exception):
    """A promise was broken: a bug, or a mutant caught."""


class Stall(Exception):
    """After the network had healed, somebody honest did not go on."""


class Checker:
    """The omniscient witness of one world."""

    def __init__(self, world: "World", *, is_watched: bool) -> None:
        self._world = world
        self._is_watched = is_watched
        genesis = crypto.compute_header_digest(world.genesis)
        self.headers: dict[Hash32, Header] = {genesis: world.genesis}
        self.posts: dict[Hash32, Hash32] = {genesis: ZERO_HASH}
        self._names: dict[int, tuple[Proposal, Hash32]] = {}
        self._final: dict[int, Hash32] = {0: genesis}
        self._certified: dict[tuple[VoteKind, Era, View], Hash32] = {}
        self._said: dict[tuple[ValidatorIndex, Era, View], dict[VoteKind, Hash32]] = {}
        self.accusations = 0

    # -- what is known -----------------------------------------------------------------------------

    def register(self, proposal: Proposal) -> Hash32:
        """Remember a block that exists; return its name."""
        known = self._names.get(id(proposal))
        if known is not None:
            return known[1]
        header = proposal.block.header
        digest = crypto.compute_header_digest(header)
        self._names[id(proposal)] = (proposal, digest)  # holding it keeps its id its own
        self.headers[digest] = header
        before = self.posts.get(header.parent)
        if before is not None:
            is_seal = header.kind is BlockKind.SEAL
            self.posts[digest] = before if is_seal else compute_post(before, header.reveal)
        return digest

    # -- what nodes do -----------------------------------------------------------------------------

    def on_told(self, node: "SimNode", message: Vote | Proposal | Status | Certificate) -> None:
        """A node sends: it must be durable, and must not contradict what it ever sent."""
        if not node.is_honest:
            return
        if isinstance(message, Vote):
            if self._is_watched:
                self._check_durable(node, message)
            self._check_said(message)
        elif isinstance(message, Proposal):
            header = message.block.header
            digest = self.register(message)
            if header.proposer == node.me:
                lead = (VoteKind.PROPOSE, header.era, header.view, digest)
                self._check_said(Vote(*lead, header.proposer, message.signature))
            if self._is_watched and digest not in node.disk.bodies:
                raise Violation(f"{node.name.decode()} sent a proposal that is not durable")

    def _check_durable(self, node: "SimNode", vote: Vote) -> None:
        disk, who = node.disk, node.name.decode()
        if vote not in disk.votes:
            raise Violation(f"{who} sent a vote that is not durable: {vote.kind.name}")
        if vote.kind is VoteKind.NULLIFY:
            return
        if vote.digest not in disk.bodies:
            raise Violation(f"{who} voted {vote.kind.name} without a durable body")
        notarized = disk.certificates.get((vote.view, VoteKind.NOTARIZE))
        if vote.kind is VoteKind.FINALIZE and (
            notarized is None or notarized.digest != vote.digest
        ):
            raise Violation(f"{who} voted FINALIZE without a durable notarization")

    def _check_said(self, vote: Vote) -> None:
        said = self._said.setdefault((vote.signer, vote.era, vote.view), {})
        if said.setdefault(vote.kind, vote.digest) != vote.digest:
            raise Violation(f"honest {vote.signer} said {vote.kind.name} twice in {vote.view}")
        if VoteKind.NULLIFY in said and VoteKind.FINALIZE in said:
            raise Violation(f"honest {vote.signer} nullified and finalized view {vote.view}")
        last = said.get(VoteKind.FINALIZE)
        if last is not None and said.get(VoteKind.NOTARIZE, last) != last:
            raise Violation(f"honest {vote.signer} finalized another block than it notarized")

    def on_certificates(self, certificates: tuple[Certificate, ...]) -> None:
        """A quorum has spoken: it must not contradict another."""
        for certificate in certificates:
            kind, digest = certificate.kind, certificate.digest
            era, view = certificate.era, certificate.view
            known = self._certified.get((kind, era, view))
            if known == digest:
                continue
            if known is not None:
                raise Violation(f"two {kind.name} certificates in view {view}")
            self._certified[kind, era, view] = digest
            spoken = {each for each in VoteKind if (each, era, view) in self._certified}
            if {VoteKind.NULLIFY, VoteKind.FINALIZE} <= spoken:
                raise Violation(f"view {view} is nullified and finalized")
            if kind is VoteKind.FINALIZE:
                self._check_final(digest)

    def _check_final(self, digest: Hash32) -> None:
        """A block is final: so are its ancestors, and one per height."""
        header = self.headers.get(digest)
        while header is not None and header.kind is BlockKind.SEAL:
            digest = header.parent
            header = self.headers.get(digest)
        while header is not None:
            known = self._final.setdefault(header.height, digest)
            if known != digest:
                raise Violation(f"two final blocks at height {header.height}")
            if header.height == 0 or self._final.get(header.height - 1) == header.parent:
                return
            digest = header.parent
            header = self.headers.get(digest)

    def on_commit(
        self, node: "SimNode", digests: list[Hash32], blocks: tuple[Block, ...], post: Hash32
    ) -> None:
        """A node applies final blocks: in order, and with the state everyone has."""
        if not node.is_honest:
            return
        who = node.name.decode()
        height = node.height - len(digests)
        before = node.disk.chain[height - 1] if height else self._final[0]
        for digest, block in zip(digests, blocks, strict=True):
            height += 1
            header = block.header
            if header.parent != before or header.height != height:
                raise Violation(f"{who} committed a block that does not follow its last")
            if self._final.setdefault(height, digest) != digest:
                raise Violation(f"{who} finalised another block at height {height}")
            if header.state_root != self.posts[before]:
                raise Violation(f"{who} committed a wrong state root at height {height}")
            before = digest
        if post != self.posts[before]:
            raise Violation(f"{who} has another state at height {height}")

    def on_accused(self, node: "SimNode", evidence: ConflictingVotes) -> None:
        """A node shows proof: never against an honest validator."""
        if node.is_honest:
            self.accusations += 1
            first = evidence.first
            place = self._world.eras.place(first.era, first.signer)
            if place not in self._world.plan.hostile:
                raise Violation(f"honest {evidence.first.signer} is accused")

    def on_silent(self, node: "SimNode") -> None:
        """A node believes that somebody else has its key."""
        if node.is_honest:
            raise Violation(f"{node.name.decode()} fell silent without a twin")

    # -- the end -----------------------------------------------------------------------------------

    def on_end(self, is_done: bool) -> None:  # noqa: FBT001 - the verdict itself
        """The run is over: everyone got on, in bounded memory."""
        heights = {node.name.decode(): node.height for node in self._world.honest}
        if not is_done:
            raise Stall(f"heights {heights} at {self._world.now}")
        for node in self._world.honest:
            self._check_memory(node)

    def _check_memory(self, node: "SimNode") -> None:
        machine, validators = node.machine, len(self._world.eras.places)
        open_views = machine.view - machine.views.final_view + WINDOW + 1
        records = list(machine.views)
        repair = machine.bodies.repair
        bounds = {
            "blocks": (len(machine.tree), BLOCKS_MAX),
            "views": (len(records), open_views),
            "votes": (max((r.votes_count for r in records), default=0), 6 * validators),
            "wants": (repair.wants_count, WANTED_MAX),
            "peers": (repair.peers_count, PEERS_MAX),
        }
        for what, (count, most) in bounds.items():
            if count > most:
                raise Violation(f"{node.name.decode()} keeps {count} {what}, more than {most}")
