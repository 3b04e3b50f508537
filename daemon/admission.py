"""The door's way into the mempool: one transaction, or many with their signatures checked at once.

A signature costs fifty microseconds and releases the interpreter while it is checked, so many are
checked in worker threads; what remains on the node's own thread is decoding and a place in the
pool. Admission yields between parcels, so that a large batch does not delay votes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import trio

from consensus import codec, crypto
from consensus.errors import DecodeError, InvalidTransaction, MalformedTransaction
from consensus.quantities import Hash32, Signature
from consensus.types import SignedTransaction
from daemon.chain import Chain
from daemon.http.view import ApiError, bad_request
from daemon.inbox import TRANSACTION_BYTES_MAX
from p2p.network import Network, Topic

PARCEL = 64
"""Transactions a thread checks in one go, and the node admits in one turn: some 2 ms."""
THREADS = 2


@dataclass(frozen=True, slots=True)
class _Checked:
    """A transaction that could be read, and whether its signature is its signer's."""

    signed: SignedTransaction
    is_signed: bool


class Admission:
    """What comes in over HTTP, judged as gossip is."""

    def __init__(self, chain: Chain, network: Network) -> None:
        """Admit to the mempool of `chain` and tell `network`."""
        self._chain = chain
        self._network = network
        self._threads = trio.CapacityLimiter(THREADS)

    async def submit(self, data: bytes) -> Hash32:
        """Let a transaction into the mempool and gossip it; return its id.

        Raises:
            ApiError: it can't be read, or must not or can't now be included.
        """
        try:
            signed = _decode(data)
            measured = self._chain.mempool.admit(self._chain.head.state, signed)
        except InvalidTransaction as error:
            raise _refuse(error) from error
        self._network.publish(Topic.TX, data)
        await trio.lowlevel.checkpoint()
        return measured.transaction_id

    async def submit_many(self, items: Sequence[bytes]) -> tuple[Hash32 | ApiError, ...]:
        """Do the same for many, in their order; return the id of each or why it was refused."""
        parcels = [items[start : start + PARCEL] for start in range(0, len(items), PARCEL)]
        checked: list[list[_Checked | ApiError]] = [[] for _ in parcels]

        async def check(number: int) -> None:
            checked[number] = await trio.to_thread.run_sync(
                _check_all, parcels[number], limiter=self._threads
            )

        async with trio.open_nursery() as nursery:
            for number in range(len(parcels)):
                nursery.start_soon(check, number)
        results: list[Hash32 | ApiError] = []
        for parcel, found in zip(parcels, checked, strict=True):
            results += [self._admit(*pair) for pair in zip(parcel, found, strict=True)]
            await trio.lowlevel.checkpoint()
        return tuple(results)

    def _admit(self, data: bytes, checked: _Checked | ApiError) -> Hash32 | ApiError:
        if isinstance(checked, ApiError):
            return checked
        try:
            if not checked.is_signed:
                raise MalformedTransaction("the signature is not the signer's")
            measured = self._chain.mempool.admit(
                self._chain.head.state, checked.signed, _was_just_verified
            )
        except InvalidTransaction as error:
            return _refuse(error)
        self._network.publish(Topic.TX, data)
        return measured.transaction_id


def _check_all(items: Sequence[bytes]) -> list[_Checked | ApiError]:
    return [_check(data) for data in items]


def _check(data: bytes) -> _Checked | ApiError:
    try:
        signed = _decode(data)
    except ApiError as error:
        return error
    return _Checked(signed, crypto.is_transaction_signed(signed))


def _decode(data: bytes) -> SignedTransaction:
    try:
        return codec.decode(SignedTransaction, data, TRANSACTION_BYTES_MAX)
    except DecodeError as error:
        remedy = "Send the canonical CBOR of a SignedTransaction."
        raise bad_request(str(error), remedy) from error


def _refuse(error: InvalidTransaction) -> ApiError:
    if error.is_final:
        return ApiError(422, "invalid_transaction", str(error), "Correct it and sign it anew.")
    remedy = "Send it again, as it is, when the reason has passed."
    return ApiError(422, "not_now", str(error), remedy)


def _was_just_verified(_transaction_id: Hash32, _signature: Signature) -> bool:
    """Spare the mempool the second check of a signature that a thread has checked."""
    return True
