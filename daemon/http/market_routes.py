"""The routes of markets and of the network's rules, and of previews."""

from fastapi import FastAPI, Request
from fastapi.responses import Response

from consensus.quantities import NetUid
from daemon.http import market_questions as questions
from daemon.http.family_routes import add_family_routes
from daemon.http.market_values import ParamsAnswer, PreviewView, SubnetAnswer, SubnetsAnswer
from daemon.http.replies import HeightQuery, NetUidPath, ProofQuery, reply, write_json
from daemon.http.state_routes import NOT_KEPT
from daemon.http.view import NodeView


def add_market_routes(api: FastAPI, view: NodeView) -> None:
    """Add them to `api`."""
    _add_rules(api, view)
    add_family_routes(api, view)

    @api.post(
        "/chain/preview",
        tags=["chain"],
        summary="What the next block would make of a transaction, signed or not. Changes nothing.",
        response_model=PreviewView,
        openapi_extra={
            "requestBody": {
                "required": True,
                "description": "The canonical CBOR of one Transaction or SignedTransaction; "
                "its nonce is not looked at.",
                "content": {"application/cbor": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def preview(request: Request) -> Response:
        return write_json(await view.preview(await request.body()))


def _add_rules(api: FastAPI, view: NodeView) -> None:
    @api.get(
        "/chain/params",
        tags=["chain"],
        summary="The network's parameters in force, and what a new subnet costs.",
        response_model=ParamsAnswer,
        responses=NOT_KEPT,
    )
    async def params(height: HeightQuery = None, proof: ProofQuery = 0) -> Response:
        return await reply(view, questions.ask_params(), height, proof)

    @api.get(
        "/chain/subnets",
        tags=["chain"],
        summary="All markets: state, price, pool, cost of a registration.",
        response_model=SubnetsAnswer,
        responses=NOT_KEPT,
    )
    async def subnets(height: HeightQuery = None, proof: ProofQuery = 0) -> Response:
        return await reply(view, questions.ask_subnets(), height, proof)

    @api.get(
        "/chain/subnets/{netuid}",
        tags=["chain"],
        summary="One market: rules with bounds and announced changes, mechanism, owner.",
        response_model=SubnetAnswer,
        responses=NOT_KEPT,
    )
    async def subnet(
        netuid: NetUidPath, height: HeightQuery = None, proof: ProofQuery = 0
    ) -> Response:
        return await reply(view, questions.ask_subnet(NetUid(netuid)), height, proof)
