"""Who breaks the rules, and how: a coalition with one brain, twins, the silent, nobody.

Each holds less than a third of the stake (a mutant may give it more). None can forge: whatever it
sends is signed with its own keys, or is a certificate of votes that were really made.
"""

# ruff: noqa: ARG002 - each villain uses what it wants of the Villain protocol

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from consensus import crypto
from consensus.agreement.certificates import build_certificate
from consensus.quantities import ZERO_HASH, Hash32, Height, TimeMs, ValidatorIndex, View
from consensus.types import Block, BlockKind, Certificate, Header, Proposal, Status, Vote, VoteKind
from tests.sim.node import SimNode, sign_as

if TYPE_CHECKING:
    from tests.sim.mutants import Mutant
    from tests.sim.world import World

Message = Vote | Proposal | Status | Certificate
Key = tuple[VoteKind, View, Hash32]


class Villain(Protocol):
    """What the world lets its bad side do."""

    def join(self, world: "World") -> None:
        """Enter the world, with nodes of one's own if need be."""
        ...

    def observe(self, node: SimNode, message: Message) -> None:
        """See a message the moment it is sent."""
        ...

    def is_visible(self, node: SimNode, other: SimNode) -> bool:
        """Tell whether a message passes between two nodes."""
        ...


class Silent:
    """Holds stake and says nothing; with no stake, nobody."""

    def join(self, world: "World") -> None:
        pass

    def observe(self, node: SimNode, message: Message) -> None:
        pass

    def is_visible(self, node: SimNode, other: SimNode) -> bool:
        return True


class Twins:
    """Two honest copies of every hostile identity; who sees which copy changes all the time.

    Source: Twins: BFT Systems Made Robust (OPODIS 2021).
    """

    def __init__(self, mutant: "Mutant") -> None:
        self._mutant = mutant
        self._hidden: set[tuple[int, int]] = set()
        self._copies: list[SimNode] = []

    def join(self, world: "World") -> None:
        self._world = world
        for index in world.plan.hostile:
            for copy in range(2):
                node = SimNode(world, index, index, self._mutant.machine, is_honest=False)
                node.name = b"t%d%s" % (index, b"ab"[copy : copy + 1])
                world.nodes.append(node)
                self._copies.append(node)
        self._shuffle()

    def observe(self, node: SimNode, message: Message) -> None:
        pass

    def is_visible(self, node: SimNode, other: SimNode) -> bool:
        if node.is_honest and other.is_honest:
            return True
        return node.me != other.me and (id(node), id(other)) not in self._hidden

    def _shuffle(self) -> None:
        """Show each node one copy of every identity, or both."""
        rng = self._world.random
        self._hidden = set()
        for index in range(0, len(self._copies), 2):
            for other in self._world.nodes:
                choice = rng.randrange(5)  # copy a alone, copy b alone, or both
                for copy, when in (
                    (self._copies[index], (0, 1)),
                    (self._copies[index + 1], (2, 3)),
                ):
                    if choice in when:
                        self._hidden |= {(id(copy), id(other)), (id(other), id(copy))}
        self._world.schedule(self._world.now + 7 * 30, self._shuffle)


@dataclass(frozen=True, slots=True)
class Style:
    """How bold a coalition is; each seed draws its own."""

    equivocate: float
    """Chance of several blocks in a view it leads."""
    illegal: float
    """Chance of a parent no honest leader would choose."""
    sign: float
    """Chance that a member signs what it hears of, to a random half."""
    contradict: float
    """Chance that it signs the opposite too."""
    leak: float
    """Chance that a hidden certificate is shown to one node."""
    omit: float
    """Chance that a proposal lacks the certificates it needs."""


@dataclass(slots=True)
class Known:
    """What the coalition knows of a view."""

    blocks: list[Hash32] = field(default_factory=list[Hash32])
    notarized: Hash32 | None = None
    nullified: bool = False
    finalized: Hash32 | None = None
    is_led: bool = False


class Coalition:
    """Sees everything, says anything: as much stake as it may hold, one shared brain."""

    def __init__(self) -> None:
        self._votes: dict[Key, dict[ValidatorIndex, Vote]] = {}
        self._certificates: dict[Key, Certificate] = {}
        self._views: dict[View, Known] = {}
        self._proposals: dict[Hash32, Proposal] = {}
        self._signed: set[tuple[ValidatorIndex, Key]] = set()
        self._top = View(0)

    def join(self, world: "World") -> None:
        self._world = world
        self._members = world.plan.hostile
        draw = world.random.random
        self._style = Style(
            equivocate=draw(),
            illegal=draw(),
            sign=draw(),
            contradict=draw() ** 2,
            leak=draw() ** 2,
            omit=draw() ** 2,
        )
        self._name = b"villain"
        genesis = crypto.compute_header_digest(world.genesis)
        self._views[View(0)] = Known(notarized=genesis, finalized=genesis)
        self._reach(View(1))

    def is_visible(self, node: SimNode, other: SimNode) -> bool:
        return True

    # -- seeing ----------------------------------------------------------------------------------

    def observe(self, node: SimNode, message: Message) -> None:
        match message:
            case Vote():
                self._on_vote(message)
            case Proposal():
                self._on_proposal(message)
            case Certificate() | Status():
                pass

    def _known(self, view: View) -> Known:
        return self._views.setdefault(view, Known())

    def _on_vote(self, vote: Vote) -> None:
        key = (vote.kind, vote.view, vote.digest)
        said = self._votes.setdefault(key, {})
        is_new = not said
        if vote.signer in said:
            return
        said[vote.signer] = vote
        self._combine(key)
        if is_new:
            self._join_in(key)

    def _on_proposal(self, proposal: Proposal) -> None:
        digest = self._world.checker.register(proposal)
        if digest in self._proposals:
            return
        self._proposals[digest] = proposal
        view = proposal.block.header.view
        self._known(view).blocks.append(digest)
        self._join_in((VoteKind.NOTARIZE, view, digest))

    def _combine(self, key: Key) -> None:
        """Make a certificate in secret as soon as our own signatures suffice to complete it."""
        if key in self._certificates:
            return
        committee = self._world.committee
        said = self._votes[key]
        weight = sum(committee.stake_of(i) for i in {*said, *self._members})
        if weight < committee.quorum:
            return
        votes = said | {i: self._make(i, key) for i in self._members}
        certificate = build_certificate(committee, votes)
        assert certificate is not None
        self._certificates[key] = certificate
        self._world.checker.on_certificates((certificate,))
        kind, view, digest = key
        known = self._known(view)
        if kind is VoteKind.NULLIFY:
            known.nullified = True
        elif kind is VoteKind.NOTARIZE:
            known.notarized = digest
        else:
            known.finalized = digest
        if self._draw() < self._style.leak:
            self._deliver(certificate, [self._world.random.choice(self._world.honest)])
        self._reach(View(view + 1))

    # -- saying ----------------------------------------------------------------------------------

    def _draw(self) -> float:
        return self._world.random.random()

    def _make(self, member: ValidatorIndex, key: Key) -> Vote:
        kind, view, digest = key
        committee = self._world.committee
        message = crypto.vote_message(committee.chain_id, kind, committee.era, view, digest)
        return Vote(kind, committee.era, view, digest, member, sign_as(member, message))

    def _deliver(self, message: Message, nodes: list[SimNode]) -> None:
        world = self._world
        event = world.envelope(self._name, message)
        for node in nodes:
            delay = world.random.randint(1, 60)
            if self._draw() < 0.1:
                delay += world.random.randint(0, 600)
            world.post(node, delay, event)

    def _some(self) -> list[SimNode]:
        """Return a random part of the honest."""
        chance = self._draw()
        return [node for node in self._world.honest if self._draw() < chance]

    def _join_in(self, key: Key) -> None:
        """Sign what was said, and perhaps the opposite, each to its own part of the honest."""
        kind, view, digest = key
        keys = [key]
        if self._draw() < self._style.contradict:
            keys.append((VoteKind.NULLIFY, view, ZERO_HASH))
            if kind is not VoteKind.NULLIFY:
                keys.append((VoteKind.FINALIZE, view, digest))
        for each in keys:
            for member in self._members:
                if (member, each) not in self._signed and self._draw() < self._style.sign:
                    self._signed.add((member, each))
                    self._deliver(self._make(member, each), self._some())

    # -- leading ---------------------------------------------------------------------------------

    def _reach(self, view: View) -> None:
        """Somebody can be in `view` now: lead it if it is ours, at once or a little late."""
        if view <= self._top:
            return
        self._top = view
        known = self._known(view)
        if self._world.committee.leader(view) in self._members and not known.is_led:
            known.is_led = True
            delay = 0 if self._draw() < 0.5 else self._world.random.randint(1, 400)
            self._world.schedule(self._world.now + delay, lambda: self._lead(view))

    def _lead(self, view: View) -> None:
        """Make one to three blocks and show each to a part of the honest."""
        count = self._world.random.randint(2, 3) if self._draw() < self._style.equivocate else 1
        made: list[Proposal] = []
        for _ in range(count):
            parent = self._choose_parent(view)
            proposal = None if parent is None else self._propose(view, parent)
            if proposal is not None:
                made.append(proposal)
                whole = count == 1 and self._draw() < 0.7
                self._deliver(proposal, list(self._world.honest) if whole else self._some())
        next_view = View(view + 1)
        is_ours = self._world.committee.leader(next_view) in self._members
        if len(made) > 1 and is_ours and self._draw() < self._style.illegal:
            self._lead_ahead(next_view, made)

    def _lead_ahead(self, view: View, made: list[Proposal]) -> None:
        """Before anyone can be in `view`, propose there on a block that will not be notarized.

        The bodies go to all, so that nothing but the missing notarization speaks against it; who
        does not mind votes for it the moment its sibling is notarized.
        """
        self._known(view).is_led = True
        parent = self._world.checker.register(made[-1])
        child = self._propose(view, parent)
        if child is not None:
            for proposal in (*made, child):
                self._deliver(proposal, list(self._world.honest))

    def _choose_parent(self, view: View) -> Hash32 | None:
        """Return the best parent an honest leader would choose, or one that it never would."""
        if self._draw() >= self._style.illegal:
            return self._best_parent(view)
        below = range(max(0, view - 4), view)
        notarized = [n for n in (self._known(View(v)).notarized for v in below) if n]
        loose = [
            digest
            for v in below
            for digest in self._known(View(v)).blocks
            if digest != self._known(View(v)).notarized
        ]
        last = self._known(View(view - 1))
        siblings = [digest for digest in last.blocks if digest != last.notarized]
        choices = [each for each in (notarized, loose, siblings, siblings) if each]
        if not choices:
            return self._best_parent(view)
        return self._world.random.choice(self._world.random.choice(choices))

    def _best_parent(self, view: View) -> Hash32 | None:
        for number in range(view - 1, -1, -1):
            known = self._known(View(number))
            if known.notarized is not None and (not known.nullified or self._draw() < 0.7):
                return known.notarized
            if not known.nullified:
                return None
        return None

    def _propose(self, view: View, parent: Hash32) -> Proposal | None:
        world = self._world
        above, state = world.checker.headers[parent], world.checker.posts.get(parent)
        if state is None:
            return None
        justify = self._justify(view, parent, above)
        block_ms = world.timing.block_ms
        lie = self._draw()
        header = Header(
            era=world.committee.era,
            view=view,
            height=Height(above.height + 1),
            kind=BlockKind.BLOCK,
            parent=parent,
            parent_view=above.view,
            proposer=world.committee.leader(view),
            time_ms=TimeMs(max(world.now, above.time_ms + block_ms)),
            reveal=world.draw_reveal(),
            body_root=crypto.compute_body_root(()),
            justify_root=crypto.compute_justify_root(justify),
            state_root=state,
            receipts_root=ZERO_HASH,
            vset_hash=world.committee.vset_hash,
            next_vset_hash=world.committee.vset_hash,
        )
        if lie < 0.04:
            header = replace(header, state_root=world.draw_reveal())
        elif lie < 0.08:
            header = replace(
                header, time_ms=TimeMs(header.time_ms + world.random.randint(-500, 900))
            )
        elif lie < 0.10:
            header = replace(header, height=Height(header.height + 1))
        digest = crypto.compute_header_digest(header)
        key = (VoteKind.PROPOSE, view, digest)
        proposal = Proposal(Block(header, (), justify), self._make(header.proposer, key).signature)
        self._on_proposal(proposal)
        return proposal

    def _justify(self, view: View, parent: Hash32, above: Header) -> tuple[Certificate, ...]:
        """Return the certificates that belong in the block, as far as they exist."""
        if self._draw() < self._style.omit:
            return ()
        keys: list[Key] = [(VoteKind.FINALIZE, above.view, parent)]
        if keys[0] not in self._certificates:
            keys = [(VoteKind.NOTARIZE, above.view, parent)]
        skipped = range(max(above.view + 1, view - 16), view)
        keys += [(VoteKind.NULLIFY, View(v), ZERO_HASH) for v in skipped]
        return tuple(self._certificates[key] for key in keys if key in self._certificates)
