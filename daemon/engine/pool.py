"""The one way into the mempool, for what neighbours gossip and for what is handed in here.

A transaction is measured once and checked against the head and the pool before its signature is:
under overload most are refused for want of room, and must cost as little as possible. A signature
takes fifty microseconds and releases the interpreter meanwhile, so those of a parcel are checked in
a thread; a few are checked where they are, for going to a thread and back costs more.

One parcel at a time is in work; whoever brings another waits for its turn. So however much comes
in, agreement's work on the node's thread waits for one short slice of this, never for a row. Only
a few pass at once, in one slice of their own.

`PoolDoor` lets transactions in and judges gossip; `Submitter` hands in what comes from this node's
own side (HTTP, the neuron, the faucet) and tells the network of what was let in.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass

import trio
from nacl.signing import SigningKey

from consensus import crypto, parcels
from consensus.errors import DecodeError, InvalidTransaction, MalformedTransaction
from consensus.ledger.fees import Measured, measure, read_measured
from consensus.ledger.records import get_network
from consensus.quantities import Amount, Hash32, Height, Nonce, PublicKey
from consensus.types import Call, Transaction
from consensus.verdict import Accept, Reject, Verdict, judge_refusal
from daemon.engine.chain import Chain
from daemon.engine.errors import NodeError, Why, bad_request
from p2p.network import Network, Topic

PARCEL = 64
"""Transactions admitted in one turn: some 2 ms of the node's thread."""
FEW = 4
"""Transactions judged where they are, in 0.3 ms: a thread would cost a busy node 0.4 ms more."""
CROWD_BLOCKS = 2
"""Full blocks' worth of bytes in the pool, above which a list waits: each leader finds its fill."""
WAIT_S = 5.0
"""How long a list waits at most for each of its parcels; then the pool's own bounds decide."""
VALID_BLOCKS = 64
"""How long a transaction that the node signs itself may wait for a block."""

Item = bytes | Measured
"""A transaction on its way in: its encoding, or what was measured where it was made."""
Refusal = InvalidTransaction | DecodeError
FORGED = "the signature is not the signer's"


@dataclass(frozen=True, slots=True)
class _Found:
    """What could be read of a transaction, and why it can't come in even if rightly signed."""

    measured: Measured | None
    refusal: Refusal | None


class PoolDoor:
    """The door of a chain's mempool. One per node."""

    def __init__(self, chain: Chain) -> None:
        """Let transactions into whatever pool `chain` has."""
        self._chain = chain
        self._turn = trio.Lock()
        self._threads = trio.CapacityLimiter(1)

    async def admit_each(self, items: Sequence[Item]) -> list[Measured | Refusal]:
        """Let in every transaction of `items` (at most `PARCEL`) that may come in, in their order.

        Returns:
            What each is, or why it was refused.
        """
        async with self._take_turn(items):
            found = self._read(items)
            good = [each.measured for each in found if each.measured and each.refusal is None]
            forged = await self._find_forged(good)
            return [self._admit(each, forged) for each in found]

    async def judge(self, items: Sequence[bytes]) -> Verdict:
        """Judge a gossiped message of one transaction or several; let in those that may come in.

        It is passed on as it came if any came in, so then every signature in it must be good: the
        next node may need one that we did not. If none may come in, none is checked.
        """
        async with self._take_turn(items):
            found = self._read(items)
            refused = [each.refusal for each in found if each.refusal is not None]
            for refusal in refused:
                if isinstance(refusal, DecodeError | MalformedTransaction):
                    return judge_refusal(refusal)
            if len(refused) == len(found):
                return judge_refusal(refused[0])
            if await self._find_forged([each.measured for each in found if each.measured]):
                return Reject(FORGED)
            results = [self._admit(each, frozenset()) for each in found]
        refused = [each for each in results if not isinstance(each, Measured)]
        return Accept() if len(refused) < len(results) else judge_refusal(refused[0])

    def _take_turn(self, items: Sequence[Item]) -> AbstractAsyncContextManager[None]:
        return nullcontext() if len(items) <= FEW else self._turn

    def _read(self, items: Sequence[Item]) -> list[_Found]:
        state, mempool = self._chain.head.state, self._chain.mempool
        params = get_network(state).params
        found: list[_Found] = []
        for item in items:
            measured = None
            try:
                measured = item if isinstance(item, Measured) else read_measured(params, item)
                mempool.check(state, measured)
            except (DecodeError, InvalidTransaction) as error:
                found.append(_Found(measured, error))
            else:
                found.append(_Found(measured, None))
        return found

    async def _find_forged(self, several: Sequence[Measured]) -> frozenset[bytes]:
        """Return the encodings of those that their signers did not sign."""
        known = self._chain.mempool.is_verified
        unknown = [
            each for each in several if not known(each.transaction_id, each.signed.signature)
        ]
        if len(unknown) <= FEW:
            return _find_forged(unknown)
        return await trio.to_thread.run_sync(_find_forged, unknown, limiter=self._threads)

    def _admit(self, found: _Found, forged: frozenset[bytes]) -> Measured | Refusal:
        """Let one in, checked anew: the head and the pool may have changed meanwhile."""
        measured = found.measured
        if measured is None or found.refusal is not None:
            assert found.refusal is not None, "what can't be read says why"
            return found.refusal
        if measured.encoding in forged:
            return MalformedTransaction(FORGED)
        try:
            self._chain.mempool.admit(self._chain.head.state, measured)
        except InvalidTransaction as error:
            return error
        return measured


class Submitter:
    """Hands in transactions of this node's own side, and publishes what is let in."""

    def __init__(self, door: PoolDoor, chain: Chain, network: Network) -> None:
        """Hand in at `door`, the one of `chain`, and tell `network`."""
        self._door = door
        self._chain = chain
        self._network = network
        self._signing = trio.Lock()

    async def submit(self, item: Item, topic: Topic = Topic.TX) -> Measured:
        """Let a transaction into the mempool and gossip it.

        Raises:
            NodeError: it can't be read, or must not or can't now be included.
        """
        (found,) = await self._door.admit_each([item])
        if not isinstance(found, Measured):
            raise _explain(found) from found
        self.publish(topic, [found])
        await trio.lowlevel.checkpoint()
        return found

    async def submit_many(self, items: Sequence[bytes]) -> tuple[Hash32 | NodeError, ...]:
        """Do the same for many, in their order; return the id of each or why it was refused.

        More than the next blocks can hold is let wait at the door. Were it let in, every node
        would spend its time on transactions that can't be included yet, and blocks would come
        later and smaller: an overload must cost its senders time, and nobody a block.
        """
        results: list[Hash32 | NodeError] = []
        for start in range(0, len(items), PARCEL):
            await self._wait_for_room()
            admitted = await self._door.admit_each(items[start : start + PARCEL])
            self.publish(Topic.TX, [each for each in admitted if isinstance(each, Measured)])
            results += map(_show, admitted)
            await trio.lowlevel.checkpoint()
        return tuple(results)

    async def submit_call(self, key: SigningKey, call: Call, topic: Topic = Topic.TX) -> Measured:
        """Sign `call` with the next nonce of `key`, let it in and gossip it.

        Raises:
            NodeError: it must not or can't now be included.
        """
        async with self._signing:  # until one is in the pool, another would get the same nonce
            state, signer = self._chain.head.state, PublicKey(bytes(key.verify_key))
            network = get_network(state)
            transaction = Transaction(
                chain_id=network.chain_id,
                signer=signer,
                nonce=Nonce(self._chain.mempool.next_nonce(state, signer)),
                valid_until=Height(self._chain.head.header.height + VALID_BLOCKS),
                tip=Amount(0),
                call=call,
            )
            signed = crypto.sign_transaction(key, transaction)
            return await self.submit(measure(network.params, signed), topic)

    def publish(self, topic: Topic, several: Sequence[Measured]) -> None:
        """Gossip what is in the pool, in as few messages as it fits.

        A message costs a network far more than what is in it.
        """
        for payload in parcels.pack_transactions([each.encoding for each in several]):
            self._network.publish(topic, payload)

    async def _wait_for_room(self) -> None:
        room_bytes = CROWD_BLOCKS * get_network(self._chain.head.state).params.block_bytes_max
        with trio.move_on_after(WAIT_S):
            while self._chain.mempool.size_bytes > room_bytes:
                await self._chain.wait_height(self._chain.head.header.height + 1)


def _find_forged(several: Sequence[Measured]) -> frozenset[bytes]:
    return frozenset(
        each.encoding
        for each in several
        if not crypto.is_signed(
            each.signed.transaction.signer, each.transaction_id, each.signed.signature
        )
    )


def _show(result: Measured | Refusal) -> Hash32 | NodeError:
    return result.transaction_id if isinstance(result, Measured) else _explain(result)


def _explain(refusal: Refusal) -> NodeError:
    if isinstance(refusal, DecodeError):
        return bad_request(str(refusal), "Send the canonical CBOR of a SignedTransaction.")
    if refusal.is_final:
        return NodeError(
            Why.IMPOSSIBLE, "invalid_transaction", str(refusal), "Correct it and sign it anew."
        )
    remedy = "Send it again, as it is, when the reason has passed."
    return NodeError(Why.IMPOSSIBLE, "not_now", str(refusal), remedy)
