"""Answer with our frozen values as JSON."""

from fastapi.responses import Response

from daemon.views.plain import write_answer


def write_json(value: object, status: int = 200) -> Response:
    """Return the answer that shows `value`."""
    return Response(write_answer(value), status_code=status, media_type="application/json")
