"""Payloads and parcels: what is packed is read back, all else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus import codec, parcels
from consensus.errors import DecodeError
from consensus.quantities import Hash32, View
from daemon.engine.eras import build_committee
from tests import builders
from tests.daemon import world

COMMITTEE = build_committee(world.make_world())
CERTIFICATE = world.certify(COMMITTEE, Hash32(bytes(range(32))), View(3))
VOTE = builders.make_vote(builders.make_state())
BLOCK = builders.make_block(builders.make_state())


@pytest.mark.parametrize("message", [VOTE, CERTIFICATE])
def test_a_vote_topic_payload_is_read_back(message: object):
    assert parcels.read_vote(parcels.pack_vote(message)) == message  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "payload",
    [b"", b"\x00", b"\x03" + codec.encode(VOTE), b"\x02" + codec.encode(VOTE), codec.encode(VOTE)],
)
def test_a_payload_of_another_kind_is_refused(payload: bytes):
    with pytest.raises(DecodeError):
        parcels.read_vote(payload)


def test_blocks_and_ranges_are_read_back():
    items = [codec.encode(BLOCK)] * 3
    assert parcels.read_blocks(parcels.pack_items(items)) == (BLOCK,) * 3
    packed = parcels.pack_items([codec.encode(CERTIFICATE), *items])
    assert parcels.read_range(packed) == (CERTIFICATE, (BLOCK,) * 3)
    assert parcels.read_range(b"") is None


def test_a_proof_is_read_back_and_has_two_items():
    items = [codec.encode(CERTIFICATE), codec.encode(BLOCK.header)]
    assert parcels.read_proof(parcels.pack_items(items)) == (CERTIFICATE, BLOCK.header)
    assert parcels.read_proof(b"") is None
    for wrong in (items[:1], [*items, items[1]]):
        with pytest.raises(DecodeError):
            parcels.read_proof(parcels.pack_items(wrong))


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 100])
def test_a_parcel_that_is_cut_off_is_refused(cut: int):
    parcel = parcels.pack_items([codec.encode(BLOCK)] * 2)
    with pytest.raises(DecodeError):
        parcels.read_blocks(parcel[:-cut])


def test_a_parcel_of_too_many_items_is_refused_before_they_are_decoded():
    parcel = parcels.pack_items([b""] * (parcels.ITEMS_MAX + 1))
    with pytest.raises(DecodeError, match="too much"):
        parcels.read_blocks(parcel)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes):
    for read in (parcels.read_vote, parcels.read_blocks, parcels.read_range, parcels.read_proof):
        try:
            read(data)
        except DecodeError:
            continue


# -- bundles ---------------------------------------------------------------------------------------

TRANSACTION = b"\x82" + bytes(177)


@pytest.mark.parametrize("count", [0, 1, 2, 64, 65, 300])
def test_transactions_come_back_from_their_payloads_in_order(count: int):
    items = [TRANSACTION + bytes([number % 256, number // 256]) for number in range(count)]
    payloads = list(parcels.pack_transactions(items))
    assert all(len(payload) <= parcels.BUNDLE_BYTES_MAX for payload in payloads)
    assert [each for one in payloads for each in parcels.read_transactions(one)] == items


def test_a_transaction_too_long_for_a_bundle_goes_alone():
    items = [TRANSACTION, b"\x82" + bytes(40_000), TRANSACTION, TRANSACTION]
    payloads = list(parcels.pack_transactions(items))
    assert payloads[:2] == items[:2]
    assert parcels.read_transactions(payloads[2]) == (TRANSACTION, TRANSACTION)


@pytest.mark.parametrize(
    "items",
    [[], [TRANSACTION], [TRANSACTION] * 65, [bytes(8_000)] * 2],
    ids=["empty", "of one", "too many", "too long"],
)
def test_a_bundle_that_nobody_packs_is_refused(items: list[bytes]):
    with pytest.raises(DecodeError):
        parcels.read_transactions(parcels.BUNDLE + parcels.pack_items(items))


def test_a_bundle_that_is_cut_off_inside_a_transaction_is_refused():
    (payload,) = parcels.pack_transactions([TRANSACTION] * 3)
    for size in (5, 100, len(payload) - 100, len(payload) - 1):
        with pytest.raises(DecodeError):
            parcels.read_transactions(payload[:size])
