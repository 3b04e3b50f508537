"""How this door says no: an HTTP status, a fixed code, what happened, and what to do about it."""

from dataclasses import dataclass

from consensus.errors import NeurondError
from daemon.engine.errors import NodeError, Why
from daemon.views.transactions import ErrorPart

STATUSES = {
    Why.UNREADABLE: 400,
    Why.UNKNOWN: 404,
    Why.GONE: 410,
    Why.IMPOSSIBLE: 422,
    Why.TOO_OFTEN: 429,
    Why.BUSY: 503,
}
"""The status of each kind of no that the node says."""


class ApiError(NeurondError):
    """A request that this door can't answer."""

    def __init__(self, status: int, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """The body of every error."""

    error: ErrorPart


def from_node(error: NodeError) -> ApiError:
    """Return what the node said as this door says it."""
    return ApiError(STATUSES[error.why], error.code, error.message, error.remedy)
