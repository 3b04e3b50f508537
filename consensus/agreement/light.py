"""Follow the chain with headers and certificates alone; check proofs of the state against them.

A finalization certificate proves its header to whoever knows the era's validator set. Headers
below follow by their hashes. A header's `state_root` is that after its PARENT, so a value as of
height h is proved against the final header of height h + 1.

`check_proof` turns a stranger's proof into a `ProvenView`: a ledger that holds the proven entries
and nothing else. The same query that made an answer is run over it; what comes out is true whoever
sent it. Scans are the exception: keys lie in the tree by their hashes, so nobody can prove that no
key of a prefix was left out. Every entry found is true, but there may be more; `is_complete` says
whether that can be.

Another era's certificates need that era's set, which every header of the era before names
(`next_vset_hash`): one hand-off per era leads from set to set (`follow`). A client that only
follows knows no leaders, and needs none.

Source: `docs/spec/agreement.md` 2.10.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from consensus import codec, crypto, merkle
from consensus.agreement.certificates import Committee, verify_certificate
from consensus.errors import DecodeError, InvalidBlock, InvalidVote, NeurondError
from consensus.quantities import ZERO_HASH, Era, Hash32
from consensus.types import BlockKind, Certificate, HandOff, Header, VoteKind

KEYS_MAX = 4_096
"""Entries in one proof: enough for the metagraph of the largest subnet, some hundred kilobytes."""
HEADERS_MAX = 1_024
"""Headers from the one that vouches for the state up to the one with the certificate."""
HEADER_BYTES_MAX = 1_024


class InvalidProof(NeurondError):
    """A proof of the state that proves nothing; the message says which part is wrong."""


class NotProven(NeurondError):
    """The proof says nothing about a key that was asked for."""


@dataclass(frozen=True, slots=True)
class StateProof:
    """What shows a stranger some entries of the state after one block, as it travels."""

    entries: tuple[tuple[bytes, bytes | None], ...]
    """Keys and their values; None where there is no such key."""
    tree: bytes
    """Of all the entries: `merkle.prove_keys`."""
    headers: tuple[bytes, ...]
    """Encoded, oldest first, each the parent of the next: the one after the block, up to the one
    that the certificate is of."""
    certificate: bytes
    """Encoded; of the last header."""


class ProvenView:
    """A ledger that knows the proven entries and refuses to guess the others."""

    def __init__(self, entries: Mapping[bytes, bytes | None]) -> None:
        """Hold `entries`, None for keys known to be absent."""
        self._entries = dict(entries)
        self._is_complete = True

    @property
    def is_complete(self) -> bool:
        """Tell whether everything read was proven whole: no scan was made."""
        return self._is_complete

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None where there is none.

        Raises:
            NotProven: the proof does not say.
        """
        if key not in self._entries:
            raise NotProven(f"the proof says nothing about key {key.hex()}")
        return self._entries[key]

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the proven pairs whose key begins with `prefix`, keys ascending."""
        self._is_complete = False
        found = [
            (key, value)
            for key, value in sorted(self._entries.items())
            if value is not None and key.startswith(prefix)
        ]
        return iter(found)


def check_proof(committee: Committee, height: int, proof: StateProof) -> ProvenView:
    """Return the entries that `proof` shows to have stood in the state after block `height`.

    Args:
        committee: the validator set the client trusts, of the era of the certificate; its seed is
            not used. Of a young chain it is that of genesis.
        height: whose state the client asked for.
        proof: what a stranger sent.

    Raises:
        InvalidProof: any part of it is not what it should be.
    """
    entries = dict(proof.entries)
    if len(entries) != len(proof.entries) or len(entries) > KEYS_MAX:
        raise InvalidProof(f"{len(proof.entries)} entries: too many, or one of them twice")
    headers, certificate = _read_chain(proof)
    first = headers[0]
    # A seal of the same height names the state after the era's last block, not after its parent.
    if first.height != height + 1 or first.kind is not BlockKind.BLOCK:
        raise InvalidProof(f"{first.kind.name} {first.height} says nothing of the state {height}")
    try:
        verify_ancestry(headers, verify_finality(committee, headers[-1], certificate))
    except (InvalidVote, InvalidBlock) as error:
        raise InvalidProof(f"block {headers[-1].height} is not shown to be final: {error}") from (
            error
        )
    if not merkle.verify_keys(first.state_root, entries, proof.tree):
        raise InvalidProof(f"the entries are not those of the state {first.state_root.hex()}")
    return ProvenView(entries)


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


def follow(committee: Committee, hand_off: HandOff) -> Committee:
    """Return the next era's committee, for checking certificates, from how this era ended.

    Raises:
        InvalidVote: the certificate proves nothing, or is of another block.
        InvalidBlock: the header or the entries are of another set.
    """
    verify_finality(committee, hand_off.header, hand_off.certificate)
    vset_hash = crypto.compute_vset_hash(hand_off.entries)
    if vset_hash != hand_off.header.next_vset_hash:
        raise InvalidBlock(f"validator set {vset_hash.hex()} where another one was named")
    return Committee(Era(committee.era + 1), committee.chain_id, hand_off.entries, ZERO_HASH)


def verify_ancestry(headers: Sequence[Header], digest: Hash32) -> None:
    """Check that `headers`, oldest first, lead without a gap to the block named `digest`.

    Raises:
        InvalidBlock: one of them is not the parent of the next, or the last is another block.
    """
    for header in reversed(headers):
        if crypto.compute_header_digest(header) != digest:
            raise InvalidBlock(f"height {header.height}: not the parent of the header above it")
        digest = header.parent


def _read_chain(proof: StateProof) -> tuple[list[Header], Certificate]:
    """Return the headers and the certificate of a proof."""
    if not 1 <= len(proof.headers) <= HEADERS_MAX:
        raise InvalidProof(f"{len(proof.headers)} headers where 1 to {HEADERS_MAX} are needed")
    try:
        headers = [codec.decode(Header, data, HEADER_BYTES_MAX) for data in proof.headers]
        return headers, codec.decode(Certificate, proof.certificate)
    except DecodeError as error:
        raise InvalidProof(f"a header or the certificate can't be read: {error}") from error
