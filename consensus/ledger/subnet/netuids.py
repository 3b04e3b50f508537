"""Who gets a netuid: the lowest that is free, or that of a subnet which must make way.

There are `subnets_max` places. When all are taken, a newcomer pays the lock and waits, and the
subnet with the lowest price average among those past immunity gets notice. One newcomer waits at a
time. The epochs of the notice are counted as no longer than a new subnet's: otherwise a subnet with
a long tempo could keep its place, and the newcomer's lock, for months. The newcomer's plan names
the vault of the owner's hotkey, so that the key may be swapped in between.

Source: `docs/spec/ledger.md` 3.
"""

from dataclasses import replace

from consensus.calls.subnets import RegisterSubnet
from consensus.ledger.accounts import withdraw
from consensus.ledger.events import LedgerEvent, SubnetDissolved, SubnetFounded, SubnetNoticed
from consensus.ledger.membership.registration import claim_hotkey
from consensus.ledger.records import ROOT, get_network, get_vault
from consensus.ledger.state import Draft, Reading, Total
from consensus.ledger.subnet.dissolution import find_ending, give_notice, process_endings
from consensus.ledger.subnet.founding import (
    Locks,
    Plan,
    Waiting,
    compute_lock,
    found_subnet,
    get_locks,
    put_locks,
)
from consensus.ledger.subnet.records import find_subnet, get_market, get_netuids, get_subnet
from consensus.ledger.texts import check_printable
from consensus.params import Params
from consensus.quantities import Height, NetUid, PublicKey
from consensus.refusals import CostTooHigh, SubnetsFull
from consensus.reward.market import Candidate, choose_dissolved


def process_register_subnet(
    draft: Draft, signer: PublicKey, call: RegisterSubnet
) -> SubnetFounded | SubnetNoticed:
    """Lock the signer's TAO for a new subnet: made at once, or when a place is free.

    Raises:
        CallError: NotPrintable, NotOwner, KeyInUse, HotkeyRefused, CostTooHigh, NotEnoughFunds,
            SubnetsFull.
    """
    params = get_network(draft).params
    check_printable(call.task)
    claim_hotkey(draft, call.hotkey, signer, call.consent)
    cost = compute_lock(draft, draft.get_total(ROOT, Total.ISSUED), draft.height)
    if cost > call.max_cost:
        raise CostTooHigh(f"the lock is {cost} rao, the limit {call.max_cost}")
    withdraw(draft, signer, cost)  # first: who can't pay makes nobody look for a place
    free = find_free(draft, params)
    netuid = _choose_ending(draft, params) if free is None else free
    plan = Plan(
        vault=get_vault(draft, call.hotkey),
        task=call.task,
        task_params=call.task_params,
        scorer_version=call.scorer_version,
        scorer_hash=call.scorer_hash,
        lock=cost,
    )
    waiting = get_locks(draft).waiting
    if free is not None:
        put_locks(draft, Locks(cost, draft.height, waiting))
        return found_subnet(draft, netuid, plan)
    put_locks(draft, Locks(cost, draft.height, (*waiting, Waiting(plan, netuid))))
    tempo = min(get_subnet(draft, netuid).hyper.tempo, params.new_subnet.tempo)
    ends_at = give_notice(draft, netuid, params.dissolve_notice_epochs * tempo)
    return SubnetNoticed(netuid, call.hotkey, ends_at)


def process_places(draft: Draft) -> list[LedgerEvent]:
    """Go on with subnets that end, and make the one that waited for the place; once a block."""
    events: list[LedgerEvent] = list(process_endings(draft))
    freed = [event.netuid for event in events if isinstance(event, SubnetDissolved)]
    if not freed:
        return events
    locks = get_locks(draft)
    seated = [waiting for waiting in locks.waiting if waiting.netuid in freed]
    others = tuple([waiting for waiting in locks.waiting if waiting.netuid not in freed])
    put_locks(draft, replace(locks, waiting=others))
    events += [found_subnet(draft, waiting.netuid, waiting.plan) for waiting in seated]
    return events


def find_free(view: Reading, params: Params) -> NetUid | None:
    """Return the lowest free netuid; None if every place is taken."""
    taken = get_netuids(view)
    if len(taken) >= params.subnets_max:
        return None
    return next(NetUid(netuid) for netuid in range(1, len(taken) + 2) if netuid not in taken)


def _choose_ending(draft: Draft, params: Params) -> NetUid:
    """Return the subnet that must make way.

    Raises:
        SubnetsFull: somebody waits already, or no subnet is past immunity.
    """
    for waiting in get_locks(draft).waiting:
        ending = find_ending(draft, waiting.netuid)
        until = draft.height if ending is None else ending.ends_at
        raise SubnetsFull(f"subnet {waiting.netuid} ends at {until} for another newcomer")
    candidates: list[Candidate] = []
    for netuid in get_netuids(draft):
        subnet = find_subnet(draft, netuid)
        assert subnet is not None
        if find_ending(draft, netuid) is None:
            average = get_market(draft, netuid).price_average
            candidates.append(Candidate(netuid, average, subnet.created_at))
    immunity = params.subnet_immunity_blocks
    chosen = choose_dissolved(candidates, draft.height, immunity)
    if chosen is None:
        first = min([one.registered_block for one in candidates], default=draft.height)
        raise SubnetsFull(f"no subnet can make way before block {Height(first + immunity)}")
    return chosen
