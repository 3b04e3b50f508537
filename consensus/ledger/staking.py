"""Root stake: in at once, out after the unbonding time, slashable until then; and the take.

Root stake is TAO behind a hotkey, one to one. It elects leaders, counts in every subnet by
`tao_weight`, and answers for the hotkey's faults, also while it is on its way out.

Source: `ledger.md` section 7.
"""

from dataclasses import replace

from consensus.calls.staking import SetTake, StakeRoot, UnstakeRoot
from consensus.ledger import keys
from consensus.ledger.accounts import withdraw
from consensus.ledger.keys import Family
from consensus.ledger.records import (
    MARK,
    ROOT,
    Hotkey,
    credit,
    destroy,
    get_hotkey,
    get_network,
    get_pool,
    get_vault,
    put_hotkey,
)
from consensus.ledger.shares import deposit, slash, withdraw_stake
from consensus.ledger.state import Draft, Reading, Total
from consensus.quantities import Amount, Height, PublicKey
from consensus.refusals import (
    AmountTooSmall,
    NotOwner,
    TakeOutOfBounds,
    TakeRaisedTooSoon,
    UnknownHotkey,
)

PPM = 1_000_000


def process_stake(draft: Draft, signer: PublicKey, call: StakeRoot) -> None:
    """Stake free TAO of the signer on a hotkey.

    Raises:
        CallError: UnknownHotkey, AmountTooSmall, NotEnoughFunds, PoolDepleted.
    """
    _get_known_hotkey(draft, call.hotkey)
    least = get_network(draft).params.stake_min
    if call.amount < least:
        raise AmountTooSmall(f"{call.amount} rao, at least {least}")
    withdraw(draft, signer, call.amount)
    deposit(draft, ROOT, call.hotkey, signer, call.amount)


def process_unstake(draft: Draft, signer: PublicKey, call: UnstakeRoot) -> None:
    """Start to unbond stake of the signer; what would remain below `stake_min` leaves with it.

    Raises:
        CallError: UnknownHotkey, AmountTooSmall, NotEnoughStake.
    """
    _get_known_hotkey(draft, call.hotkey)
    if call.amount == 0:
        raise AmountTooSmall("an unstake of nothing")
    params = get_network(draft).params
    amount = withdraw_stake(draft, (ROOT, call.hotkey, signer), call.amount, params.stake_min)
    due = Height(draft.height + params.unbonding_blocks)
    vault = get_vault(draft, call.hotkey)
    waiting = get_unbonding(draft, vault, due, signer)
    put_unbonding(draft, vault, due, signer, Amount(waiting + amount))


def process_set_take(draft: Draft, signer: PublicKey, call: SetTake) -> None:
    """Change a hotkey's take: a cut at once, a raise once per `take_raise_blocks`.

    Raises:
        CallError: UnknownHotkey, NotOwner, TakeOutOfBounds, TakeRaisedTooSoon.
    """
    record = _get_known_hotkey(draft, call.hotkey)
    params = get_network(draft).params
    if record.owner != signer:
        raise NotOwner(f"{call.hotkey.hex()} belongs to {record.owner.hex()}")
    if call.take > params.take_max:
        raise TakeOutOfBounds(f"{call.take} of 65535, at most {params.take_max}")
    raised_at = record.raised_at
    if call.take > record.take:
        wait = raised_at + params.take_raise_blocks - draft.height
        if raised_at and wait > 0:
            raise TakeRaisedTooSoon(f"{wait} blocks to wait")
        raised_at = draft.height
    changed = replace(record, take=call.take, raised_at=Height(raised_at))
    put_hotkey(draft, call.hotkey, changed)


def process_releases(draft: Draft) -> None:
    """Pay out what has unbonded at the Draft's height."""
    prefix = bytes((Family.RELEASE,)) + draft.height.to_bytes(8, "big")
    for key, _ in list(draft.scan(prefix)):
        vault, coldkey = PublicKey(key[9:41]), PublicKey(key[41:73])
        amount = get_unbonding(draft, vault, draft.height, coldkey)
        put_unbonding(draft, vault, draft.height, coldkey, Amount(0))
        credit(draft, coldkey, amount)


def process_slash(draft: Draft, hotkey: PublicKey, ppm: int) -> Amount:
    """Burn `ppm` millionths (rounded down) of a hotkey's root stake, unbonding included.

    Returns:
        What was burned, in rao.
    """
    burned = get_pool(draft, ROOT, hotkey).amount * ppm // PPM
    slash(draft, ROOT, hotkey, burned)
    vault = get_vault(draft, hotkey)
    for key, _ in list(draft.scan(bytes((Family.UNBONDING,)) + vault)):
        due, coldkey = Height(int.from_bytes(key[33:41], "big")), PublicKey(key[41:73])
        amount = get_unbonding(draft, vault, due, coldkey)
        part = amount * ppm // PPM
        put_unbonding(draft, vault, due, coldkey, Amount(amount - part))
        burned += part
    destroy(draft, ROOT, burned)
    return Amount(burned)


def get_unbonding(view: Reading, vault: PublicKey, due: Height, coldkey: PublicKey) -> Amount:
    """Return how much of a coldkey's stake under `vault` leaves at the height `due`."""
    data = view.get(keys.unbonding(vault, due, coldkey))
    return Amount(int.from_bytes(data or b"", "big"))


def put_unbonding(
    draft: Draft, vault: PublicKey, due: Height, coldkey: PublicKey, amount: Amount
) -> None:
    """Write how much leaves at the height `due`; nothing leaves no entry."""
    before = get_unbonding(draft, vault, due, coldkey)
    draft.add_total(ROOT, Total.UNBONDING, amount - before)
    marks = (keys.release(due, vault, coldkey), keys.leaving(coldkey, due, vault))
    if amount:
        draft.put(keys.unbonding(vault, due, coldkey), amount.to_bytes(8, "big"))
        for mark in marks:
            draft.put(mark, MARK)
        return
    draft.delete(keys.unbonding(vault, due, coldkey))
    for mark in marks:
        draft.delete(mark)


def _get_known_hotkey(view: Reading, hotkey: PublicKey) -> Hotkey:
    record = get_hotkey(view, hotkey)
    if record is None:
        raise UnknownHotkey(hotkey.hex())
    return record
