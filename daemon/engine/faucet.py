"""A faucet: gives a little TAO to whoever asks, on networks whose TAO is worth nothing.

It signs transfers with a key of the node's keystore. Each address gets something once per interval,
and all of them together no more than `DRIPS_MAX` per interval, so a faucet runs dry slowly whatever
a stranger does. Nothing is kept over a restart but the balance itself.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nacl.signing import SigningKey

from consensus.calls.accounts import Transfer
from consensus.ledger.fees import Measured
from consensus.ledger.records import get_account
from consensus.quantities import RAO_PER_TAO, Amount, Hash32, PublicKey
from consensus.types import Call
from daemon.engine.chain import Chain
from daemon.engine.errors import NodeError, Why

DRIPS_MAX = 1_024
"""Addresses served in one interval; also what is remembered."""
SubmitCall = Callable[[SigningKey, Call], Awaitable[Measured]]
"""Signs a call and hands it in: `daemon.engine.pool.Submitter.submit_call`."""


@dataclass(frozen=True, slots=True)
class Spring:
    """What a faucet gives from: a key, how much at a time, and how often to one address."""

    key: SigningKey
    amount: Amount
    interval_s: float


class Faucet:
    """Gives `spring.amount` rao to an address. One per node; used by one task at a time."""

    def __init__(self, spring: Spring, chain: Chain, submit: SubmitCall) -> None:
        self._spring = spring
        self._chain = chain
        self._submit = submit
        self._served: OrderedDict[PublicKey, float] = OrderedDict()

    async def drip(self, to: PublicKey, now_s: float) -> Hash32:
        """Send one drip to `to` and return the transaction's id; `now_s` never goes back.

        Raises:
            NodeError: too soon, too many, empty, or the transaction was refused.
        """
        self._forget(now_s)
        if to in self._served:
            wait_s = self._spring.interval_s - (now_s - self._served[to])
            raise NodeError(
                Why.TOO_OFTEN,
                "faucet_wait",
                "This address was served.",
                f"Ask again in {wait_s:.0f} s.",
            )
        if len(self._served) >= DRIPS_MAX:
            raise NodeError(
                Why.TOO_OFTEN, "faucet_wait", "Too many ask for TAO.", "Ask again later."
            )
        source = PublicKey(bytes(self._spring.key.verify_key))
        state = self._chain.head.state
        if get_account(state, source).free < self._spring.amount + RAO_PER_TAO:
            raise NodeError(Why.BUSY, "faucet_empty", "The faucet is empty.", "Tell its operator.")
        self._served[to] = now_s
        try:
            sent = await self._submit(self._spring.key, Transfer(to, self._spring.amount))
        except NodeError:
            self._served.pop(to, None)
            raise
        return sent.transaction_id

    def _forget(self, now_s: float) -> None:
        while self._served:
            oldest, served_s = next(iter(self._served.items()))
            if now_s - served_s < self._spring.interval_s:
                return
            del self._served[oldest]
