# pyright: reportMissingTypeArgument=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false
# anycorn's own types leave their generics open and describe ASGI more tightly than Starlette's.
"""Serve the HTTP door on trio: listen, bound the connections, let requests finish, then cut.

anycorn speaks HTTP; accepting and closing are ours, because its own loop has no bound on
connections, ends at the first `EMFILE`, and waits for ever for a client that stops reading (its
sends are shielded). Each accepted socket is known here and is shut down when its time is over.

Source: anycorn 0.20 (`run.worker_serve`, `tcp_server.TCPServer`), trio `serve_listeners`.
"""

import errno
import logging
import socket
import ssl
from collections.abc import Sequence
from functools import partial

import anyio.abc
import trio
from anycorn.config import Config
from anycorn.tcp_server import tcp_server_handler
from anycorn.typing import ConnectionState
from anycorn.utils import wrap_app
from anycorn.worker_context import WorkerContext
from anyio.streams.tls import TLSStream

from config.sections.api import ApiSettings
from config.shapes import split_listen
from consensus.errors import NeurondError
from daemon.http.limits import AsgiApp
from daemon.telemetry import get_logger

KEEP_ALIVE_S = 15
"""How long a connection may be open without a request under way."""
HANDSHAKE_S = 10.0
"""How long a client may take for its TLS handshake."""
HEADERS_BYTES_MAX = 16 * 1024
UNREAD_S = 20
"""How long a client may leave what we sent unread; the kernel then ends the connection."""


class DoorError(NeurondError):
    """The HTTP door can't be opened; the message says why, `remedy` what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class PortInUse(DoorError):
    """Another process listens there."""


async def serve_http(
    app: AsgiApp,
    settings: ApiSettings,
    stop: trio.Event,
    grace_s: float,
    *,
    task_status: trio.TaskStatus[tuple[str, ...]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `app` until `stop`; then accept no more, give requests `grace_s`, and cut the rest.

    Reports the addresses (`http://127.0.0.1:9944`) once it listens. Cancelling cuts at once. End
    the event streams (`EventBus.close`) when setting `stop`, or they use up the grace.

    Raises:
        PortInUse: the address is taken.
        DoorError: it can't be listened on, or the certificate can't be used.
    """
    context = _load_tls(settings)
    listeners = await _listen(settings)
    door = _Door(app, settings, context)
    async with trio.open_nursery() as connections:
        try:
            async with trio.open_nursery() as accepting:
                accepting.start_soon(
                    partial(
                        trio.serve_listeners, door.serve, listeners, handler_nursery=connections
                    )
                )
                task_status.started(_addresses(listeners, is_tls=context is not None))
                await stop.wait()
                accepting.cancel_scope.cancel()
            await door.drain(grace_s)
        finally:
            door.cut()
            connections.cancel_scope.cancel()


class _Door:
    """The open connections of one server."""

    def __init__(self, app: AsgiApp, settings: ApiSettings, tls: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._emptied = trio.Event()
        self._context = WorkerContext(None)
        self._handle = tcp_server_handler(
            wrap_app(app, 0, "asgi"), _config(), self._context, ConnectionState({})
        )
        self._log = get_logger("http")

    async def serve(self, accepted: trio.SocketStream) -> None:
        """Serve one connection to its end; whatever happens in it stays in it."""
        # anycorn wants anyio's stream, which wants the plain socket.
        plain = socket.socket(fileno=accepted.socket.detach())
        if len(self._open) >= self._settings.max_connections:
            plain.close()
            return
        self._open.add(plain)
        try:
            _bound_unread(plain)
            await self._serve(plain)
        except Exception:  # noqa: BLE001 - the supervisor of one connection
            # A fault of the HTTP library ends this connection only.
            self._log.warning("connection failed", exc_info=True)
        finally:
            self._open.discard(plain)
            plain.close()
            if not self._open:
                self._emptied.set()

    async def _serve(self, plain: socket.socket) -> None:
        try:
            stream = await anyio.abc.SocketStream.from_socket(plain)
        except (OSError, ValueError):
            return  # it left before we looked
        if self._tls is None:
            await self._handle(stream)
        elif secure := await _shake_hands(stream, self._tls):
            await self._handle(secure)

    async def drain(self, grace_s: float) -> None:
        """Let idle connections close and requests finish, for at most `grace_s`."""
        await self._context.terminated.set()
        with trio.move_on_after(grace_s):
            while self._open:
                self._emptied = trio.Event()
                await self._emptied.wait()

    def cut(self) -> None:
        """End every connection now, also one whose client does not read."""
        for plain in self._open:
            try:
                plain.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it is gone already


def _config() -> Config:
    config = Config()
    config.errorlog = logging.getLogger("anycorn")
    config.keep_alive_timeout = KEEP_ALIVE_S
    config.h11_max_incomplete_size = HEADERS_BYTES_MAX
    config.h2_max_concurrent_streams = 16
    config.include_server_header = False
    return config


async def _shake_hands(stream: anyio.abc.SocketStream, context: ssl.SSLContext) -> TLSStream | None:
    """Return the encrypted stream; None for a scanner, a client without TLS, or a slow one."""
    with trio.move_on_after(HANDSHAKE_S):
        try:
            return await TLSStream.wrap(
                stream, server_side=True, ssl_context=context, standard_compatible=False
            )
        except (OSError, anyio.BrokenResourceError, anyio.EndOfStream):
            return None
    return None


def _load_tls(settings: ApiSettings) -> ssl.SSLContext | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:  # ssl.SSLError is one
        raise DoorError(
            f"The certificate {settings.tls_cert} can't be used: {error}.",
            "Give a PEM chain as api.tls_cert and its unencrypted key as api.tls_key.",
        ) from error
    return context


async def _listen(settings: ApiSettings) -> list[trio.SocketListener]:
    host, port = split_listen(settings.listen)
    try:
        return await trio.open_tcp_listeners(port, host=host, backlog=128)
    except OSError as error:
        if _is_in_use(error):
            raise PortInUse(
                f"Another process listens on {settings.listen}.",
                "Stop it, or set api.listen to another port (0 takes any free one).",
            ) from error
        raise DoorError(
            f"Can't listen on {settings.listen}: {error.strerror or error}.",
            "Set api.listen to an address of this machine and a port above 1023.",
        ) from error


def _is_in_use(error: OSError) -> bool:
    """Tell whether the port is taken; trio wraps the reason when a name has several addresses."""
    inner = error.__cause__
    causes = inner.exceptions if isinstance(inner, BaseExceptionGroup) else (inner,)
    return any(
        isinstance(one, OSError) and one.errno == errno.EADDRINUSE for one in (error, *causes)
    )


def _bound_unread(plain: socket.socket) -> None:
    """Let the kernel end a connection whose client stops reading."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_S * 1000)


def _addresses(listeners: Sequence[trio.SocketListener], *, is_tls: bool) -> tuple[str, ...]:
    scheme = "https" if is_tls else "http"
    found: list[str] = []
    for listener in listeners:
        host, port, *_ = listener.socket.getsockname()
        found.append(f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}")
    return tuple(found)
