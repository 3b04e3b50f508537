"""Server-sent events of one client: it hears everything, or how much it missed, until it leaves."""

import json

import trio
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from daemon.views.events import Event, EventBus, Lagged

KEEP_ALIVE_S = 15.0
"""A comment this often shows a quiet stream to be alive, to us and to proxies in between."""
RETRY_MS = 2_000
"""How soon a browser comes back after the stream broke."""


class EventStream(Response):
    """An answer that lasts; one task sends, one waits for the client to leave."""

    media_type = "text/event-stream"

    def __init__(self, bus: EventBus, after: int | None) -> None:
        super().__init__()
        self._bus = bus
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send until the client leaves or the bus closes."""
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._wait_for_leaving, receive, nursery.cancel_scope)
            await self._send_all(send)
            nursery.cancel_scope.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _send_all(self, send: Send) -> None:
        await _send_part(send, f"retry: {RETRY_MS}\n\n")
        with self._bus.subscribe(self._after) as listener:
            while True:
                item: Event | Lagged | None = None
                with trio.move_on_after(KEEP_ALIVE_S) as quiet:
                    item = await listener.next()
                if quiet.cancelled_caught:
                    await _send_part(send, ": still here\n\n")
                elif item is None:
                    return
                else:
                    await _send_part(send, render_event(item))

    async def _wait_for_leaving(self, receive: Receive, stream: trio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        stream.cancel()


def render_event(item: Event | Lagged) -> str:
    """Return `item` as one server-sent event."""
    if isinstance(item, Lagged):
        return f'event: lagging\ndata: {{"missed": {item.missed}}}\n\n'
    data = json.dumps({"height": item.height, **item.data}, separators=(",", ":"))
    return f"id: {item.number}\nevent: {item.kind}\ndata: {data}\n\n"


async def _send_part(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
