"""Swaps between TAO and a subnet's stake: what people may order for the end of the block.

A call takes what it offers at once, a purchase from the signer's account, a sale from its stake,
and leaves an order (`orders.py`) that settles at the end of the block. A swap between subnets sells
in this block and buys with the proceeds in the next.

A sale takes its shares at what they were worth before the block, or are worth now if that is less.
The present worth moves by rounding with every sale of the block, which would make the result depend
on the sequence of sales. What rounding leaves of a pool without shares is destroyed.

Source: `docs/spec/ledger.md` 7 and 8.
"""

from consensus.calls.staking import StakeAlpha, SwapStake, UnstakeAlpha
from consensus.ledger.accounts import withdraw
from consensus.ledger.records import (
    EMPTY_POOL,
    Pool,
    destroy,
    get_hotkey,
    get_network,
    get_pool,
    get_shares,
    get_vault,
    put_pool,
    put_shares,
)
from consensus.ledger.stake.shares import Holder, compute_value
from consensus.ledger.state import Draft, Reading
from consensus.ledger.subnet.records import get_subnet
from consensus.ledger.trade.orders import ToAccount, ToSubnet, buy_stake, sell_stake
from consensus.quantities import Amount, PublicKey
from consensus.refusals import (
    AmountTooSmall,
    LimitOutOfReach,
    NotEnoughStake,
    SameSubnet,
    UnknownHotkey,
)

ROUNDING_MAX = 8_192
"""Rao by which one block's calls, each rounding less than one, can raise what a pool's shares are
worth. Of a pool that was emptied and opened anew the shares may be worth more."""


def process_stake_alpha(draft: Draft, signer: PublicKey, call: StakeAlpha) -> None:
    """Order alpha for free TAO of the signer, to be staked on a hotkey.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, UnknownHotkey, LimitOutOfReach, AmountTooSmall,
            NotEnoughFunds.
    """
    get_subnet(draft, call.netuid)
    _check_hotkey(draft, call.hotkey)
    _check_purchase_limit(call.limit)
    least = get_network(draft).params.stake_min
    if call.amount < least:
        raise AmountTooSmall(f"{call.amount} rao, at least {least}")
    withdraw(draft, signer, call.amount)
    buy_stake(draft, call.netuid, call.amount, call.limit, signer, call.hotkey)


def process_unstake_alpha(draft: Draft, signer: PublicKey, call: UnstakeAlpha) -> None:
    """Order the sale of stake of the signer, for TAO in its account.

    What would remain below `stake_min` is sold with it.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, UnknownHotkey, AmountTooSmall, NotEnoughStake.
    """
    get_subnet(draft, call.netuid)
    _check_hotkey(draft, call.hotkey)
    amount = _withdraw_for_sale(draft, (call.netuid, call.hotkey, signer), call.amount)
    destination = ToAccount(signer, get_vault(draft, call.hotkey))
    sell_stake(draft, call.netuid, amount, call.limit, destination)


def process_swap_stake(draft: Draft, signer: PublicKey, call: SwapStake) -> None:
    """Order the sale of stake of the signer, and with the proceeds stake in another subnet.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, UnknownHotkey, SameSubnet, LimitOutOfReach,
            AmountTooSmall, NotEnoughStake.
    """
    if call.netuid == call.to_netuid:
        raise SameSubnet(f"from subnet {call.netuid} to itself")
    for netuid, hotkey in ((call.netuid, call.hotkey), (call.to_netuid, call.to_hotkey)):
        get_subnet(draft, netuid)
        _check_hotkey(draft, hotkey)
    _check_purchase_limit(call.to_limit)
    amount = _withdraw_for_sale(draft, (call.netuid, call.hotkey, signer), call.amount)
    vault, to_vault = get_vault(draft, call.hotkey), get_vault(draft, call.to_hotkey)
    destination = ToSubnet(signer, vault, call.to_netuid, to_vault, call.to_limit)
    sell_stake(draft, call.netuid, amount, call.limit, destination)


def _check_hotkey(view: Reading, hotkey: PublicKey) -> None:
    if get_hotkey(view, hotkey) is None:
        raise UnknownHotkey(hotkey.hex())


def _check_purchase_limit(limit: Amount) -> None:
    if limit == 0:
        raise LimitOutOfReach("no price is at or below zero")


def _withdraw_for_sale(draft: Draft, holder: Holder, amount: int) -> int:
    """Take `amount` alpha rao out of a stake and return how much it was.

    A remainder below `stake_min`, or of less than a share, is sold with it.

    Raises:
        CallError: AmountTooSmall (nothing, or less than `stake_min` of a stake that goes on),
            NotEnoughStake.
    """
    netuid, hotkey, coldkey = holder
    least = get_network(draft).params.stake_min
    pool, held = get_pool(draft, netuid, hotkey), get_shares(draft, netuid, hotkey, coldkey)
    before = get_pool(draft.before, netuid, get_vault(draft, hotkey))
    rates = (pool, before) if _is_same_pool(before, pool) else (pool,)
    worth = min(compute_value(rate, held) for rate in rates)
    if amount == 0:
        raise AmountTooSmall("a sale of nothing")
    if amount > worth:
        raise NotEnoughStake(f"{amount} alpha rao wanted, {worth} staked")
    sold = max(-(-amount * rate.shares // rate.amount) for rate in rates)
    if worth - amount < least or sold >= held:
        amount, sold = worth, held
    elif amount < least:
        raise AmountTooSmall(f"{amount} alpha rao of {worth}, at least {least}")
    left = Pool(Amount(pool.amount - amount), pool.shares - sold, pool.scale)
    if left.shares == 0:
        destroy(draft, netuid, left.amount)
        left = EMPTY_POOL
    put_pool(draft, netuid, hotkey, left)
    put_shares(draft, netuid, hotkey, coldkey, held - sold)
    return amount


def _is_same_pool(before: Pool, pool: Pool) -> bool:
    """Tell whether only sales and rounding, none emptying it, lead from `before` to `pool`."""
    if before.shares == 0 or before.scale != pool.scale:
        return False
    gain = pool.amount * before.shares - before.amount * pool.shares
    return gain <= ROUNDING_MAX * before.shares
