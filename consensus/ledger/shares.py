"""Share pools: the stake behind one hotkey in one coin, however many people hold a part of it.

A pool has an amount and a number of shares; a holder's stake is its shares' part of the amount,
rounded down. A reward raises the amount and so everybody's stake in one write; a slash lowers it.
Whoever comes in buys shares at the present price, rounded down; whoever leaves gives up shares,
rounded up: what rounding leaves stays with the pool, so no sequence of the two gains anything.

Source: `ledger.md` section 7; subtensor `share-pool`.
"""

from consensus.fixed import mul
from consensus.ledger.records import (
    ROOT,
    Pool,
    get_hotkey,
    get_pool,
    get_shares,
    put_pool,
    put_shares,
)
from consensus.ledger.state import Draft, Reading
from consensus.params import Params
from consensus.quantities import U64, U64_MAX, Amount, NetUid, PublicKey
from consensus.refusals import NotEnoughStake, PoolDepleted
from consensus.reward.emission import split_take

Holder = tuple[NetUid, PublicKey, PublicKey]
"""Whose stake: netuid, hotkey, coldkey."""


def get_stake(view: Reading, netuid: NetUid, hotkey: PublicKey, coldkey: PublicKey) -> Amount:
    """Return what the shares of `coldkey` are worth, in rao, rounded down."""
    pool = get_pool(view, netuid, hotkey)
    return compute_value(pool, get_shares(view, netuid, hotkey, coldkey))


def get_stake_weight(view: Reading, params: Params, netuid: NetUid, hotkey: PublicKey) -> int:
    """Return what a hotkey's stake counts in a subnet: its alpha and `tao_weight` of its TAO."""
    root = get_pool(view, ROOT, hotkey).amount
    return get_pool(view, netuid, hotkey).amount + mul(params.tao_weight, root)


def compute_value(pool: Pool, shares: int) -> Amount:
    """Return what `shares` of `pool` are worth, in rao, rounded down."""
    return Amount(shares * pool.amount // pool.shares if pool.shares else 0)


def deposit(
    draft: Draft, netuid: NetUid, hotkey: PublicKey, coldkey: PublicKey, amount: int
) -> None:
    """Stake `amount` rao, which the caller took from elsewhere or minted, for `coldkey`.

    Raises:
        PoolDepleted: a share is worth so little, or so much, that the amount can't be counted.
    """
    pool = get_pool(draft, netuid, hotkey)
    bought = amount * pool.shares // pool.amount if pool.amount else amount
    if bought == 0 or pool.shares + bought > U64_MAX or (pool.shares and not pool.amount):
        raise PoolDepleted(f"{amount} rao are {bought} of {pool.shares} shares")
    put_pool(draft, netuid, hotkey, Pool(Amount(pool.amount + amount), U64(pool.shares + bought)))
    held = get_shares(draft, netuid, hotkey, coldkey)
    put_shares(draft, netuid, hotkey, coldkey, held + bought)


def withdraw_stake(draft: Draft, holder: Holder, amount: int, least: int) -> Amount:
    """Take `amount` rao out of a stake and return how much it was; the caller puts them elsewhere.

    A remainder below `least` rao, or of less than a share, leaves with it.

    Raises:
        NotEnoughStake: the shares are worth less.
    """
    netuid, hotkey, coldkey = holder
    pool = get_pool(draft, netuid, hotkey)
    held = get_shares(draft, netuid, hotkey, coldkey)
    worth = compute_value(pool, held)
    if amount > worth or worth == 0:
        raise NotEnoughStake(f"{amount} rao wanted, {worth} staked")
    sold = -(-amount * pool.shares // pool.amount)
    if worth - amount < least or sold >= held:
        amount, sold = worth, held
    put_pool(draft, netuid, hotkey, Pool(Amount(pool.amount - amount), U64(pool.shares - sold)))
    put_shares(draft, netuid, hotkey, coldkey, held - sold)
    return Amount(amount)


def reward(draft: Draft, netuid: NetUid, hotkey: PublicKey, amount: int) -> None:
    """Give `amount` rao, minted or taken from a pot, to a hotkey's owner and its delegators.

    The rest after the owner's take raises the pool first, so that the take has no part in it; then
    the take is staked for the owner. Without shares all is the owner's; a take that is too small
    for one share raises the pool too.
    """
    record = get_hotkey(draft, hotkey)
    assert record is not None, f"{hotkey.hex()} earned something and is nobody's"
    pool = get_pool(draft, netuid, hotkey)
    if amount == 0:
        return
    if pool.shares == 0:
        credit_stake(draft, netuid, hotkey, record.owner, amount)
        return
    take, rest = split_take(amount, record.take)
    put_pool(draft, netuid, hotkey, Pool(Amount(pool.amount + rest), pool.shares))
    credit_stake(draft, netuid, hotkey, record.owner, take)


def credit_stake(
    draft: Draft, netuid: NetUid, hotkey: PublicKey, coldkey: PublicKey, amount: int
) -> None:
    """Stake `amount` rao for `coldkey`, as `deposit`; what can't be counted raises the pool."""
    if amount == 0:
        return
    try:
        deposit(draft, netuid, hotkey, coldkey, amount)
    except PoolDepleted:
        pool = get_pool(draft, netuid, hotkey)
        put_pool(draft, netuid, hotkey, Pool(Amount(pool.amount + amount), pool.shares))


def slash(draft: Draft, netuid: NetUid, hotkey: PublicKey, amount: int) -> None:
    """Take `amount` rao, at most all, out of a pool; the caller destroys them."""
    pool = get_pool(draft, netuid, hotkey)
    put_pool(draft, netuid, hotkey, Pool(Amount(pool.amount - amount), pool.shares))
