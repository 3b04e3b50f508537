"""What can go wrong between neurons, each error named after whose fault it is.

Asking a peer fails in three ways that a validator must tell apart: nobody answered (the network's
fault, or nobody's), the peer said it is full (honest), the peer broke the protocol (its fault).
The worker's failures are ours: they become an honest `Refusal` or `Busy` towards whoever asked.
"""

from consensus.errors import NeurondError


class NodeUnreachable(NeurondError):
    """No connection, or it broke before an answer came: nobody's fault, once."""


class MinerBusy(NeurondError):
    """The peer's node refused the question for now (its own quota): counts like `Busy`."""

    def __init__(self, retry_ms: int = 1_000) -> None:
        super().__init__(f"the peer asks to come back in {retry_ms} ms")
        self.retry_ms = retry_ms


class PeerFault(NeurondError):
    """The peer broke the protocol (too long an answer, garbage frames): its fault."""


class MalformedQuery(NeurondError):
    """A query body the task can't read: the asker's fault."""


class InvalidTaskParams(NeurondError):
    """A subnet's task params that its task can't read: the subnet owner's fault."""


class BrokenTask(NeurondError):
    """An installed task that can't be used: its package's fault, or that of who installed it."""


class SeriesNotKept(NeurondError):
    """Numbers of blocks that this node has not, or no longer: nobody's fault."""


class InvalidOptions(NeurondError):
    """An option of a model that it does not have or can't take: the operator's fault."""

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(f"{option} {problem}")
        self.option = option
        self.problem = problem


class MalformedAnswer(NeurondError):
    """A completion that proves nothing or that the task can't read: the miner's fault."""


class WorkerUnavailable(NeurondError):
    """No worker is ready, or it died with our batch: come back in `retry_ms`."""

    def __init__(self, message: str, retry_ms: int = 1_000) -> None:
        super().__init__(message)
        self.retry_ms = retry_ms


class WorkerTimeout(WorkerUnavailable):
    """The worker let a batch's deadline pass and was restarted."""


class WorkerFull(WorkerUnavailable):
    """The queue towards the worker is full."""


class ModelUnbuilt(WorkerUnavailable):
    """The model can't be imported or built: the operator's to mend."""


class InvalidBackend(NeurondError):
    """A name no backend has, or a backend that is nothing callable: the operator's fault."""


class ModelFault(NeurondError):
    """The model has no answer to this query: it failed, or what it made can't be sent."""


class WorkerFault(NeurondError):
    """The worker broke its protocol: garbage frames, a foreign version, answers nobody asked."""
