"""Whose fault it was: RemoteFault when a peer broke the protocol, LocalFault when we did.

A caller of `Network.ask` sees exactly these: `PeerGone` (no connection, or it broke), `PeerBusy`
(the peer has as much work as it takes; try later or elsewhere), `TooLarge` (the answer would not
fit the caller's own bound), `Refused` (the peer's handler said no, with its code) and `RemoteFault`
(the peer broke the protocol). Deadlines are the caller's cancel scopes and raise nothing of ours.
"""


class NetworkError(Exception):
    """Base of everything this room raises."""


class LocalFault(NetworkError):
    """We asked for something impossible: a bug or a wrong setting on this side."""


class AddressInUse(LocalFault):
    """A listen address is taken or does not exist on this machine."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"cannot listen on {address}: {reason}. Is another neurond running? "
            "Stop it, or choose another port."
        )
        self.address = address


class RemoteFault(NetworkError):
    """The peer broke the protocol; `reason` says how."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ForeignNetwork(RemoteFault):
    """The peer belongs to another chain or speaks another protocol version."""


class PeerGone(NetworkError):
    """There is no connection to the peer, or it broke before the answer was complete."""


class PeerBusy(NetworkError):
    """The peer has as much of our work as it accepts; nothing was done."""

    def __init__(self, retry_ms: int = 0) -> None:
        super().__init__(f"the peer is busy; it suggests {retry_ms} ms")
        self.retry_ms = retry_ms


class TooLarge(NetworkError):
    """A payload is over its bound, `size_max` bytes."""

    def __init__(self, size_max: int) -> None:
        super().__init__(f"larger than {size_max} bytes")
        self.size_max = size_max


class Refused(NetworkError):
    """The peer's handler answered with an error: its `code` and `message`."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"refused ({code}): {message}")
        self.code = code
        self.message = message


class Refuse(NetworkError):
    """Raised BY an answer handler: the asker gets `Refused` with this code and message.

    `code` is 64..65535; lower codes are this room's own (`p2p/ask_wire.py`, `AskFault`).
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
