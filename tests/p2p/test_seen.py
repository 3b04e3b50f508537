"""What is remembered, for how long, and within what bounds."""

import pytest

from p2p import seen
from p2p.seen import RecentBodies, SeenBody, SeenIds
from p2p.wire import MessageId, Topic


def _name(number: int) -> MessageId:
    return MessageId(number.to_bytes(20, "big"))


def test_an_id_is_new_once():
    ids = SeenIds(0.0)
    assert ids.add(_name(1), 0.0)
    assert not ids.add(_name(1), 1.0)
    assert ids.is_known(_name(1), 1.0)


def test_an_id_is_forgotten_after_two_generations():
    ids = SeenIds(0.0)
    ids.add(_name(1), 0.0)
    ids.add(_name(2), seen.SEEN_S + 1)
    assert not ids.add(_name(1), seen.SEEN_S + 2)
    ids.add(_name(3), 2 * seen.SEEN_S + 3)
    ids.add(_name(4), 3 * seen.SEEN_S + 4)
    assert ids.add(_name(1), 3 * seen.SEEN_S + 5)


def test_an_ignored_message_may_be_judged_again_a_little_later():
    ids = SeenIds(0.0)
    ids.add(_name(1), 0.0)
    ids.ignore(_name(1), 0.0)
    assert not ids.add(_name(1), seen.IGNORED_S / 2)
    assert ids.add(_name(1), seen.IGNORED_S + 0.1)
    assert not ids.add(_name(1), seen.IGNORED_S + 0.2)


def test_a_flood_of_ids_is_bounded_by_two_generations(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(seen, "SEEN_MAX", 100)
    ids = SeenIds(0.0)
    for number in range(1_000):
        assert ids.add(_name(number), 0.0)
    assert sum(ids.is_known(_name(number), 0.0) for number in range(1_000)) <= 201
    assert ids.is_known(_name(999), 0.0)


def test_bodies_are_bounded_in_bytes_and_age():
    bodies = RecentBodies()
    size = seen.BODIES_BYTES // 4
    for number in range(6):
        bodies.keep(_name(number), SeenBody(Topic.BLOCK, bytes(size), float(number)))
    assert [bodies.get(_name(number)) is not None for number in range(6)] == [False] * 2 + [
        True
    ] * 4
    bodies.expire(seen.BODIES_S + 3.5)
    assert [bodies.get(_name(number)) is not None for number in range(2, 6)] == [
        False,
        False,
        True,
        True,
    ]


def test_recent_names_come_newest_first_and_only_the_recent():
    bodies = RecentBodies()
    for number in range(5):
        bodies.keep(_name(number), SeenBody(Topic.TX, b"x", float(number)))
    assert bodies.newer_than(2.0) == [_name(4), _name(3)]
