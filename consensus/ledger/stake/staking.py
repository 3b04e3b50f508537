"""Root stake: in at once, out after the unbonding time, slashable until then; and the take.

Root stake is TAO behind a hotkey, one to one. It elects leaders, counts in every subnet by
`tao_weight`, and answers for the hotkey's faults, also while it is on its way out: all that unbonds
from one hotkey is a pool of shares too, so that a slash is two writes, for one leaver or a million.

Source: `docs/spec/ledger.md` 7.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from consensus.calls.staking import SetTake, StakeRoot, UnstakeRoot
from consensus.ledger import keys
from consensus.ledger.accounts import withdraw
from consensus.ledger.keys import Family
from consensus.ledger.records import (
    EMPTY_POOL,
    MARK,
    ROOT,
    Hotkey,
    Pool,
    credit,
    decode_pool,
    destroy,
    encode_pool,
    get_hotkey,
    get_network,
    get_pool,
    get_vault,
    put_hotkey,
)
from consensus.ledger.stake.shares import buy_shares, compute_value, deposit, slash, withdraw_stake
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
RELEASES_MAX = 512
"""Payments of unbonded stake in one block; each is a few writes."""


def process_stake(draft: Draft, signer: PublicKey, call: StakeRoot) -> None:
    """Stake free TAO of the signer on a hotkey.

    Raises:
        CallError: UnknownHotkey, AmountTooSmall, NotEnoughFunds, PoolDepleted.
    """
    get_known_hotkey(draft, call.hotkey)
    least = get_network(draft).params.stake_min
    if call.amount < least:
        raise AmountTooSmall(f"{call.amount} rao, at least {least}")
    withdraw(draft, signer, call.amount)
    deposit(draft, ROOT, call.hotkey, signer, call.amount)


def process_unstake(draft: Draft, signer: PublicKey, call: UnstakeRoot) -> None:
    """Start to unbond stake of the signer; what would remain below `stake_min` leaves with it.

    Raises:
        CallError: UnknownHotkey, AmountTooSmall, NotEnoughStake, PoolDepleted (what unbonds from
            this hotkey was slashed to nothing and is not released yet).
    """
    get_known_hotkey(draft, call.hotkey)
    if call.amount == 0:
        raise AmountTooSmall("an unstake of nothing")
    params = get_network(draft).params
    amount = withdraw_stake(draft, (ROOT, call.hotkey, signer), call.amount, params.stake_min)
    due = Height(draft.height + params.unbonding_blocks)
    vault = get_vault(draft, call.hotkey)
    pool = get_unbonding_pool(draft, vault)
    bought = buy_shares(pool, amount)
    waiting = get_unbonding_shares(draft, vault, due, signer)
    put_unbonding_shares(draft, vault, due, signer, waiting + bought)
    after = Pool(Amount(pool.amount + amount), pool.shares + bought, pool.scale)
    put_unbonding_pool(draft, vault, after)


def process_set_take(draft: Draft, signer: PublicKey, call: SetTake) -> None:
    """Change a hotkey's take: a cut at once, a raise once per `take_raise_blocks`.

    Raises:
        CallError: UnknownHotkey, NotOwner, TakeOutOfBounds, TakeRaisedTooSoon.
    """
    record = get_known_hotkey(draft, call.hotkey)
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
    """Pay out what has unbonded at the Draft's height, oldest first.

    A block does at most `RELEASES_MAX` of them and leaves the rest to the next one.
    """
    for key in list(islice(_scan_released(draft), RELEASES_MAX)):
        due = Height(int.from_bytes(key[1:9], "big"))
        vault, coldkey = PublicKey(key[9:41]), PublicKey(key[41:73])
        pool = get_unbonding_pool(draft, vault)
        shares = get_unbonding_shares(draft, vault, due, coldkey)
        amount = compute_value(pool, shares)
        put_unbonding_shares(draft, vault, due, coldkey, 0)
        left = Pool(Amount(pool.amount - amount), pool.shares - shares, pool.scale)
        put_unbonding_pool(draft, vault, left)
        if amount:
            credit(draft, coldkey, amount)


def _scan_released(draft: Draft) -> Iterator[bytes]:
    for key, _ in draft.scan(bytes((Family.RELEASE,))):
        if int.from_bytes(key[1:9], "big") > draft.height:
            return
        yield key


def process_slash(draft: Draft, hotkey: PublicKey, ppm: int) -> Amount:
    """Burn `ppm` millionths (rounded down) of a hotkey's root stake, unbonding included.

    Two writes, however many people hold a part of either.

    Returns:
        What was burned, in rao.
    """
    burned = get_pool(draft, ROOT, hotkey).amount * ppm // PPM
    slash(draft, ROOT, hotkey, burned)
    vault = get_vault(draft, hotkey)
    pool = get_unbonding_pool(draft, vault)
    part = pool.amount * ppm // PPM
    put_unbonding_pool(draft, vault, replace(pool, amount=Amount(pool.amount - part)))
    destroy(draft, ROOT, burned + part)
    return Amount(burned + part)


def get_unbonding(view: Reading, vault: PublicKey, due: Height, coldkey: PublicKey) -> Amount:
    """Return how much of a coldkey's stake under `vault` leaves at the height `due`, in rao."""
    shares = get_unbonding_shares(view, vault, due, coldkey)
    return compute_value(get_unbonding_pool(view, vault), shares)


def get_unbonding_pool(view: Reading, vault: PublicKey) -> Pool:
    """Return all that is unbonding under `vault` as one pool; no reward ever raises it."""
    data = view.get(keys.of(Family.UNBONDING_POOL, vault))
    return EMPTY_POOL if data is None else decode_pool(data)


def put_unbonding_pool(draft: Draft, vault: PublicKey, pool: Pool) -> None:
    """Write what is unbonding under `vault`; nothing leaves no entry."""
    before = get_unbonding_pool(draft, vault)
    if pool == before:
        return
    draft.add_total(ROOT, Total.UNBONDING, pool.amount - before.amount)
    if pool.shares:
        draft.put(keys.of(Family.UNBONDING_POOL, vault), encode_pool(pool))
    else:
        draft.delete(keys.of(Family.UNBONDING_POOL, vault))


def get_unbonding_shares(view: Reading, vault: PublicKey, due: Height, coldkey: PublicKey) -> int:
    """Return the shares of the unbonding pool with which `coldkey` leaves at `due`."""
    return int.from_bytes(view.get(keys.unbonding(vault, due, coldkey)) or b"", "big")


def put_unbonding_shares(
    draft: Draft, vault: PublicKey, due: Height, coldkey: PublicKey, shares: int
) -> None:
    """Write the shares with which `coldkey` leaves at the height `due`; none leaves no entry."""
    marks = (keys.release(due, vault, coldkey), keys.leaving(coldkey, due, vault))
    if shares:
        draft.put(keys.unbonding(vault, due, coldkey), shares.to_bytes(16, "big"))
        for mark in marks:
            draft.put(mark, MARK)
        return
    draft.delete(keys.unbonding(vault, due, coldkey))
    for mark in marks:
        draft.delete(mark)


def get_known_hotkey(view: Reading, hotkey: PublicKey) -> Hotkey:
    """Return the record of a hotkey that has an owner.

    Raises:
        UnknownHotkey: nobody has claimed it, or it was swapped for another.
    """
    record = get_hotkey(view, hotkey)
    if record is None:
        raise UnknownHotkey(hotkey.hex())
    return record
