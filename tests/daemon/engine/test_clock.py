"""Alarms by tag: the latest setting holds, the earliest fires first."""

from daemon.engine.clock import Timers, read_time_ms


def test_no_alarm_is_due_when_none_is_set():
    timers = Timers[str]()
    assert timers.next_ms() is None
    assert timers.take_due(10**15) is None


def test_an_alarm_fires_once_and_not_before_its_time():
    timers = Timers[str]()
    timers.set("a", 10)
    assert timers.take_due(9) is None
    assert timers.take_due(10) == "a"
    assert timers.take_due(11) is None


def test_alarms_fire_by_time_then_in_the_order_they_were_set():
    timers = Timers[str]()
    for tag, at_ms in (("late", 30), ("b", 20), ("a", 20), ("early", 10)):
        timers.set(tag, at_ms)
    assert [timers.take_due(50) for _ in range(5)] == ["early", "b", "a", "late", None]


def test_setting_an_alarm_again_moves_it_either_way():
    timers = Timers[str]()
    timers.set("later", 10)
    timers.set("later", 30)
    timers.set("sooner", 40)
    timers.set("sooner", 20)
    assert timers.take_due(10) is None
    assert timers.next_ms() == 20
    assert [timers.take_due(30), timers.take_due(30), timers.take_due(99)] == [
        "sooner",
        "later",
        None,
    ]


def test_an_alarm_set_twice_to_one_time_fires_once():
    timers = Timers[str]()
    timers.set("a", 10)
    timers.set("a", 10)
    assert timers.take_due(10) == "a"
    assert timers.take_due(10) is None
    timers.set("a", 10)
    assert timers.take_due(10) == "a"


def test_alarms_that_move_for_ever_do_not_pile_up():
    timers = Timers[str]()
    for now_ms in range(10_000):
        timers.set("standstill", now_ms + 100)
        assert timers.take_due(now_ms) is None
    assert len(timers._heap) <= 200  # pyright: ignore[reportPrivateUsage]


def test_the_wall_clock_is_read_in_milliseconds_since_1970():
    assert 1_600_000_000_000 < read_time_ms() < 10_000_000_000_000
