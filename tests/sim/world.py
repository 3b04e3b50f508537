"""One seed: a virtual clock, a lossy network, disks that crash, any number of nodes.

First the network is asynchronous: it loses, delays without bound, splits into up to three groups,
and nodes crash. At `gst_ms` (global stabilisation time) it heals: every delay is below the assumed
bound, 2 % is lost for ever, and every node stays up. Then every honest node must finalise
`blocks_after` more blocks.

All randomness comes from the seed, so a seed replays exactly.
"""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING

from consensus import crypto
from consensus.agreement import messages as m
from consensus.agreement.certificates import Committee
from consensus.quantities import (
    ZERO_HASH,
    Era,
    Hash32,
    Height,
    TimeMs,
    ValidatorIndex,
    View,
)
from consensus.types import BlockKind, Certificate, Header, Proposal, Status, Vote
from tests.sim.checkers import Checker
from tests.sim.eras import Eras
from tests.sim.node import Asked, Cut, SimNode, wrap

if TYPE_CHECKING:
    from tests.sim.mutants import Mutant
    from tests.sim.villains import Villain

GENESIS_MS = 1_000_000
LOSS_AFTER = 0.02
STALL_MS = 240_000
"""How long after `gst_ms` every honest node has for its blocks; the back-off's longest timer is
`TIMER_MS_MAX`, and a hostile third may lead several views in a row."""
TIMER_MS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What a seed decides before the first event."""

    seed: int
    stakes: tuple[int, ...]
    villain: str
    hostile: tuple[int, ...]
    """Places."""
    has_follower: bool
    timing: m.Timing
    skew_ms: int
    """Clocks differ from the true time by at most this."""
    ledger_ms: int
    """Longest time the ledger takes; 0: it answers at once."""
    loss: float
    spike: float
    """Chance of a delay far above the bound, before `gst_ms`."""
    gst_ms: int
    blocks_after: int
    until: int | None
    """Height at which the run ends, instead of `blocks_after` blocks after `gst_ms`."""
    era_blocks: int = 0
    """Blocks of an era; 0: one without end."""
    hostile_percent: int = 33


class World:
    """The whole of one run."""

    def __init__(
        self, plan: Plan, mutant: "Mutant", villain: "Villain", trace: Callable[[str], None] | None
    ) -> None:
        self.plan = plan
        self.random = Random(plan.seed)
        self.trace = trace
        self.is_traced = trace is not None
        self.now = GENESIS_MS
        self.events = 0
        self.timing = plan.timing
        self.eras = Eras(
            plan.seed,
            plan.stakes,
            plan.hostile,
            plan.era_blocks,
            mutant.committee,
            plan.hostile_percent,
        )
        self.genesis = make_genesis(self.eras.committee(Era(1), ZERO_HASH))
        self.order = mutant.order
        self.is_switch_durable = mutant.is_switch_durable
        self.checker = Checker(self, is_watched=mutant.is_watched)
        self._queue: list[tuple[int, int, SimNode | None, int, object]] = []
        self._sequence = 0
        self._groups: list[int] | None = None
        self.nodes: list[SimNode] = []
        self.villain = villain
        self._populate(mutant)
        self.honest = [node for node in self.nodes if node.is_honest]
        self._by_name = {node.name: node for node in self.nodes}

    def _populate(self, mutant: "Mutant") -> None:
        for place in self.eras.places:
            if place not in self.plan.hostile:
                self.nodes.append(SimNode(self, place, mutant.machine))
        if self.plan.has_follower:
            self.nodes.append(SimNode(self, len(self.eras.places), mutant.machine))
        self.villain.join(self)

    # -- time ------------------------------------------------------------------------------------

    def schedule(self, at_ms: int, action: Callable[[], None]) -> None:
        """Do something to the world at a time."""
        self._sequence += 1
        heappush(self._queue, (at_ms, self._sequence, None, 0, action))

    def post(self, node: SimNode, delay_ms: int, event: "m.Event | Asked | m.Tag") -> None:
        """Have something happen to this incarnation of a node, whatever the network does."""
        self._sequence += 1
        item = (self.now + delay_ms, self._sequence, node, node.incarnation, event)
        heappush(self._queue, item)

    def alarm(self, node: SimNode, tag: m.Tag, at_ms: int) -> None:
        """Ring at a node's own time."""
        self.post(node, max(0, at_ms - node.offset_ms - self.now), tag)

    def run(self) -> None:
        """Run until every honest node has its blocks, or has had its time.

        Raises:
            Violation: a promise of agreement was broken.
        """
        for node in self.nodes:
            node.start()
        end_ms = self.plan.gst_ms + STALL_MS
        target = self.plan.until
        while self._queue:
            at_ms, _, node, incarnation, event = heappop(self._queue)
            self.now = at_ms
            if at_ms > self.plan.gst_ms and target is None:
                target = self.plan.blocks_after + max(each.height for each in self.honest)
            if at_ms > end_ms:
                break
            if node is None:
                event()  # pyright: ignore[reportCallIssue, reportUnknownVariableType]  # an action
                continue
            if incarnation not in (-1, node.incarnation) or not node.is_up:
                continue
            self.events += 1
            height = node.height
            if not isinstance(event, m.Tag):
                node.handle(event)  # pyright: ignore[reportArgumentType]  # what `post` was given
            elif self._is_due(node, event):
                del node.timers[event]
                node.handle(m.TimerFired(event))
            if node.height > height and target is not None and self._is_done(target):
                break
        self.checker.on_end(self._is_done(target or 0) and target is not None)

    def _is_due(self, node: SimNode, tag: m.Tag) -> bool:
        """Tell whether an alarm rings now; one that was moved rings later."""
        at_ms = node.timers.get(tag)
        return at_ms is not None and at_ms <= self.now + node.offset_ms

    def _is_done(self, target: int) -> bool:
        return all(node.height >= target for node in self.honest)

    def note(self, node: SimNode, what: str, value: object) -> None:
        """Write a line of the trace."""
        if self.trace is not None:
            self.trace(f"{self.now - GENESIS_MS:>7} {node.name.decode():>4} {what:6} {show(value)}")

    # -- network ---------------------------------------------------------------------------------

    def split(self) -> None:
        """Divide the places into 1 to 3 groups that don't hear each other."""
        groups = self.random.randint(1, 3)
        places = len(self.plan.stakes) + 3
        self._groups = [self.random.randrange(groups) for _ in range(places)]

    def heal(self) -> None:
        """End every partition."""
        self._groups = None

    def publish(self, node: SimNode, message: Vote | Proposal | Status) -> None:
        """Carry a message to everyone, over links that fail one by one."""
        event = self.envelope(node.name, message)
        self.villain.observe(node, message)
        for other in self.nodes:
            if other is not node:
                self.transmit(node, other, event)

    def send_named(
        self, node: SimNode, peer: bytes, message: Certificate | Status | Proposal
    ) -> None:
        """Carry a message to one peer."""
        self.villain.observe(node, message)
        other = self._by_name.get(peer)
        if other is not None:
            self.transmit(node, other, self.envelope(node.name, message))

    def envelope(self, peer: bytes, message: Vote | Proposal | Status | Certificate) -> m.Event:
        """Return the event a message becomes where it arrives."""
        digest = None
        if isinstance(message, Proposal):
            digest = self.checker.register(message)
        return wrap(peer, message, digest)

    def ask(self, node: SimNode, peer: bytes | None, digest: Hash32) -> None:
        """Carry a question to a peer, or to anyone: whoever is hostile does not answer."""
        other = self._by_name.get(peer) if peer is not None else None
        if other is None:
            place = self.random.randrange(len(self.eras.places))
            other = next((each for each in self.nodes if each.place == place), None)
        if other is not None and other is not node:
            self.transmit(node, other, Asked(node, digest))

    def transmit(self, node: SimNode, other: SimNode, event: m.Event | Asked) -> None:
        """Deliver, late or never."""
        if not self.villain.is_visible(node, other):
            return
        draw = self.random.random
        delay = int(4 + 56 * draw())
        if self.now < self.plan.gst_ms:
            groups = self._groups
            if groups is not None and groups[node.place] != groups[other.place]:
                return
            if draw() < self.plan.loss:
                return
            if draw() < self.plan.spike:
                delay += int(1_500 * draw())
        elif draw() < LOSS_AFTER:
            return
        self._sequence += 1
        heappush(self._queue, (self.now + delay, self._sequence, other, -1, event))

    # -- dice ------------------------------------------------------------------------------------

    def draw_reveal(self) -> Hash32:
        """Return fresh randomness for a block."""
        return Hash32(self.random.randbytes(32))

    def plan_faults(self, count: int) -> None:
        """Schedule partitions and `count` crash-restarts before `gst_ms`."""
        rng, gst = self.random, self.plan.gst_ms
        whole_ms_max = rng.choice((300, 1_000, 3_000))
        at_ms = GENESIS_MS + rng.randint(0, whole_ms_max)
        while at_ms < gst:
            self.schedule(at_ms, self.split)
            at_ms += rng.randint(50, 700)
            self.schedule(at_ms, self.heal)
            at_ms += rng.randint(0, whole_ms_max)
        self.schedule(gst, self.heal)
        for _ in range(count):
            strike_ms = rng.randint(GENESIS_MS, gst)
            everyone = rng.random() < 0.08
            victims = self.honest if everyone else [rng.choice(self.honest)]
            for node in victims:
                self.schedule(strike_ms, self._strike(node))

    def _strike(self, node: SimNode) -> Callable[[], None]:
        cut = Cut(self.random.randrange(3))
        down_ms = self.random.randint(10, 800)

        def strike() -> None:
            node.cut, node.down_ms = cut, down_ms

        return strike


def make_genesis(committee: Committee) -> Header:
    """Return the header every node starts from."""
    return Header(
        era=Era(1),
        view=View(0),
        height=Height(0),
        kind=BlockKind.BLOCK,
        parent=ZERO_HASH,
        parent_view=View(0),
        proposer=ValidatorIndex(0),
        time_ms=TimeMs(GENESIS_MS),
        reveal=ZERO_HASH,
        body_root=ZERO_HASH,
        justify_root=ZERO_HASH,
        state_root=ZERO_HASH,
        receipts_root=ZERO_HASH,
        vset_hash=committee.vset_hash,
        next_vset_hash=committee.vset_hash,
    )


def show(value: object) -> str:
    """Return one line about an event or effect, with short digests."""
    match value:
        case Vote() | Certificate():
            who = value.signer if isinstance(value, Vote) else list(value.signers)
            return f"{value.kind.name} v{value.view} {value.digest.hex()[:6]} by {who}"
        case Proposal():
            header = value.block.header
            name = crypto.compute_header_digest(header).hex()[:6]
            certificates = [f"{c.kind.name[0:3]}{c.view}" for c in value.block.justify]
            return (
                f"{header.kind.name} v{header.view} {name} on v{header.parent_view}"
                f" {header.parent.hex()[:6]} h{header.height} {certificates}"
            )
        case m.Persist():
            return f"persist {[show(each) for each in (*value.votes, *value.certificates)]}"
        case m.Commit():
            last = value.blocks[-1].header
            seals = f" and {len(value.seals)} seals" if value.seals else ""
            return f"COMMIT up to h{last.height} of era {last.era} v{value.certificate.view}{seals}"
        case m.VoteReceived():
            return f"got {show(value.vote)}"
        case m.CertificateReceived():
            return f"got certificate {show(value.certificate)}"
        case m.ProposalReceived():
            return f"got {show(value.proposal)}"
        case m.Publish() | m.Send():
            return f"{type(value).__name__.lower()} {show(value.message)}"
        case m.Executed():
            return f"executed {value.digest.hex()[:6]} {value.is_valid}"
        case _:
            text = str(value)
            return text if len(text) < 160 else text[:157] + "..."
