"""The routes that take something in: transactions, previews, replayed epochs, the faucet."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI, Path, Query, Request
from fastapi.responses import Response

from consensus.quantities import U16_MAX, U64_MAX, Height, NetUid
from daemon.engine.errors import NodeError
from daemon.http.errors import ErrorAnswer
from daemon.http.many import is_many, read_many
from daemon.http.reads import NOT_KEPT
from daemon.http.replies import write_json
from daemon.views.face import NodeFace
from daemon.views.inputs import AddressInput
from daemon.views.previewing import PreviewAnswer
from daemon.views.transactions import ErrorPart, SubmitAnswer, SubmitManyAnswer, SubmitRow
from daemon.views.what_if import WHAT_IF_PATH, WhatIfAnswer, WhatIfEdits


@dataclass(frozen=True, slots=True)
class DripRequest:
    """Who wants TAO."""

    address: str


def add_acts(api: FastAPI, node: NodeFace) -> None:
    """Add them to `api`."""
    _add_submit(api, node)
    _add_faucet(api, node)

    @api.post(
        "/chain/preview",
        tags=["chain"],
        summary="What the next block would make of a transaction, signed or not. Changes nothing.",
        response_model=PreviewAnswer,
        openapi_extra=_describe_body(
            "The canonical CBOR of one Transaction or SignedTransaction; its nonce does not matter."
        ),
    )
    async def preview(request: Request) -> Response:
        return write_json(await node.preview(await request.body()))

    @api.post(
        WHAT_IF_PATH,
        tags=["chain"],
        summary="The last epoch with other weights, stakes or numbers of the law. Changes nothing.",
        response_model=WhatIfAnswer,
        responses=NOT_KEPT,
    )
    async def what_if(
        netuid: Annotated[int, Path(ge=0, le=U16_MAX, description="Number of a subnet.")],
        edits: WhatIfEdits,
        height: Annotated[
            int | None,
            Query(ge=0, le=U64_MAX, description="As of that block; else the head."),
        ] = None,
    ) -> Response:
        at = None if height is None else Height(height)
        return write_json(await node.what_if(NetUid(netuid), edits, at))


def _add_submit(api: FastAPI, node: NodeFace) -> None:
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
        openapi_extra=_describe_body(
            "The canonical CBOR of one SignedTransaction, or a canonical CBOR list of byte strings "
            "that hold one each."
        ),
    )
    async def submit(request: Request) -> Response:
        body = await request.body()
        if not is_many(body):
            return write_json(SubmitAnswer((await node.submit(body)).hex()), 202)
        results = tuple(_show(one) for one in await node.submit_many(read_many(body)))
        accepted = sum(result.id is not None for result in results)
        return write_json(SubmitManyAnswer(accepted, results))


def _add_faucet(api: FastAPI, node: NodeFace) -> None:
    @api.post(
        "/faucet",
        tags=["faucet"],
        summary="Ask for TAO, on a devnet or testnet whose node offers it.",
        response_model=SubmitAnswer,
        status_code=202,
        responses={
            404: {"model": ErrorAnswer, "description": "This node has no faucet."},
            429: {"model": ErrorAnswer, "description": "The address was served a while ago."},
        },
    )
    async def drip(request: DripRequest) -> Response:
        key = AddressInput("Who wants TAO.").read("address", [request.address])
        return write_json(SubmitAnswer((await node.drip(key)).hex()), 202)


def _describe_body(about: str) -> dict[str, object]:
    content = {"application/cbor": {"schema": {"type": "string", "format": "binary"}}}
    return {"requestBody": {"required": True, "description": about, "content": content}}


def _show(result: bytes | NodeError) -> SubmitRow:
    if isinstance(result, NodeError):
        return SubmitRow(None, ErrorPart(result.code, result.message, result.remedy))
    return SubmitRow(result.hex())
