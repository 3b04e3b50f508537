"""What is known of each view: who voted what, which certificates stand, what we signed ourselves.

Simplex's safety rests on two facts of ours per view: `notarized` (the one digest we voted
to notarize) and `closed` (NULLIFY or FINALIZE, never both). A restart restores them from disk.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from consensus.agreement.blocktree import BlockTree
from consensus.agreement.certificates import Committee, build_certificate
from consensus.quantities import Era, Hash32, Signature, ValidatorIndex, View
from consensus.types import Certificate, ConflictingVotes, Header, Proposal, Status, Vote, VoteKind

DIGESTS_MAX = 2
"""Statements of one kind by one signer that are kept in a view: one is honest, two are evidence."""
PROPOSALS_MAX = 4
"""Distinct proposals of one leader in one view whose bodies are kept."""

_Said = dict[tuple[VoteKind, Hash32], dict[ValidatorIndex, Vote]]


@dataclass(slots=True)
class ViewRecord:
    """One view above the final one."""

    view: View
    first: Hash32 | None = None
    """The first proposal seen; only it can get our vote."""
    proposals: dict[Hash32, Signature] = field(default_factory=dict[Hash32, Signature])
    certificates: dict[VoteKind, Certificate] = field(default_factory=dict[VoteKind, Certificate])
    notarized: Hash32 | None = None
    closed: VoteKind | None = None
    proposed: Hash32 | None = None
    mine: dict[VoteKind, Vote] = field(default_factory=dict[VoteKind, Vote])
    """Our own votes, to be sent again byte for byte."""
    _said: _Said = field(default_factory=dict[tuple[VoteKind, Hash32], dict[ValidatorIndex, Vote]])
    _weight: dict[tuple[VoteKind, Hash32], int] = field(
        default_factory=dict[tuple[VoteKind, Hash32], int]
    )
    _by_signer: dict[ValidatorIndex, list[Vote]] = field(
        default_factory=dict[ValidatorIndex, list[Vote]]
    )

    @property
    def is_certified(self) -> bool:
        """Whether any quorum has spoken in this view."""
        return bool(self.certificates)

    @property
    def votes_count(self) -> int:
        """How many votes are kept."""
        return sum(len(votes) for votes in self._by_signer.values())

    def has(self, kind: VoteKind, digest: Hash32) -> bool:
        """Tell whether a certificate of that kind names `digest`."""
        certificate = self.certificates.get(kind)
        return certificate is not None and certificate.digest == digest

    def remember_mine(self, vote: Vote) -> None:
        """Record that we signed `vote`, now or before a restart."""
        if vote.kind is VoteKind.PROPOSE:
            self.proposed = vote.digest
            return
        self.mine[vote.kind] = vote
        if vote.kind is VoteKind.NOTARIZE:
            self.notarized = vote.digest
        else:
            self.closed = vote.kind

    def add_proposal(self, proposal: Proposal, digest: Hash32) -> ConflictingVotes | None:
        """Note a leader's signed header; return the proof if it signed another one before."""
        header = proposal.block.header
        if digest in self.proposals or len(self.proposals) >= PROPOSALS_MAX:
            return None
        earlier = next(iter(self.proposals.items()), None)
        self.proposals[digest] = proposal.signature
        if earlier is None:
            self.first = digest
            return None
        first, second = (
            Vote(VoteKind.PROPOSE, header.era, self.view, each, header.proposer, signature)
            for each, signature in (earlier, (digest, proposal.signature))
        )
        return ConflictingVotes(first, second)

    def add_vote(self, committee: Committee, vote: Vote) -> ConflictingVotes | None:
        """Count `vote`; return the proof if its signer contradicts itself."""
        key = (vote.kind, vote.digest)
        said = self._said.setdefault(key, {})
        if vote.signer in said:
            return None
        own = self._by_signer.setdefault(vote.signer, [])
        if sum(each.kind is vote.kind for each in own) >= DIGESTS_MAX:
            if not said:
                del self._said[key]
            return None
        conflict = next((each for each in own if is_conflict(each, vote)), None)
        own.append(vote)
        said[vote.signer] = vote
        self._weight[key] = self._weight.get(key, 0) + committee.stake_of(vote.signer)
        return None if conflict is None else ConflictingVotes(conflict, vote)

    def certify(self, committee: Committee, vote: Vote) -> Certificate | None:
        """Return the certificate that `vote` completes, if it does and there was none."""
        key = (vote.kind, vote.digest)
        if vote.kind in self.certificates or self._weight.get(key, 0) < committee.quorum:
            return None
        return build_certificate(committee, self._said[key])


def is_conflict(a: Vote, b: Vote) -> bool:
    """Tell whether no honest validator signs both; they share era, view and signer.

    Source: `docs/spec/agreement.md` 2.8.
    """
    kinds = {a.kind, b.kind}
    if len(kinds) == 1:
        return a.digest != b.digest
    if kinds == {VoteKind.NULLIFY, VoteKind.FINALIZE}:
        return True
    return kinds == {VoteKind.NOTARIZE, VoteKind.FINALIZE} and a.digest != b.digest


MISSING_MAX = 16
"""Views one Status names."""
SAID_VIEWS = 4
"""Last views whose votes of ours are said again."""
JUSTIFY_MAX = 16
"""Nullifications sent inside a proposal; whoever lacks older ones asks with a Status."""


class Views:
    """The open views: those above the final one, which is the tree's root."""

    def __init__(self, tree: BlockTree, final_view: View, final: Certificate | None) -> None:
        self.tree = tree
        self.final_view = final_view
        self.final_certificate = final
        self._records: dict[View, ViewRecord] = {}

    def __iter__(self) -> Iterator[ViewRecord]:
        """Yield the known open views, in no particular order; records may be added meanwhile."""
        return iter(tuple(self._records.values()))

    def get(self, view: View) -> ViewRecord | None:
        """Return what is known of an open view."""
        return self._records.get(view)

    def record(self, view: View) -> ViewRecord:
        """Return the record of an open view, a new one if nothing was known."""
        record = self._records.get(view)
        if record is None:
            assert view > self.final_view
            record = self._records[view] = ViewRecord(view)
        return record

    def finalize(self, certificate: Certificate) -> None:
        """Make the certified block the root and forget every view up to its own."""
        self.tree.cut(certificate.digest)
        self.final_view = certificate.view
        self.final_certificate = certificate
        self._records = {v: r for v, r in self._records.items() if v > certificate.view}

    def highest_certified(self) -> View:
        """Return the highest view in which any quorum has spoken."""
        certified = (view for view, record in self._records.items() if record.is_certified)
        return max(certified, default=self.final_view)

    def is_notarized(self, view: View, digest: Hash32) -> bool:
        """Tell whether we hold proof that `digest` was notarized in `view`."""
        if digest == self.tree.root:
            return view == self.final_view
        record = self._records.get(view)
        return record is not None and (
            record.has(VoteKind.NOTARIZE, digest) or record.has(VoteKind.FINALIZE, digest)
        )

    def missing(self, after: View, before: View) -> Iterator[View]:
        """Yield the views strictly between whose nullification we can't prove, ascending."""
        for number in range(max(after, self.final_view) + 1, before):
            record = self._records.get(View(number))
            if record is None or VoteKind.NULLIFY not in record.certificates:
                yield View(number)

    def is_bridged(self, after: View, before: View) -> bool:
        """Tell whether every view strictly between was provably nullified."""
        return next(self.missing(after, before), None) is None

    def is_settled(self, before: View) -> bool:
        """Tell whether we know what a quorum said in every open view below `before`."""
        views = map(View, range(self.final_view + 1, before))
        records = map(self._records.get, views)
        return all(record is not None and record.is_certified for record in records)

    def choose_parent(self, view: View) -> tuple[Hash32, Header] | None:
        """Return the highest notarized good block with nothing but nullified views up to `view`."""
        for number in range(view - 1, self.final_view, -1):
            record = self._records.get(View(number))
            if record is None:
                return None
            for kind in (VoteKind.FINALIZE, VoteKind.NOTARIZE):
                certificate = record.certificates.get(kind)
                if certificate is not None and self.tree.is_good(certificate.digest):
                    header = self.tree.header(certificate.digest)
                    assert header is not None
                    return certificate.digest, header
            if VoteKind.NULLIFY not in record.certificates:
                return None
        return self.tree.root, self.tree.root_header

    def justify(self, view: View, parent: Hash32, header: Header) -> tuple[Certificate, ...] | None:
        """Return what proves that a block of `view` may stand on `parent`; None: we can't."""
        parent_view = header.view
        if not self.is_notarized(parent_view, parent) or not self.is_bridged(parent_view, view):
            return None
        proof: list[Certificate] = []
        if parent == self.tree.root:
            proof += [self.final_certificate] if self.final_certificate else []
        else:
            held = self._records[parent_view].certificates
            proof.append(held.get(VoteKind.FINALIZE) or held[VoteKind.NOTARIZE])
        first = max(parent_view + 1, view - JUSTIFY_MAX)
        skipped = (self._records[View(number)] for number in range(first, view))
        return (*proof, *(record.certificates[VoteKind.NULLIFY] for record in skipped))

    def vouched(self) -> set[Hash32]:
        """Return the blocks worth keeping: certified, ours, or of a view that is still open."""
        digests: set[Hash32] = set()
        for record in self._records.values():
            digests.update(certificate.digest for certificate in record.certificates.values())
            digests.update(each for each in (record.notarized, record.proposed) if each)
            if not record.certificates:
                digests.update(record.proposals)
        return digests

    def status(self, era: Era, view: View) -> Status:
        """Say where we stand in `view`, and first of all what its proposal needs."""
        record = self._records.get(view)
        first = None if record is None or record.first is None else record.first
        header = None if first is None else self.tree.header(first)
        lacking: list[View] = []
        if header is not None and header.parent_view > self.final_view:
            if not self.is_notarized(header.parent_view, header.parent):
                lacking.append(header.parent_view)
            lacking += islice(self.missing(header.parent_view, view), MISSING_MAX)
        lacking += islice(self.missing(self.final_view, view), MISSING_MAX)
        missing = tuple(dict.fromkeys(lacking))[:MISSING_MAX]
        return Status(era, self.final_view, view, missing)

    def answer(self, status: Status, view: View) -> list[Certificate]:
        """Return the certificates that help a peer which stands at `status`; we are in `view`."""
        found: list[Certificate] = []
        if status.final_view < self.final_view and self.final_certificate is not None:
            found.append(self.final_certificate)
        wanted = [*status.missing, View(view - 1)] if status.view < view else status.missing
        for number in dict.fromkeys(wanted):
            record = self._records.get(number)
            if record is not None:
                found.extend(record.certificates.values())
        return found

    def said(self, view: View) -> list[Vote | Proposal]:
        """Return what we said in the last views up to `view`, and our proposal if it is open."""
        found: list[Vote | Proposal] = []
        for number in range(max(view - SAID_VIEWS, self.final_view) + 1, view + 1):
            found.extend(self.record(View(number)).mine.values())
        proposed = self.record(view).proposed
        entry = None if proposed is None else self.tree.get(proposed)
        if entry is not None and entry.proposal is not None:
            found.append(entry.proposal)
        return found

    def tip(self) -> Header:
        """Return the header of the highest notarized block we have; its time starts our timers."""
        for view in sorted(self._records, reverse=True):
            certificate = self._records[view].certificates.get(VoteKind.NOTARIZE)
            header = None if certificate is None else self.tree.header(certificate.digest)
            if header is not None:
                return header
        return self.tree.root_header
