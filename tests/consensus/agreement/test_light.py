"""A client with the validator set alone is convinced by one certificate, and by nothing less."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from consensus import merkle
from consensus.agreement.light import is_in_state, verify_ancestry, verify_finality
from consensus.errors import InvalidBlock, InvalidVote
from consensus.types import Hash32
from tests.consensus.agreement.play import (
    FOUR,
    F,
    N,
    make_certificate,
    make_chain,
    make_committee,
    make_header,
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


def test_a_value_is_proved_against_the_header_after_it() -> None:
    root, nodes = merkle.update(Nodes({}), {b"alice": b"7", b"bob": b"3"})
    header = make_header(state_root=root)
    proof = merkle.prove(Nodes(nodes), b"alice")
    assert is_in_state(header, b"alice", b"7", proof)
    assert not is_in_state(header, b"alice", b"8", proof)
    assert is_in_state(header, b"carol", None, merkle.prove(Nodes(nodes), b"carol"))
