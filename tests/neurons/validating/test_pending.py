"""Rows of answers that wait: exact both ways, in the order of ripening, bounded, not for ever."""

from consensus.quantities import Hash32, Height, PublicKey
from consensus.types import MinerKey
from neurons.task import Challenge
from neurons.validating import pending
from neurons.validating.asking import Delivered
from neurons.validating.pending import PendingRound

A, B = MinerKey(PublicKey(b"a" * 32), Height(3)), MinerKey(PublicKey(b"b" * 32), Height(2**60))

SCORER = Hash32(b"s" * 32)


def make_round(*, ripe_at: int = 9, asked_at: int = 5) -> PendingRound:
    challenge = Challenge(b"body", b"key", Height(ripe_at))
    answers = {A: Delivered(b"one", 12.0), B: Delivered(b"", 0.0)}
    return PendingRound(Height(asked_at), challenge, SCORER, answers)


def test_round_comes_back_from_its_rows() -> None:
    rows = pending.encode_round(make_round())
    head = pending.find_ripe(rows, Height(9))
    assert head is not None
    assert pending.decode_round(rows, head) == make_round()
    assert sorted(pending.list_round(rows, head)) == sorted(rows)


def test_rows_of_another_version_are_no_round() -> None:
    rows = dict.fromkeys(pending.encode_round(make_round()), b"\x00")
    head = pending.find_ripe(rows, Height(9))
    assert head is not None
    assert pending.decode_round(rows, head) is None


def test_nothing_is_ripe_before_its_height_and_the_first_to_ripen_comes_first() -> None:
    early, late = make_round(ripe_at=9, asked_at=8), make_round(ripe_at=10, asked_at=2)
    rows = pending.encode_round(late) | pending.encode_round(early)
    assert pending.find_ripe(rows, Height(8)) is None
    head = pending.find_ripe(rows, Height(20))
    assert head is not None
    assert pending.decode_round(rows, head) == early
    assert pending.find_ripe({}, Height(20)) is None


def test_answers_of_miners_that_left_and_rounds_long_ripe_are_stale() -> None:
    rows = pending.encode_round(make_round())
    both, only_a = frozenset({A, B}), frozenset({A})
    assert pending.find_stale(rows, Height(5), both) == frozenset()
    (stale,) = pending.find_stale(rows, Height(5), only_a)
    assert stale[16:48] == B.hotkey
    last = Height(9 + pending.BLOCKS_LATE_MAX)
    assert pending.find_stale(rows, last, both) == frozenset()
    assert pending.find_stale(rows, Height(last + 1), both) == frozenset(rows)


def test_room_ends_with_the_rows_and_with_the_bytes() -> None:
    assert pending.has_room({}, pending.ROWS_MAX - 1, 1)
    assert not pending.has_room({}, pending.ROWS_MAX, 1)
    assert pending.has_room({}, 255, 65_536)
    assert not pending.has_room({b"k": bytes(pending.BYTES_MAX // 2)}, 256, 65_536)
