"""A hostile coalition's brain: what it knows of one era, and how it lies there.

Source: the adversary of `docs/spec/agreement.md` 5.1.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from consensus import crypto
from consensus.agreement.certificates import Committee, build_certificate
from consensus.agreement.headers import as_genesis, compute_kind
from consensus.quantities import ZERO_HASH, Hash32, Height, TimeMs, ValidatorIndex, View
from consensus.types import Block, BlockKind, Certificate, Header, Proposal, Status, Vote, VoteKind
from tests.sim.node import SimNode, sign_as

if TYPE_CHECKING:
    from tests.sim.world import World

Message = Vote | Proposal | Status | Certificate
Key = tuple[VoteKind, View, Hash32]


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


class Brain:
    """The coalition's mind in one era: sees everything, says anything."""

    def __init__(self, world: "World", style: Style, committee: Committee) -> None:
        self._world = world
        self._style = style
        self._committee = committee
        self._votes: dict[Key, dict[ValidatorIndex, Vote]] = {}
        self._certificates: dict[Key, Certificate] = {}
        self._views: dict[View, Known] = {}
        self._proposals: dict[Hash32, Proposal] = {}
        self._signed: set[tuple[ValidatorIndex, Key]] = set()
        self._top = View(0)

        self._members = tuple(
            index
            for place in world.plan.hostile
            if (index := world.eras.index(committee.era, place)) is not None
        )
        self._name = b"villain"

    def begin(self, digest: Hash32) -> None:
        """Start from the block before the era."""
        self._views[View(0)] = Known(notarized=digest, finalized=digest)
        self._reach(View(1))

    # -- seeing ----------------------------------------------------------------------------------

    def observe(self, message: Vote | Proposal) -> None:
        """See a message of this era the moment it is sent."""
        match message:
            case Vote():
                self._on_vote(message)
            case Proposal():
                self._on_proposal(message)

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
        committee = self._committee
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
        committee = self._committee
        message = crypto.vote_message(committee.chain_id, kind, committee.era, view, digest)
        place = self._world.eras.place(committee.era, member)
        return Vote(kind, committee.era, view, digest, member, sign_as(place, message))

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
        if self._committee.leader(view) in self._members and not known.is_led:
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
        is_ours = self._committee.leader(next_view) in self._members
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
        if above.era != self._committee.era:
            above = as_genesis(above, self._committee.era)
        kind = compute_kind(self._committee, above)
        is_block = kind is BlockKind.BLOCK
        justify = self._justify(view, parent, above)
        block_ms = world.timing.block_ms
        lie = self._draw()
        header = Header(
            era=self._committee.era,
            view=view,
            height=Height(above.height + is_block),
            kind=kind,
            parent=parent,
            parent_view=above.view,
            proposer=self._committee.leader(view),
            time_ms=TimeMs(max(world.now, above.time_ms + block_ms)),
            reveal=world.draw_reveal() if is_block else ZERO_HASH,
            body_root=crypto.compute_body_root(()),
            justify_root=crypto.compute_justify_root(justify),
            state_root=state if is_block else ZERO_HASH,
            receipts_root=ZERO_HASH,
            vset_hash=self._committee.vset_hash,
            next_vset_hash=self._committee.next_vset_hash,
        )
        if lie < 0.04:
            header = replace(header, state_root=world.draw_reveal())
        elif lie < 0.08:
            header = replace(
                header, time_ms=TimeMs(header.time_ms + world.random.randint(-500, 900))
            )
        elif lie < 0.10:
            header = replace(header, height=Height(header.height + 1))
        elif lie < 0.12:
            other = BlockKind.SEAL if is_block else BlockKind.BLOCK
            header = replace(header, kind=other)
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
