"""The routes of all reads, made from their declarations (`daemon/views/view.py`).

What is asked of the state takes a height, and gives a proof if that is wanted.
"""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import cast

from fastapi import FastAPI, Request
from fastapi.responses import Response

from consensus.quantities import Height
from daemon.engine.errors import bad_request
from daemon.http.errors import ErrorAnswer
from daemon.http.replies import write_json
from daemon.views.catalog import FaceView, StateView
from daemon.views.face import NodeFace
from daemon.views.inputs import Input, WholeInput
from daemon.views.view import StateAnswer, StateQuestion

OF_STATE: Mapping[str, Input] = {
    "height": WholeInput(
        "As of that final block; the head if absent (with proof: the block before)."
    ),
    "proof": WholeInput("1: with what proves the answer to who knows the genesis.", 0, 1),
}
NOT_KEPT: dict[int | str, dict[str, object]] = {
    410: {"model": ErrorAnswer, "description": "That height is no longer kept."},
    422: {"model": ErrorAnswer, "description": "It can't be done so."},
}


def add_reads(api: FastAPI, node: NodeFace, views: Iterable[StateView | FaceView]) -> None:
    """Add a route for each of `views`."""
    for view in views:
        api.add_api_route(
            view.path,
            _make_route(node, view),
            methods=["GET"],
            name=view.summary,
            tags=["chain"],
            summary=view.summary,
            response_model=view.kind,
            responses=NOT_KEPT if view.is_of_state else None,
            openapi_extra={"parameters": [*_describe(view)]},
        )


def read_height(texts: list[str]) -> Height | None:
    """Return the height that a query names, if it does.

    Raises:
        NodeError: it is none.
    """
    return cast("Height", OF_STATE["height"].read("height", texts)) if texts else None


def _make_route(
    node: NodeFace, view: StateView | FaceView
) -> Callable[[Request], Coroutine[None, None, Response]]:
    async def answer(request: Request) -> Response:
        question = view(**_read_inputs(view, request))
        if not view.is_of_state:
            return write_json(cast("FaceView", view).ask(node, **_read_inputs(view, request)))
        asked = cast("StateQuestion[StateAnswer]", question)
        height = read_height(request.query_params.getlist("height"))
        proof = request.query_params.getlist("proof")
        wanted = OF_STATE["proof"].read("proof", proof) if proof else view.is_always_proven
        return write_json(await (node.ask_proved if wanted else node.ask)(asked, height))

    return answer


def _read_inputs(view: StateView | FaceView, request: Request) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, kind in view.inputs.items():
        if view.is_in_path(name):
            texts = [request.path_params[name]]
        else:
            texts = request.query_params.getlist(name)
        if texts:
            values[name] = kind.read(name, texts)
        elif name not in view.defaults:
            raise bad_request(f"{name}: it is missing.", "GET /docs says what each parameter is.")
    return values


def _describe(view: StateView | FaceView) -> list[dict[str, object]]:
    """Return the OpenAPI description of a view's parameters."""
    own = [(name, kind, view.is_in_path(name)) for name, kind in view.inputs.items()]
    also = [(name, kind, False) for name, kind in OF_STATE.items() if view.is_of_state]
    found: list[dict[str, object]] = []
    for name, kind, in_path in (*own, *also):
        default = None if in_path else view.defaults.get(name)
        schema = kind.schema if default is None else {**kind.schema, "default": default}
        found.append(
            {
                "name": name,
                "in": "path" if in_path else "query",
                "required": in_path or (name in view.inputs and name not in view.defaults),
                "description": kind.about,
                "schema": schema,
            }
        )
    return found
