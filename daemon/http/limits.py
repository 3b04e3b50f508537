"""What a client of the HTTP door may ask for: host, key, rate, concurrency, body, time.

One ASGI layer around the application, checked in order of cost. A refusal is JSON like every other
error. It is also the door's supervisor: a bug in one request is logged and answered with 500.

Rules: with no keys, the `Host` header must name this machine (a web page that rebinds its own name
to 127.0.0.1 is refused); with keys, every path but /healthz needs one. A client is its IP address.
A body is read whole, bounded and under a deadline, before the application sees it.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass

import trio

from config.sections.api import ApiSettings
from config.shapes import is_loopback
from daemon.http.errors import ApiError, ErrorAnswer
from daemon.http.keys import ApiKeys
from daemon.telemetry import Telemetry, get_logger
from daemon.views.plain import write_answer
from daemon.views.transactions import ErrorPart

Message = MutableMapping[str, object]
Scope = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_DEADLINE_S = 10.0
"""A client that takes longer to send its body is stuck, or wants our slot."""
CLIENTS_MAX = 4_096
"""Clients whose rate is remembered; the longest silent is forgotten."""
STREAM_PATHS = frozenset({"/events"})
"""Answers that last; they have a bound of their own and don't hold a request's slot."""
STREAMS_MAX = 64
OPEN_PATHS = frozenset({"/healthz"})
"""Paths that need no key: whoever can reach the process may know that it is alive."""
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
)


@dataclass(slots=True)
class _Bucket:
    """Requests a client may still make, as of `time_s`."""

    tokens: float
    time_s: float


class _Aborted(Exception):
    """The client left while its body was being read."""


class Limits:
    """The layer; `app` sees only what passed."""

    def __init__(
        self, app: AsgiApp, settings: ApiSettings, keys: ApiKeys, telemetry: Telemetry
    ) -> None:
        self._app = app
        self._settings = settings
        self._keys = keys
        self._telemetry = telemetry
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._working = 0
        self._streams = 0
        self._log = get_logger("http")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; anything else ASGI knows (WebSocket, lifespan) is declined."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "no WebSocket here"})
        if scope["type"] != "http":
            return
        started_s = trio.current_time()
        answer = _Answer(send)
        try:
            await self._serve(scope, receive, answer.send)
        except ApiError as error:
            await answer.refuse(error)
        except _Aborted:
            return
        except Exception:  # noqa: BLE001 - the door's one supervisor
            # A bug in one request must not end the node's service.
            self._log.exception("request failed", path=str(scope["path"]))
            await answer.refuse(BROKEN)
        finally:
            route = _route_name(scope)
            self._telemetry.http_requests.labels(route, str(answer.status)).inc()
            if scope["path"] not in STREAM_PATHS:
                self._telemetry.http_s.labels(route).observe(trio.current_time() - started_s)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope["path"])
        headers = _headers(scope)
        client = self._identify(scope, headers, path)
        self._spend(client)
        if path in STREAM_PATHS:
            await self._stream(scope, receive, send)
            return
        if self._working >= self._settings.max_concurrent:
            raise ApiError(503, "busy", "Too many requests are being worked on.", "Try again soon.")
        self._working += 1
        try:
            body = await self._read_body(receive, headers)
            await self._app(scope, _replay(body, receive), send)
        finally:
            self._working -= 1

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._streams >= STREAMS_MAX:
            message = f"{STREAMS_MAX} clients listen already."
            raise ApiError(503, "busy", message, "Close one of the others.")
        self._streams += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._streams -= 1

    def _identify(self, scope: Scope, headers: dict[bytes, bytes], path: str) -> str:
        """Return a name for the client, or refuse it."""
        address = scope.get("client")
        host = str(address[0]) if isinstance(address, list | tuple) else "local"  # pyright: ignore[reportUnknownArgumentType]  # ASGI: (host, port)
        if not self._keys.are_needed:
            if not _is_local_host(headers.get(b"host", b"").decode("latin-1")):
                remedy = "Use 127.0.0.1 or localhost in the address."
                raise ApiError(421, "wrong_host", "This door serves its own machine.", remedy)
            return host
        if path in OPEN_PATHS:
            return host
        scheme, _, key = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not self._keys.is_accepted(key.strip()):
            # A wrong key costs its sender's address a request, so guessing runs into the rate.
            self._spend(host)
            remedy = "Send the header Authorization: Bearer KEY with a key of api.keys_file."
            raise ApiError(401, "unauthorized", "This door needs a key.", remedy)
        return host

    def _spend(self, client: str) -> None:
        """Take one request from the client's bucket, or refuse."""
        now_s = trio.current_time()
        rate, burst = self._settings.rate_per_s, float(self._settings.rate_burst)
        bucket = self._buckets.pop(client, None) or _Bucket(burst, now_s)
        bucket.tokens = min(burst, bucket.tokens + (now_s - bucket.time_s) * rate)
        bucket.time_s = now_s
        self._buckets[client] = bucket
        if len(self._buckets) > CLIENTS_MAX:
            self._buckets.popitem(last=False)
        if bucket.tokens < 1:
            message = f"More than {rate:g} requests per second."
            raise ApiError(429, "too_many_requests", message, "Ask less often.")
        bucket.tokens -= 1

    async def _read_body(self, receive: Receive, headers: dict[bytes, bytes]) -> bytes:
        limit = self._settings.max_body_bytes
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > limit:
            raise _too_large(limit)
        parts: list[bytes] = []
        size = 0
        with trio.move_on_after(BODY_DEADLINE_S) as scope:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Aborted
                part = message.get("body", b"")
                assert isinstance(part, bytes)
                size += len(part)
                if size > limit:
                    raise _too_large(limit)
                parts.append(part)
                if not message.get("more_body", False):
                    break
        if scope.cancelled_caught:
            message = f"The body took longer than {BODY_DEADLINE_S:g} s."
            raise ApiError(408, "too_slow", message, "Send it at once.")
        return b"".join(parts)


class _Answer:
    """One response on its way out; remembers its status, and whether it can still be another."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def send(self, message: Message) -> None:
        """Pass a message on, with the headers every answer carries."""
        if message["type"] == "http.response.start":
            status, headers = message["status"], message.get("headers", ())
            assert isinstance(status, int)
            assert isinstance(headers, list | tuple)
            self.status = status
            message["headers"] = [*headers, *SECURITY_HEADERS]  # pyright: ignore[reportUnknownArgumentType]  # ASGI: pairs of bytes
        await self._send(message)

    async def refuse(self, error: ApiError) -> None:
        """Answer with `error`, unless an answer has begun."""
        if self.status:
            return
        headers = [(b"content-type", b"application/json")]
        if error.status in (429, 503):
            headers.append((b"retry-after", b"1"))
        if error.status == 401:  # noqa: PLR2004 - HTTP's Unauthorized
            headers.append((b"www-authenticate", b"Bearer"))
        if error.status in (408, 413):
            headers.append((b"connection", b"close"))
        await self.send({"type": "http.response.start", "status": error.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": render_error(error)})


def render_error(error: ApiError) -> bytes:
    """Return the JSON body of `error`."""
    detail = ErrorPart(error.code, error.message, error.remedy)
    return write_answer(ErrorAnswer(detail))


BROKEN = ApiError(500, "internal", "The node failed to answer.", "See the node's log.")


def _too_large(limit: int) -> ApiError:
    return ApiError(413, "too_large", f"A body has at most {limit} bytes.", "Send less.")


def _headers(scope: Scope) -> dict[bytes, bytes]:
    pairs = scope["headers"]
    assert isinstance(pairs, list | tuple)
    return dict(pairs)  # pyright: ignore[reportUnknownArgumentType]  # ASGI: pairs of bytes, lower case


def _is_local_host(header: str) -> bool:
    """Tell whether a Host header names this machine: loopback or localhost, any port."""
    host = header.rpartition(":")[0] if header.rpartition(":")[2].isdigit() else header
    bare = host.strip("[]") or header
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return is_loopback(bare)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives the whole body first."""
    pending = [body]

    async def receive_again() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return receive_again


def _route_name(scope: Scope) -> str:
    """Return the route's template: bounded in number, unlike the paths strangers invent."""
    route = scope.get("route")
    return str(getattr(route, "path", "other"))
