"""The routes of what may be asked of the ledger's state: each takes a height and gives a proof."""

from typing import Annotated

from fastapi import FastAPI, Query
from fastapi.responses import Response

from consensus.quantities import NetUid, Uid
from daemon.engine.errors import bad_request
from daemon.http import questions
from daemon.http.replies import (
    AddressPath,
    HeightQuery,
    NetUidPath,
    ProofQuery,
    UidPath,
    read_address,
    reply,
    to_height,
    write_json,
)
from daemon.http.values import (
    ConcentrationView,
    DelegateAnswer,
    DelegatesAnswer,
    EntriesView,
    ValidatorsAnswer,
    WhatIfEdits,
    WhatIfView,
)
from daemon.http.view import (
    AccountView,
    ErrorAnswer,
    ExplainView,
    MetagraphView,
    NodeView,
)

KEYS_MAX = 64
"""Keys of one `/chain/proof`: an address line has its limits."""
KEY_BYTES_MAX = 500
"""The longest key a state can have (`storage/schema.py`)."""
DELEGATES_MAX = 256
NOT_KEPT: dict[int | str, dict[str, object]] = {
    410: {"model": ErrorAnswer, "description": "That height is no longer kept."},
    422: {"model": ErrorAnswer, "description": "It can't be done so."},
}


def add_state_routes(api: FastAPI, view: NodeView) -> None:
    """Add them to `api`."""
    _add_subnets(api, view)
    _add_keys(api, view)
    _add_stake(api, view)


def _add_subnets(api: FastAPI, view: NodeView) -> None:
    @api.get(
        "/chain/metagraph/{netuid}",
        tags=["chain"],
        summary="The neurons of a subnet.",
        response_model=MetagraphView,
        responses=NOT_KEPT,
    )
    async def metagraph(
        netuid: NetUidPath, height: HeightQuery = None, proof: ProofQuery = 0
    ) -> Response:
        return await reply(view, questions.ask_metagraph(NetUid(netuid)), height, proof)

    @api.get(
        "/chain/explain/{netuid}/{uid}",
        tags=["chain"],
        summary="A neuron's last reward, taken apart.",
        response_model=ExplainView,
        responses=NOT_KEPT,
    )
    async def explain(
        netuid: NetUidPath, uid: UidPath, height: HeightQuery = None, proof: ProofQuery = 0
    ) -> Response:
        return await reply(view, questions.ask_explain(NetUid(netuid), Uid(uid)), height, proof)

    @api.post(
        "/chain/subnets/{netuid}/what-if",
        tags=["chain"],
        summary="The last epoch with other weights, stakes or numbers of the law. Changes nothing.",
        response_model=WhatIfView,
        responses=NOT_KEPT,
    )
    async def what_if(
        netuid: NetUidPath, edits: WhatIfEdits, height: HeightQuery = None
    ) -> Response:
        return write_json(await view.what_if(NetUid(netuid), edits, to_height(height)))


def _add_keys(api: FastAPI, view: NodeView) -> None:
    @api.get(
        "/chain/account/{address}",
        tags=["chain"],
        summary="What a key has and is.",
        response_model=AccountView,
        responses=NOT_KEPT,
    )
    async def account(
        address: AddressPath, height: HeightQuery = None, proof: ProofQuery = 0
    ) -> Response:
        return await reply(view, questions.ask_account(read_address(address)), height, proof)

    @api.get(
        "/chain/proof",
        tags=["chain"],
        summary="Entries of the state by their keys, always with a proof.",
        response_model=EntriesView,
        responses=NOT_KEPT,
    )
    async def proof(
        key: Annotated[
            list[str],
            Query(min_length=1, max_length=KEYS_MAX, description="A state key in hexadecimal."),
        ],
        height: HeightQuery = None,
    ) -> Response:
        return await reply(view, questions.ask_entries(_read_keys(key)), height, 1)


def _add_stake(api: FastAPI, view: NodeView) -> None:
    @api.get(
        "/chain/delegates",
        tags=["chain"],
        summary="The hotkeys with the most root stake.",
        response_model=DelegatesAnswer,
        responses=NOT_KEPT,
    )
    async def delegates(
        count: Annotated[int, Query(ge=1, le=DELEGATES_MAX)] = 100,
        height: HeightQuery = None,
        proof: ProofQuery = 0,
    ) -> Response:
        return await reply(view, questions.ask_delegates(count), height, proof)

    @api.get(
        "/chain/delegates/{hotkey}",
        tags=["chain"],
        summary="One hotkey as a delegate, and how many have staked on it.",
        response_model=DelegateAnswer,
        responses=NOT_KEPT,
    )
    async def delegate(
        hotkey: AddressPath, height: HeightQuery = None, proof: ProofQuery = 0
    ) -> Response:
        return await reply(view, questions.ask_delegate(read_address(hotkey)), height, proof)

    @api.get(
        "/chain/concentration",
        tags=["chain"],
        summary="How few hold how much: Gini and Nakamoto coefficients.",
        response_model=ConcentrationView,
        responses=NOT_KEPT,
    )
    async def concentration(height: HeightQuery = None, proof: ProofQuery = 0) -> Response:
        return await reply(view, questions.ask_concentration(), height, proof)

    @api.get(
        "/chain/validators",
        tags=["chain"],
        summary="The validator set that signs blocks.",
        response_model=ValidatorsAnswer,
        responses=NOT_KEPT,
    )
    async def validators(height: HeightQuery = None, proof: ProofQuery = 0) -> Response:
        return await reply(view, questions.ask_validators(), height, proof)


def _read_keys(texts: list[str]) -> list[bytes]:
    keys: list[bytes] = []
    for text in texts:
        try:
            key = bytes.fromhex(text)
        except ValueError:
            key = b""
        if not 1 <= len(key) <= KEY_BYTES_MAX:
            raise bad_request(
                f"key: not 1 to {KEY_BYTES_MAX} bytes in hexadecimal.",
                "Take keys from consensus/ledger/keys.py or from another answer's proof.",
            )
        keys.append(key)
    return keys
