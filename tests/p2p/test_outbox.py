"""What goes first, what is dropped first, what waits."""
# pyright: reportPrivateUsage=false
# What is held is counted: it shows from outside as memory alone.

import math

from p2p.outbox import CONTROL_FRAMES_MAX, FRAMES_MAX, OUTBOX_BYTES, SendQueue
from p2p.wire import PIECE_MAX, MessageId, Topic

NAME = MessageId(b"n" * 20)


def _drain(outbox: SendQueue) -> bytes:
    parts: list[bytes] = []
    while outbox:
        parts.append(outbox.take())
    return b"".join(parts)


def test_the_urgent_leaves_first_whatever_came_first():
    outbox = SendQueue()
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
    outbox = SendQueue()
    for _ in range(100):
        outbox.put(Topic.TX, b"x" * 1_000)
    pieces: list[bytes] = []
    while outbox:
        pieces.append(outbox.take())
    assert [len(piece) for piece in pieces] == [PIECE_MAX] * 6 + [4_000]


def test_a_full_outbox_drops_the_oldest_transaction_and_keeps_the_votes():
    outbox = SendQueue()
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
    outbox = SendQueue()
    size = OUTBOX_BYTES // 4
    for letter in b"abcdef":
        outbox.put(Topic.VOTE, bytes((letter,)) * size)
    assert set(_drain(outbox)) == set(b"cdef")


def test_a_held_frame_is_due_later_and_a_plain_one_at_once():
    outbox = SendQueue()
    assert outbox.due_s == math.inf
    outbox.put_held(Topic.TX, b"t", NAME, 5.0)
    assert outbox.due_s == 5.0
    outbox.put(Topic.VOTE, b"v")
    assert outbox.due_s == 0.0
    assert outbox.take() == b"vt"
    assert outbox.due_s == math.inf


def test_a_withdrawn_message_is_not_sent():
    outbox = SendQueue()
    outbox.put_held(Topic.TX, b"t", NAME, 5.0)
    outbox.withdraw(NAME)
    assert not outbox
    assert outbox.due_s == math.inf
    outbox.withdraw(NAME)
    outbox.put(Topic.TX, b"u")
    assert _drain(outbox) == b"u"


def test_control_frames_beyond_their_bound_are_not_kept():
    outbox = SendQueue()
    for _ in range(CONTROL_FRAMES_MAX + 10):
        outbox.put_control(b"c")
    assert outbox.dropped == 10
    assert len(_drain(outbox)) == CONTROL_FRAMES_MAX


def test_control_frames_leave_room_for_the_topics_whatever_their_size():
    outbox = SendQueue()
    for _ in range(CONTROL_FRAMES_MAX):
        outbox.put_control(bytes(14_000))
    outbox.put(Topic.VOTE, b"vote")
    assert _drain(outbox).endswith(b"vote")


def test_held_frames_that_were_dropped_are_not_kept_nor_counted():
    outbox = SendQueue()
    names = [MessageId(number.to_bytes(20, "big")) for number in range(400)]
    for name in names:
        outbox.put_held(Topic.TX, bytes(16_000), name, 1.0)
    assert len(outbox._held) * 16_000 <= OUTBOX_BYTES
    for name in names:
        outbox.withdraw(name)
    assert not outbox
    assert outbox._bytes == 0


def test_withdrawn_frames_do_not_pile_up_while_nothing_is_written():
    outbox = SendQueue()
    for number in range(3 * FRAMES_MAX):
        name = MessageId(number.to_bytes(20, "big"))
        outbox.put_held(Topic.TX, b"frame", name, 1.0)
        outbox.withdraw(name)
    assert sum(map(len, outbox._lanes)) <= FRAMES_MAX
