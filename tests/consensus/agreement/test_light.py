"""A client with the validator set alone is convinced by one certificate, and by nothing less."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from consensus import codec, merkle
from consensus.agreement.light import (
    InvalidProof,
    NotProven,
    StateProof,
    check_proof,
    verify_ancestry,
    verify_finality,
)
from consensus.errors import InvalidBlock, InvalidVote
from consensus.quantities import Hash32, Height
from consensus.types import BlockKind
from tests.consensus.agreement.play import (
    FOUR,
    F,
    N,
    make_certificate,
    make_chain,
    make_committee,
    make_proposal,
    name,
)

CHAIN = [proposal.block.header for proposal in make_chain(4)]
LAST = CHAIN[-1]
FINAL = make_certificate(F, 4, name(LAST))


def test_one_certificate_proves_a_header_and_the_headers_below_follow() -> None:
    digest = verify_finality(FOUR, LAST, FINAL)
    assert digest == name(LAST)
    verify_ancestry(CHAIN, digest)


def test_no_other_certificate_header_or_set_proves_it() -> None:
    for certificate in (
        make_certificate(N, 4, name(LAST)),
        make_certificate(F, 3, name(LAST)),
        make_certificate(F, 4, name(CHAIN[0])),
        replace(FINAL, signers=FINAL.signers[:2], signatures=FINAL.signatures[:2]),
    ):
        with pytest.raises(InvalidVote):
            verify_finality(FOUR, LAST, certificate)
    with pytest.raises(InvalidVote):
        verify_finality(FOUR, replace(LAST, state_root=Hash32(b"s" * 32)), FINAL)
    with pytest.raises(InvalidBlock):
        verify_finality(make_committee(1, 1, 1, 1), LAST, FINAL)


def test_a_gap_in_the_headers_is_seen() -> None:
    for headers in (CHAIN[:1] + CHAIN[2:], CHAIN[::-1], CHAIN[:3]):
        with pytest.raises(InvalidBlock):
            verify_ancestry(headers, name(LAST))


class Nodes:
    """A reader of stored Merkle nodes."""

    def __init__(self, nodes: Mapping[bytes, bytes | None]) -> None:
        self._nodes = nodes

    def get_node(self, path: bytes) -> bytes | None:
        return self._nodes.get(path)


# -- proofs of the state ---------------------------------------------------------------------------

ROOT, NODES = merkle.update(Nodes({}), {b"a/alice": b"7", b"a/bob": b"3", b"b": b"1"})
TOLD: dict[bytes, bytes | None] = {b"a/alice": b"7", b"a/carol": None, b"b": b"1"}
GROWN = [proposal.block.header for proposal in make_chain(1)]
GROWN[0] = replace(GROWN[0], state_root=ROOT)
for _view in (2, 3):
    GROWN.append(make_proposal(_view, GROWN[-1]).block.header)
PROOF = StateProof(
    entries=tuple(TOLD.items()),
    tree=merkle.prove_keys(Nodes(NODES), TOLD),
    headers=tuple(codec.encode(header) for header in GROWN),
    certificate=codec.encode(make_certificate(F, 3, name(GROWN[-1]))),
)


def test_a_proof_gives_a_ledger_of_the_proven_entries_and_no_others() -> None:
    view = check_proof(FOUR, 0, PROOF)
    assert {key: view.get(key) for key in TOLD} == TOLD
    assert view.is_complete
    with pytest.raises(NotProven):
        view.get(b"a/bob")


def test_a_scan_finds_what_was_proven_and_says_that_there_may_be_more() -> None:
    view = check_proof(FOUR, 0, PROOF)
    assert list(view.scan(b"a/")) == [(b"a/alice", b"7")]
    assert not view.is_complete


@pytest.mark.parametrize(
    "fields",
    [
        {"entries": (*PROOF.entries, (b"a/bob", None))},
        {"entries": (*PROOF.entries, PROOF.entries[0])},
        {"entries": ((b"a/alice", b"8"), *PROOF.entries[1:])},
        {"entries": PROOF.entries[1:]},
        {"entries": tuple((b"%d" % number, None) for number in range(4_097))},
        {"tree": PROOF.tree[:-1]},
        {"tree": b""},
        {"headers": ()},
        {"headers": PROOF.headers[1:]},
        {"headers": PROOF.headers[:1] + PROOF.headers[2:]},
        {"headers": PROOF.headers[:2]},
        {"headers": PROOF.headers * 400},
        {"headers": (b"no header",)},
        {"certificate": b"none"},
        {"certificate": codec.encode(make_certificate(N, 3, name(GROWN[-1])))},
        {"certificate": codec.encode(make_certificate(F, 2, name(GROWN[1])))},
    ],
)
def test_a_proof_with_one_wrong_part_proves_nothing(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidProof):
        check_proof(FOUR, 0, replace(PROOF, **fields))


def test_a_proof_is_of_one_height_under_one_validator_set() -> None:
    for height in (-1, 1, 2):
        with pytest.raises(InvalidProof, match="says nothing of the state"):
            check_proof(FOUR, height, PROOF)
    with pytest.raises(InvalidProof, match="not shown to be final"):
        check_proof(make_committee(1, 1, 1, 1), 0, PROOF)


def test_a_seal_vouches_for_no_state_below_its_own_height() -> None:
    seal = replace(GROWN[0], kind=BlockKind.SEAL, height=Height(1))
    certificate = codec.encode(make_certificate(F, 1, name(seal)))
    proof = replace(PROOF, headers=(codec.encode(seal),), certificate=certificate)
    with pytest.raises(InvalidProof, match="SEAL"):
        check_proof(FOUR, 0, proof)
