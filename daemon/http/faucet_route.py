"""The faucet's route: a little TAO for an address, where the node's operator offers it."""

from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.responses import Response

from daemon.http.replies import read_address, write_json
from daemon.http.values import SubmitAnswer
from daemon.http.view import ErrorAnswer, NodeView


@dataclass(frozen=True, slots=True)
class DripRequest:
    """Who wants TAO."""

    address: str


def add_faucet_route(api: FastAPI, view: NodeView) -> None:
    """Add it to `api`."""

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
        identifier = await view.drip(read_address(request.address))
        return write_json(SubmitAnswer(identifier.hex()), 202)
