"""How a subnet ends: a public notice, a height, and then blocks in which all of it is paid or gone.

Under notice everything goes on, but no TAO is injected any more (`coinbase.py`). The last block
before the end closes the subnet: no call may touch it any more, no emission flows, and its pots are
destroyed. From the next block on, `ENTRIES_MAX` entries per block are dealt with: first holders,
then whatever else the state keeps of the netuid.

Holders share the TAO of the pool by their alpha. Each gets `tao * stake // alpha` of what is left
when their turn comes, and both are lowered by that: the last one gets the last rao, and no part
depends on how many are paid in a block. If nobody has any stake, the TAO is destroyed. The alpha
of the pool goes last, so that no figure divides by zero meanwhile, and so do the columns, so that a
query of the neurons still finds them all of one length.

Payment channels name a netuid but hold TAO; they stay until they end.

Parts are cut from a running remainder and not by largest remainder, which would have to know all
holders at once. What rounding takes from those paid first, less than a rao each, goes to those paid
later, by their alpha.

Source: `docs/spec/ledger.md` 3, 14.
"""

from dataclasses import dataclass, replace
from itertools import islice

from consensus import codec
from consensus.ledger import keys
from consensus.ledger.events import SubnetDissolved, SubnetEnded
from consensus.ledger.keys import Family
from consensus.ledger.records import (
    EMPTY_POOL,
    ROOT,
    credit,
    destroy,
    get_pool,
    get_shares,
    get_vault_hotkey,
    put_pool,
    put_shares,
)
from consensus.ledger.stake.shares import compute_value
from consensus.ledger.state import Draft, Reading, Total
from consensus.ledger.subnet.records import (
    KEY_SIZE,
    Column,
    Subnet,
    find_subnet,
    get_hotkeys,
    get_market,
    put_market,
    put_subnet,
)
from consensus.quantities import U16, Amount, Height, NetUid, PublicKey

ENTRIES_MAX = 256
"""Holders paid or entries deleted in one block; each is a few writes."""
_FAMILIES = (
    Family.SERVED,
    Family.COMMIT,
    Family.ROW,
    Family.BONDS,
    Family.FORFEITS,
    Family.RECORD,
    Family.CHANGES,
    Family.MECHANISM,
    Family.CHILDREN,
    Family.PARENT,
    Family.NEXT_CHILDREN,
    Family.MODEL,
    Family.CONTENT,
    Family.SUBNET_IDENTITY,
)
"""Whatever begins with the netuid and holds no money."""


@dataclass(frozen=True, slots=True)
class Ending:
    """When a subnet's notice was given, and the first block without it.

    Of a closed subnet, the uids below `uids_left` are still to be deleted.
    """

    noticed_at: Height
    ends_at: Height
    uids_left: U16


def give_notice(draft: Draft, netuid: NetUid, blocks: int) -> Height:
    """Let a subnet end in `blocks` blocks, at the earliest in the next; return that height."""
    ends_at = Height(draft.height + max(1, blocks))
    _put_ending(draft, netuid, Ending(draft.height, ends_at, U16(0)))
    return ends_at


def find_ending(view: Reading, netuid: NetUid) -> Ending | None:
    """Return the notice that a subnet is under, or None."""
    data = view.get(keys.of(Family.ENDING, keys.u16(netuid)))
    return None if data is None else codec.decode(Ending, data)


def process_endings(draft: Draft) -> list[SubnetEnded | SubnetDissolved]:
    """Close the subnet whose last block this is, and go on with those that are closed."""
    events: list[SubnetEnded | SubnetDissolved] = []
    for key, data in list(draft.scan(bytes((Family.ENDING,)))):
        netuid, ending = NetUid(int.from_bytes(key[1:], "big")), codec.decode(Ending, data)
        subnet = find_subnet(draft, netuid)
        assert subnet is not None, f"subnet {netuid} ends and does not exist"
        if subnet.is_closed:
            if _clear(draft, netuid, ending):
                events.append(SubnetDissolved(netuid))
        elif draft.height + 1 >= ending.ends_at:
            uids = U16(len(get_hotkeys(draft, netuid)))
            _put_ending(draft, netuid, replace(ending, uids_left=uids))
            events.append(_close(draft, netuid, subnet))
    return events


def _put_ending(draft: Draft, netuid: NetUid, ending: Ending) -> None:
    draft.put(keys.of(Family.ENDING, keys.u16(netuid)), codec.encode(ending))


def _close(draft: Draft, netuid: NetUid, subnet: Subnet) -> SubnetEnded:
    """Stop a subnet and destroy what its pots hold."""
    market = get_market(draft, netuid)
    put_subnet(draft, netuid, replace(subnet, is_started=False, is_closed=True))
    pots = market.owner_pot + market.miner_pot + market.validator_pot
    draft.add_total(netuid, Total.PENDING, -pots)
    destroy(draft, netuid, pots)
    none = Amount(0)
    put_market(draft, netuid, replace(market, owner_pot=none, miner_pot=none, validator_pot=none))
    return SubnetEnded(netuid, market.tao, Amount(draft.get_total(netuid, Total.STAKED)))


def _clear(draft: Draft, netuid: NetUid, ending: Ending) -> bool:
    """Deal with the next entries of a closed subnet; tell whether nothing of it is left."""
    left = ENTRIES_MAX - _pay_holders(draft, netuid)
    left -= _delete_uids(draft, netuid, ending, left)
    for family in _FAMILIES:
        if left == 0:
            return False
        found = draft.scan(keys.of(family, keys.u16(netuid)))
        for key in [key for key, _ in islice(found, left)]:
            draft.delete(key)
            left -= 1
    if left == 0:
        return False
    _delete_subnet(draft, netuid)
    return True


def _pay_holders(draft: Draft, netuid: NetUid) -> int:
    """Pay the next holders for their alpha; return how many."""
    found = draft.scan(keys.of(Family.SHARES, keys.u16(netuid)))
    holders = [key[3:] for key, _ in islice(found, ENTRIES_MAX)]
    market = get_market(draft, netuid)
    tao = int(market.tao)
    for holder in holders:
        hotkey = get_vault_hotkey(draft, PublicKey(holder[:KEY_SIZE]))
        coldkey = PublicKey(holder[KEY_SIZE:])
        pool, shares = get_pool(draft, netuid, hotkey), get_shares(draft, netuid, hotkey, coldkey)
        alpha = compute_value(pool, shares)
        paid = tao * alpha // draft.get_total(netuid, Total.STAKED) if alpha else 0
        left = replace(pool, amount=Amount(pool.amount - alpha), shares=pool.shares - shares)
        put_shares(draft, netuid, hotkey, coldkey, 0)
        put_pool(draft, netuid, hotkey, left if left.shares else EMPTY_POOL)
        destroy(draft, netuid, alpha)
        credit(draft, coldkey, paid)
        tao -= paid
    put_market(draft, netuid, replace(market, tao=Amount(tao)))
    return len(holders)


def _delete_uids(draft: Draft, netuid: NetUid, ending: Ending, most: int) -> int:
    """Delete the next `most` entries of hotkeys that have a uid; return how many there were."""
    count = min(most, ending.uids_left)
    first = ending.uids_left - count
    for hotkey in get_hotkeys(draft, netuid)[first : ending.uids_left]:
        draft.delete(keys.uid(hotkey, netuid))
    if count:
        _put_ending(draft, netuid, replace(ending, uids_left=U16(first)))
    return count


def _delete_subnet(draft: Draft, netuid: NetUid) -> None:
    """Destroy what nobody holds, and delete the subnet's own entries and its coin's totals."""
    market, none = get_market(draft, netuid), Amount(0)
    destroy(draft, ROOT, market.tao)
    destroy(draft, netuid, market.alpha)
    put_market(draft, netuid, replace(market, tao=none, alpha=none))
    for column in Column:
        draft.delete(keys.column(netuid, column))
    for family in (Family.MARKET, Family.SUBNET, Family.ENDING):
        draft.delete(keys.of(family, keys.u16(netuid)))
    draft.add_total(netuid, Total.BURNED, -draft.get_total(netuid, Total.BURNED))
    assert not any(draft.get_total(netuid, total) for total in Total), f"alpha {netuid} is left"
