"""The routes of transactions: hand in one or many, and see what became of one."""

from typing import Annotated

from fastapi import FastAPI, Path, Request
from fastapi.responses import Response

from daemon.engine.errors import NodeError, bad_request
from daemon.http.figures import read_hash
from daemon.http.many import is_many, read_many
from daemon.http.replies import write_json
from daemon.http.values import (
    ErrorDetail,
    ReceiptView,
    SubmitAnswer,
    SubmitManyAnswer,
    SubmitResult,
)
from daemon.http.view import ErrorAnswer, NodeView


def add_transaction_routes(api: FastAPI, view: NodeView) -> None:
    """Add them to `api`."""

    @api.post(
        "/chain/transactions",
        tags=["chain"],
        summary="Hand in a signed transaction (canonical CBOR), or a list of up to 1,024.",
        response_model=SubmitAnswer,
        status_code=202,
        responses={
            200: {"model": SubmitManyAnswer, "description": "Of a list: a result for each."},
            422: {"model": ErrorAnswer, "description": "It was refused."},
        },
        openapi_extra={
            "requestBody": {
                "required": True,
                "description": "The canonical CBOR of one SignedTransaction, or a canonical CBOR "
                "list of byte strings that hold one each.",
                "content": {"application/cbor": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def submit(request: Request) -> Response:
        body = await request.body()
        if not is_many(body):
            return write_json(SubmitAnswer((await view.submit(body)).hex()), 202)
        results = tuple(_show(one) for one in await view.submit_many(read_many(body)))
        accepted = sum(result.id is not None for result in results)
        return write_json(SubmitManyAnswer(accepted, results))

    @api.get(
        "/chain/transactions/{identifier}",
        tags=["chain"],
        summary="What became of a transaction: final (within the kept window), or waiting here.",
        response_model=ReceiptView,
    )
    async def receipt(
        identifier: Annotated[str, Path(max_length=64, description="Its id, 64 hex digits.")],
    ) -> Response:
        found = read_hash(identifier)
        if found is None:
            raise bad_request("identifier: not 64 hexadecimal digits.", "Copy the whole id.")
        return write_json(view.receipt(found))


def _show(result: bytes | NodeError) -> SubmitResult:
    if isinstance(result, NodeError):
        return SubmitResult(None, ErrorDetail(result.code, result.message, result.remedy))
    return SubmitResult(result.hex())
