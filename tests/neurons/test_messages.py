"""What neurons say: the wire form, signatures, and receipts that fit one query only."""

from dataclasses import replace

import pytest

from consensus import codec
from consensus.errors import DecodeError
from consensus.quantities import U32, Bytes16, Bytes64K, Hash32, TimeMs
from neurons import messages
from neurons.errors import MalformedAnswer
from neurons.messages import Busy, Query, RefusalCode, SignedQuery, refuse
from tests.neurons.world import CHAIN_ID, NETUID, FakeNode, World, complete, make_hotkey

QUERY = Query(
    NETUID,
    Bytes16(bytes(16)),
    make_hotkey("validator"),
    make_hotkey("miner"),
    TimeMs(5),
    Bytes64K(b"body"),
)


def sign(query: Query = QUERY) -> SignedQuery:
    node = FakeNode(World())
    return SignedQuery(query, node.sign(messages.compute_query_hash(CHAIN_ID, query)))


@pytest.mark.parametrize(
    "reply", [Busy(U32(7)), refuse(RefusalCode.STALE, "old"), complete("miner", QUERY, b"a")]
)
def test_reply_survives_the_wire(reply: messages.Reply) -> None:
    assert messages.decode_reply(messages.encode_reply(reply)) == reply


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"\x04\x80", b"\x02", b"\x02\x81\x18\x05", b"\x01" * 99]
)
def test_bytes_that_are_no_reply_are_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        messages.decode_reply(data)


def test_oversize_reply_is_refused_before_it_is_read() -> None:
    with pytest.raises(DecodeError, match="at most"):
        messages.decode_reply(b"\x01" + bytes(messages.REPLY_BYTES_MAX + 1))


def test_refusal_of_any_text_fits_the_wire() -> None:
    reply = refuse(RefusalCode.MODEL_FAILED, "é" * 5_000)
    assert messages.decode_reply(messages.encode_reply(reply)) == reply


def test_query_is_signed_for_one_chain_by_one_asker() -> None:
    assert messages.is_query_signed(CHAIN_ID, sign())
    assert not messages.is_query_signed(Hash32(bytes(32)), sign())
    other = replace(QUERY, asker=make_hotkey("stranger"))
    assert not messages.is_query_signed(CHAIN_ID, sign(other))
    assert not messages.is_query_signed(CHAIN_ID, replace(sign(), query=replace(QUERY, time_ms=6)))


def test_largest_query_fits_its_bound() -> None:
    large = sign(replace(QUERY, body=Bytes64K(bytes(65_536))))
    assert len(codec.encode(large)) <= messages.QUERY_BYTES_MAX


def test_receipt_fits_its_own_query_miner_and_answer_only() -> None:
    query_hash = messages.compute_query_hash(CHAIN_ID, QUERY)
    done = complete("miner", QUERY, b"a")
    messages.check_completion(done, query_hash, make_hotkey("miner"))
    with pytest.raises(MalformedAnswer, match="another query"):
        messages.check_completion(done, Hash32(bytes(32)), make_hotkey("miner"))
    with pytest.raises(MalformedAnswer, match="another miner"):
        messages.check_completion(done, query_hash, make_hotkey("relay"))
    with pytest.raises(MalformedAnswer, match="another answer"):
        messages.check_completion(
            replace(done, answer=Bytes64K(b"b")), query_hash, make_hotkey("miner")
        )
    with pytest.raises(MalformedAnswer, match="not signed"):
        messages.check_completion(
            complete("miner", QUERY, b"a", signer="relay"), query_hash, make_hotkey("miner")
        )
