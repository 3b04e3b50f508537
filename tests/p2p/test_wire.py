"""Frames in and out: what is cut, joined, too long or of no kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.quantities import U16, U64, Hash32, ShortText
from p2p import wire
from p2p.errors import RemoteFault
from p2p.wire import Announcement, FrameBuffer, GossipKind, Hello, MessageId, Topic

HELLO = Hello(
    U16(1), Hash32(b"c" * 32), U64(7), ShortText("test"), (ShortText("/ip4/1.2.3.4/tcp/9"),)
)
NAME = MessageId(b"n" * wire.ID_SIZE)


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8), st.integers(1, 64))
def test_frames_come_out_as_they_went_in_however_the_bytes_are_cut(bodies: list[bytes], cut: int):
    data = b"".join(wire.write_gossip(GossipKind.PING, body) for body in bodies)
    buffer = FrameBuffer()
    got = [frame for at in range(0, len(data), cut) for frame in buffer.feed(data[at : at + cut])]
    assert got == [bytes((GossipKind.PING,)) + body for body in bodies]


@pytest.mark.parametrize("size", [0, wire.FRAME_MAX + 1, 2**32 - 1])
def test_an_empty_or_overlong_frame_is_refused_from_its_length_alone(size: int):
    with pytest.raises(RemoteFault, match="a frame of"):
        FrameBuffer().feed(size.to_bytes(4, "big"))


def test_a_message_is_named_by_its_topic_and_content():
    names = {
        wire.compute_message_id(topic, payload) for topic in Topic for payload in (b"", b"a", b"b")
    }
    assert len(names) == 3 * len(Topic)
    assert wire.compute_message_id(Topic.TX, b"a") == wire.compute_message_id(Topic.TX, b"a")


def test_the_topics_keep_their_numbers_on_the_wire():
    assert [topic.value for topic in wire.TOPICS] == [
        "vote", "status", "block", "evidence", "weights", "tx",
    ]  # fmt: skip


def test_a_hello_is_read_as_it_was_written():
    (frame,) = FrameBuffer().feed(wire.write_hello(HELLO))
    assert frame[0] == GossipKind.HELLO
    assert wire.read_hello(frame[1:]) == HELLO


@pytest.mark.parametrize(
    "body", [b"", b"\x00", b"\x85\x01", b"not cbor", wire.write_hello(HELLO)[6:]]
)
def test_a_damaged_hello_is_the_peers_fault(body: bytes):
    with pytest.raises(RemoteFault, match="hello"):
        wire.read_hello(body)


def test_addresses_are_read_as_they_were_written_and_at_most_32():
    texts = [f"/ip4/1.2.3.4/tcp/{port}" for port in range(40)]
    (frame,) = FrameBuffer().feed(wire.write_addresses(texts))
    assert wire.read_addresses(frame[1:]) == tuple(texts[:32])


def test_an_announcement_is_read_as_it_was_written():
    announcement = Announcement(Topic.BLOCK, NAME, 100_000, is_direct=True)
    (frame,) = FrameBuffer().feed(wire.write_announcement(announcement))
    assert wire.read_announcement(frame[1:]) == announcement


@pytest.mark.parametrize("size", [0, wire.INLINE_MAX, wire.BODY_MAX + 1])
def test_an_announced_size_outside_its_bounds_is_refused(size: int):
    frame = wire.write_announcement(Announcement(Topic.BLOCK, NAME, size, is_direct=False))
    with pytest.raises(RemoteFault, match="payload"):
        wire.read_announcement(frame[5:])


def test_many_ids_travel_in_frames_that_each_fit():
    ids = [MessageId(number.to_bytes(wire.ID_SIZE, "big")) for number in range(1_500)]
    frames = FrameBuffer().feed(b"".join(wire.write_ids(GossipKind.IHAVE, ids)))
    assert len(frames) == 3
    assert [name for frame in frames for name in wire.read_ids(frame[1:])] == ids


def test_a_cut_id_is_refused():
    with pytest.raises(RemoteFault, match="message ids"):
        wire.read_ids(b"n" * (wire.ID_SIZE + 1))


def test_an_unknown_topic_is_refused():
    with pytest.raises(RemoteFault, match="topic 6"):
        wire.read_topic(6)


def test_the_largest_inline_payload_fits_one_write():
    assert len(wire.write_data(GossipKind.DATA, Topic.TX, bytes(wire.INLINE_MAX))) <= wire.PIECE_MAX


def test_a_goodbye_is_one_short_printable_line_whatever_was_sent():
    assert wire.read_goodbye(b"banned: rejected") == "banned: rejected"
    hostile = wire.read_goodbye(b"\x1b[2J\nERROR forged \xff" + b"x" * 16_000)
    assert hostile.isprintable()
    assert len(hostile) <= wire.REASON_MAX
    assert wire.read_goodbye(b"") == ""
