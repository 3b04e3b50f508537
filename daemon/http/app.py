"""The local HTTP door's application: chain, health, metrics and events, typed and documented.

`build_app` puts the routes (FastAPI, OpenAPI at /openapi.json, a page of it at /docs) behind the
limits of `daemon/http/limits.py`. Those of reads are made from the views, those that take something
in are in `daemon/http/acts.py`.
Every route is async on purpose: a sync one would run on a thread, beside the node instead of in it.
Answers are written straight from our frozen values; their types serve the documentation.
"""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from config.sections.api import ApiSettings
from daemon.engine.errors import NodeError, bad_request
from daemon.http.acts import add_acts
from daemon.http.docs import render_docs
from daemon.http.errors import ApiError, ErrorAnswer, from_node
from daemon.http.keys import ApiKeys
from daemon.http.limits import BROKEN, AsgiApp, Limits, render_error
from daemon.http.reads import add_reads
from daemon.http.replies import write_json
from daemon.http.stream import EventStream
from daemon.telemetry import Telemetry
from daemon.views.catalog import list_views
from daemon.views.face import NodeFace
from daemon.views.node import ReadyAnswer

EVENT_NUMBER_DIGITS = 15
"""More digits than any event number has."""
ERRORS: dict[int | str, dict[str, object]] = {
    status: {"model": ErrorAnswer, "description": about}
    for status, about in {
        400: "The request can't be understood.",
        401: "A key is needed.",
        404: "There is no such thing.",
        429: "Too many requests.",
        503: "Busy, or not ready.",
    }.items()
}


def build_app(
    view: NodeFace, telemetry: Telemetry, settings: ApiSettings, keys: ApiKeys, *, metrics: bool
) -> AsgiApp:
    """Return the ASGI application of one node; `metrics` serves /metrics."""
    api = FastAPI(
        title="neurond",
        summary="What this node knows of the chain, and how it is.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        responses=ERRORS,
    )
    api.add_exception_handler(ApiError, _on_api_error)
    api.add_exception_handler(NodeError, _on_node_error)
    api.add_exception_handler(HTTPException, _on_http_error)
    api.add_exception_handler(RequestValidationError, _on_validation_error)
    # Starlette answers and raises it again; `Limits` logs it.
    api.add_exception_handler(Exception, _on_bug)
    _add_health(api, view)
    add_reads(api, view, list_views())
    add_acts(api, view)
    _add_events(api, view)
    if metrics:
        _add_metrics(api, telemetry)
    return Limits(api, settings, keys, telemetry)  # pyright: ignore[reportArgumentType]  # Starlette's looser ASGI types


# -- routes -------------------------------------------------------------------------------------


def _add_health(api: FastAPI, view: NodeFace) -> None:
    @api.get("/healthz", tags=["health"], summary="Whether the process is alive.")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @api.get(
        "/readyz",
        tags=["health"],
        summary="Whether the node does its job; 503 names each failing check and the remedy.",
        response_model=ReadyAnswer,
        responses={503: {"model": ReadyAnswer, "description": "A check fails."}},
    )
    async def readyz() -> Response:
        checks = view.readiness()
        ready = all(check.ok for check in checks)
        return write_json(ReadyAnswer(ready, checks), 200 if ready else 503)

    @api.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(render_docs(api.openapi()))


def _add_events(api: FastAPI, view: NodeFace) -> None:
    @api.get(
        "/events",
        tags=["events"],
        summary="What happens, as server-sent events; Last-Event-ID continues where a client was.",
        response_class=Response,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    async def events(request: Request) -> Response:
        last = request.headers.get("last-event-id", "")
        is_number = last.isascii() and last.isdigit() and len(last) <= EVENT_NUMBER_DIGITS
        return EventStream(view.events, int(last) if is_number else None)


def _add_metrics(api: FastAPI, telemetry: Telemetry) -> None:
    @api.get("/metrics", tags=["health"], summary="Prometheus figures.", response_class=Response)
    async def metrics() -> Response:
        return Response(telemetry.render(), media_type="text/plain; version=0.0.4; charset=utf-8")


# -- answers ------------------------------------------------------------------------------------


def _error(error: ApiError) -> Response:
    return Response(render_error(error), status_code=error.status, media_type="application/json")


async def _on_api_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _error(error)


async def _on_node_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, NodeError)
    return _error(from_node(error))


async def _on_http_error(_request: Request, error: Exception) -> Response:
    """Answer what the router itself refuses: no such path, another method."""
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    return _error(
        ApiError(error.status_code, code, f"{error.detail}.", "GET /docs lists every path.")
    )


async def _on_bug(_request: Request, _error_itself: Exception) -> Response:
    return _error(BROKEN)


async def _on_validation_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors()]
    refusal = bad_request("; ".join(faults), "GET /docs says what each parameter may be.")
    return await _on_node_error(_request, refusal)
