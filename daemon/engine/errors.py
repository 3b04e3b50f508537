"""What the node can't answer or take in, in words and without a door's statuses.

Each has a fixed code (`docs/errors.md`), what happened, and what to do. `Why` is the little that a
door needs to choose its own way of saying no.
"""

from enum import Enum

from consensus.errors import NeurondError


class Why(Enum):
    """The kinds of no."""

    UNREADABLE = "unreadable"
    """The request makes no sense."""
    UNKNOWN = "unknown"
    """There is no such thing, or not yet."""
    GONE = "gone"
    """There was, and it is no longer kept."""
    IMPOSSIBLE = "impossible"
    """It makes sense and can't be done."""
    TOO_OFTEN = "too often"
    """The asker must wait."""
    BUSY = "busy"
    """The node must be given time."""


class NodeError(NeurondError):
    """A request to the node that is not met."""

    def __init__(self, why: Why, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.why = why
        self.code = code
        self.message = message
        self.remedy = remedy


def not_found(what: str, remedy: str) -> NodeError:
    """Return the error for something that is not there."""
    return NodeError(Why.UNKNOWN, "not_found", f"There is no {what}.", remedy)


def bad_request(message: str, remedy: str) -> NodeError:
    """Return the error for a request that can't be understood."""
    return NodeError(Why.UNREADABLE, "bad_request", message, remedy)
