import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import httpx
import pytest
import trio

from config.sections.api import ApiSettings
from daemon.http.app import build_app
from daemon.http.keys import ApiKeys
from daemon.http.server import DoorError, PortInUse, serve_http
from daemon.telemetry import Telemetry
from tests.daemon.http.fixed_view import FixedView

LOCAL = ApiSettings(listen="127.0.0.1:0")


class Door:
    """A served view: its address, and what stops it."""

    def __init__(self, view: FixedView, address: str, stop: trio.Event) -> None:
        self.view = view
        self.address = address
        self.stop = stop

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", int(self.address.rpartition(":")[2]))


@asynccontextmanager
async def open_door(
    settings: ApiSettings = LOCAL, grace_s: float = 1.0
) -> AsyncGenerator[Door, None]:
    view = FixedView()
    app = build_app(view, Telemetry(), settings, ApiKeys(None), metrics=True)
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        (address,) = await nursery.start(partial(serve_http, app, settings, stop, grace_s))
        yield Door(view, address, stop)
        view.events.close()
        stop.set()


async def read_head(stream: trio.SocketStream) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = await stream.receive_some()
        if not part:
            break
        data += part
    return data


async def test_a_request_over_a_real_socket_is_answered():
    async with open_door() as door, httpx.AsyncClient() as client:
        response = await client.get(f"{door.address}/chain/status")
    assert response.json()["height"] == 3
    assert "server" not in response.headers


async def test_a_taken_port_is_named_with_a_remedy():
    async with open_door() as door:
        settings = replace(LOCAL, listen=door.address.removeprefix("http://"))
        app = build_app(door.view, Telemetry(), settings, ApiKeys(None), metrics=True)
        with pytest.raises(PortInUse) as raised:
            await serve_http(app, settings, trio.Event(), 0)
    assert "api.listen" in raised.value.remedy


async def test_an_address_of_another_machine_is_refused_with_a_remedy():
    settings = replace(LOCAL, listen="192.0.2.1:0")
    app = build_app(FixedView(), Telemetry(), settings, ApiKeys(None), metrics=True)
    with pytest.raises(DoorError) as raised:
        await serve_http(app, settings, trio.Event(), 0)
    assert not isinstance(raised.value, PortInUse)


async def test_events_reach_a_listener_and_the_stream_ends_with_the_node():
    async with (
        open_door() as door,
        httpx.AsyncClient() as client,
        client.stream("GET", f"{door.address}/events") as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        await wait_for_listeners(door, 1)
        door.view.events.publish("block", 4, {"digest": "ab"})
        door.view.events.close()
        lines = [line async for line in response.aiter_lines()]
    assert "id: 1" in lines
    assert "event: block" in lines
    data = next(line for line in lines if line.startswith("data: ")).removeprefix("data: ")
    assert json.loads(data) == {"height": 4, "digest": "ab"}


async def test_a_listener_that_leaves_is_forgotten():
    async with open_door() as door:
        stream = await door.connect()
        await stream.send_all(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await read_head(stream)
        await wait_for_listeners(door, 1)
        await stream.aclose()
        await wait_for_listeners(door, 0)


async def test_a_client_that_never_reads_can_not_delay_the_end():
    async with open_door(grace_s=0.2) as door:
        stream = await door.connect()
        await stream.send_all(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await read_head(stream)
        await wait_for_listeners(door, 1)
        for height in range(400):
            door.view.events.publish("block", height, {"filler": "x" * 40_000})
            await trio.lowlevel.checkpoint()
        with trio.fail_after(2):
            door.view.events.close()
            door.stop.set()
            await wait_for_listeners(door, 0)
    await stream.aclose()


async def test_a_body_over_the_limit_is_refused_though_it_never_says_its_size():
    settings = replace(LOCAL, max_body_bytes=1_024)
    async with open_door(settings) as door:
        stream = await door.connect()
        head = b"POST /chain/transactions HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked"
        await stream.send_all(head + b"\r\n\r\n" + b"300\r\n" + bytes(0x300) + b"\r\n")
        await stream.send_all(b"300\r\n" + bytes(0x300) + b"\r\n")
        assert (await read_head(stream)).startswith(b"HTTP/1.1 413")
        await stream.aclose()


@pytest.mark.parametrize("garbage", [b"\x00\xff" * 100, b"GET\r\n\r\n", b"GET /" + b"a" * 70_000])
async def test_garbage_ends_its_own_connection_only(garbage: bytes):
    async with open_door() as door, httpx.AsyncClient() as client:
        stream = await door.connect()
        await stream.send_all(garbage)
        with trio.fail_after(2):
            assert (await stream.receive_some())[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 431")
        assert (await client.get(f"{door.address}/healthz")).status_code == 200
        await stream.aclose()


async def test_connections_beyond_the_bound_are_closed():
    async with open_door(replace(LOCAL, max_connections=1)) as door:
        first = await door.connect()
        await first.send_all(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert (await read_head(first)).startswith(b"HTTP/1.1 200")
        second = await door.connect()
        with trio.fail_after(2):
            assert await closes(second)
        await first.aclose()
        await second.aclose()


async def test_a_websocket_is_declined():
    async with open_door() as door:
        stream = await door.connect()
        upgrade = b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        key = b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        await stream.send_all(
            upgrade + key + b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert (await read_head(stream)).startswith(b"HTTP/1.1 403")
        await stream.aclose()


async def closes(stream: trio.SocketStream) -> bool:
    try:
        return await stream.receive_some() == b""
    except trio.BrokenResourceError:
        return True


async def wait_for_listeners(door: Door, count: int) -> None:
    with trio.fail_after(3):
        while door.view.events.listener_count != count:  # noqa: ASYNC110 - nothing to wait on
            await trio.sleep(0.005)
