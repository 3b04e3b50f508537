"""The routes of what the families of calls keep: each takes a height and gives a proof."""

from typing import Annotated

from fastapi import FastAPI, Path, Query
from fastapi.responses import Response

from consensus.quantities import U16_MAX, U32, NetUid, Uid
from daemon.engine.errors import bad_request
from daemon.http import family_questions as questions
from daemon.http.family_values import (
    ChannelAnswer,
    ChannelsAnswer,
    ChildrenAnswer,
    ColdkeyAnswer,
    ModelsAnswer,
    ProposalAnswer,
    ProposalsAnswer,
    SupplyAnswer,
    SwapsAnswer,
    WeightsAnswer,
)
from daemon.http.figures import read_hash
from daemon.http.replies import (
    AddressPath,
    HeightQuery,
    NetUidPath,
    ProofQuery,
    read_address,
    reply,
)
from daemon.http.state_routes import NOT_KEPT
from daemon.http.view import NodeView

COUNT_MAX = 256
"""Entries of one list: each costs a few reads."""
ROWS_MAX = 64
"""Uids of one answer about weights: a row may have 4,096 cells of each kind."""
CountQuery = Annotated[int, Query(ge=1, le=COUNT_MAX, description="At most so many.")]


def add_family_routes(api: FastAPI, view: NodeView) -> None:
    """Add them to `api`."""
    _add_channels(api, view)
    _add_proposals(api, view)
    _add_coldkeys(api, view)
    _add_subnets(api, view)


def _add_channels(api: FastAPI, view: NodeView) -> None:
    @api.get(
        "/chain/channels/{identifier}",
        tags=["chain"],
        summary="One open payment channel.",
        response_model=ChannelAnswer,
        responses=NOT_KEPT,
    )
    async def channel(
        identifier: Annotated[str, Path(max_length=64, description="Its id, 64 hex digits.")],
        height: HeightQuery = None,
        proof: ProofQuery = 0,
    ) -> Response:
        name = read_hash(identifier)
        if name is None:
            raise bad_request("identifier: not 64 hexadecimal digits.", "Copy the whole id.")
        return await reply(view, questions.ask_channel(name), height, proof)

    @api.get(
        "/chain/account/{address}/channels",
        tags=["chain"],
        summary="The open channels that a key pays for, or is paid by.",
        response_model=ChannelsAnswer,
        responses=NOT_KEPT,
    )
    async def channels(
        address: AddressPath,
        count: CountQuery = 100,
        height: HeightQuery = None,
        proof: ProofQuery = 0,
    ) -> Response:
        question = questions.ask_channels(read_address(address), count)
        return await reply(view, question, height, proof)


def _add_proposals(api: FastAPI, view: NodeView) -> None:
    @api.get(
        "/chain/proposals",
        tags=["chain"],
        summary="Proposals, newest first, and decided protocol versions.",
        response_model=ProposalsAnswer,
        responses=NOT_KEPT,
    )
    async def proposals(
        count: CountQuery = 20, height: HeightQuery = None, proof: ProofQuery = 0
    ) -> Response:
        return await reply(view, questions.ask_proposals(count), height, proof)

    @api.get(
        "/chain/proposals/{number}",
        tags=["chain"],
        summary="One proposal with its votes.",
        response_model=ProposalAnswer,
        responses=NOT_KEPT,
    )
    async def proposal(
        number: Annotated[int, Path(ge=0, le=2**32 - 1, description="Number of a proposal.")],
        height: HeightQuery = None,
        proof: ProofQuery = 0,
    ) -> Response:
        return await reply(view, questions.ask_proposal(U32(number)), height, proof)


def _add_coldkeys(api: FastAPI, view: NodeView) -> None:
    @api.get(
        "/chain/coldkeys/{address}",
        tags=["chain"],
        summary="What a coldkey says of itself, its announced swap, where its pay is staked.",
        response_model=ColdkeyAnswer,
        responses=NOT_KEPT,
    )
    async def coldkey(
        address: AddressPath, height: HeightQuery = None, proof: ProofQuery = 0
    ) -> Response:
        return await reply(view, questions.ask_coldkey(read_address(address)), height, proof)

    @api.get(
        "/chain/swaps",
        tags=["chain"],
        summary="Announced coldkey swaps.",
        response_model=SwapsAnswer,
        responses=NOT_KEPT,
    )
    async def swaps(
        count: CountQuery = 100, height: HeightQuery = None, proof: ProofQuery = 0
    ) -> Response:
        return await reply(view, questions.ask_swaps(count), height, proof)


def _add_subnets(api: FastAPI, view: NodeView) -> None:
    @api.get(
        "/chain/subnets/{netuid}/models",
        tags=["chain"],
        summary="The models published in a subnet, and who was first with each.",
        response_model=ModelsAnswer,
        responses=NOT_KEPT,
    )
    async def models(
        netuid: NetUidPath, height: HeightQuery = None, proof: ProofQuery = 0
    ) -> Response:
        return await reply(view, questions.ask_models(NetUid(netuid)), height, proof)

    @api.get(
        "/chain/subnets/{netuid}/weights",
        tags=["chain"],
        summary="What validators weigh miners at, and their bonds in them: W and B.",
        response_model=WeightsAnswer,
        responses=NOT_KEPT,
    )
    async def weights(
        netuid: NetUidPath,
        first: Annotated[int, Query(ge=0, le=U16_MAX, description="The first uid.")] = 0,
        count: Annotated[int, Query(ge=1, le=ROWS_MAX, description="So many uids.")] = ROWS_MAX,
        height: HeightQuery = None,
        proof: ProofQuery = 0,
    ) -> Response:
        question = questions.ask_weights(NetUid(netuid), Uid(first), count)
        return await reply(view, question, height, proof)

    @api.get(
        "/chain/subnets/{netuid}/children/{hotkey}",
        tags=["chain"],
        summary="To whom a hotkey lends stake weight in a subnet, and who lends to it.",
        response_model=ChildrenAnswer,
        responses=NOT_KEPT,
    )
    async def children(
        netuid: NetUidPath, hotkey: AddressPath, height: HeightQuery = None, proof: ProofQuery = 0
    ) -> Response:
        question = questions.ask_children(NetUid(netuid), read_address(hotkey))
        return await reply(view, question, height, proof)

    @api.get(
        "/chain/supply/{netuid}",
        tags=["chain"],
        summary="Where every rao of TAO (0) or of a subnet's alpha is.",
        response_model=SupplyAnswer,
        responses=NOT_KEPT,
    )
    async def supply(
        netuid: NetUidPath, height: HeightQuery = None, proof: ProofQuery = 0
    ) -> Response:
        return await reply(view, questions.ask_supply(NetUid(netuid)), height, proof)
