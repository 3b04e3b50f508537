"""Does the money add up? A cheap check for every block, and a full audit of the state.

Every coin, TAO and each subnet's alpha, is somewhere: `issued = free + staked + unbonding +
pending + pooled + locked + ordered`. The totals are kept where amounts are written and `issued`
where money is made or destroyed (`consensus/ledger/records.py`), so a rule that loses or invents a
rao is caught in its own block.
"""

from dataclasses import dataclass

from consensus.ledger.channels import count_locked
from consensus.ledger.keys import Family
from consensus.ledger.records import ROOT, decode_pool, read_shares
from consensus.ledger.state import Draft, Reading, Total, get_totals
from consensus.ledger.subnet.founding import count_waiting
from consensus.ledger.subnet.records import get_market, get_netuids
from consensus.ledger.trade.orders import count_ordered
from consensus.params import SUPPLY_CAP
from consensus.quantities import Amount, NetUid

_PLACES = tuple(total for total in Total if total not in (Total.ISSUED, Total.BURNED))
"""Where a coin can be."""


@dataclass(frozen=True, slots=True)
class Supply:
    """Where one coin is, in rao; `burned` is what was destroyed since genesis."""

    issued: Amount
    free: Amount
    staked: Amount
    unbonding: Amount
    pending: Amount
    burned: Amount
    pooled: Amount
    locked: Amount
    ordered: Amount

    @property
    def accounted(self) -> int:
        """Return the sum of all places; equals `issued`."""
        held = self.free + self.staked + self.unbonding + self.pending
        return held + self.pooled + self.locked + self.ordered


def get_supply(view: Reading, netuid: NetUid = ROOT) -> Supply:
    """Return where a coin is, by the running totals after the last block."""
    return Supply(*map(Amount, get_totals(view, netuid)))


def assert_totals(draft: Draft) -> None:
    """Assert, before a block is done, that every coin it touched adds up and is within the cap."""
    for netuid in draft.coins():
        amounts = draft.get_amounts(netuid)
        issued = amounts[Total.ISSUED]
        held = sum([amounts[place] for place in _PLACES])
        assert issued == held, f"coin {netuid}: {issued} rao issued, {held} accounted for"
        assert issued <= SUPPLY_CAP, f"coin {netuid}: {issued} rao issued, above the cap"


def check_invariants(view: Reading) -> None:
    """Count every amount in the state anew and assert that the running totals are right.

    For tests, simulations and audits: it reads the whole state.
    """
    for netuid in [ROOT, *get_netuids(view)]:
        counted = audit(view, netuid)
        supply = get_supply(view, netuid)
        assert counted == supply, f"coin {netuid}: counted {counted}, kept {supply}"
        assert supply.accounted == supply.issued, f"coin {netuid}: {supply}"
    _check_shares(view)
    _check_unbonding(view)


def audit(view: Reading, netuid: NetUid) -> Supply:
    """Return where a coin is by counting every entry; `issued` and `burned` are as kept."""
    kept = get_supply(view, netuid)
    tag = netuid.to_bytes(2, "big")
    staked = sum(_first(data) for _, data in view.scan(bytes((Family.POOL,)) + tag))
    free = unbonding = pending = locked = 0
    if netuid == ROOT:
        free = sum(_first(data) for _, data in view.scan(bytes((Family.ACCOUNT,))))
        unbonding = sum(_first(data) for _, data in view.scan(bytes((Family.UNBONDING_POOL,))))
        pooled = sum(get_market(view, each).tao for each in get_netuids(view))
        locked = count_locked(view) + count_waiting(view)
    else:
        market = get_market(view, netuid)
        pending = market.owner_pot + market.miner_pot + market.validator_pot
        pooled = market.alpha
    ordered = count_ordered(view, netuid)
    amounts = (kept.issued, free, staked, unbonding, pending, kept.burned, pooled, locked, ordered)
    return Supply(*map(Amount, amounts))


def _check_shares(view: Reading) -> None:
    """Assert that each pool's shares are exactly its holders'."""
    pools = {key[1:]: decode_pool(data) for key, data in view.scan(bytes((Family.POOL,)))}
    held: dict[bytes, int] = {}
    for key, data in view.scan(bytes((Family.SHARES,))):
        pool = pools.get(key[1:35])
        assert pool is not None, "shares without a pool"
        held[key[1:35]] = held.get(key[1:35], 0) + read_shares(data, pool)
    counts = {key: pool.shares for key, pool in pools.items() if pool.shares}
    assert held == counts, "shares that are nobody's, or too many"
    assert all(pool.shares for pool in pools.values() if pool.amount), "stake without shares"


def _check_unbonding(view: Reading) -> None:
    """Assert the same of what is on its way out."""
    leaving: dict[bytes, int] = {}
    for key, data in view.scan(bytes((Family.UNBONDING,))):
        leaving[key[1:33]] = leaving.get(key[1:33], 0) + int.from_bytes(data, "big")
    ways_out = view.scan(bytes((Family.UNBONDING_POOL,)))
    assert leaving == {key[1:]: decode_pool(data).shares for key, data in ways_out}, "unbonding"


def _first(data: bytes) -> int:
    """Return the first u64 of a fixed-width record."""
    return int.from_bytes(data[:8], "big")
