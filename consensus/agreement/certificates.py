"""Stake-weighted quorums of signatures, and how a stranger checks one.

A committee is the ordered validator set of one era. A certificate is a list of signatures by
members that hold at least `quorum` = floor(2W/3) + 1 of its stake W. All is integer comparison.

Source: `docs/spec/agreement.md` 2.1, 2.2 (leader election), after commonware's and TON's Simplex.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from consensus import crypto
from consensus.errors import InvalidBlock, InvalidVote
from consensus.quantities import (
    U64_MAX,
    ZERO_HASH,
    Era,
    Hash32,
    Height,
    PublicKey,
    ValidatorIndex,
    View,
)
from consensus.types import Certificate, Proposal, ValidatorEntry, Vote, VoteKind

ENDLESS = Height(U64_MAX)
"""The last height of an era that never ends."""


@dataclass(frozen=True)
class Committee:
    """The validator set of one era: who may vote, with what stake, and who leads when."""

    era: Era
    chain_id: Hash32
    entries: tuple[ValidatorEntry, ...]
    seed: Hash32
    """Decides who leads when; whoever only checks certificates may pass any value."""
    last: Height = ENDLESS
    """The era's last height, whose block only seals may follow."""
    named: Hash32 | None = None
    """Hash of the next era's set; None if this set goes on."""

    @cached_property
    def total(self) -> int:
        """All stake W, in rao."""
        return sum(entry.stake for entry in self.entries)

    @cached_property
    def quorum(self) -> int:
        """Least stake that certifies: floor(2W/3) + 1."""
        return 2 * self.total // 3 + 1

    @cached_property
    def vset_hash(self) -> Hash32:
        """Hash of the ordered set, as headers carry it."""
        return crypto.compute_vset_hash(self.entries)

    @property
    def next_vset_hash(self) -> Hash32:
        """Hash of the next era's set, as headers carry it."""
        return self.vset_hash if self.named is None else self.named

    @cached_property
    def _cumulative(self) -> list[int]:
        return list(accumulate(entry.stake for entry in self.entries))

    @cached_property
    def _by_key(self) -> dict[PublicKey, ValidatorIndex]:
        return {e.consensus_key: ValidatorIndex(i) for i, e in enumerate(self.entries)}

    @cached_property
    def _leaders(self) -> dict[View, ValidatorIndex]:
        return {}

    def index_of(self, key: PublicKey) -> ValidatorIndex | None:
        """Return the place of a consensus key in the set, or None."""
        return self._by_key.get(key)

    def stake_of(self, signer: ValidatorIndex) -> int:
        """Return a member's stake in rao; 0 for a place outside the set."""
        return self.entries[signer].stake if signer < len(self.entries) else 0

    def leader(self, view: View) -> ValidatorIndex:
        """Return who may propose in `view`, drawn by stake; the draw's bias is below 2^-192."""
        known = self._leaders.get(view)
        if known is not None:
            return known
        digest = crypto.hash32(b"neurond/lead", self.seed, view.to_bytes(8, "big"))
        point = int.from_bytes(digest, "big") % self.total
        leader = ValidatorIndex(bisect_right(self._cumulative, point))
        if len(self._leaders) >= 1024:  # noqa: PLR2004 - a cache, not a history
            self._leaders.clear()
        self._leaders[view] = leader
        return leader

    def has_quorum(self, signers: Iterable[ValidatorIndex]) -> bool:
        """Tell whether distinct `signers` hold a quorum of stake."""
        return sum(self.stake_of(signer) for signer in signers) >= self.quorum


def build_certificate(
    committee: Committee, votes: Mapping[ValidatorIndex, Vote]
) -> Certificate | None:
    """Combine votes of one kind, view and digest; None while they are less than a quorum.

    Signers are taken by descending stake (ties: lowest index) until the quorum is reached.
    """
    chosen: list[ValidatorIndex] = []
    weight = 0
    for signer in sorted(votes, key=lambda index: (-committee.stake_of(index), index)):
        chosen.append(signer)
        weight += committee.stake_of(signer)
        if weight >= committee.quorum:
            break
    if weight < committee.quorum:
        return None
    chosen.sort()
    first = votes[chosen[0]]
    return Certificate(
        first.kind,
        first.era,
        first.view,
        first.digest,
        tuple(chosen),
        tuple(votes[signer].signature for signer in chosen),
    )


def verify_vote(committee: Committee, vote: Vote) -> None:
    """Check that a member of `committee` signed `vote`.

    Raises:
        InvalidVote: another era, not a member, a NULLIFY with a digest, or a forged signature.
    """
    if vote.era != committee.era:
        raise InvalidVote(f"era {vote.era}, but this is era {committee.era}")
    if vote.signer >= len(committee.entries):
        raise InvalidVote(f"signer {vote.signer} of {len(committee.entries)} members")
    if vote.kind is VoteKind.PROPOSE:
        raise InvalidVote("a proposal's signature is not a vote")
    if (vote.kind is VoteKind.NULLIFY) != (vote.digest == ZERO_HASH):
        raise InvalidVote(f"{vote.kind.name} with digest {vote.digest.hex()}")
    key = committee.entries[vote.signer].consensus_key
    if not crypto.is_vote_signed(committee.chain_id, key, vote):
        raise InvalidVote(f"forged signature of validator {vote.signer}")


def verify_certificate(committee: Committee, certificate: Certificate) -> None:
    """Check that a quorum of `committee` signed what `certificate` says.

    Raises:
        InvalidVote: another era, unordered or unknown signers, no quorum, or a forged signature.
    """
    c = certificate
    if c.era != committee.era:
        raise InvalidVote(f"era {c.era}, but this is era {committee.era}")
    if c.kind is VoteKind.PROPOSE or (c.kind is VoteKind.NULLIFY) != (c.digest == ZERO_HASH):
        raise InvalidVote(f"{c.kind.name} with digest {c.digest.hex()}")
    if len(c.signers) != len(c.signatures) or len(c.signers) > len(committee.entries):
        raise InvalidVote(f"{len(c.signers)} signers and {len(c.signatures)} signatures")
    if any(a >= b for a, b in zip(c.signers, c.signers[1:], strict=False)):
        raise InvalidVote("signers are not ascending")
    if c.signers and c.signers[-1] >= len(committee.entries):
        raise InvalidVote(f"signer {c.signers[-1]} of {len(committee.entries)}")
    if not committee.has_quorum(c.signers):
        raise InvalidVote("less than a quorum of stake")
    message = crypto.vote_message(committee.chain_id, c.kind, c.era, c.view, c.digest)
    for signer, signature in zip(c.signers, c.signatures, strict=True):
        if not crypto.is_signed(committee.entries[signer].consensus_key, message, signature):
            raise InvalidVote(f"forged signature of validator {signer}")


def verify_proposal(committee: Committee, proposal: Proposal) -> Hash32:
    """Check a proposal's leader, its roots, its certificates; return the header's digest.

    Raises:
        InvalidBlock: not its view's leader, a root that does not match, or a forged signature.
        InvalidVote: one of the certificates it carries proves nothing.
    """
    header = proposal.block.header
    if header.era != committee.era:
        raise InvalidBlock(f"era {header.era}, but this is era {committee.era}")
    if header.proposer != committee.leader(header.view):
        raise InvalidBlock(f"validator {header.proposer} does not lead view {header.view}")
    return verify_early_proposal(committee, proposal)


def verify_early_proposal(committee: Committee, proposal: Proposal) -> Hash32:
    """Check a proposal of an era whose leaders are not known yet: a member made and signed it.

    Raises:
        InvalidBlock: not a member, a root that does not match, or a forged signature.
        InvalidVote: one of the certificates it carries proves nothing.
    """
    block = proposal.block
    header = block.header
    if header.era != committee.era:
        raise InvalidBlock(f"era {header.era}, but this is era {committee.era}")
    if header.proposer >= len(committee.entries):
        raise InvalidBlock(
            f"proposer {header.proposer} is not among {len(committee.entries)} members"
        )
    digest = crypto.compute_header_digest(header)
    message = crypto.vote_message(
        committee.chain_id, VoteKind.PROPOSE, header.era, header.view, digest
    )
    key = committee.entries[header.proposer].consensus_key
    if not crypto.is_signed(key, message, proposal.signature):
        raise InvalidBlock("forged signature of the leader")
    if header.body_root != crypto.compute_body_root(block.transactions):
        raise InvalidBlock("the transactions are not those of the header")
    if header.justify_root != crypto.compute_justify_root(block.justify):
        raise InvalidBlock("the certificates are not those of the header")
    for certificate in block.justify:
        verify_certificate(committee, certificate)
    return digest
