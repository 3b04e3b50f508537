import trio

from daemon.http.stream import KEEP_ALIVE_S, EventStream, render_event
from daemon.views.events import HISTORY, Event, EventBus, Lagged


async def take(bus: EventBus, count: int, after: int | None = None) -> list[Event | Lagged | None]:
    with bus.subscribe(after) as listener:
        return [await listener.next() for _ in range(count)]


async def test_a_slow_listener_loses_the_oldest_and_is_told_how_many():
    bus = EventBus()
    with bus.subscribe(queue_max=2) as listener:
        for height in range(5):
            bus.publish("block", height, {})
        assert await listener.next() == Lagged(3)
        assert [await listener.next(), await listener.next()] == [
            Event(4, "block", 3, {}),
            Event(5, "block", 4, {}),
        ]


async def test_a_listener_that_comes_back_misses_nothing():
    bus = EventBus()
    for height in range(5):
        bus.publish("block", height, {})
    assert await take(bus, 2, after=3) == [Event(4, "block", 3, {}), Event(5, "block", 4, {})]


async def test_a_listener_away_too_long_is_told_what_is_gone():
    bus = EventBus()
    for height in range(HISTORY + 10):
        bus.publish("block", height, {})
    missed, first = await take(bus, 2, after=4)
    assert missed == Lagged(6)
    assert first == Event(11, "block", 10, {})


async def test_a_number_from_before_a_restart_starts_afresh():
    bus = EventBus()
    bus.publish("block", 1, {})
    with bus.subscribe(after=999) as listener:
        bus.publish("block", 2, {})
        assert await listener.next() == Event(2, "block", 2, {})


async def test_closing_ends_listeners_after_what_they_still_have():
    bus = EventBus()
    with bus.subscribe() as listener:
        bus.publish("block", 1, {})
        bus.close()
        assert await listener.next() == Event(1, "block", 1, {})
        assert await listener.next() is None
    with bus.subscribe() as late:
        assert await late.next() is None


async def test_a_waiting_listener_wakes(autojump_clock: object):
    bus = EventBus()
    async with trio.open_nursery() as nursery:

        async def publish_later() -> None:
            await trio.sleep(1)
            bus.publish("final", 9, {})

        nursery.start_soon(publish_later)
        assert await take(bus, 1) == [Event(1, "final", 9, {})]


async def test_a_quiet_stream_shows_that_it_lives(autojump_clock: object):
    sent: list[bytes] = []
    bus = EventBus()

    async def receive() -> dict[str, object]:
        await trio.sleep(2.5 * KEEP_ALIVE_S)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        body = message.get("body", b"")
        assert isinstance(body, bytes)
        sent.append(body)

    stream = EventStream(bus, None)
    await stream({"type": "http"}, receive, send)  # pyright: ignore[reportArgumentType]
    assert sum(body.startswith(b":") for body in sent) == 2
    assert bus.listener_count == 0


def test_an_event_is_one_block_of_lines_whatever_its_text():
    text = render_event(Event(3, "peer", 1, {"name": "a\n\ndata: b"}))
    assert text.startswith("id: 3\nevent: peer\ndata: {")
    assert text.endswith("}\n\n")
    assert text.count("\n") == 4
