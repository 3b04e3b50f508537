"""How a subnet comes to be: the lock and its price, what a new one consists of, and its start.

The lock leaves its payer's account and becomes the TAO side of the subnet's pool; the alpha beside
it is minted so that the subnet opens at the median price of all pools. The owner's hotkey gets uid
0 and no privilege by it: its weight on itself is masked and its permit depends on stake. Neurons
may register and stake may come at once; emission and epoch steps begin when the owner starts the
subnet.

Source: `docs/spec/ledger.md` 3; subtensor `subnets/subnet.rs`.

Deviations: the alpha side is at most half of all alpha there can ever be (otherwise a lock at a
tiny median price would leave nothing to earn), and at least one.
"""

from dataclasses import dataclass, replace
from typing import Annotated

from consensus import codec
from consensus.calls.subnets import StartSubnet
from consensus.ledger import keys
from consensus.ledger.events import SubnetFounded, SubnetStarted
from consensus.ledger.keys import Family
from consensus.ledger.membership.registration import assign_uid
from consensus.ledger.records import ROOT, get_network, get_vault_hotkey, mint
from consensus.ledger.state import Draft, Reading, Total, get_totals
from consensus.ledger.subnet.records import (
    Subnet,
    find_subnet,
    get_market,
    get_netuids,
    get_own_subnet,
    open_market,
    put_market,
    put_subnet,
)
from consensus.params import SUPPLY_CAP, Params
from consensus.quantities import (
    U64,
    Amount,
    CountMax,
    Hash32,
    Height,
    NetUid,
    PublicKey,
    ShortText,
    TaskParams,
    Uid,
)
from consensus.refusals import AlreadyStarted, TooEarly
from consensus.reward.emission import compute_block_emission
from consensus.reward.market import compute_lock_cost, compute_median_price, shrink_interval

ALPHA_MAX = SUPPLY_CAP // 2
"""Most alpha rao that a new pool may hold."""
OWNER_UID = Uid(0)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a subnet is to be; `vault` is that of the owner's hotkey, `lock` rao are paid for it."""

    vault: PublicKey
    task: ShortText
    task_params: TaskParams
    scorer_version: U64
    scorer_hash: Hash32
    lock: Amount


@dataclass(frozen=True, slots=True)
class Waiting:
    """A plan whose lock is paid and that gets `netuid` when the subnet there is gone."""

    plan: Plan
    netuid: NetUid


@dataclass(frozen=True, slots=True)
class Locks:
    """What the last lock cost and when it was paid (0: never), and who waits for a place."""

    last: Amount
    last_at: Height
    waiting: Annotated[tuple[Waiting, ...], CountMax(1)]


_NONE = Locks(Amount(0), Height(0), ())
_LOCKS = keys.of(Family.LOCKS)


def get_locks(view: Reading) -> Locks:
    """Return the last lock and who waits for a place."""
    data = view.get(_LOCKS)
    return _NONE if data is None else codec.decode(Locks, data)


def put_locks(draft: Draft, locks: Locks) -> None:
    """Write the last lock and who waits; the TAO of those who wait is counted here."""
    difference = _count(locks) - _count(get_locks(draft))
    if difference:
        draft.add_total(ROOT, Total.LOCKED, difference)
    draft.put(_LOCKS, codec.encode(locks))


def count_waiting(view: Reading) -> Amount:
    """Return the rao in locks of subnets that wait for a place."""
    return _count(get_locks(view))


def compute_lock(view: Reading, issued: int, height: Height) -> Amount:
    """Return what a new subnet costs in the block at `height`, in rao, at least one.

    `issued` is the TAO there is: the fall of the price gets steeper with every halving.
    """
    params, locks = get_network(view).params, get_locks(view)
    interval = int(params.subnet_lock_blocks)
    if params.block_reward:
        emission = compute_block_emission(issued, params.block_reward)
        interval = shrink_interval(interval, emission, params.block_reward)
    floor = int(params.subnet_lock_min)
    last = locks.last if locks.last_at else floor
    return Amount(max(1, compute_lock_cost(last, floor, locks.last_at, height, interval)))


def get_issued(view: Reading) -> int:
    """Return the TAO there is, as of the last block."""
    return get_totals(view, ROOT)[Total.ISSUED]


def found_subnet(draft: Draft, netuid: NetUid, plan: Plan) -> SubnetFounded:
    """Make the subnet `netuid`, which is free; the caller took the lock from somewhere."""
    hotkey = get_vault_hotkey(draft, plan.vault)
    alpha = _compute_alpha(draft, plan.lock)
    hyper = get_network(draft).params.new_subnet
    subnet = Subnet(
        task=plan.task,
        task_params=plan.task_params,
        scorer_version=plan.scorer_version,
        scorer_hash=plan.scorer_hash,
        owner=(hotkey,),
        hyper=hyper,
        created_at=draft.height,
        is_started=False,
    )
    put_subnet(draft, netuid, subnet)
    mint(draft, netuid, alpha)
    put_market(draft, netuid, open_market(hyper.min_burn, plan.lock, alpha))
    assign_uid(draft, netuid, OWNER_UID, hotkey)
    return SubnetFounded(netuid, hotkey, plan.lock, alpha)


def process_start(draft: Draft, signer: PublicKey, call: StartSubnet) -> SubnetStarted:
    """Let emission flow into the signer's subnet from this block on.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, NotOwner, AlreadyStarted, TooEarly.
    """
    subnet = get_own_subnet(draft, call.netuid, signer)
    if subnet.is_started:
        raise AlreadyStarted(f"subnet {call.netuid}")
    earliest = get_start_height(get_network(draft).params, subnet)
    if draft.height < earliest:
        raise TooEarly(f"subnet {call.netuid} may start in block {earliest}")
    put_subnet(draft, call.netuid, replace(subnet, is_started=True))
    return SubnetStarted(call.netuid)


def get_start_height(params: Params, subnet: Subnet) -> Height:
    """Return the first block in which a subnet may be started."""
    return Height(subnet.created_at + params.subnet_start_blocks)


def _compute_alpha(view: Reading, lock: Amount) -> Amount:
    """Return how many alpha rao stand beside `lock` rao at the median price of all open pools."""
    pools: list[tuple[int, int]] = []
    for netuid in get_netuids(view):
        subnet = find_subnet(view, netuid)
        if subnet is not None and not subnet.is_closed:
            market = get_market(view, netuid)
            pools.append((market.tao, market.alpha))
    numerator, denominator = compute_median_price(pools)
    return Amount(min(ALPHA_MAX, max(1, lock * denominator // numerator)))


def _count(locks: Locks) -> Amount:
    return Amount(sum([waiting.plan.lock for waiting in locks.waiting]))
