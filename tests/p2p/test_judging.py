"""What waits for the judge, and what has to go."""

from typing import cast

from p2p.judging import PENDING_MAX, SHARE_MAX, JudgingQueue, Unjudged
from p2p.link import Link
from p2p.wire import Topic


def _make_link() -> Link:
    return cast("Link", object())  # the queue only tells one from another


def _drain(queue: JudgingQueue) -> list[Unjudged]:
    taken: list[Unjudged] = []
    while (pending := queue.take()) is not None:
        taken.append(pending)
    return taken


def test_one_neighbours_flood_crowds_out_only_its_own():
    queue, honest, flooder = JudgingQueue(), _make_link(), _make_link()
    votes = [Unjudged(None, Topic.VOTE, b"honest", [honest]) for _ in range(10)]
    for vote in votes:
        assert queue.put(vote) == []
    flood = [Unjudged(None, Topic.VOTE, b"x", [flooder]) for _ in range(2 * PENDING_MAX)]
    dropped = [gone for vote in flood for gone in queue.put(vote)]
    assert set(map(id, dropped)) == set(map(id, flood[SHARE_MAX:]))
    assert _drain(queue)[:10] == votes


def test_what_was_judged_leaves_its_neighbour_room():
    queue, link = JudgingQueue(), _make_link()
    for _ in range(3):
        for _ in range(SHARE_MAX):
            assert queue.put(Unjudged(None, Topic.TX, b"x", [link])) == []
        assert len(_drain(queue)) == SHARE_MAX


def test_the_oldest_of_the_least_urgent_goes_when_many_fill_it():
    queue = JudgingQueue()
    dropped: list[Unjudged] = []
    for _ in range(5):
        link = _make_link()
        for _ in range(SHARE_MAX):
            dropped += queue.put(Unjudged(None, Topic.TX, b"x", [link]))
    vote = Unjudged(None, Topic.VOTE, b"vote", [_make_link()])
    dropped += queue.put(vote)
    assert len(dropped) == SHARE_MAX + 1
    assert queue.take() is vote
