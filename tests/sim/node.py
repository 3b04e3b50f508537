"""One node of the simulator: the agreement machine, a toy ledger, and a disk that survives crashes.

The ledger is one hash: the state after a block is H(state after its parent, its reveal), so that a
header with a wrong `state_root` is refused and two nodes with one chain have one state.

A crash strikes at an effect that writes: nothing durable, all durable and nothing sent, or all
durable and a random part of the rest done. What is in memory is lost; what is on `Disk` is not.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from hashlib import blake2b
from typing import TYPE_CHECKING

from consensus import crypto
from consensus.agreement import messages as m
from consensus.agreement.certificates import Committee
from consensus.agreement.simplex import Simplex
from consensus.quantities import ZERO_HASH, Era, Hash32, Signature, ValidatorIndex, View
from consensus.types import Block, Certificate, Proposal, Status, Vote
from tests.sim.disk import Disk

if TYPE_CHECKING:
    from tests.sim.world import World

ANCESTORS_MAX = 16
EARLY_MAX = 256
"""Messages of the next era kept for its beginning."""
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


class SimNode:
    """A shell around one machine, as obedient as the daemon's and far quicker."""

    def __init__(
        self,
        world: "World",
        place: int,
        factory: MachineFactory,
        *,
        is_honest: bool = True,
    ) -> None:
        self.world = world
        self.place = place
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
        self._early: deque[m.Event] = deque(maxlen=EARLY_MAX)
        self._before: Hash32 | None = None
        """The state before this era, if the disk has not been told (a mutant)."""
        self.machine = self._make_machine(self.disk)

    def _make_machine(self, disk: Disk) -> Simplex:
        """Return the machine of the era that `disk` stands in."""
        committee = self.world.eras.committee(disk.era, disk.before)
        self.me = self.world.eras.index(disk.era, self.place)
        return self.factory(committee, self.me, self._sign, self.world.timing, disk.recover())

    def _sign(self, message: bytes) -> Signature:
        return sign_as(self.place, message)

    @property
    def era(self) -> Era:
        """The era whose machine runs."""
        return self.machine.committee.era

    @property
    def height(self) -> int:
        """How many blocks this node has finalised."""
        return len(self.disk.chain)

    # -- life --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, or begin again, with what the disk remembers."""
        self.machine = self._make_machine(self.disk)
        self.is_up = True
        self.cut = None
        self.timers = {}
        self._early.clear()
        self._before = None
        self._posts = {self.disk.digest: self.disk.post}
        self.handle(m.Start())

    def _enter_era(self) -> None:
        """Go on with the next era's machine, and with what came too early for it."""
        disk = self.disk
        if not self.world.is_switch_durable:
            disk = replace(disk, hand_offs={})
            self._before = disk.post
        disk.enter_era()
        self.machine = self._make_machine(disk)
        self.timers = {}
        self._posts = {disk.digest: disk.post}
        self.world.villain.enter(self.machine.committee, disk.digest, disk.header)

    def _begin_era(self) -> None:
        early = tuple(self._early)
        self._early.clear()
        for event in (m.Start(), *early):
            if self.is_up:
                self.handle(event)

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
        if self._is_elsewhere(event):
            return
        world = self.world
        events: list[m.Event] = [event]
        machine = self.machine
        for current in events:
            if world.is_traced:
                world.note(self, "event", current)
            effects = machine.step(world.now + self.offset_ms, current)
            if effects:
                self._perform(world.order(effects), events)
            if not self.is_up:
                return
            if machine is not self.machine:
                self._begin_era()
                return

    def _is_elsewhere(self, event: m.Event) -> bool:
        """Keep what is early, show who is late how its era has ended; tell whether that was all."""
        era = era_of(event)
        if era is None or era == self.era:
            return False
        if isinstance(event, m.StatusReceived):
            ended = self.disk.hand_offs.get(era)
            is_old = ended is not None and era < self.era - 1
            if ended is not None and is_old:
                self.world.send_named(self, event.peer, ended)
            return is_old
        if era == self.era + 1:
            self._early.append(event)
        return True

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
        if self._before is not None:
            self.disk.before, self._before = self._before, None
        self.disk.finalize(digests, effect, post)
        self.world.checker.on_commit(self, digests, effect.blocks, post)
        if self.machine.is_over:
            self._enter_era()
            return
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


def era_of(event: m.Event) -> Era | None:
    """Return the era of what a message says; None for what has none."""
    match event:
        case m.VoteReceived():
            return event.vote.era
        case m.CertificateReceived():
            return event.certificate.era
        case m.StatusReceived():
            return event.status.era
        case m.ProposalReceived():
            return event.proposal.block.header.era
        case _:
            return None


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
