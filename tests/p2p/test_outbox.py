"""What goes first, what is dropped first, what waits."""

import math

from p2p.outbox import CONTROL_FRAMES_MAX, OUTBOX_BYTES, Outbox
from p2p.wire import PIECE_MAX, MessageId, Topic

NAME = MessageId(b"n" * 20)


def _drain(outbox: Outbox) -> bytes:
    parts: list[bytes] = []
    while outbox:
        parts.append(outbox.take())
    return b"".join(parts)


def test_the_urgent_leaves_first_whatever_came_first():
    outbox = Outbox()
    for topic, frame in (
        (Topic.TX, b"t"),
        (Topic.WEIGHTS, b"w"),
        (Topic.BLOCK, b"b"),
        (Topic.VOTE, b"v"),
    ):
        outbox.put(topic, frame)
    outbox.put_control(b"c")
    assert outbox.take() == b"cvbwt"
    assert not outbox


def test_frames_join_into_pieces_of_bounded_size():
    outbox = Outbox()
    for _ in range(100):
        outbox.put(Topic.TX, b"x" * 1_000)
    pieces: list[bytes] = []
    while outbox:
        pieces.append(outbox.take())
    assert [len(piece) for piece in pieces] == [PIECE_MAX] * 6 + [4_000]


def test_a_full_outbox_drops_the_oldest_transaction_and_keeps_the_votes():
    outbox = Outbox()
    size = OUTBOX_BYTES // 8
    outbox.put(Topic.VOTE, b"v" * size)
    for letter in b"abcdefgh":
        outbox.put(Topic.TX, bytes((letter,)) * size)
    assert outbox.dropped == 1
    left = _drain(outbox)
    assert left.startswith(b"v")
    assert b"a" not in left
    assert left.endswith(b"h")


def test_votes_are_dropped_last_and_the_oldest_of_them_first():
    outbox = Outbox()
    size = OUTBOX_BYTES // 4
    for letter in b"abcdef":
        outbox.put(Topic.VOTE, bytes((letter,)) * size)
    assert set(_drain(outbox)) == set(b"cdef")


def test_a_held_frame_is_due_later_and_a_plain_one_at_once():
    outbox = Outbox()
    assert outbox.due_s == math.inf
    outbox.put_held(Topic.TX, b"t", NAME, 5.0)
    assert outbox.due_s == 5.0
    outbox.put(Topic.VOTE, b"v")
    assert outbox.due_s == 0.0
    assert outbox.take() == b"vt"
    assert outbox.due_s == math.inf


def test_a_withdrawn_message_is_not_sent():
    outbox = Outbox()
    outbox.put_held(Topic.TX, b"t", NAME, 5.0)
    outbox.withdraw(NAME)
    assert not outbox
    assert outbox.due_s == math.inf
    outbox.withdraw(NAME)
    outbox.put(Topic.TX, b"u")
    assert _drain(outbox) == b"u"


def test_control_frames_beyond_their_bound_are_not_kept():
    outbox = Outbox()
    for _ in range(CONTROL_FRAMES_MAX + 10):
        outbox.put_control(b"c")
    assert outbox.dropped == 10
    assert len(_drain(outbox)) == CONTROL_FRAMES_MAX
