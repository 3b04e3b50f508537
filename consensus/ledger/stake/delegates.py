"""Who holds the stake: the hotkeys one may delegate to, and how concentrated stake is.

Three figures of a list of stakes. Gini: 0 when all are equal, near 1 when one has everything.
Nakamoto coefficients: the least number of holders that have more than a third of it (who can stop
finality, at root), and more than half (who decide the consensus of weights, in a subnet).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from consensus.fixed import div
from consensus.ledger.keys import Family
from consensus.ledger.records import (
    ROOT,
    get_head,
    get_hotkey,
    get_network,
    get_pool,
    get_vault,
    get_vault_hotkey,
    get_vault_pool,
)
from consensus.ledger.stake.lending import list_stake_weights
from consensus.ledger.state import Reading
from consensus.ledger.subnet.records import Column, get_column, get_hotkeys, get_netuids
from consensus.quantities import Amount, Height, NetUid, PublicKey, Ratio16, Uid

_KEY_SIZE = 32


@dataclass(frozen=True, slots=True)
class Delegate:
    """A hotkey with root stake: whose it is, what it keeps, where it has neurons."""

    hotkey: PublicKey
    owner: PublicKey
    take: Ratio16
    stake: Amount
    """At root, rao."""
    neurons: tuple[tuple[NetUid, Uid], ...]


@dataclass(frozen=True, slots=True)
class Delegates:
    """The delegates with the most root stake, and how many there are with how much."""

    height: Height
    count: int
    stake: Amount
    largest: tuple[Delegate, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """How a sum is spread over its holders."""

    holders: int
    """Holders of more than nothing."""
    total: int
    gini: int
    """Q32, rounded down."""
    third: int
    """The least number of holders with more than a third of the total."""
    half: int
    """The same for half."""


@dataclass(frozen=True, slots=True)
class Concentration:
    """How stake is spread: root stake over hotkeys, stake weight over each subnet's validators."""

    height: Height
    root: Spread
    subnets: tuple[tuple[NetUid, Spread], ...]


def list_delegates(view: Reading, count: int) -> Delegates:
    """Return the `count` hotkeys with the most root stake, largest first (ties: lower key)."""
    stakes = _get_root_stakes(view)
    ranked = sorted(stakes, key=lambda hotkey: (-stakes[hotkey], hotkey))
    return Delegates(
        height=get_head(view).height,
        count=len(stakes),
        stake=Amount(sum(stakes.values())),
        largest=tuple(_get_delegate(view, hotkey, stakes[hotkey]) for hotkey in ranked[:count]),
    )


def find_delegate(view: Reading, hotkey: PublicKey) -> Delegate | None:
    """Return a hotkey as a delegate; None if nobody has claimed it."""
    if get_hotkey(view, hotkey) is None:
        return None
    return _get_delegate(view, hotkey, get_pool(view, ROOT, hotkey).amount)


def count_delegators(view: Reading, hotkey: PublicKey, count_max: int) -> int:
    """Return how many coldkeys have root stake on a hotkey; `count_max` for that many or more."""
    prefix = bytes((Family.SHARES,)) + ROOT.to_bytes(2, "big") + get_vault(view, hotkey)
    return sum(1 for _ in zip(range(count_max), view.scan(prefix), strict=False))


def measure_concentration(view: Reading) -> Concentration:
    """Return how concentrated stake is, at root and among the validators of each subnet."""
    params = get_network(view).params
    subnets: list[tuple[NetUid, Spread]] = []
    for netuid in get_netuids(view):
        permits = get_column(view, netuid, Column.PERMIT).tolist()
        pairs = zip(get_hotkeys(view, netuid), permits, strict=True)
        validators = [hotkey for hotkey, permit in pairs if permit]
        weights = list_stake_weights(view, params, netuid, validators)
        subnets.append((netuid, measure_spread(weights)))
    root = measure_spread(list(_get_root_stakes(view).values()))
    return Concentration(get_head(view).height, root, tuple(subnets))


def measure_spread(amounts: Sequence[int]) -> Spread:
    """Return the figures of `amounts`, none negative; zeros are no holders."""
    held = sorted(amount for amount in amounts if amount)
    count, total = len(held), sum(held)
    ranks = sum(rank * amount for rank, amount in enumerate(held, 1))
    gini = div(2 * ranks - (count + 1) * total, count * total) if count else 0
    return Spread(
        holders=count,
        total=total,
        gini=gini,
        third=_count_until(held, total // 3),
        half=_count_until(held, total // 2),
    )


def _count_until(ascending: list[int], bound: int) -> int:
    """Return how many of the largest amounts together exceed `bound`; 0 if all of them don't."""
    held = 0
    for count, amount in enumerate(reversed(ascending), 1):
        held += amount
        if held > bound:
            return count
    return 0


def _get_root_stakes(view: Reading) -> dict[PublicKey, Amount]:
    prefix = bytes((Family.POOL,)) + ROOT.to_bytes(2, "big")
    vaults = [PublicKey(key[-_KEY_SIZE:]) for key, _ in view.scan(prefix)]
    return {
        get_vault_hotkey(view, vault): get_vault_pool(view, ROOT, vault).amount for vault in vaults
    }


def _get_delegate(view: Reading, hotkey: PublicKey, stake: Amount) -> Delegate:
    record = get_hotkey(view, hotkey)
    assert record is not None, f"{hotkey.hex()} has stake and is nobody's"
    prefix = bytes((Family.UID,)) + hotkey
    neurons = tuple(
        (NetUid(int.from_bytes(key[len(prefix) :], "big")), Uid(int.from_bytes(uid, "big")))
        for key, uid in view.scan(prefix)
    )
    return Delegate(hotkey, record.owner, record.take, stake, neurons)
