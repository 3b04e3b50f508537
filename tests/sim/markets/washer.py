"""Demand washer: the subnet's owner pays its own miner, so that demand draws emission.

A tenth of every payment is burned. What it gains is a larger share of the TAO that goes to subnets,
and with it a higher price of the alpha it holds.
"""

from collections.abc import Sequence

from consensus.calls.payments import OpenChannel, RedeemVoucher, Voucher
from consensus.crypto import compute_channel_id, sign, voucher_message
from consensus.ledger import queries
from consensus.ledger.records import get_network
from consensus.quantities import ZERO_HASH, Amount, Hash32, Height, Nonce
from consensus.types import Call
from tests.builders import key_of, signer_of
from tests.sim.markets.arena import Arena, Party
from tests.sim.markets.founding import MARKET, OUTSIDER, OWNER, TAO, TEMPO
from tests.sim.markets.honest import Honest

MINER = 0
DEPOSIT = 15_000 * TAO


class Washer(Honest):
    """The outsider is the owner's purse, miner 0 the owner's miner: one party of three."""

    def __init__(self, per_epoch: int) -> None:
        self.per_epoch = per_epoch
        self.name = f"demand washer, {per_epoch} TAO an epoch"
        self._channel: Hash32 | None = None
        self._paid = 0

    def choose(self, arena: Arena) -> Party:
        del arena
        self._channel, self._paid = None, 0
        return Party((OWNER,), (MINER,), (OUTSIDER,))

    def act(self, arena: Arena) -> Sequence[tuple[str, Call]]:
        if self._channel is None:
            payer = key_of(OUTSIDER)
            nonce = queries.nonce(arena.state, payer)
            chain_id = get_network(arena.state).chain_id
            self._channel = compute_channel_id(chain_id, payer, Nonce(nonce + 1))
            expiry = Height(arena.state.height + 5_000)
            call = OpenChannel(key_of(f"miner{MINER}"), MARKET, Amount(DEPOSIT), expiry)
            return [(OUTSIDER, call)]
        if arena.state.height % TEMPO or self._paid + self.per_epoch * TAO > DEPOSIT:
            return ()
        self._paid += self.per_epoch * TAO
        amount = Amount(self._paid)
        message = voucher_message(self._channel, amount, ZERO_HASH)
        signature = sign(signer_of(OUTSIDER), message)
        voucher = Voucher(self._channel, amount, ZERO_HASH, signature)
        return [(f"miner{MINER}", RedeemVoucher(voucher))]
