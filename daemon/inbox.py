"""Other nodes' gossip: decode, judge, let in.

`judge` is what the network room calls for every new message. Accepted values go into the mailbox of
agreement or into the mempool at once; the verdict tells the network whether to pass them on.
"""

from dataclasses import dataclass
from typing import assert_never

import trio

from consensus import codec, verdict
from consensus.agreement import messages as m
from consensus.agreement.certificates import Committee
from consensus.errors import DecodeError, InvalidTransaction
from consensus.types import Certificate, Proposal, SignedTransaction, Status, Vote
from consensus.verdict import Accept, Ignore, Reject, Verdict
from daemon import parcels
from daemon.chain import Chain
from daemon.driver import Driver
from daemon.telemetry import Telemetry
from p2p.network import Topic

STATUS_BYTES_MAX = 256
TRANSACTION_BYTES_MAX = 64 * 1024
"""Largest transaction of any kind (`Params.weights_bytes_max`); its own kind's cap comes later."""
BEHIND = Ignore("more messages than this node can take in")


@dataclass(frozen=True, slots=True)
class Inbox:
    """The door of agreement and mempool for strangers."""

    committee: Committee
    driver: Driver
    chain: Chain
    telemetry: Telemetry

    async def judge(self, topic: Topic, peer: bytes, payload: bytes) -> Verdict:
        """Judge one message and, if it is accepted, let it in."""
        try:
            found = self._judge(topic, peer, payload)
        except DecodeError as error:
            found = Reject(str(error))
        self.telemetry.verdicts.labels(topic.value, type(found).__name__.lower()).inc()
        await trio.lowlevel.checkpoint()
        return found

    def _judge(self, topic: Topic, peer: bytes, payload: bytes) -> Verdict:
        match topic:
            case Topic.VOTE:
                return self._judge_vote(peer, parcels.read_vote(payload))
            case Topic.STATUS:
                return self._judge_status(peer, codec.decode(Status, payload, STATUS_BYTES_MAX))
            case Topic.BLOCK:
                return self._judge_proposal(peer, codec.decode(Proposal, payload))
            case Topic.TX | Topic.WEIGHTS:
                return self._judge_transaction(
                    codec.decode(SignedTransaction, payload, TRANSACTION_BYTES_MAX)
                )
            case Topic.EVIDENCE:
                return Reject("this protocol version has no evidence messages")
            case _:
                assert_never(topic)

    def _judge_vote(self, peer: bytes, message: Vote | Certificate) -> Verdict:
        views = self.driver.machine.views
        if isinstance(message, Certificate):
            found = verdict.judge_certificate(self.committee, views.final_view, message)
            event: m.Event = m.CertificateReceived(peer, message)
        else:
            view = self.driver.machine.view
            found = verdict.judge_vote(self.committee, views.final_view, view, message)
            event = m.VoteReceived(peer, message)
            if isinstance(found, Accept):
                self.telemetry.votes.labels(message.kind.name.lower(), "peers").inc()
        return self._admit(found, event)

    def _judge_status(self, peer: bytes, status: Status) -> Verdict:
        found = verdict.judge_status(self.committee, status)
        return self._admit(found, m.StatusReceived(peer, status))

    def _judge_proposal(self, peer: bytes, proposal: Proposal) -> Verdict:
        machine = self.driver.machine
        found, digest = verdict.judge_proposal(
            self.committee, machine.views.final_view, machine.view, proposal
        )
        return self._admit(found, m.ProposalReceived(peer, proposal, digest))

    def _judge_transaction(self, signed: SignedTransaction) -> Verdict:
        mempool, state = self.chain.mempool, self.chain.head.state
        found = verdict.judge_transaction(state, signed)
        if not isinstance(found, Accept):
            return found
        try:
            mempool.admit(state, signed, _was_just_verified)
        except InvalidTransaction as error:
            return Ignore(str(error))
        return found

    def _admit(self, found: Verdict, event: m.Event) -> Verdict:
        if isinstance(found, Accept) and not self.driver.offer(event):
            return BEHIND
        return found


def _was_just_verified(_transaction_id: bytes, _signature: bytes) -> bool:
    """Spare the mempool the second check of a signature that the verdict has checked."""
    return True
