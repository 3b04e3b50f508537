"""The agreement machine: one event in, the effects it asks for out, in the order they must happen.

A view, in the protocol's words (weights instead of counts, quorum q = floor(2W/3) + 1):

- Entering view v: set the timers. The leader proposes a block on the highest notarized view it
  knows, with certificates that every view between is nullified.
- Upon the first proposal of v: vote NOTARIZE, if it is valid, its parent is notarized, every view
  between is nullified, and we have not voted NOTARIZE or NULLIFY in v. A later one gets no vote.
- Upon a NOTARIZE certificate of v and its valid block: vote FINALIZE, unless we voted NULLIFY in v.
- Upon a timeout in v: vote NULLIFY, unless we voted FINALIZE in v.
- Upon any certificate of v: enter v + 1.
- Upon a FINALIZE certificate of v: its block and all its ancestors are final.

Safety: FINALIZE and NULLIFY can't both be certified in a view, nor two digests notarized; an honest
NOTARIZE vote has checked that the chain skips nullified views alone. So no chain that skips a final
view exists. Timing is nowhere in that argument.

The machine sees no clock (`now_ms` is an argument), no key (`sign` is), no signature check (the
shell did it) and no ledger (`ExecuteBlock`). It may be driven at any speed; `Executed` and `Built`
may come late or never.

Deviations:

- `step` changes the machine in place (h11's way) instead of returning a new state: the simulator
  steps it some 10^5 times a second.
- A certificate is kept per view and kind; views at or below the final one are forgotten.

Source: Chan and Pass, Simplex Consensus (ePrint 2023/463); commonware consensus::simplex;
`docs/spec/agreement.md` 2.2, 2.6, 2.9.
"""

from typing import assert_never

from consensus import crypto
from consensus.agreement import messages as m
from consensus.agreement.blocktree import BlockTree
from consensus.agreement.bodies import Bodies
from consensus.agreement.certificates import Committee
from consensus.agreement.headers import NOTHING, build_block, compute_kind
from consensus.agreement.messages import Effect, Event, Recovered, Tag, TimerKind, Timing
from consensus.agreement.outbox import Outbox
from consensus.agreement.views import ViewRecord, Views
from consensus.quantities import ZERO_HASH, Hash32, TimeMs, ValidatorIndex, View
from consensus.types import BlockKind, Certificate, Header, Proposal, Vote, VoteKind

WINDOW = 24
"""Views ahead of ours whose votes and proposals are kept: bounds memory against a hostile third."""
STANDSTILL_DELTAS = 4
"""Deltas in one view before everything is said again."""


class Simplex:
    """One node's part in one era. `me` None: follow without voting."""

    def __init__(
        self,
        committee: Committee,
        me: ValidatorIndex | None,
        sign: m.Sign,
        timing: Timing,
        recovered: Recovered,
    ) -> None:
        self.committee = committee
        self.me = me
        self.view = View(0)
        self.is_over = False
        """Whether the era's last block is final: then nothing more is said or done here."""
        self.tree = BlockTree(recovered.digest, recovered.header)
        self.views = Views(self.tree, recovered.view, recovered.certificate)
        self._sign = sign
        self._timing = timing
        self._recovered = recovered
        self._finals: dict[View, Certificate] = {}
        self._building: View | None = None
        self._is_dirty = False
        self._now_ms = 0
        self._out = Outbox()
        self.bodies = Bodies(committee, timing, self.views, self._out)

    def step(self, now_ms: int, event: Event) -> tuple[Effect, ...]:
        """Take in `event` at wall time `now_ms`; return the effects, in order."""
        if self.is_over:
            return ()
        self._now_ms = now_ms
        self._dispatch(event)
        while self._is_dirty:
            self._is_dirty = False
            self._try_commit()
            if self.is_over:
                break
            self._try_enter()
            for record in self.views:
                self._try_finalize(record)
            self._try_notarize()
            self._try_propose()
        return self._out.flush(self.tree)

    def _dispatch(self, event: Event) -> None:
        match event:
            case m.Start():
                self._on_start()
            case m.ProposalReceived():
                self._on_proposal(event.peer, event.proposal, event.digest)
            case m.VoteReceived():
                self._on_vote(event.vote)
            case m.CertificateReceived():
                self._take(event.certificate, event.peer)
            case m.StatusReceived():
                self._on_status(event)
            case m.BlocksReceived():
                self._on_blocks(event)
            case m.TimerFired():
                self._on_timer(event.tag)
            case m.Built():
                self._on_built(event)
            case m.Executed():
                self._is_dirty = self.bodies.on_executed(event)
            case _:
                assert_never(event)

    # -- events --------------------------------------------------------------------------------

    def _on_start(self) -> None:
        """Restore what we signed and knew; then go on in the view after the highest certificate."""
        for vote in self._recovered.votes:
            if self._is_open(vote):
                self.views.record(vote.view).remember_mine(vote)
        for item in self._recovered.blocks:
            block = item.block if isinstance(item, Proposal) else item
            if not self._is_open(block.header):
                continue
            digest = crypto.compute_header_digest(block.header)
            if isinstance(item, Proposal):
                self.views.record(block.header.view).add_proposal(item, digest)
            self.bodies.add(item, digest, None, self._now_ms)
        for certificate in self._recovered.certificates:
            self._take(certificate, None)
        for record in self.views:
            for vote in record.mine.values():
                self._count(vote)
        self._try_enter()
        self._say_again()
        self._is_dirty = True

    def _on_proposal(self, peer: m.Peer, proposal: Proposal, digest: Hash32) -> None:
        header = proposal.block.header
        for certificate in proposal.block.justify:
            self._take(certificate, peer)
        if not self._is_open(header) or header.view > self.view + WINDOW:
            return
        record = self.views.record(header.view)
        if header.proposer == self.me and record.proposed != digest:
            said = (VoteKind.PROPOSE, header.era, header.view, digest)
            self._fall_silent(Vote(*said, header.proposer, proposal.signature))
        conflict = record.add_proposal(proposal, digest)
        if conflict is not None:
            self._out.accuse(conflict)
        if digest in record.proposals:
            self.bodies.add(proposal, digest, peer, self._now_ms)
        self._is_dirty = True

    def _on_vote(self, vote: Vote) -> None:
        if not self._is_open(vote) or vote.view > self.view + WINDOW:
            return
        if vote.signer == self.me and self.views.record(vote.view).mine.get(vote.kind) != vote:
            self._fall_silent(vote)
        self._count(vote)

    def _fall_silent(self, said: Vote) -> None:
        """Vote no more: somebody else, perhaps our own copy, votes with our key."""
        self.me = None
        self._out.fall_silent(said)

    def _on_status(self, event: m.StatusReceived) -> None:
        status, era = event.status, self.committee.era
        if status.era == era:
            wanted = self.views.answer(status, self.view)
            allowance = self.bodies.repair.spend(event.peer, len(wanted), self._now_ms)
            for certificate in wanted[:allowance]:
                self._out.send(event.peer, certificate)
        ended = self._recovered.ended
        if ended is not None and status.era == ended.era:
            for _ in range(self.bodies.repair.spend(event.peer, 1, self._now_ms)):
                self._out.send(event.peer, ended)
        is_ahead = (status.era, status.view) > (era, self.view)
        is_ahead |= (status.era, status.final_view) > (era, self.views.final_view)
        if is_ahead and self.bodies.repair.may_tell_status(self._now_ms):
            self._out.send(event.peer, self.views.status(era, self.view))

    def _on_blocks(self, event: m.BlocksReceived) -> None:
        if event.certificate is not None:
            self._take(event.certificate, event.peer, is_body_coming=True)
        self.bodies.add_wanted(event.blocks, event.peer, self._now_ms)
        self.bodies.ask(self._now_ms)
        self._is_dirty = True

    def _on_timer(self, tag: Tag) -> None:
        match tag.kind:
            case TimerKind.PROPOSE:
                if tag.view == self.view and self.views.record(tag.view).first is None:
                    self._nullify()
            case TimerKind.ADVANCE:
                if tag.view == self.view:
                    self._nullify()
            case TimerKind.BUILD | TimerKind.NOTARIZE:
                self._is_dirty = True
            case TimerKind.STANDSTILL:
                if tag.view == self.view:
                    self._say_again()
            case TimerKind.CHASE:
                self.bodies.ask(self._now_ms)
            case _:
                assert_never(tag.kind)

    def _on_built(self, event: m.Built) -> None:
        parent = self.tree.header(event.parent)
        if event.view != self.view or self._building != event.view or event.body is None:
            return  # and ask no more in this view
        record = self.views.record(event.view)
        if record.proposed is not None or record.mine or self.me is None:
            return
        if parent is None or not self._propose((event.parent, parent), event.body):
            self._building = None  # a better parent was notarized meanwhile
            self._is_dirty = True

    def _propose(self, above: tuple[Hash32, Header], body: m.BlockBody) -> bool:
        """Lead our view with a block or seal on `above`; tell whether we can justify it."""
        view, record = self.view, self.views.record(self.view)
        justify = self.views.justify(view, *above)
        if justify is None:
            return False
        time_ms = TimeMs(max(self._now_ms, above[1].time_ms + self._timing.block_ms))
        block = build_block(self.committee, view, above, time_ms, body, justify)
        digest = crypto.compute_header_digest(block.header)
        lead = self._sign_vote(VoteKind.PROPOSE, view, digest)
        proposal = Proposal(block, lead.signature)
        record.remember_mine(lead)
        self._out.persist_vote(lead)
        self._out.persist_block(proposal)
        self._out.publish(proposal)
        self._on_proposal(None, proposal, digest)
        return True

    def _is_open(self, said: Header | Vote | Certificate) -> bool:
        """Tell whether something is of this era and of a view that is not settled."""
        return said.era == self.committee.era and said.view > self.views.final_view

    # -- votes and certificates ------------------------------------------------------------------

    def _count(self, vote: Vote) -> None:
        record = self.views.record(vote.view)
        conflict = record.add_vote(self.committee, vote)
        if conflict is not None:
            self._out.accuse(conflict)
        certificate = record.certify(self.committee, vote)
        if certificate is not None:
            self._take(certificate, None)

    def _take(
        self, certificate: Certificate, peer: m.Peer, *, is_body_coming: bool = False
    ) -> None:
        """Keep a certificate we lacked, durably, and go after the block it names."""
        if not self._is_open(certificate):
            return
        record = self.views.record(certificate.view)
        if certificate.kind in record.certificates:
            return
        record.certificates[certificate.kind] = certificate
        self._out.persist_certificate(certificate)
        if certificate.kind is VoteKind.FINALIZE:
            self._finals[certificate.view] = certificate
        if certificate.kind is not VoteKind.NULLIFY:
            self.bodies.chase(certificate.digest, certificate.view, peer, self._now_ms)
            if not is_body_coming:
                self.bodies.ask(self._now_ms)
        self._is_dirty = True

    def _vote(self, kind: VoteKind, view: View, digest: Hash32) -> None:
        vote = self._sign_vote(kind, view, digest)
        self.views.record(view).remember_mine(vote)
        self._out.persist_vote(vote)
        self._out.publish(vote)
        self._count(vote)
        self._is_dirty = True

    def _sign_vote(self, kind: VoteKind, view: View, digest: Hash32) -> Vote:
        assert self.me is not None
        era = self.committee.era
        message = crypto.vote_message(self.committee.chain_id, kind, era, view, digest)
        return Vote(kind, era, view, digest, self.me, self._sign(message))

    def _nullify(self) -> None:
        if self.me is not None and self.views.record(self.view).closed is None:
            self._vote(VoteKind.NULLIFY, self.view, ZERO_HASH)

    # -- the rules, tried whenever something changed ------------------------------------------

    def _try_notarize(self) -> None:
        record = self.views.record(self.view)
        if self.me is None or record.notarized is not None or record.closed is not None:
            return
        if record.first is None or not self.tree.is_good(record.first):
            return
        header = self.tree.header(record.first)
        assert header is not None
        if not self._is_justified(header):
            if self.bodies.repair.may_tell_status(self._now_ms):
                self._out.publish(self.views.status(self.committee.era, self.view))
            return
        if header.time_ms > self._now_ms + self._timing.drift_ms:
            at_ms = header.time_ms - self._timing.drift_ms
            self._out.set_timer(Tag(TimerKind.NOTARIZE, self.view), at_ms)
            return
        self.bodies.keep(record.first)
        self._vote(VoteKind.NOTARIZE, self.view, record.first)

    def _try_finalize(self, record: ViewRecord) -> None:
        certificate = record.certificates.get(VoteKind.NOTARIZE)
        if self.me is None or certificate is None or record.closed is not None:
            return
        if VoteKind.NULLIFY in record.certificates or record.view <= self.views.final_view:
            return
        digest = certificate.digest
        if record.notarized in (None, digest) and self.tree.is_good(digest):
            self.bodies.keep(digest)
            self._vote(VoteKind.FINALIZE, record.view, digest)

    def _is_justified(self, header: Header) -> bool:
        """Tell whether we can prove that a block may stand where it stands."""
        return self.views.is_notarized(header.parent_view, header.parent) and self.views.is_bridged(
            header.parent_view, header.view
        )

    def _try_commit(self) -> None:
        """Commit the highest certified block whose ancestry we have and found valid."""
        for view in sorted(self._finals, reverse=True):
            certificate = self._finals[view]
            if self.tree.is_good(certificate.digest):
                path = self.tree.path(certificate.digest)
                self._out.commit(tuple(entry.block for entry in path), certificate)
                self.views.finalize(certificate)
                self.is_over = self.tree.root_header.height >= self.committee.last
                self.bodies.on_final(view, self._now_ms)
                self._finals = {v: c for v, c in self._finals.items() if v > view}
                self._is_dirty = True
                return

    def _try_enter(self) -> None:
        """Enter the view after the highest certified one."""
        view = View(self.views.highest_certified() + 1)
        if view <= self.view:
            return
        self.view = view
        self._is_dirty = True
        start_ms = max(self._now_ms, self.views.tip().time_ms + self._timing.block_ms)
        unit_ms = self._timing.compute_unit_ms(view - self.views.final_view)
        self._out.set_timer(Tag(TimerKind.PROPOSE, view), start_ms + 2 * unit_ms)
        self._out.set_timer(Tag(TimerKind.ADVANCE, view), start_ms + 3 * unit_ms)
        self._set_standstill(start_ms)
        if not self.views.is_settled(view):
            self._out.publish(self.views.status(self.committee.era, view))

    def _try_propose(self) -> None:
        view = self.view
        if self.me is None or self.committee.leader(view) != self.me or self._building == view:
            return
        record = self.views.record(view)
        if record.proposed is not None or record.mine:
            return
        parent = self.views.choose_parent(view)
        if parent is None:
            return
        digest, header = parent
        at_ms = header.time_ms + self._timing.block_ms
        if at_ms > self._now_ms:
            self._out.set_timer(Tag(TimerKind.BUILD, view), at_ms)
            return
        self._building = view
        if compute_kind(self.committee, header) is BlockKind.SEAL:
            self._propose(parent, NOTHING)
            return
        self._out.build(view, digest, header, TimeMs(self._now_ms))

    # -- small things ------------------------------------------------------------------------

    def _say_again(self) -> None:
        """Break a standstill: repeat our part of the last views, ask for what we lack."""
        for message in self.views.said(self.view):
            self._out.publish(message)
        self._out.publish(self.views.status(self.committee.era, self.view))
        self.bodies.chase_certified(self._now_ms)
        self.bodies.repair.hurry(self._now_ms)
        self.bodies.ask(self._now_ms)
        self._set_standstill(self._now_ms)

    def _set_standstill(self, start_ms: int) -> None:
        at_ms = start_ms + STANDSTILL_DELTAS * self._timing.delta_ms
        self._out.set_timer(Tag(TimerKind.STANDSTILL, self.view), at_ms)
