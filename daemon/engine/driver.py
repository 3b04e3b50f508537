"""Feed events to the agreement machine and perform its effects in order.

One task owns the machine: it takes the next event (its own follow-ups first, then alarms, then the
mailbox), steps, and does not step again before every effect is done. So what is told to peers was
durable before, and nothing here needs a lock.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import assert_never

import trio
from nacl.signing import SigningKey

from consensus import codec, crypto, parcels
from consensus.agreement import messages as m
from consensus.agreement.beacon import HashChain
from consensus.agreement.blocktree import BLOCKS_MAX
from consensus.agreement.certificates import Committee
from consensus.agreement.headers import as_genesis
from consensus.agreement.simplex import Simplex
from consensus.errors import DecodeError
from consensus.ledger.records import get_beacon_tip
from consensus.quantities import Hash32, PublicKey, Signature, ValidatorIndex, View
from consensus.types import Block, Certificate, Header, Status, Vote
from daemon.engine.chain import Chain
from daemon.engine.clock import Timers, read_time_ms
from daemon.telemetry import Telemetry, get_logger
from p2p.errors import NetworkError
from p2p.network import Network, Topic
from storage.store import Store

MAILBOX_MAX = 8_192
"""Judged messages waiting for the machine: a second of votes of a hundred validators."""
OPEN_MAX = 2 * BLOCKS_MAX
"""Executed blocks above the final one, beyond which those that agreement dropped are forgotten."""
SEEN_MAX = 1_024
"""Blocks not final yet whose time from proposal to finality is measured."""
ASK_S = 5.0
"""How long a peer may take to answer with blocks."""
ASK_PAUSE_S = 0.1
"""How long a block that others vote on may still be on its way to us before it is asked for."""


@dataclass(frozen=True, slots=True)
class Voter:
    """One consensus key of ours and its beacon chain; it votes in the eras whose set has it."""

    key: SigningKey
    beacon: HashChain

    @property
    def name(self) -> PublicKey:
        """The public key, by which a validator set knows it."""
        return PublicKey(bytes(self.key.verify_key))


class Driver:
    """The one task that runs agreement, with one machine per era."""

    def __init__(
        self,
        timing: m.Timing,
        voters: tuple[Voter, ...],
        chain: Chain,
        store: Store,
        telemetry: Telemetry,
    ) -> None:
        self._timing = timing
        self._voters = voters
        self._chain = chain
        self._store = store
        self._telemetry = telemetry
        self._log = get_logger("agreement")
        self._started_ms = read_time_ms()
        self._timers: Timers[m.Tag] = Timers()
        self._follow_ups: deque[m.Event] = deque()
        self._seen_s: dict[Hash32, float] = {}
        self._mail_in, self._mail = trio.open_memory_channel[m.Event](MAILBOX_MAX)
        self._is_silent = False
        self._voter: Voter | None = None
        self.machine = self._make_machine()
        telemetry.era.set(chain.committee.era)
        self.era_listeners: list[Callable[[], None]] = []
        """Told when the machine of another era has begun."""
        if voters and store.journal.is_new:
            self._log.warning(
                "the record of our votes is lost; voting resumes after a fresh final block"
            )

    def _make_machine(self) -> Simplex:
        """Return the machine of the era after the head."""
        committee = self._chain.committee
        ours = (voter for voter in self._voters if committee.index_of(voter.name) is not None)
        self._voter = next(ours, None)
        may_vote = not (self._store.journal.is_new or self._is_silent)
        return Simplex(
            committee,
            self._find_place(committee) if may_vote else None,
            self._sign,
            self._timing,
            _recover(self._store, self._chain),
        )

    def _find_place(self, committee: Committee) -> ValidatorIndex | None:
        return None if self._voter is None else committee.index_of(self._voter.name)

    @property
    def is_member(self) -> bool:
        """Whether one of our keys is in this era's set, be it that it votes or not."""
        return self._voter is not None

    def offer(self, event: m.Event) -> bool:
        """Put a judged event into the mailbox; False when it is full (a stranger's loss)."""
        try:
            self._mail_in.send_nowait(event)
        except trio.WouldBlock:
            return False
        if isinstance(event, m.ProposalReceived):
            self._note_seen(event.digest)
        return True

    async def deliver(self, event: m.Event) -> None:
        """Put an event of our own into the mailbox, waiting for room in it."""
        await self._mail_in.send(event)

    async def run(self, network: Network) -> None:
        """Drive the machine for ever.

        Raises:
            StorageError: the disk failed, or our own journal forbids a vote: the node must stop.
            ProtocolTooOld: the next block is for a newer neurond: the node must stop.
        """
        async with trio.open_nursery() as asks:
            performer = _Performer(self, network, asks)
            await self._step(m.Start(), performer)
            while True:
                await self._step(await self._next_event(), performer)

    async def _step(self, event: m.Event, performer: "_Performer") -> None:
        for effect in self.machine.step(read_time_ms(), event):
            await performer.perform(effect)
        if self.machine.is_over:
            self._enter_era()
        self._telemetry.view.set(self.machine.view)

    def _enter_era(self) -> None:
        """Go on with the next era's machine, and with what came too early for it.

        Nothing is lost if we die before: the ledger after the head says which era it is.
        """
        self.machine = self._make_machine()
        self._timers = Timers()
        self._follow_ups.clear()
        self.follow_up(m.Start())
        committee = self.machine.committee
        self._telemetry.era.set(committee.era)
        self._log.info(
            "era begins",
            era=committee.era,
            validators=len(committee.entries),
            last=committee.last,
            votes=self.machine.me is not None,
        )
        for listener in self.era_listeners:
            listener()

    async def _next_event(self) -> m.Event:
        if self._follow_ups:
            return self._follow_ups.popleft()
        while True:
            now_ms = read_time_ms()
            tag = self._timers.take_due(now_ms)
            if tag is not None:
                return m.TimerFired(tag)
            next_ms = self._timers.next_ms()
            wait_s = 60.0 if next_ms is None else max(0, next_ms - now_ms) / 1000
            with trio.move_on_after(wait_s):
                return await self._mail.receive()

    def _sign(self, message: bytes) -> Signature:
        assert self._voter is not None
        return crypto.sign(self._voter.key, message)

    # -- what the performer does with us -------------------------------------------------------

    def follow_up(self, event: m.Event) -> None:
        """Queue an answer to an effect, to be taken before anything else."""
        self._follow_ups.append(event)

    def set_timer(self, tag: m.Tag, at_ms: int) -> None:
        """Set one of the machine's alarms."""
        self._timers.set(tag, at_ms)

    async def persist(self, effect: m.Persist) -> None:
        """Make what the effect names durable, bodies before votes."""
        await self._store.persist(
            votes=effect.votes, blocks=effect.blocks, certificates=effect.certificates
        )
        for vote in effect.votes:
            self._telemetry.votes.labels(vote.kind.name.lower(), "own").inc()

    def build(self, effect: m.BuildBlock) -> m.Built:
        """Fill a block for a view of ours."""
        state = self._chain.state_after(effect.parent)
        body = self._chain.build(effect.parent)
        if state is None or body is None or self._voter is None:
            return m.Built(effect.view, effect.parent, None)
        tip = get_beacon_tip(state, self._voter.name)
        reveal = None if tip is None else self._voter.beacon.reveal(tip)
        if reveal is None:
            self._log.error("our beacon chain is used up or is not the registered one")
            return m.Built(effect.view, effect.parent, None)
        block = m.BlockBody(body.transactions, body.state_root, body.receipts_root, reveal)
        return m.Built(effect.view, effect.parent, block)

    async def execute(self, block: Block, digest: Hash32) -> m.Executed:
        """Have the ledger judge a block."""
        self._note_seen(digest)
        if self._chain.open_count >= OPEN_MAX:
            self._chain.forget(lambda digest: self.machine.tree.get(digest) is None)
        began = trio.current_time()
        reason = await self._chain.execute(block, digest)
        self._telemetry.apply_s.observe(trio.current_time() - began)
        if reason is not None:
            self._log.warning(
                "block refused", height=block.header.height, view=block.header.view, reason=reason
            )
        return m.Executed(digest, reason is None)

    async def commit(self, effect: m.Commit) -> None:
        """Make blocks final."""
        await self._chain.commit(effect.blocks, effect.certificate, effect.seals)
        self._telemetry.height.set(self._chain.head.header.height)
        now = trio.current_time()
        for block in effect.blocks:
            began = self._seen_s.pop(crypto.compute_header_digest(block.header), None)
            if began is not None:
                self._telemetry.finality_s.observe(now - began)
        await self._resume_voting(effect.blocks[-1].header)

    def _note_seen(self, digest: Hash32) -> None:
        """Remember when we first saw a block; of too many the oldest is forgotten."""
        if digest in self._seen_s:
            return
        if len(self._seen_s) >= SEEN_MAX:
            del self._seen_s[next(iter(self._seen_s))]
        self._seen_s[digest] = trio.current_time()

    async def _resume_voting(self, header: Header) -> None:
        """Vote again after a lost journal, once a final block is newer than our start.

        Whatever we signed before is of earlier views then (`docs/spec/agreement.md` 2.9).
        """
        if self._voter is None or not self._store.journal.is_new:
            return
        if header.time_ms > self._started_ms + 2 * self._timing.drift_ms:
            await self._store.accept_journal_loss()
            self.machine.me = self._find_place(self.machine.committee)
            self._log.info("voting again", height=header.height)

    @property
    def height(self) -> int:
        """Return the height of the last final block."""
        return self._chain.head.header.height

    def has(self, digest: Hash32) -> bool:
        """Tell whether agreement has the block of that digest, or is past it."""
        return self.machine.tree.header(digest) is not None

    def accuse(self, effect: m.Accuse) -> None:
        """Count and log proof of a broken rule; slashing comes with evidence transactions."""
        self._telemetry.conflicting_votes.inc()
        first, second = effect.evidence.first, effect.evidence.second
        self._log.warning(
            "validator contradicts itself",
            validator=first.signer,
            view=first.view,
            said=[first.kind.name, second.kind.name],
        )

    def fall_silent(self, vote: Vote) -> None:
        """Say loudly that somebody else votes with our key, and never vote again ourselves."""
        self._is_silent = True
        self._log.error(
            "another process votes with our consensus key; we have stopped voting",
            view=vote.view,
            kind=vote.kind.name,
            remedy="find and stop it, then restart this node",
        )


class _Performer:
    """Carries out effects; told apart from the driver by having the network."""

    def __init__(self, driver: Driver, network: Network, asks: trio.Nursery) -> None:
        self._driver = driver
        self._network = network
        self._asks = asks
        self._random = Random(network.peer_id)  # noqa: S311 - whom to ask is no secret

    async def perform(self, effect: m.Effect) -> None:
        match effect:
            case m.Persist():
                await self._driver.persist(effect)
            case m.Publish() | m.Send():
                self._tell(effect)
            case m.AskBlock():
                self._asks.start_soon(self._ask_block, effect)
            case m.SetTimer():
                self._driver.set_timer(effect.tag, effect.at_ms)
            case m.BuildBlock():
                self._driver.follow_up(self._driver.build(effect))
            case m.ExecuteBlock():
                self._driver.follow_up(await self._driver.execute(effect.block, effect.digest))
            case m.Commit():
                await self._driver.commit(effect)
            case m.Accuse():
                self._driver.accuse(effect)
            case m.FallSilent():
                self._driver.fall_silent(effect.vote)
            case _:
                assert_never(effect)

    def _tell(self, effect: m.Publish | m.Send) -> None:
        match effect.message:
            case Vote() | Certificate():
                topic, payload = Topic.VOTE, parcels.pack_vote(effect.message)
            case Status():
                topic, payload = Topic.STATUS, codec.encode(effect.message)
            case proposal:
                topic, payload = Topic.BLOCK, codec.encode(proposal)
        if isinstance(effect, m.Send):
            self._network.send(effect.peer, topic, payload)
        else:
            self._network.publish(topic, payload)

    async def _ask_block(self, effect: m.AskBlock) -> None:
        await trio.sleep(ASK_PAUSE_S)
        if self._driver.has(effect.digest):
            return
        peer = effect.peer
        others = [info.peer_id for info in self._network.peers()]
        if peer is None or peer not in others:
            if not others:
                return
            peer = self._random.choice(others)
        with trio.move_on_after(ASK_S):
            try:
                question = parcels.pack_block_ask(effect.digest, self._driver.height)
                parcel = await self._network.ask(
                    peer, parcels.BLOCK_ASK, question, parcels.PARCEL_BYTES_MAX
                )
                if self._driver.has(effect.digest):
                    return  # it came meanwhile: thousands of transactions are not decoded again
                blocks = parcels.read_blocks(parcel)
            except (NetworkError, DecodeError):
                return  # the machine asks again, and then somebody else
            if blocks:
                self._driver.offer(m.BlocksReceived(peer, blocks))


def _recover(store: Store, chain: Chain) -> m.Recovered:
    """Read back what the disk remembers of agreement."""
    kept = store.blocks.head()
    assert kept is not None, "genesis was stored when the chain was opened"
    era = chain.committee.era
    before = store.blocks.hand_off(era - 1)
    is_fresh = kept.era != era
    return m.Recovered(
        view=View(0) if is_fresh else kept.view,
        digest=kept.digest,
        header=as_genesis(chain.head.header, era) if is_fresh else chain.head.header,
        certificate=None if is_fresh else kept.certificate,
        ended=None if before is None else before.certificate,
        votes=store.journal.load(),
        certificates=store.blocks.open_certificates(),
        blocks=store.blocks.open_blocks(),
    )
