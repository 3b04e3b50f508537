"""Write our frozen values as JSON, straight from their types; what the routes have in common."""

from functools import cache
from typing import Annotated

from fastapi import Path, Query
from fastapi.responses import Response
from pydantic import TypeAdapter

from config.address import AddressError, parse_address
from consensus.quantities import U16_MAX, U64_MAX, Height, PublicKey
from daemon.engine.errors import bad_request
from daemon.http.view import Answer, NodeView, Question

HeightPath = Annotated[int, Path(ge=0, le=U64_MAX, description="Height of a final block.")]
NetUidPath = Annotated[int, Path(ge=0, le=U16_MAX, description="Number of a subnet.")]
UidPath = Annotated[int, Path(ge=0, le=U16_MAX, description="Slot of a neuron in its subnet.")]
AddressPath = Annotated[str, Path(max_length=64, description="An SS58 address.")]
HeightQuery = Annotated[
    int | None,
    Query(
        ge=0,
        le=U64_MAX,
        description="As of that final block; the head if absent (with proof: the block before).",
    ),
]
ProofQuery = Annotated[
    int, Query(ge=0, le=1, description="1: with what proves the answer to who knows the genesis.")
]


def write_json(value: object, status: int = 200) -> Response:
    """Return the answer that shows `value`."""
    body = _adapter(type(value)).dump_json(value)
    return Response(body, status_code=status, media_type="application/json")


async def reply(
    view: NodeView, question: Question[Answer], height: int | None, proof: int
) -> Response:
    """Return the answer to `question` as of `height`, with its proof if `proof` is 1."""
    at = to_height(height)
    answer = await (view.ask_proved(question, at) if proof else view.ask(question, at))
    return write_json(answer)


def to_height(height: int | None) -> Height | None:
    """Return a height as the node takes it."""
    return None if height is None else Height(height)


def read_address(address: str) -> PublicKey:
    """Return the key of an address.

    Raises:
        ApiError: it is not an address.
    """
    try:
        return parse_address(address)
    except AddressError as error:
        raise bad_request(str(error), "Copy the whole address; it has 48 characters.") from None


@cache
def _adapter(kind: type) -> TypeAdapter[object]:
    """Return the compiled writer of one answer's type; compiling takes milliseconds."""
    return TypeAdapter(kind)
