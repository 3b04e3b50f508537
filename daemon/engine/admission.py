"""The door's way into the mempool: one transaction, or many with their signatures checked at once.

What many bring is gossiped in bundles: a message costs a network far more than what is in it.
Admission yields between parcels, so that a large batch does not delay votes.

More than the next blocks can hold is let wait at the door. Were it let in, every node would spend
its time on transactions that can't be included yet, and blocks would come later and smaller: an
overload must cost its senders time, and nobody a block.
"""

from collections.abc import Sequence

import trio

from consensus import parcels
from consensus.errors import DecodeError, InvalidTransaction
from consensus.ledger.fees import Measured, read_measured
from consensus.ledger.records import get_network
from consensus.quantities import Hash32
from daemon.engine.chain import Chain
from daemon.engine.errors import NodeError, Why, bad_request
from daemon.engine.gate import PARCEL, Gate, Refusal
from p2p.network import Network, Topic

CROWD_BLOCKS = 2
"""Full blocks' worth of bytes in the pool, above which a list waits: each leader finds its fill."""
WAIT_S = 5.0
"""How long a list waits at most for each of its parcels; then the pool's own bounds decide."""


class Admission:
    """What comes in over HTTP, judged as gossip is."""

    def __init__(self, chain: Chain, network: Network) -> None:
        """Admit to the mempool of `chain` and tell `network`."""
        self._chain = chain
        self._network = network
        self._gate = Gate(chain)

    async def submit(self, data: bytes) -> Hash32:
        """Let a transaction into the mempool and gossip it; return its id.

        Raises:
            NodeError: it can't be read, or must not or can't now be included.
        """
        state = self._chain.head.state
        try:
            read = read_measured(get_network(state).params, data)
            measured = self._chain.mempool.admit(state, read.signed)
        except (DecodeError, InvalidTransaction) as error:
            raise _refuse(error) from error
        self._network.publish(Topic.TX, data)
        await trio.lowlevel.checkpoint()
        return measured.transaction_id

    async def submit_many(self, items: Sequence[bytes]) -> tuple[Hash32 | NodeError, ...]:
        """Do the same for many, in their order; return the id of each or why it was refused."""
        results: list[Hash32 | NodeError] = []
        for start in range(0, len(items), PARCEL):
            await self._wait_for_room()
            admitted = await self._gate.admit_each(items[start : start + PARCEL])
            news = [each.encoding for each in admitted if isinstance(each, Measured)]
            for payload in parcels.pack_transactions(news):
                self._network.publish(Topic.TX, payload)
            results += map(_show, admitted)
        await trio.lowlevel.checkpoint()
        return tuple(results)

    async def _wait_for_room(self) -> None:
        room_bytes = CROWD_BLOCKS * get_network(self._chain.head.state).params.block_bytes_max
        with trio.move_on_after(WAIT_S):
            while self._chain.mempool.size_bytes > room_bytes:
                await self._chain.wait_height(self._chain.head.header.height + 1)


def _show(result: Measured | Refusal) -> Hash32 | NodeError:
    return result.transaction_id if isinstance(result, Measured) else _refuse(result)


def _refuse(error: Refusal) -> NodeError:
    if isinstance(error, DecodeError):
        return bad_request(str(error), "Send the canonical CBOR of a SignedTransaction.")
    if error.is_final:
        return NodeError(
            Why.IMPOSSIBLE, "invalid_transaction", str(error), "Correct it and sign it anew."
        )
    remedy = "Send it again, as it is, when the reason has passed."
    return NodeError(Why.IMPOSSIBLE, "not_now", str(error), remedy)
