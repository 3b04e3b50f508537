"""What we lack is asked for with growing pauses; what others ask is bounded."""

from consensus.agreement import repair
from consensus.agreement.repair import PAUSE_MS, PAUSE_MS_MAX, WANTED_MAX, Repair
from consensus.quantities import Hash32, View


def digest(number: int) -> Hash32:
    return Hash32(number.to_bytes(32, "big"))


def test_the_first_ask_goes_to_who_told_and_the_next_to_anyone_later() -> None:
    wants = Repair(1_000)
    wants.want(digest(1), View(1), b"peer", 0)
    assert wants.take_asks(0) == [(b"peer", digest(1))]
    assert wants.take_asks(PAUSE_MS - 1) == []
    assert wants.take_asks(PAUSE_MS) == [(None, digest(1))]
    assert wants.next_ms() == PAUSE_MS + PAUSE_MS * 3 // 2


def test_the_pauses_are_capped_and_a_standstill_shortens_them() -> None:
    wants = Repair(1_000)
    wants.want(digest(1), View(1), None, 0)
    now_ms = 0
    for _ in range(30):
        wants.take_asks(now_ms)
        last_ms, now_ms = now_ms, wants.next_ms() or 0
        assert now_ms - last_ms <= PAUSE_MS_MAX
    wants.hurry(now_ms - 1)
    assert wants.take_asks(now_ms - 1) == [(None, digest(1))]


def test_what_is_found_or_final_is_not_asked_for() -> None:
    wants = Repair(1_000)
    for view in (1, 2, 3):
        wants.want(digest(view), View(view), None, 0)
    wants.found(digest(3))
    wants.forget(View(1))
    assert wants.take_asks(0) == [(None, digest(2))]


def test_too_many_wants_give_up_the_highest_views() -> None:
    wants = Repair(1_000)
    for view in range(1, WANTED_MAX + 1):
        wants.want(digest(view), View(view), None, 0)
    wants.want(digest(9_999), View(9_999), None, 0)
    assert not wants.is_wanted(digest(9_999))
    wants.want(digest(0), View(0), None, 0)
    assert wants.is_wanted(digest(0))
    assert not wants.is_wanted(digest(WANTED_MAX))
    assert wants.wants_count == WANTED_MAX


def test_strangers_beyond_number_are_not_remembered() -> None:
    wants = Repair(1_000)
    for number in range(repair.PEERS_MAX + 5):
        assert wants.spend(digest(number), 1, 0) == 1
    assert wants.peers_count == repair.PEERS_MAX
