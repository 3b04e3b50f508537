"""Other nodes' gossip: decode, judge, let in.

`judge` is what the network room calls for every new message. Accepted values go into the mailbox of
agreement, transactions to the pool's door (`daemon/engine/pool.py`); the verdict tells the network
whether to pass them on.
"""

from collections import deque
from typing import assert_never

import trio

from consensus import codec, parcels, verdict
from consensus.agreement import messages as m
from consensus.agreement.certificates import Committee
from consensus.errors import DecodeError
from consensus.types import Certificate, Proposal, Status, Vote
from consensus.verdict import Accept, Ignore, Reject, Verdict
from daemon.engine.chain import Chain
from daemon.engine.driver import Driver
from daemon.engine.pool import PoolDoor
from daemon.telemetry import Telemetry
from p2p.network import Topic

STATUS_BYTES_MAX = 256
EARLY_MAX = 256
"""Messages of the next era that are kept; those beyond push the oldest out."""
BEHIND = Ignore("more messages than this node can take in")


class Inbox:
    """The door for strangers: agreement's messages, and the way to the pool's own."""

    def __init__(self, driver: Driver, chain: Chain, pool: PoolDoor, telemetry: Telemetry) -> None:
        self._driver = driver
        self._chain = chain
        self._telemetry = telemetry
        self._pool = pool
        self.early: deque[tuple[bytes, Vote | Certificate | Proposal]] = deque(maxlen=EARLY_MAX)
        """What was said in the next era, by members of its set, before we are there."""
        driver.era_listeners.append(self.replay)

    @property
    def _committee(self) -> Committee:
        """Who is heard now."""
        return self._driver.machine.committee

    async def judge(self, topic: Topic, peer: bytes, payload: bytes) -> Verdict:
        """Judge one message and, if it is accepted, let it in."""
        try:
            found = await self._judge(topic, peer, payload)
        except DecodeError as error:
            found = Reject(str(error))
        self._telemetry.verdicts.labels(topic.value, type(found).__name__.lower()).inc()
        await trio.lowlevel.checkpoint()
        return found

    async def _judge(self, topic: Topic, peer: bytes, payload: bytes) -> Verdict:
        match topic:
            case Topic.VOTE:
                return self._judge_vote(peer, parcels.read_vote(payload))
            case Topic.STATUS:
                return self._judge_status(peer, codec.decode(Status, payload, STATUS_BYTES_MAX))
            case Topic.BLOCK:
                return self._judge_proposal(peer, codec.decode(Proposal, payload))
            case Topic.TX:
                return await self._pool.judge(parcels.read_transactions(payload))
            case Topic.WEIGHTS:
                return await self._pool.judge((payload,))
            case Topic.EVIDENCE:
                return Reject("this protocol version has no evidence messages")
            case _:
                assert_never(topic)

    def replay(self) -> None:
        """Let in what came too early, now that its era has begun."""
        early = tuple(self.early)
        self.early.clear()
        for peer, message in early:
            if isinstance(message, Proposal):
                self._judge_proposal(peer, message)
            else:
                self._judge_vote(peer, message)

    def _judge_early(self, peer: bytes, message: Vote | Certificate | Proposal) -> Verdict:
        found = verdict.judge_early(self._chain.next_committee, message)
        if isinstance(found, Accept):
            self.early.append((peer, message))
        return found

    def _judge_vote(self, peer: bytes, message: Vote | Certificate) -> Verdict:
        if message.era == self._chain.committee.era + 1:
            return self._judge_early(peer, message)
        views = self._driver.machine.views
        if isinstance(message, Certificate):
            found = verdict.judge_certificate(self._committee, views.final_view, message)
            event: m.Event = m.CertificateReceived(peer, message)
        else:
            view = self._driver.machine.view
            found = verdict.judge_vote(self._committee, views.final_view, view, message)
            event = m.VoteReceived(peer, message)
            if isinstance(found, Accept):
                self._telemetry.votes.labels(message.kind.name.lower(), "peers").inc()
        return self._admit(found, event)

    def _judge_status(self, peer: bytes, status: Status) -> Verdict:
        found = verdict.judge_status(self._committee, status)
        if status.era != self._committee.era:
            self._driver.offer(m.StatusReceived(peer, status))  # the machine knows what helps
            return found
        return self._admit(found, m.StatusReceived(peer, status))

    def _judge_proposal(self, peer: bytes, proposal: Proposal) -> Verdict:
        if proposal.block.header.era == self._chain.committee.era + 1:
            return self._judge_early(peer, proposal)
        machine = self._driver.machine
        found, digest = verdict.judge_proposal(
            self._committee, machine.views.final_view, machine.view, proposal
        )
        return self._admit(found, m.ProposalReceived(peer, proposal, digest))

    def _admit(self, found: Verdict, event: m.Event) -> Verdict:
        if isinstance(found, Accept) and not self._driver.offer(event):
            return BEHIND
        return found
