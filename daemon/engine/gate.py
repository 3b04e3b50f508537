"""The mempool's gate: many transactions judged in one turn, their signatures in a thread.

Each is read, and checked against the head and the pool, before its signature is: under overload
most are refused for want of room, and must cost as little as possible. A signature costs fifty
microseconds and releases the interpreter while it is checked.

One parcel at a time is in work; whoever brings another waits for its turn. So however much comes
in, agreement's work on the node's thread waits for one short slice of this, never for a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import trio

from consensus import crypto
from consensus.errors import DecodeError, InvalidTransaction, MalformedTransaction
from consensus.ledger.fees import Measured, read_measured
from consensus.ledger.records import get_network
from consensus.verdict import Accept, Ignore, Reject, Verdict
from daemon.engine.chain import Chain

PARCEL = 64
"""Transactions admitted in one turn: some 2 ms of the node's thread."""
FORGED = "the signature is not the signer's"
Refusal = InvalidTransaction | DecodeError


@dataclass(frozen=True, slots=True)
class _Found:
    """What could be read of a transaction, and what speaks against it but its signature."""

    measured: Measured | None
    refusal: Refusal | None


class Gate:
    """One of the ways into the mempool of a chain."""

    def __init__(self, chain: Chain) -> None:
        """Let transactions into whatever pool `chain` has."""
        self._chain = chain
        self._turn = trio.Lock()
        self._threads = trio.CapacityLimiter(1)

    async def admit_each(self, items: Sequence[bytes]) -> list[Measured | Refusal]:
        """Let in every transaction of `items` (at most `PARCEL`) that may come in, in their order.

        Returns:
            What each is, or why it was refused.
        """
        async with self._turn:
            found = self._read(items)
            good = [each.measured for each in found if each.measured and each.refusal is None]
            signed = await self._find_signed(good)
            return [self._admit(each, signed) for each in found]

    async def judge_bundle(self, items: Sequence[bytes]) -> Verdict:
        """Judge a message of several transactions; let in those that may come in.

        It is passed on as it came if any came in, so then every signature in it must be good: the
        next node may need one that we did not. If none may come in, none is checked.
        """
        async with self._turn:
            found = self._read(items)
            for each in found:
                if isinstance(each.refusal, DecodeError | MalformedTransaction):
                    return Reject(str(each.refusal))
            if all(each.refusal is not None for each in found):
                return Ignore(str(found[0].refusal))
            everything = [each.measured for each in found if each.measured]
            signed = await self._find_signed(everything)
            if len(signed) < len(everything):
                return Reject(FORGED)
            results = [self._admit(each, signed) for each in found]
            came_in = any(isinstance(result, Measured) for result in results)
            return Accept() if came_in else Ignore(str(results[0]))

    def _read(self, items: Sequence[bytes]) -> list[_Found]:
        state, mempool = self._chain.head.state, self._chain.mempool
        params = get_network(state).params
        found: list[_Found] = []
        for data in items:
            measured = None
            try:
                measured = read_measured(params, data)
                mempool.check(state, measured)
            except (DecodeError, InvalidTransaction) as error:
                found.append(_Found(measured, error))
            else:
                found.append(_Found(measured, None))
        return found

    async def _find_signed(self, several: Sequence[Measured]) -> frozenset[bytes]:
        """Return the encodings of those that are signed by their signers."""
        known = self._chain.mempool.is_verified
        unknown = [
            each for each in several if not known(each.transaction_id, each.signed.signature)
        ]
        if unknown:
            forged = await trio.to_thread.run_sync(_find_forged, unknown, limiter=self._threads)
        else:
            await trio.lowlevel.checkpoint()
            forged = frozenset[bytes]()
        return frozenset(each.encoding for each in several if each.encoding not in forged)

    def _admit(self, found: _Found, signed: frozenset[bytes]) -> Measured | Refusal:
        """Let one in, checked anew: the head and the pool may have changed meanwhile."""
        measured = found.measured
        if measured is None or found.refusal is not None:
            assert found.refusal is not None, "what can't be read says why"
            return found.refusal
        if measured.encoding not in signed:
            return MalformedTransaction(FORGED)
        try:
            self._chain.mempool.admit_signed(self._chain.head.state, measured)
        except InvalidTransaction as error:
            return error
        return measured


def _find_forged(several: Sequence[Measured]) -> frozenset[bytes]:
    return frozenset(
        each.encoding
        for each in several
        if not crypto.is_signed(
            each.signed.transaction.signer, each.transaction_id, each.signed.signature
        )
    )
