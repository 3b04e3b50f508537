"""Who breaks the rules, and how: a coalition with one brain, twins, the silent, nobody.

Each holds less than a third of the stake (a mutant may give it more). None can forge: whatever it
sends is signed with its own keys, or is a certificate of votes that were really made.
"""

# ruff: noqa: ARG002 - each villain uses what it wants of the Villain protocol

from typing import TYPE_CHECKING, Protocol

from consensus import crypto
from consensus.agreement.certificates import Committee
from consensus.quantities import ZERO_HASH, Era, Hash32
from consensus.types import Certificate, Header, Proposal, Status, Vote
from tests.sim.coalition import Brain, Style
from tests.sim.node import SimNode

if TYPE_CHECKING:
    from tests.sim.mutants import Mutant
    from tests.sim.world import World

Message = Vote | Proposal | Status | Certificate


class Villain(Protocol):
    """What the world lets its bad side do."""

    def join(self, world: "World") -> None:
        """Enter the world, with nodes of one's own if need be."""
        ...

    def observe(self, node: SimNode, message: Message) -> None:
        """See a message the moment it is sent."""
        ...

    def enter(self, committee: Committee, digest: Hash32, header: Header) -> None:
        """See that somebody begins an era, on the block `digest`."""
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

    def enter(self, committee: Committee, digest: Hash32, header: Header) -> None:
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
        for place in world.plan.hostile:
            for copy in range(2):
                node = SimNode(world, place, self._mutant.machine, is_honest=False)
                node.name = b"t%d%s" % (place, b"ab"[copy : copy + 1])
                world.nodes.append(node)
                self._copies.append(node)
        self._shuffle()

    def observe(self, node: SimNode, message: Message) -> None:
        pass

    def enter(self, committee: Committee, digest: Hash32, header: Header) -> None:
        pass

    def is_visible(self, node: SimNode, other: SimNode) -> bool:
        if node.is_honest and other.is_honest:
            return True
        return node.place != other.place and (id(node), id(other)) not in self._hidden

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


class Coalition:
    """As much stake as it may hold, one shared brain in each era, and every era remembered."""

    def __init__(self) -> None:
        self._brains: dict[Era, Brain] = {}

    def join(self, world: "World") -> None:
        self._world = world
        draw = world.random.random
        self._style = Style(
            equivocate=draw(),
            illegal=draw(),
            sign=draw(),
            contradict=draw() ** 2,
            leak=draw() ** 2,
            omit=draw() ** 2,
        )
        genesis = world.genesis
        committee = world.eras.committee(genesis.era, ZERO_HASH)
        self.enter(committee, crypto.compute_header_digest(genesis), genesis)

    def enter(self, committee: Committee, digest: Hash32, header: Header) -> None:
        if committee.era not in self._brains:
            brain = self._brains[committee.era] = Brain(self._world, self._style, committee)
            brain.begin(digest)

    def is_visible(self, node: SimNode, other: SimNode) -> bool:
        return True

    def observe(self, node: SimNode, message: Message) -> None:
        match message:
            case Vote():
                brain = self._brains.get(message.era)
            case Proposal():
                brain = self._brains.get(message.block.header.era)
            case Certificate() | Status():
                return
        if brain is not None:
            brain.observe(message)
