"""One node of the simulator: the agreement machine, a toy ledger, and a disk that survives crashes.

The ledger is one hash: the state after a block is H(state after its parent, its reveal), so that a
header with a wrong `state_root` is refused and two nodes with one chain have one state.

A crash strikes at an effect that writes: nothing durable, all durable and nothing sent, or all
durable and a random part of the rest done. What is in memory is lost; what is on `Disk` is not.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import blake2b
from typing import TYPE_CHECKING

from consensus import crypto
from consensus.agreement import messages as m
from consensus.agreement.certificates import Committee
from consensus.agreement.simplex import Simplex
from consensus.quantities import ZERO_HASH, Hash32, Signature, ValidatorIndex, View
from consensus.types import Block, Certificate, Header, Proposal, Status, Vote, VoteKind

if TYPE_CHECKING:
    from tests.sim.world import World

ANCESTORS_MAX = 16
MachineFactory = Callable[
    [Committee, ValidatorIndex | None, m.Sign, m.Timing, m.Recovered], Simplex
]


class Cut(IntEnum):
    """Where a crash strikes."""

    NOTHING_DURABLE = 0
    NOTHING_SENT = 1
    SOME_SENT = 2


@dataclass(frozen=True, slots=True)
class Asked:
    """A peer's question for a body and its ancestors."""

    node: "SimNode"
    digest: Hash32


def sign_as(signer: int, message: bytes) -> Signature:
    """Return a signature nobody checks: the simulator's shells deliver true ones only."""
    return Signature(blake2b(message, digest_size=64, salt=b"%d" % signer).digest())


def compute_post(before: Hash32, reveal: Hash32) -> Hash32:
    """Return the toy ledger's root after a block that shows `reveal`."""
    return Hash32(blake2b(before + reveal, digest_size=32).digest())


@dataclass(slots=True)
class Disk:
    """What a crash leaves."""

    view: View
    digest: Hash32
    header: Header
    post: Hash32
    certificate: Certificate | None = None
    votes: set[Vote] = field(default_factory=set[Vote])
    certificates: dict[tuple[View, VoteKind], Certificate] = field(
        default_factory=dict[tuple[View, VoteKind], Certificate]
    )
    bodies: dict[Hash32, Proposal | Block] = field(default_factory=dict[Hash32, Proposal | Block])
    chain: list[Hash32] = field(default_factory=list[Hash32])
    """The final blocks by height - 1."""

    def write(self, effect: m.Persist) -> None:
        """Make everything durable at once."""
        for item in effect.blocks:
            header = (item.block if isinstance(item, Proposal) else item).header
            self.bodies[crypto.compute_header_digest(header)] = item
        for certificate in effect.certificates:
            self.certificates[certificate.view, certificate.kind] = certificate
        self.votes.update(effect.votes)

    def finalize(self, digests: list[Hash32], effect: m.Commit, post: Hash32) -> None:
        """Write the chain and its state in one transaction, and drop what it settles."""
        for digest, block in zip(digests, effect.blocks, strict=True):
            self.bodies.setdefault(digest, block)
        self.chain += digests
        self.digest, self.header, self.post = digests[-1], effect.blocks[-1].header, post
        self.certificate = effect.certificate
        self.view = view = effect.certificate.view
        self.votes = {vote for vote in self.votes if vote.view > view}
        self.certificates = {k: c for k, c in self.certificates.items() if k[0] > view}

    def recover(self) -> m.Recovered:
        """Read back what a machine starts from."""
        bodies = [
            item
            for item in self.bodies.values()
            if (item.block if isinstance(item, Proposal) else item).header.view > self.view
        ]
        return m.Recovered(
            view=self.view,
            digest=self.digest,
            header=self.header,
            certificate=self.certificate,
            votes=tuple(sorted(self.votes, key=lambda vote: (vote.view, vote.kind))),
            certificates=tuple(self.certificates.values()),
            blocks=tuple(bodies),
        )


class SimNode:
    """A shell around one machine, as obedient as the daemon's and far quicker."""

    def __init__(
        self,
        world: "World",
        place: int,
        me: ValidatorIndex | None,
        factory: MachineFactory,
        *,
        is_honest: bool = True,
    ) -> None:
        self.world = world
        self.place = place
        self.me = me
        self.name = b"n%d" % place
        self.is_honest = is_honest
        self.factory = factory
        self.offset_ms = world.random.randint(-world.plan.skew_ms, world.plan.skew_ms)
        genesis = world.genesis
        self.disk = Disk(View(0), crypto.compute_header_digest(genesis), genesis, ZERO_HASH)
        self.incarnation = 0
        self.is_up = False
        self.cut: Cut | None = None
        self.down_ms = 0
        self.timers: dict[m.Tag, int] = {}
        self._posts: dict[Hash32, Hash32] = {}
        self.machine = self._make_machine()

    def _make_machine(self) -> Simplex:
        def sign(message: bytes) -> Signature:
            assert self.me is not None
            return sign_as(self.me, message)

        world = self.world
        return self.factory(world.committee, self.me, sign, world.timing, self.disk.recover())

    @property
    def height(self) -> int:
        """How many blocks this node has finalised."""
        return len(self.disk.chain)

    # -- life --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, or begin again, with what the disk remembers."""
        self.machine = self._make_machine()
        self.is_up = True
        self.cut = None
        self.timers = {}
        self._posts = {self.disk.digest: self.disk.post}
        self.handle(m.Start())

    def crash(self) -> None:
        """Lose all but the disk; come back later."""
        world = self.world
        self.is_up = False
        self.incarnation += 1
        world.note(self, "crash", self.cut)
        world.schedule(world.now + self.down_ms, self.start)

    def handle(self, event: m.Event | Asked) -> None:
        """Step the machine and do what it asks, its immediate follow-ups included."""
        if isinstance(event, Asked):
            self._answer(event)
            return
        world = self.world
        events: list[m.Event] = [event]
        for current in events:
            if world.is_traced:
                world.note(self, "event", current)
            effects = self.machine.step(world.now + self.offset_ms, current)
            if effects:
                self._perform(world.order(effects), events)
            if not self.is_up:
                return

    # -- effects -----------------------------------------------------------------------------------

    def _perform(self, effects: tuple[m.Effect, ...], events: list[m.Event]) -> None:
        stop = self._stop_at(effects)
        for index, effect in enumerate(effects):
            if index == stop:
                self.crash()
                return
            if self.world.is_traced:
                self.world.note(self, "effect", effect)
            self._perform_one(effect, events)
        if stop == len(effects):
            self.crash()

    def _stop_at(self, effects: tuple[m.Effect, ...]) -> int | None:
        """Return before which effect the power goes, if it does in this step."""
        if self.cut is None:
            return None
        writes = [i for i, e in enumerate(effects) if isinstance(e, m.Persist | m.Commit)]
        if not writes:
            return None
        match self.cut:
            case Cut.NOTHING_DURABLE:
                return writes[0]
            case Cut.NOTHING_SENT:
                return writes[0] + 1
            case Cut.SOME_SENT:
                return self.world.random.randint(writes[0] + 1, len(effects))

    def _perform_one(self, effect: m.Effect, events: list[m.Event]) -> None:  # noqa: C901 - a table
        world = self.world
        match effect:
            case m.Publish():
                world.checker.on_told(self, effect.message)
                world.publish(self, effect.message)
            case m.SetTimer():
                self._set_timer(effect.tag, effect.at_ms)
            case m.Persist():
                self.disk.write(effect)
                world.checker.on_certificates(effect.certificates)
            case m.Send():
                world.checker.on_told(self, effect.message)
                world.send_named(self, effect.peer, effect.message)
            case m.ExecuteBlock():
                self._later(self._execute(effect), events)
            case m.BuildBlock():
                self._later(self._build(effect), events)
            case m.Commit():
                world.checker.on_certificates((effect.certificate,))
                self._commit(effect)
            case m.AskBlock():
                world.ask(self, effect.peer, effect.digest)
            case m.Accuse():
                world.checker.on_accused(self, effect.evidence)
            case m.FallSilent():
                world.checker.on_silent(self)
                self.machine.me = self.me  # a twin knows that there are two of it

    def _set_timer(self, tag: m.Tag, at_ms: int) -> None:
        self.timers[tag] = at_ms
        self.world.alarm(self, tag, at_ms)

    def _later(self, event: m.Event, events: list[m.Event]) -> None:
        """Give the ledger's answer at once or, in worlds with a slow ledger, after a while."""
        slow_ms = self.world.plan.ledger_ms
        if slow_ms == 0:
            events.append(event)
        else:
            self.world.post(self, self.world.random.randint(0, slow_ms), event)

    def _execute(self, effect: m.ExecuteBlock) -> m.Executed:
        header = effect.block.header
        before = self._posts[header.parent]
        if header.state_root != before:
            return m.Executed(effect.digest, is_valid=False)
        self._posts[effect.digest] = compute_post(before, header.reveal)
        return m.Executed(effect.digest, is_valid=True)

    def _build(self, effect: m.BuildBlock) -> m.Built:
        post = self._posts.get(effect.parent)
        if post is None:
            return m.Built(effect.view, effect.parent, None)
        body = m.BlockBody((), post, ZERO_HASH, self.world.draw_reveal())
        return m.Built(effect.view, effect.parent, body)

    def _commit(self, effect: m.Commit) -> None:
        digests = [crypto.compute_header_digest(block.header) for block in effect.blocks]
        post = self._posts[digests[-1]]
        self.disk.finalize(digests, effect, post)
        self.world.checker.on_commit(self, digests, effect.blocks, post)
        alive = self.machine.tree
        self._posts = {d: p for d, p in self._posts.items() if alive.header(d) is not None}

    def _answer(self, event: Asked) -> None:
        found: list[Block] = []
        digest = event.digest
        while len(found) < ANCESTORS_MAX:
            entry = self.machine.tree.get(digest)
            item = entry.block if entry is not None else self.disk.bodies.get(digest)
            if item is None:
                break
            found.append(item.block if isinstance(item, Proposal) else item)
            digest = found[-1].header.parent
        if found:
            blocks = tuple(reversed(found))
            self.world.transmit(self, event.node, m.BlocksReceived(self.name, blocks))


def wrap(
    peer: bytes, message: Vote | Proposal | Status | Certificate, digest: Hash32 | None
) -> m.Event:
    """Return the event a shell makes of a judged message."""
    match message:
        case Vote():
            return m.VoteReceived(peer, message)
        case Certificate():
            return m.CertificateReceived(peer, message)
        case Status():
            return m.StatusReceived(peer, message)
        case Proposal():
            assert digest is not None
            return m.ProposalReceived(peer, message, digest)
