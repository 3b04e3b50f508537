"""The agreement machine: one event in, the effects it asks for out, in the order they must happen.

A view, in the protocol's words (weights instead of counts, quorum q = floor(2W/3) + 1):

- Entering view v: set the timers. The leader proposes a block on the highest notarized view it
  knows, with certificates that every view between is nullified.
- Upon the first valid proposal of v: vote NOTARIZE, if its parent is notarized, every view between
  is nullified, and we have not voted NOTARIZE or NULLIFY in v.
- Upon a NOTARIZE certificate of v and its valid block: vote FINALIZE, unless we voted NULLIFY in v.
- Upon a timeout in v: vote NULLIFY, unless we voted FINALIZE in v.
- Upon any certificate of v: enter v + 1.
- Upon a FINALIZE certificate of v: its block and all its ancestors are final.

Safety: FINALIZE and NULLIFY can't both be certified in a view, nor two digests notarized; an honest
NOTARIZE vote has checked that the chain skips nullified views alone. So no chain that skips a final
view exists. Timing is nowhere in that argument.

The machine sees no clock (`now_ms` is an argument), no key (`sign` is), no signature check (the shell
did it) and no ledger (`ExecuteBlock`). It may be driven at any speed; `Executed` and `Built` may come
late or never.

Deviations:

- `step` changes the machine in place (h11's way) instead of returning a new state: the simulator
  steps it some 10^5 times a second.
- A certificate is kept per view and kind; views at or below the final one are forgotten.

Source: Chan and Pass, Simplex Consensus (ePrint 2023/463); commonware consensus::simplex;
`agreement.md` 2.2, 2.6, 2.9.
"""

from itertools import islice
from typing import assert_never

from consensus import crypto
from consensus.agreement import messages as m
from consensus.agreement.blocktree import BlockTree, Entry, Standing
from consensus.agreement.certificates import Committee
from consensus.agreement.messages import Effect, Event, Recovered, Tag, TimerKind, Timing
from consensus.agreement.outbox import Outbox
from consensus.agreement.repair import Repair
from consensus.agreement.views import ViewRecord, Views
from consensus.types import (
    ZERO_HASH,
    Block,
    BlockKind,
    Certificate,
    Hash32,
    Header,
    Height,
    Proposal,
    Signature,
    Status,
    TimeMs,
    ValidatorIndex,
    View,
    Vote,
    VoteKind,
)

WINDOW = 24
"""Views ahead of ours whose votes and proposals are kept: bounds memory against a hostile third."""
MISSING_MAX = 16
"""Views one Status names."""
STANDSTILL_DELTAS = 4
"""Deltas in one view before everything is said again."""
BACKOFF_FREE_VIEWS = 3
"""Views without finality before the timers grow."""


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
        self.tree = BlockTree(recovered.digest, recovered.header)
        self.views = Views(self.tree, recovered.view, recovered.certificate)
        self._sign = sign
        self._timing = timing
        self._recovered = recovered
        self._pending: Certificate | None = None
        self._building: View | None = None
        self._is_dirty = False
        self._now_ms = 0
        self._out = Outbox()
        self._repair = Repair(timing.delta_ms)

    def step(self, now_ms: int, event: Event) -> tuple[Effect, ...]:
        """Take in `event` at wall time `now_ms`; return the effects, in order."""
        self._now_ms = now_ms
        self._dispatch(event)
        while self._is_dirty:
            self._is_dirty = False
            self._try_commit()
            self._try_enter()
            for record in self.views:
                self._try_finalize(record)
            self._try_notarize()
            self._try_propose()
        return self._out.flush()

    def _dispatch(self, event: Event) -> None:
        match event:
            case m.Start():
                self._on_start()
            case m.ProposalReceived():
                self._on_proposal(event.proposal, event.digest)
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
                self._on_executed(event)
            case _:
                assert_never(event)

    # -- events --------------------------------------------------------------------------------

    def _on_start(self) -> None:
        """Restore what we signed and knew; then go on in the view after the highest certificate."""
        for vote in self._recovered.votes:
            if vote.view > self.views.final_view:
                self.views.record(vote.view).remember_mine(vote)
        for item in self._recovered.blocks:
            is_proposal = isinstance(item, Proposal)
            block = item.block if is_proposal else item
            if block.header.view > self.views.final_view:
                digest = crypto.compute_header_digest(block.header)
                self._add_block(block, digest, item if is_proposal else None)
                if is_proposal:
                    self.views.record(block.header.view).add_proposal(
                        block.header.era, item, digest
                    )
        for certificate in self._recovered.certificates:
            self._take(certificate, None)
        for record in self.views:
            for vote in record.mine.values():
                self._count(vote)
        self._try_enter()
        self._say_again()
        self._is_dirty = True

    def _on_proposal(self, proposal: Proposal, digest: Hash32) -> None:
        header = proposal.block.header
        for certificate in proposal.block.justify:
            self._take(certificate, None)
        if not self.views.final_view < header.view <= self.view + WINDOW:
            return
        record = self.views.record(header.view)
        conflict = record.add_proposal(header.era, proposal, digest)
        if conflict is not None:
            self._out.accuse(conflict)
        if digest in record.proposals:
            self._add_block(proposal.block, digest, proposal)
        self._is_dirty = True

    def _on_vote(self, vote: Vote) -> None:
        if not self.views.final_view < vote.view <= self.view + WINDOW:
            return
        if vote.signer == self.me and self.views.record(vote.view).mine.get(vote.kind) != vote:
            self.me = None
            self._out.fall_silent(vote)
        self._count(vote)

    def _on_status(self, event: m.StatusReceived) -> None:
        allowance = self._repair.allow(event.peer, self._now_ms)
        status = event.status
        wanted: list[Certificate] = []
        if status.final_view < self.views.final_view and self.views.final_certificate is not None:
            wanted.append(self.views.final_certificate)
        views = list(status.missing)
        if status.view < self.view:
            views.append(View(self.view - 1))
        for view in views:
            record = self.views.get(view)
            if record is not None:
                wanted.extend(record.certificates.values())
        for certificate in wanted[:allowance]:
            self._out.send(event.peer, certificate)
        self._repair.spend(event.peer, min(len(wanted), allowance), self._now_ms)
        is_ahead = status.view > self.view or status.final_view > self.views.final_view
        if is_ahead and self._repair.may_ask_status(self._now_ms):
            self._out.send(event.peer, self._status())

    def _on_blocks(self, event: m.BlocksReceived) -> None:
        if event.certificate is not None:
            self._take(event.certificate, event.peer, is_body_coming=True)
        for block in reversed(event.blocks):
            digest = crypto.compute_header_digest(block.header)
            if self._repair.is_wanted(digest) and self._is_whole(block):
                self._repair.found(digest)
                self._add_block(block, digest, None)
                self._chase(block.header.parent, block.header.parent_view, event.peer)
        self._out.ask(self._repair.take_asks(self._now_ms))
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
                self._out.ask(self._repair.take_asks(self._now_ms))
                self._set_chase_timer()
            case _:
                assert_never(tag.kind)

    def _on_built(self, event: m.Built) -> None:
        record = self.views.record(event.view) if event.view > self.views.final_view else None
        if self._building == event.view:
            self._building = None
        parent = self.tree.header(event.parent)
        if record is None or event.body is None or event.view != self.view or parent is None:
            return
        if record.proposed is not None or record.mine or self.me is None:
            return
        justify = self.views.justify(event.view, event.parent, parent.view)
        if justify is None:
            return
        header = self._header(event.view, event.parent, parent, event.body, justify)
        digest = crypto.compute_header_digest(header)
        signature = self._sign_statement(VoteKind.PROPOSE, event.view, digest)
        proposal = Proposal(Block(header, event.body.transactions, justify), signature)
        era = self.committee.era
        lead = Vote(VoteKind.PROPOSE, era, event.view, digest, self.me, signature)
        record.remember_mine(lead)
        self._out.persist_vote(lead)
        self._out.persist_block(proposal)
        self._out.publish(proposal)
        self._on_proposal(proposal, digest)

    def _on_executed(self, event: m.Executed) -> None:
        entry = self.tree.get(event.digest)
        if entry is None or entry.standing is not Standing.JUDGED:
            return
        if event.is_valid:
            entry.standing = Standing.GOOD
            for child in self.tree.children(event.digest):
                self._examine(child)
        else:
            self.tree.condemn(event.digest)
        self._is_dirty = True

    # -- blocks --------------------------------------------------------------------------------

    def _add_block(self, block: Block, digest: Hash32, proposal: Proposal | None) -> None:
        entry = self.tree.add(block, digest, proposal)
        if entry is not None:
            self._repair.found(digest)
            self._examine(entry)

    def _examine(self, entry: Entry) -> None:
        """Have a block whose parent is good judged: its place by us, its law by the ledger."""
        header = entry.block.header
        if entry.standing is not Standing.WAITING or not self.tree.is_good(header.parent):
            return
        parent = self.tree.header(header.parent)
        assert parent is not None
        if self._is_child(header, parent):
            entry.standing = Standing.JUDGED
            self._out.execute(entry.block, entry.digest)
        else:
            self.tree.condemn(entry.digest)

    def _is_child(self, header: Header, parent: Header) -> bool:
        """Tell whether a header may follow `parent`, the ledger's roots apart."""
        return (
            header.era == self.committee.era
            and header.kind is BlockKind.BLOCK
            and header.height == parent.height + 1
            and header.parent_view == parent.view
            and header.view > parent.view
            and header.proposer == self.committee.leader(header.view)
            and header.time_ms >= parent.time_ms + self._timing.block_ms
            and header.vset_hash == header.next_vset_hash == self.committee.vset_hash
        )

    @staticmethod
    def _is_whole(block: Block) -> bool:
        """Tell whether a block that came without its leader's signature is what its header says."""
        header = block.header
        return header.body_root == crypto.compute_body_root(
            block.transactions
        ) and header.justify_root == crypto.compute_justify_root(block.justify)

    def _chase(self, digest: Hash32, view: View, peer: m.Peer) -> None:
        """Fetch a block that a certificate or a wanted child names, if we lack it."""
        if view > self.views.final_view and self.tree.get(digest) is None:
            self._repair.want(digest, view, peer, self._now_ms)
            self._set_chase_timer()

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
        if certificate.view <= self.views.final_view:
            return
        record = self.views.record(certificate.view)
        if certificate.kind in record.certificates:
            return
        record.certificates[certificate.kind] = certificate
        self._out.persist_certificate(certificate)
        if certificate.kind is VoteKind.FINALIZE and (
            self._pending is None or self._pending.view < certificate.view
        ):
            self._pending = certificate
        if certificate.kind is not VoteKind.NULLIFY:
            self._chase(certificate.digest, certificate.view, peer)
            if not is_body_coming:
                self._out.ask(self._repair.take_asks(self._now_ms))
        self._is_dirty = True

    def _vote(self, kind: VoteKind, view: View, digest: Hash32) -> None:
        assert self.me is not None
        signature = self._sign_statement(kind, view, digest)
        vote = Vote(kind, self.committee.era, view, digest, self.me, signature)
        self.views.record(view).remember_mine(vote)
        self._out.persist_vote(vote)
        self._out.publish(vote)
        self._count(vote)
        self._is_dirty = True

    def _sign_statement(self, kind: VoteKind, view: View, digest: Hash32) -> Signature:
        committee = self.committee
        message = crypto.vote_message(committee.chain_id, kind, committee.era, view, digest)
        return self._sign(message)

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
        if not self.views.is_notarized(header.parent_view, header.parent):
            return
        if not self.views.is_bridged(header.parent_view, self.view):
            return
        if header.time_ms > self._now_ms + self._timing.drift_ms:
            at_ms = header.time_ms - self._timing.drift_ms
            self._out.set_timer(Tag(TimerKind.NOTARIZE, self.view), at_ms)
            return
        self._keep_body(record.first)
        self._vote(VoteKind.NOTARIZE, self.view, record.first)

    def _try_finalize(self, record: ViewRecord) -> None:
        certificate = record.certificates.get(VoteKind.NOTARIZE)
        if self.me is None or certificate is None or record.closed is not None:
            return
        if VoteKind.NULLIFY in record.certificates or record.view <= self.views.final_view:
            return
        digest = certificate.digest
        if record.notarized in (None, digest) and self.tree.is_good(digest):
            self._keep_body(digest)
            self._vote(VoteKind.FINALIZE, record.view, digest)

    def _try_commit(self) -> None:
        if self._pending is None or not self.tree.is_good(self._pending.digest):
            return
        certificate = self._pending
        self._pending = None
        path = self.tree.path(certificate.digest)
        assert path, "a good block above the root stands on it"
        self._out.commit(tuple(entry.block for entry in path), certificate)
        self.views.finalize(certificate)
        self._repair.forget(certificate.view)
        self._is_dirty = True

    def _try_enter(self) -> None:
        """Enter the view after the highest certified one."""
        view = View(self.views.highest_certified() + 1)
        if view <= self.view:
            return
        self.view = view
        self._is_dirty = True
        start_ms = max(self._now_ms, self.views.tip().time_ms + self._timing.block_ms)
        unit_ms = self._unit_ms()
        self._out.set_timer(Tag(TimerKind.PROPOSE, view), start_ms + 2 * unit_ms)
        self._out.set_timer(Tag(TimerKind.ADVANCE, view), start_ms + 3 * unit_ms)
        self._set_standstill(start_ms)
        if not self.views.is_bridged(self.views.final_view, view):
            self._out.publish(self._status())

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
        self._out.build(view, digest, header, TimeMs(self._now_ms))

    # -- small things ------------------------------------------------------------------------

    def _header(
        self,
        view: View,
        digest: Hash32,
        parent: Header,
        body: m.BlockBody,
        justify: tuple[Certificate, ...],
    ) -> Header:
        assert self.me is not None
        return Header(
            era=self.committee.era,
            view=view,
            height=Height(parent.height + 1),
            kind=BlockKind.BLOCK,
            parent=digest,
            parent_view=parent.view,
            proposer=self.me,
            time_ms=TimeMs(max(self._now_ms, parent.time_ms + self._timing.block_ms)),
            reveal=body.reveal,
            body_root=crypto.compute_body_root(body.transactions),
            justify_root=crypto.compute_justify_root(justify),
            state_root=body.state_root,
            receipts_root=body.receipts_root,
            vset_hash=self.committee.vset_hash,
            next_vset_hash=self.committee.vset_hash,
        )

    def _keep_body(self, digest: Hash32) -> None:
        """Have the body durable before the vote that leans on it (`agreement.md` 2.9)."""
        entry = self.tree.get(digest)
        assert entry is not None
        if not entry.is_durable:
            entry.is_durable = True
            self._out.persist_block(entry.proposal or entry.block)

    def _say_again(self) -> None:
        """Break a standstill: repeat our part of the last views, ask for what we lack."""
        for number in range(max(self.view - 3, self.views.final_view + 1), self.view + 1):
            record = self.views.record(View(number))
            for vote in record.mine.values():
                self._out.publish(vote)
        proposed = self.views.record(self.view).proposed
        entry = None if proposed is None else self.tree.get(proposed)
        if entry is not None and entry.proposal is not None:
            self._out.publish(entry.proposal)
        self._out.publish(self._status())
        self._repair.hurry(self._now_ms)
        self._out.ask(self._repair.take_asks(self._now_ms))
        self._set_standstill(self._now_ms)

    def _status(self) -> Status:
        """Say where we stand, and first of all what the open proposal needs."""
        record = self.views.record(self.view)
        header = None if record.first is None else self.tree.header(record.first)
        lacking: list[View] = []
        if header is not None:
            if not self.views.is_notarized(header.parent_view, header.parent):
                lacking.append(header.parent_view)
            lacking += islice(self.views.missing(header.parent_view, self.view), MISSING_MAX)
        lacking += islice(self.views.missing(self.views.final_view, self.view), MISSING_MAX)
        missing = tuple(dict.fromkeys(lacking))[:MISSING_MAX]
        return Status(self.committee.era, self.views.final_view, self.view, missing)

    def _set_standstill(self, start_ms: int) -> None:
        at_ms = start_ms + STANDSTILL_DELTAS * self._timing.delta_ms
        self._out.set_timer(Tag(TimerKind.STANDSTILL, self.view), at_ms)

    def _set_chase_timer(self) -> None:
        at_ms = self._repair.next_ms()
        if at_ms is not None:
            self._out.set_timer(Tag(TimerKind.CHASE), at_ms)

    def _unit_ms(self) -> int:
        """Return delta, grown for every view without finality from the third, and capped."""
        unit = self._timing.delta_ms
        for _ in range(min(64, max(0, self.view - self.views.final_view - BACKOFF_FREE_VIEWS))):
            unit = unit * self._timing.backoff_percent // 100
        return min(unit, self._timing.timer_ms_max)
