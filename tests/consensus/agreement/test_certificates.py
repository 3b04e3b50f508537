"""Quorums of stake: who leads, what certifies, and every way a certificate can prove nothing."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus import codec
from consensus.agreement.certificates import (
    build_certificate,
    verify_certificate,
    verify_proposal,
    verify_vote,
)
from consensus.errors import InvalidBlock, InvalidVote
from consensus.quantities import ZERO_HASH, Era, Hash32, Signature, ValidatorIndex, View
from consensus.types import Certificate, VoteKind
from tests.consensus.agreement.play import (
    FOUR,
    F,
    N,
    X,
    make_certificate,
    make_chain,
    make_committee,
    make_proposal,
    make_vote,
    name,
)

DIGEST = Hash32(b"d" * 32)


@given(st.lists(st.integers(1, 2**40), min_size=1, max_size=12))
def test_two_quorums_share_more_than_a_third(stakes: list[int]) -> None:
    committee = make_committee(*stakes)
    assert 3 * (2 * committee.quorum - committee.total) > committee.total
    assert committee.quorum <= committee.total


def test_leaders_are_drawn_by_stake() -> None:
    committee = make_committee(1, 2, 7)
    counts = Counter(committee.leader(View(v)) for v in range(1, 5_001))
    assert [round(counts[ValidatorIndex(i)] / 500) for i in range(3)] == [1, 2, 7]


def test_a_certificate_has_the_largest_signers_that_suffice_in_ascending_order() -> None:
    committee = make_committee(10, 50, 10, 40, 10)  # quorum 81
    votes = {ValidatorIndex(i): make_vote(i, N, 1, DIGEST) for i in range(5)}
    certificate = build_certificate(committee, votes)
    assert certificate is not None
    assert certificate.signers == (1, 3)
    verify_certificate(committee, certificate)


def test_less_than_a_quorum_certifies_nothing() -> None:
    votes = {ValidatorIndex(i): make_vote(i, N, 1, DIGEST) for i in range(2)}
    assert build_certificate(FOUR, votes) is None


def test_a_vote_is_only_its_signer_s_and_only_for_what_it_says() -> None:
    vote = make_vote(1, N, 3, DIGEST)
    verify_vote(FOUR, vote)
    for wrong in (
        replace(vote, signer=ValidatorIndex(2)),
        replace(vote, signer=ValidatorIndex(4)),
        replace(vote, view=View(4)),
        replace(vote, era=Era(2)),
        replace(vote, kind=F),
        replace(vote, kind=VoteKind.PROPOSE),
        replace(vote, digest=Hash32(b"e" * 32)),
        replace(vote, digest=ZERO_HASH),
        replace(make_vote(1, X, 3), digest=DIGEST),
        replace(vote, signature=Signature(bytes(64))),
    ):
        with pytest.raises(InvalidVote):
            verify_vote(FOUR, wrong)


def worsen(good: Certificate) -> list[Certificate]:
    zero = Signature(bytes(64))
    return [
        replace(good, era=Era(2)),
        replace(good, view=View(9)),
        replace(good, kind=F),
        replace(good, kind=X),
        replace(good, kind=VoteKind.PROPOSE),
        replace(good, signers=good.signers[:2], signatures=good.signatures[:2]),
        replace(good, signers=good.signers[::-1], signatures=good.signatures[::-1]),
        replace(good, signers=(good.signers[0],) * 3),
        replace(good, signers=(*good.signers[:2], ValidatorIndex(4))),
        replace(good, signatures=good.signatures[:2]),
        replace(good, signatures=(*good.signatures[:2], zero)),
        replace(good, signers=(), signatures=()),
    ]


@pytest.mark.parametrize("index", range(12))
def test_a_certificate_with_one_thing_wrong_proves_nothing(index: int) -> None:
    good = make_certificate(N, 1, DIGEST)
    verify_certificate(FOUR, good)
    with pytest.raises(InvalidVote):
        verify_certificate(FOUR, worsen(good)[index])


def test_a_proposal_is_only_its_leader_s_and_only_with_its_own_parts() -> None:
    first, second = make_chain(2)
    assert verify_proposal(FOUR, second) == name(second)
    block = second.block
    other = ValidatorIndex((block.header.proposer + 1) % 4)
    for wrong in (
        replace(second, signature=Signature(bytes(64))),
        replace(second, block=replace(block, justify=())),
        replace(second, block=replace(block, header=replace(block.header, proposer=other))),
        replace(second, block=replace(block, header=replace(block.header, era=Era(2)))),
        replace(second, block=replace(block, header=replace(block.header, body_root=DIGEST))),
        make_proposal(2, body_root=DIGEST),
    ):
        with pytest.raises(InvalidBlock):
            verify_proposal(FOUR, wrong)
    forged = replace(make_certificate(N, 1, name(first)), signatures=(Signature(bytes(64)),) * 3)
    with pytest.raises(InvalidVote):
        verify_proposal(FOUR, make_proposal(2, first.block.header, (forged,)))


def test_a_certificate_of_four_equal_validators_is_small() -> None:
    assert len(codec.encode(make_certificate(N, 1, DIGEST))) < 260
