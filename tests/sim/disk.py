"""A simulated node's disk: what a crash leaves.

The end of an era and the beginning of the next are one transaction, so that whoever comes up again
finds itself in the era that the others are in.
"""

from dataclasses import dataclass, field

from consensus import crypto
from consensus.agreement import messages as m
from consensus.agreement.headers import as_genesis
from consensus.quantities import ZERO_HASH, Era, Hash32, View
from consensus.types import Block, Certificate, Header, Proposal, Vote, VoteKind

FIRST_ERA = Era(1)


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
    era: Era = FIRST_ERA
    before: Hash32 = ZERO_HASH
    """The state before the era."""
    hand_offs: dict[Era, Certificate] = field(default_factory=dict[Era, Certificate])
    """What ended each era that is over."""
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
        for seal in effect.seals:
            self.bodies.setdefault(crypto.compute_header_digest(seal.header), seal)
        self.chain += digests
        self.digest, self.header, self.post = digests[-1], effect.blocks[-1].header, post
        self.era = self.header.era
        self.certificate = effect.certificate
        self.view = view = effect.certificate.view
        self.votes = {vote for vote in self.votes if vote.view > view}
        self.certificates = {k: c for k, c in self.certificates.items() if k[0] > view}

    def enter_era(self) -> None:
        """Begin the next era on the final block; the same transaction that made it final."""
        assert self.certificate is not None
        self.hand_offs[self.era] = self.certificate
        self.era = Era(self.era + 1)
        self.before = self.post
        self.header = as_genesis(self.header, self.era)
        self.view, self.certificate = View(0), None
        self.votes, self.certificates = set(), {}

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
            ended=self.hand_offs.get(Era(self.era - 1)),
            votes=tuple(sorted(self.votes, key=lambda vote: (vote.view, vote.kind))),
            certificates=tuple(self.certificates.values()),
            blocks=tuple(bodies),
        )
