"""Follow the chain with headers and certificates alone; check a proof against them.

A finalization certificate proves its header to whoever knows the era's validator set. Headers
below follow by their hashes. A header's `state_root` is that after its PARENT, so a value as of
height h is proved against the final header of height h + 1.

Source: `agreement.md` 2.10. Another era's certificates need that era's set, which the last header
of the era before names (`next_vset_hash`).
"""

from collections.abc import Sequence

from consensus import crypto, merkle
from consensus.agreement.certificates import Committee, verify_certificate
from consensus.errors import InvalidBlock, InvalidVote
from consensus.types import Certificate, Hash32, Header, VoteKind


def verify_finality(committee: Committee, header: Header, certificate: Certificate) -> Hash32:
    """Check that `committee` finalised `header`; return its digest.

    Raises:
        InvalidVote: the certificate proves nothing, or is of another kind, view or block.
        InvalidBlock: the header names another validator set.
    """
    if header.vset_hash != committee.vset_hash:
        raise InvalidBlock(f"validator set {header.vset_hash.hex()} where another one decides")
    if certificate.kind is not VoteKind.FINALIZE:
        raise InvalidVote(f"{certificate.kind.name} where FINALIZE is needed")
    digest = crypto.compute_header_digest(header)
    if (certificate.era, certificate.view, certificate.digest) != (header.era, header.view, digest):
        raise InvalidVote(f"a certificate of view {certificate.view}, for another block")
    verify_certificate(committee, certificate)
    return digest


def verify_ancestry(headers: Sequence[Header], digest: Hash32) -> None:
    """Check that `headers`, oldest first, lead without a gap to the block named `digest`.

    Raises:
        InvalidBlock: one of them is not the parent of the next, or the last is another block.
    """
    for header in reversed(headers):
        if crypto.compute_header_digest(header) != digest:
            raise InvalidBlock(f"height {header.height}: not the parent of the header above it")
        digest = header.parent


def is_in_state(header: Header, key: bytes, value: bytes | None, proof: merkle.Proof) -> bool:
    """Tell whether `key` had `value` (None: no value) after the parent of a final `header`."""
    return merkle.verify(header.state_root, key, value, proof)
