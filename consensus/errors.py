"""Every way another node's data can be invalid, each error carrying the fields that prove it.

Three families. `DecodeError`: the bytes are not a value. `InvalidBlock` / `InvalidVote`: the value
can't be part of the chain. `CallError`: a transaction that may be included but whose call fails; it
costs its fee and leaves its `code` in the receipt. A bug is none of these: it is an assertion.
"""


class NeurondError(Exception):
    """Root of every expected failure."""


class DecodeError(NeurondError):
    """Bytes that are no canonical encoding of the type asked for."""


class InvalidVote(NeurondError):
    """A vote or certificate that proves nothing: unknown signer, bad signature, no quorum."""


class InvalidBlock(NeurondError):
    """A block that can't follow its parent, whoever asks and whenever."""


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
    """A call that fails inside an included transaction; subclasses fix `code` and `remedy`.

    Codes are part of the chain's law (receipts are hashed): never reuse or renumber one.
    """

    code: int = 1
    remedy: str = "Read the message; correct the transaction."


class NotEnoughFunds(CallError):
    """The signer's free balance is smaller than the amount the call moves."""

    code = 2
    remedy = "Send less, or add TAO to the signing account first."


class AmountTooSmall(CallError):
    """An amount of zero, or below the network's least stake."""

    code = 3
    remedy = "Use a larger amount; `stake_min` of the network is the least stake."


class UnknownSubnet(CallError):
    """No subnet has this netuid."""

    code = 4
    remedy = "List the subnets that exist and use one of their netuids."


class UnknownHotkey(CallError):
    """Nobody has claimed this hotkey."""

    code = 5
    remedy = "Check the address; a hotkey is claimed by registering it in a subnet."


class NotOwner(CallError):
    """The hotkey belongs to another coldkey than the signer."""

    code = 6
    remedy = "Sign with the coldkey that owns the hotkey."


class AlreadyRegistered(CallError):
    """The hotkey has a uid in this subnet."""

    code = 7
    remedy = "Nothing to do: the hotkey is registered already."


class PriceTooHigh(CallError):
    """The registration price is above the caller's limit."""

    code = 8
    remedy = "Wait until the price has decayed, or raise the limit."


class NotEnoughStake(CallError):
    """The signer has less stake on the hotkey than it wants back."""

    code = 9
    remedy = "Ask for at most what the account's stake on this hotkey is worth."


class PoolDepleted(CallError):
    """A share pool slashed so far that new stake can't be counted in its shares."""

    code = 10
    remedy = "Stake on another hotkey, or first withdraw what is left on this one."


class TakeOutOfBounds(CallError):
    """A take above the network's highest."""

    code = 11
    remedy = "Choose a take of at most `take_max`."


class TakeRaisedTooSoon(CallError):
    """A second raise of a take within `take_raise_blocks`."""

    code = 12
    remedy = "Wait until the interval since the last raise is over; a cut is possible at once."


class NotRegistered(CallError):
    """The signing hotkey has no uid in this subnet."""

    code = 13
    remedy = "Register the hotkey in the subnet, and sign with the hotkey."


class RateLimited(CallError):
    """The same call of the same hotkey came too few blocks ago."""

    code = 14
    remedy = "Wait for the stated number of blocks."


class NodeRefused(CallError):
    """The announced node key did not sign its consent to serve this hotkey."""

    code = 15
    remedy = "Let the node sign for this network, subnet and hotkey (`crypto.serve_message`)."


class NoPermit(CallError):
    """The hotkey holds no validator permit, or no stake, in this subnet."""

    code = 16
    remedy = "Permits go to the largest stakes at each epoch step; add stake and wait for the next."


class CommitClosed(CallError):
    """A commitment for another epoch than the current one."""

    code = 17
    remedy = "Commit for the epoch of the block the commitment will be in."


class RevealClosed(CallError):
    """A reveal outside the first blocks of the epoch after its own."""

    code = 18
    remedy = "Reveal after the committed epoch has ended and before its epoch step."


class NoCommitment(CallError):
    """Nothing to open: no commitment for this epoch, or it was opened already."""

    code = 19
    remedy = "Commit first; each commitment opens once."


class RevealMismatch(CallError):
    """The revealed weights are not the ones that were committed."""

    code = 20
    remedy = "Reveal the stored salt, version, uids and values of this very commitment."


class InvalidRow(CallError):
    """A row of weights that breaks the form: order, largest value, count, limit, unknown uid."""

    code = 21
    remedy = "Uids ascending and known, largest value 65535, no weight above the subnet's limit."
