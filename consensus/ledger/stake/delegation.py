"""Stake that changes its hotkey or its coldkey without being sold.

Moved stake leaves the one pool before it is in the other, in one transaction; given stake does not
leave its pool at all, only shares of it change hands. Neither earns anything by it: an epoch step
reads pools after its block's transactions (`shares.py`).

Root stake stays on its hotkey: it answers for the hotkey's faults until it has unbonded. It may be
given to another coldkey there, and goes on answering.

Nobody is left, or given, an entry worth less than `stake_min`: such a remainder goes along, and a
part that would arrive as less is refused. So nobody can be buried in dust.

Source: `docs/spec/ledger.md` 7.
"""

from consensus.calls.staking import MoveStake, TransferStake
from consensus.ledger.events import StakeMoved, StakeTransferred
from consensus.ledger.records import ROOT, get_network
from consensus.ledger.stake.shares import (
    Holder,
    deposit,
    get_stake,
    move_shares,
    price_stake,
    withdraw_stake,
)
from consensus.ledger.stake.staking import get_known_hotkey
from consensus.ledger.state import Draft
from consensus.ledger.subnet.records import get_subnet
from consensus.quantities import PublicKey
from consensus.refusals import AmountTooSmall, RootIsBonded, SameKey


def process_move(draft: Draft, signer: PublicKey, call: MoveStake) -> StakeMoved:
    """Move alpha of the signer from one hotkey to another of the same subnet.

    Raises:
        CallError: RootIsBonded, UnknownSubnet, SubnetClosed, UnknownHotkey, SameKey,
            AmountTooSmall, NotEnoughStake, PoolDepleted.
    """
    if call.netuid == ROOT:
        raise RootIsBonded(f"stake on {call.hotkey.hex()}")
    get_subnet(draft, call.netuid)
    for hotkey in (call.hotkey, call.to_hotkey):
        get_known_hotkey(draft, hotkey)
    if call.hotkey == call.to_hotkey:
        raise SameKey(f"stake on {call.hotkey.hex()} is there")
    least = get_network(draft).params.stake_min
    holder, target = (call.netuid, call.hotkey, signer), (call.netuid, call.to_hotkey, signer)
    _check_arrival(draft, holder, target, call.amount, least)
    amount = withdraw_stake(draft, holder, call.amount, least)
    deposit(draft, *target, amount)
    return StakeMoved(call.netuid, signer, call.hotkey, call.to_hotkey, amount)


def process_transfer_stake(
    draft: Draft, signer: PublicKey, call: TransferStake
) -> StakeTransferred:
    """Give stake of the signer, root stake too, to another coldkey on the same hotkey.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, UnknownHotkey, SameKey, AmountTooSmall,
            NotEnoughStake.
    """
    if call.netuid != ROOT:
        get_subnet(draft, call.netuid)
    get_known_hotkey(draft, call.hotkey)
    if call.to == signer:
        raise SameKey(f"{signer.hex()} has this stake")
    least = get_network(draft).params.stake_min
    holder, target = (call.netuid, call.hotkey, signer), (call.netuid, call.hotkey, call.to)
    _check_arrival(draft, holder, target, call.amount, least)
    amount, shares = price_stake(draft, holder, call.amount, least)
    move_shares(draft, holder, call.to, shares)
    return StakeTransferred(call.netuid, call.hotkey, signer, call.to, amount)


def _check_arrival(draft: Draft, holder: Holder, target: Holder, amount: int, least: int) -> None:
    """Check that what would arrive, with what is there, is worth at least `least` rao.

    Raises:
        CallError: AmountTooSmall, NotEnoughStake.
    """
    if amount == 0:
        raise AmountTooSmall("nothing")
    leaving, _ = price_stake(draft, holder, amount, least)
    arrived = get_stake(draft, *target) + leaving
    if arrived < least:
        raise AmountTooSmall(f"{arrived} rao would stand there, at least {least}")
