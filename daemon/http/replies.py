"""Write our frozen values as JSON, straight from their types."""

from functools import cache

from fastapi.responses import Response
from pydantic import TypeAdapter


def write_json(value: object, status: int = 200) -> Response:
    """Return the answer that shows `value`."""
    body = _adapter(type(value)).dump_json(value)
    return Response(body, status_code=status, media_type="application/json")


@cache
def _adapter(kind: type) -> TypeAdapter[object]:
    """Return the compiled writer of one answer's type; compiling takes milliseconds."""
    return TypeAdapter(kind)
