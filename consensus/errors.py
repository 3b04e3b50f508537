"""Every way another node's data can be invalid, each error carrying the fields that prove it.

Three families. `DecodeError`: the bytes are not a value. `InvalidBlock` / `InvalidVote`: the value
can't be part of the chain. `CallError`: a transaction that may be included but whose call fails; it
costs its fee and leaves its `code` in the receipt. A bug is none of these: it is an assertion.
"""


class NeurondError(Exception):
    """Root of every expected failure."""


class DecodeError(NeurondError):
    """Bytes that are not a canonical encoding of the type asked for."""


class InvalidVote(NeurondError):
    """A vote or certificate that proves nothing: unknown signer, bad signature, no quorum."""


class InvalidBlock(NeurondError):
    """A block that can't follow its parent: every node finds so, at any time."""


class InvalidTransaction(NeurondError):
    """A transaction that must not be included: forged, replayed, expired, too big, unaffordable.

    `is_final` is False when it could become valid later (a nonce gap), True when it never can.
    """

    def __init__(self, message: str, *, is_final: bool) -> None:
        super().__init__(message)
        self.is_final = is_final


class MalformedTransaction(InvalidTransaction):
    """A transaction that no honest peer passes on: wrong network, over-size, forged."""

    def __init__(self, message: str) -> None:
        super().__init__(message, is_final=True)


class InvalidGenesis(NeurondError):
    """A network file whose parts contradict each other; the message names the parts."""


class CallError(NeurondError):
    """A call that fails inside an included transaction; `consensus/refusals.py` has its kinds."""

    code: int = 1
    remedy: str = "Read the message; correct the transaction."
