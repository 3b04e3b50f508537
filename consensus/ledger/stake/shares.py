"""Share pools: the stake behind one hotkey in one coin, however many people hold a part of it.

A pool has an amount and a number of shares; a holder's stake is its shares' part of the amount,
rounded down. A reward raises the amount and so everybody's stake in one write; a slash lowers it.
Whoever comes in buys shares at the present price, rounded down; whoever leaves gives up shares,
rounded up: what rounding leaves stays with the pool, so no sequence of the two gains anything.

What rounding leaves is next to nothing only while a share is worth next to nothing. Otherwise the
only holder of a pool could let rewards make a few shares very expensive, and whoever came next
would lose up to one of them to rounding. So a rao buys `2^SHARE_BITS` shares at first, and as soon
as rewards have made them dearer than that, all shares of the pool are doubled
(`records.Pool.scale`): apart from what the last few roundings left, a share is never worth more
than 2^-32 rao. There is no way to raise a pool but its hotkey's own earnings: nobody can donate to
it.

Stake is counted where it is, and only there: an epoch step reads every pool of its subnet after all
transactions of its block, in which a stake that moves has left one pool before it is in another;
what is sold stands in an order, which no step reads, and settles after the steps; a swap between
subnets buys in the block after the one that sold. So nothing counts twice in a step, nor in the
steps of two subnets in one block. From one block to the next stake may go where it earns more; each
time it pays the fee and the price of both pools.

Source: `docs/spec/ledger.md` 7; subtensor `share-pool`.

Deviations: subtensor's shares are fractions of 64 bits, which run out as described.
"""

from dataclasses import replace

from consensus.ledger.records import (
    Pool,
    get_hotkey,
    get_pool,
    get_shares,
    put_pool,
    put_shares,
)
from consensus.ledger.state import Draft, Reading
from consensus.quantities import Amount, NetUid, PublicKey
from consensus.refusals import NotEnoughStake, PoolDepleted
from consensus.reward.emission import split_take

SHARE_BITS = 32
"""A share is worth at most 2^-32 rao: ten million operations lose nobody a hundredth of a rao."""
SHARES_MAX = (1 << 128) - 1
"""The most shares of one pool that can be counted: only a slash to almost nothing leads there."""

Holder = tuple[NetUid, PublicKey, PublicKey]
"""Whose stake: netuid, hotkey, coldkey."""


def get_stake(view: Reading, netuid: NetUid, hotkey: PublicKey, coldkey: PublicKey) -> Amount:
    """Return what the shares of `coldkey` are worth, in rao, rounded down."""
    pool = get_pool(view, netuid, hotkey)
    return compute_value(pool, get_shares(view, netuid, hotkey, coldkey))


def compute_value(pool: Pool, shares: int) -> Amount:
    """Return what `shares` of `pool` are worth, in rao, rounded down."""
    return Amount(shares * pool.amount // pool.shares if pool.shares else 0)


def deposit(
    draft: Draft, netuid: NetUid, hotkey: PublicKey, coldkey: PublicKey, amount: int
) -> None:
    """Stake `amount` rao, which the caller took from elsewhere or minted, for `coldkey`.

    Raises:
        PoolDepleted: the pool was slashed to nothing, or so far that the amount can't be counted.
    """
    pool = get_pool(draft, netuid, hotkey)
    bought = buy_shares(pool, amount)
    held = get_shares(draft, netuid, hotkey, coldkey)
    put_shares(draft, netuid, hotkey, coldkey, held + bought)
    after = Pool(Amount(pool.amount + amount), pool.shares + bought, pool.scale)
    put_pool(draft, netuid, hotkey, after)


def buy_shares(pool: Pool, amount: int) -> int:
    """Return how many shares of `pool` `amount` rao buy, rounded down.

    Raises:
        PoolDepleted: none, or more than can be counted.
    """
    bought = amount * pool.shares // pool.amount if pool.amount else amount << SHARE_BITS
    if bought == 0 or pool.shares + bought > SHARES_MAX or (pool.shares and not pool.amount):
        raise PoolDepleted(f"{amount} rao are {bought} of {pool.shares} shares")
    return bought


def withdraw_stake(draft: Draft, holder: Holder, amount: int, least: int) -> Amount:
    """Take `amount` rao out of a stake and return how much it was; the caller puts them elsewhere.

    A remainder below `least` rao, or of less than a share, leaves with it.

    Raises:
        NotEnoughStake: the shares are worth less.
    """
    netuid, hotkey, coldkey = holder
    pool = get_pool(draft, netuid, hotkey)
    taken, sold = price_stake(draft, holder, amount, least)
    held = get_shares(draft, netuid, hotkey, coldkey)
    put_shares(draft, netuid, hotkey, coldkey, held - sold)
    after = Pool(Amount(pool.amount - taken), pool.shares - sold, pool.scale)
    put_pool(draft, netuid, hotkey, refine(after))  # what rounding leaves may be much for few
    return taken


def move_shares(draft: Draft, holder: Holder, to: PublicKey, shares: int) -> None:
    """Let `shares` of a holder be those of the coldkey `to`, another one; the pool stays as is."""
    netuid, hotkey, coldkey = holder
    held = get_shares(draft, netuid, hotkey, coldkey)
    put_shares(draft, netuid, hotkey, coldkey, held - shares)
    put_shares(draft, netuid, hotkey, to, get_shares(draft, netuid, hotkey, to) + shares)


def price_stake(view: Reading, holder: Holder, amount: int, least: int) -> tuple[Amount, int]:
    """Return how many rao leave a stake if `amount` are wanted, and for how many shares.

    All of it, if what remained would be worth less than `least` rao, or be less than a share.

    Raises:
        NotEnoughStake: the shares are worth less.
    """
    netuid, hotkey, coldkey = holder
    pool = get_pool(view, netuid, hotkey)
    held = get_shares(view, netuid, hotkey, coldkey)
    worth = compute_value(pool, held)
    if amount > worth or worth == 0:
        raise NotEnoughStake(f"{amount} rao wanted, {worth} staked")
    sold = -(-amount * pool.shares // pool.amount)
    if worth - amount < least or sold >= held:
        return worth, held
    return Amount(amount), sold


def reward(draft: Draft, netuid: NetUid, hotkey: PublicKey, amount: int) -> None:
    """Give `amount` rao, minted or taken from a pot, to a hotkey's owner and its delegators.

    The rest after the owner's take raises the pool first, so that the take has no part in it; then
    the take is staked for the owner. Without shares all is the owner's; a take that is too small
    for one share raises the pool too.
    """
    record = get_hotkey(draft, hotkey)
    assert record is not None, f"{hotkey.hex()} earned something and is nobody's"
    take, rest = split_take(amount, record.take)
    raise_pool(draft, netuid, hotkey, rest)
    credit_stake(draft, netuid, hotkey, record.owner, take)


def raise_pool(draft: Draft, netuid: NetUid, hotkey: PublicKey, amount: int) -> None:
    """Give `amount` rao to all who have a share; without shares all is the owner's. One write."""
    pool = get_pool(draft, netuid, hotkey)
    if amount == 0:
        return
    if pool.shares == 0:
        record = get_hotkey(draft, hotkey)
        assert record is not None, f"{hotkey.hex()} earned something and is nobody's"
        deposit(draft, netuid, hotkey, record.owner, amount)
        return
    raised = replace(pool, amount=Amount(pool.amount + amount))
    put_pool(draft, netuid, hotkey, refine(raised))


def refine(pool: Pool) -> Pool:
    """Return `pool` with its shares doubled until one is worth at most 2^-SHARE_BITS rao."""
    doublings = 0
    while pool.shares and pool.amount << SHARE_BITS > pool.shares << doublings:
        doublings += 1
    return Pool(pool.amount, pool.shares << doublings, pool.scale + doublings)


def credit_stake(
    draft: Draft, netuid: NetUid, hotkey: PublicKey, coldkey: PublicKey, amount: int
) -> None:
    """Stake `amount` rao for `coldkey`, as `deposit`; what can't be counted raises the pool."""
    if amount == 0:
        return
    try:
        deposit(draft, netuid, hotkey, coldkey, amount)
    except PoolDepleted:
        raise_pool(draft, netuid, hotkey, amount)


def slash(draft: Draft, netuid: NetUid, hotkey: PublicKey, amount: int) -> None:
    """Take `amount` rao, at most all, out of a pool; the caller destroys them."""
    pool = get_pool(draft, netuid, hotkey)
    put_pool(draft, netuid, hotkey, replace(pool, amount=Amount(pool.amount - amount)))
