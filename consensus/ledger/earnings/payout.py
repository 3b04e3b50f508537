"""Who is paid what an epoch step decided, to the rao.

Miners and the subnet's owner are paid in stake: the coldkey that owns the hotkey gets it on the
hotkey it chose for that (`autostake.process_set_auto_stake`), else on the one that earned it. What
a validator earned goes to those whose stake it was (`reward/backing.py`): delegators by raising
their pool, which is one write for all of them, TAO at root by a sale at the block's price.

Pools are raised before anything is staked, and each once: so what is paid in this step, a take
included, has no part in the dividends of this step, whatever the order of uids.

Source: `docs/spec/ledger.md` 7.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from consensus.fixed import div
from consensus.ledger.earnings.history import EpochRecord
from consensus.ledger.records import destroy, get_hotkey
from consensus.ledger.stake.autostake import get_auto_stake
from consensus.ledger.stake.shares import credit_stake, raise_pool
from consensus.ledger.state import Draft, Reading, Total
from consensus.ledger.subnet.records import Subnet
from consensus.ledger.trade.orders import sell_for_root
from consensus.quantities import U64, NetUid, PublicKey
from consensus.reward.backing import split_dividends
from consensus.reward.emission import Payout


def _count() -> dict[PublicKey, int]:
    return defaultdict(int)


def _count_pairs() -> dict[tuple[PublicKey, PublicKey], int]:
    return defaultdict(int)


@dataclass(frozen=True, slots=True)
class _Bill:
    """What is to be paid, alpha rao; nothing is written before all of it is known."""

    raises: dict[PublicKey, int] = field(default_factory=_count)
    """By the hotkey whose pool it raises."""
    sales: dict[PublicKey, int] = field(default_factory=_count)
    """By the hotkey whose root stake gets the proceeds."""
    stakes: dict[tuple[PublicKey, PublicKey], int] = field(default_factory=_count_pairs)
    """By hotkey and coldkey."""


def process_payout(
    draft: Draft, netuid: NetUid, subnet: Subnet, record: EpochRecord, payout: Payout
) -> None:
    """Empty a subnet's pots: pay what was decided, destroy what nobody earned."""
    pots = record.owner_pot + record.miner_pot + record.validator_pot
    draft.add_total(netuid, Total.PENDING, -pots)
    bill = _Bill()
    for uid, earned in enumerate(payout.validators):
        if earned:
            _bill_validator(draft, bill, record, uid, earned)
    for hotkey in subnet.owner:
        _bill_owner(draft, bill, (netuid, subnet), hotkey, record.owner_pot)
    for hotkey, mined in zip(record.hotkeys, payout.miners, strict=True):
        if mined:
            _bill_owner(draft, bill, (netuid, subnet), hotkey, mined)
    for hotkey, amount in sorted(bill.raises.items()):
        raise_pool(draft, netuid, hotkey, amount)
    for hotkey, amount in sorted(bill.sales.items()):
        sell_for_root(draft, netuid, hotkey, amount)
    for (hotkey, coldkey), amount in sorted(bill.stakes.items()):
        credit_stake(draft, netuid, hotkey, coldkey, amount)
    if payout.recycled:
        destroy(draft, netuid, payout.recycled)


def compute_miner_burned(mined: Sequence[int], owned: Sequence[int]) -> U64:
    """Return the share of a miner emission that went to the uids in `owned`, Q32, rounded down.

    0 if no miner was paid at all.
    """
    return U64(div(sum(mined[uid] for uid in owned), sum(mined)))


def find_owned(view: Reading, subnet: Subnet, hotkeys: Sequence[PublicKey]) -> list[int]:
    """Return the uids whose hotkey has the same coldkey as the subnet's owner hotkey."""
    owners = [_get_owner(view, hotkey) for hotkey in subnet.owner]
    records = [get_hotkey(view, hotkey) for hotkey in hotkeys]
    return [
        uid for uid, record in enumerate(records) if record is not None and record.owner in owners
    ]


def _bill_validator(draft: Draft, bill: _Bill, record: EpochRecord, uid: int, earned: int) -> None:
    """Note what a validator earned for those whose stake it was."""
    support, own = record.supports[uid], record.hotkeys[uid]
    for hotkey, part in zip(
        support.hotkeys, split_dividends(earned, support.backings), strict=True
    ):
        bill.raises[hotkey] += part.delegators
        bill.sales[hotkey] += part.sold
        bill.stakes[hotkey, _get_owner(draft, hotkey)] += part.owner
        bill.stakes[own, _get_owner(draft, own)] += part.child_take


def _bill_owner(
    draft: Draft, bill: _Bill, where: tuple[NetUid, Subnet], hotkey: PublicKey, amount: int
) -> None:
    """Note what a hotkey earned as a miner or as the subnet's owner; delegators have no part."""
    coldkey = _get_owner(draft, hotkey)
    chosen = get_auto_stake(draft, coldkey, *where)
    bill.stakes[hotkey if chosen is None else chosen, coldkey] += amount


def _get_owner(view: Reading, hotkey: PublicKey) -> PublicKey:
    record = get_hotkey(view, hotkey)
    assert record is not None, f"{hotkey.hex()} earned something and is nobody's"
    return record.owner
