"""Crypto: domains keep apart, and a forged or damaged signature is no signature."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from consensus import crypto
from consensus.calls.accounts import Transfer
from consensus.quantities import Amount, Era, Hash32, NetUid, Nonce, PublicKey, Signature, View
from consensus.types import SignedTransaction, Transaction, Vote, VoteKind
from scripts.tools.vectors.golden import build_golden, build_sample

GOLDEN = Path(__file__).parents[1] / "vectors" / "crypto.json"
KEY = SigningKey(bytes(range(32)))
PUBLIC = crypto.compute_public_key(bytes(range(32)))
CHAIN = Hash32(b"c" * 32)


def make_signed() -> SignedTransaction:
    transaction: Transaction = replace(build_sample(Transaction), signer=PUBLIC)
    return crypto.sign_transaction(KEY, transaction)


def make_vote(kind: VoteKind = VoteKind.NOTARIZE) -> Vote:
    vote: Vote = replace(build_sample(Vote), kind=kind)
    message = crypto.vote_message(CHAIN, vote.kind, vote.era, vote.view, vote.digest)
    return replace(vote, signature=crypto.sign(KEY, message))


def test_golden_hashes_and_signatures_are_unchanged():
    """A failure here is a change of law: `scripts/vectors write`, on purpose."""
    assert build_golden("crypto.json") == json.loads(GOLDEN.read_text())


def test_the_same_bytes_hash_differently_in_different_domains():
    assert crypto.hash32(b"neurond/a", b"x") != crypto.hash32(b"neurond/b", b"x")


def test_a_signed_transaction_is_its_signer_s():
    assert crypto.is_transaction_signed(make_signed())


@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": Hash32(b"x" * 32)},
        {"nonce": Nonce(99)},
        {"tip": Amount(99)},
        {"call": Transfer(PublicKey(b"x" * 32), Amount(1))},
        {"signer": PublicKey(b"x" * 32)},
    ],
)
def test_no_field_of_a_signed_transaction_can_be_changed(change: dict[str, object]):
    signed = make_signed()
    changed = replace(signed.transaction, **change)  # type: ignore[arg-type]  # any field
    assert not crypto.is_transaction_signed(replace(signed, transaction=changed))


@pytest.mark.parametrize("byte", [0, 31, 32, 63])
def test_a_flipped_bit_breaks_the_signature(byte: int):
    signed = make_signed()
    damaged = bytearray(signed.signature)
    damaged[byte] ^= 1
    assert not crypto.is_transaction_signed(replace(signed, signature=Signature(bytes(damaged))))


@pytest.mark.parametrize("key", [b"", b"short", bytes(32), b"\xff" * 32, b"\x00" * 33])
def test_a_key_that_is_none_signs_nothing(key: bytes):
    assert not crypto.is_signed(PublicKey(key), b"message", Signature(bytes(64)))


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_of_another_length_is_none(length: int):
    assert not crypto.is_signed(PUBLIC, b"message", Signature(bytes(length)))


def test_signing_with_another_s_key_is_a_bug():
    with pytest.raises(AssertionError):
        crypto.sign_transaction(SigningKey(b"z" * 32), make_signed().transaction)


def test_a_vote_is_signed_for_one_chain_kind_era_view_and_digest():
    vote = make_vote()
    assert crypto.is_vote_signed(CHAIN, PUBLIC, vote)
    assert not crypto.is_vote_signed(Hash32(b"x" * 32), PUBLIC, vote)
    for other in (
        replace(vote, kind=VoteKind.FINALIZE),
        replace(vote, era=Era(vote.era + 1)),
        replace(vote, view=View(vote.view + 1)),
        replace(vote, digest=Hash32(bytes(32))),
    ):
        assert not crypto.is_vote_signed(CHAIN, PUBLIC, other)


def test_a_vote_message_has_a_fixed_width():
    for kind in VoteKind:
        message = crypto.vote_message(CHAIN, kind, Era(2**64 - 1), View(0), CHAIN)
        assert len(message) == 84


def test_a_node_s_consent_is_for_one_hotkey_and_subnet():
    mine = crypto.serve_message(CHAIN, NetUid(1), PUBLIC)
    assert mine != crypto.serve_message(CHAIN, NetUid(2), PUBLIC)
    assert mine != crypto.serve_message(CHAIN, NetUid(1), PublicKey(b"x" * 32))


def test_the_same_key_and_message_give_the_same_signature():
    assert crypto.sign(KEY, b"x") == crypto.sign(KEY, b"x")
