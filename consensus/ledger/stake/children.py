"""Child hotkeys: a hotkey lends parts of its stake weight in a subnet to validators there.

So one holder can back a validator per subnet without moving stake. What is lent counts for the
child alone; what the child earns with it comes back, less the child's take (`reward/backing.py`).
The parent's owner announces a list of at most five children; it holds `children_delay_blocks`
later, and then replaces the one before. Shares are of what the parent has at any moment.

A hotkey that lends in a subnet can't borrow in it: there are no chains, and so no cycles. That is
checked when a list is announced, and again when it takes effect, since others may have announced in
between: then a child that lends is left out. Nobody asks a child whether it wants a loan, so its
own choice goes first: when it lends, the loans it has end. Otherwise a stranger's loan of next to
nothing could keep it from ever lending.

A child has at most `PARENTS_MAX` parents: the largest loans. A larger loan takes the place of the
smallest of them, so nobody can shut others out with a crowd of small loans.

Root stake that is lent answers for the child's faults in that subnet as if it were the child's, in
proportion to its share: otherwise nobody would validate with stake of their own.

Source: `docs/spec/ledger.md` 7; subtensor `staking/set_children.rs`.

Deviations: subtensor forbids only cycles; takes of children are one per hotkey here, the same that
its delegators pay; parents are bounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from consensus.calls.staking import SetChildren
from consensus.ledger import agenda, keys
from consensus.ledger.agenda import Errand
from consensus.ledger.events import ChildrenAnnounced, ChildrenChanged, LedgerEvent
from consensus.ledger.keys import Family
from consensus.ledger.records import get_hotkey, get_network, get_vault, get_vault_hotkey
from consensus.ledger.stake.lending import (
    Loan,
    compute_loan,
    decode_loans,
    encode_loans,
    get_children,
    get_parents,
    put_children,
    remove_loan,
)
from consensus.ledger.stake.staking import get_known_hotkey, process_slash
from consensus.ledger.state import Draft, Reading
from consensus.ledger.subnet.records import find_subnet, get_subnet
from consensus.params import Params
from consensus.quantities import U16_MAX, Amount, Height, NetUid, PublicKey, Ratio16
from consensus.refusals import InvalidChildren, NotOwner
from consensus.reward.backing import lend

CHILDREN_MAX = 5
PARENTS_MAX = 32
"""Parents of one child in one subnet: each is a few reads of its stake weight."""


@dataclass(frozen=True, slots=True)
class LoanView:
    """The other side of a loan, as its hotkey is now, and the share of the parent's weight."""

    hotkey: PublicKey
    share: Ratio16


@dataclass(frozen=True, slots=True)
class KinView:
    """A hotkey's loans in one subnet: whom it lends to, who lends to it, and what is announced."""

    netuid: NetUid
    hotkey: PublicKey
    children: tuple[LoanView, ...]
    parents: tuple[LoanView, ...]
    announced: tuple[LoanView, ...]
    effect_at: Height | None
    """When `announced` replaces `children`; None: nothing is announced."""


# -- calls ----------------------------------------------------------------------------------------


def process_set_children(draft: Draft, signer: PublicKey, call: SetChildren) -> ChildrenAnnounced:
    """Announce to whom a hotkey of the signer will lend in a subnet; nobody ends all its loans.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, UnknownHotkey, NotOwner, InvalidChildren.
    """
    get_subnet(draft, call.netuid)
    record = get_known_hotkey(draft, call.hotkey)
    if record.owner != signer:
        raise NotOwner(f"{call.hotkey.hex()} belongs to {record.owner.hex()}")
    params = get_network(draft).params
    loans = [
        Loan(get_known_hotkey(draft, child.hotkey).vault, child.share) for child in call.children
    ]
    _check_form(record.vault, loans)
    for loan in loans:
        _check_child(draft, params, call.netuid, record.vault, loan)
    effect_at = Height(draft.height + params.children_delay_blocks)
    _put_next(draft, call.netuid, record.vault, effect_at, loans)
    children = tuple(child.hotkey for child in call.children)
    shares = tuple(child.share for child in call.children)
    return ChildrenAnnounced(call.netuid, call.hotkey, children, shares, effect_at)


def _check_form(parent: PublicKey, loans: Sequence[Loan]) -> None:
    """Raise InvalidChildren if children repeat, are too many, or get nothing or too much."""
    vaults = [loan.vault for loan in loans]
    if parent in vaults:
        raise InvalidChildren("a hotkey can't lend to itself")
    if len(set(vaults)) < len(vaults) or len(vaults) > CHILDREN_MAX:
        raise InvalidChildren(f"{len(vaults)} children, at most {CHILDREN_MAX} different ones")
    if not all(loan.share for loan in loans):
        raise InvalidChildren("a share of nothing")
    total = sum(loan.share for loan in loans)
    if total > U16_MAX:
        raise InvalidChildren(f"shares of {total} in all, at most {U16_MAX}")


# -- what comes of it -----------------------------------------------------------------------------


def process_children_due(draft: Draft, subject: bytes) -> list[LedgerEvent]:
    """Let a hotkey lend as it announced, as far as that is still possible."""
    netuid, vault = NetUid(int.from_bytes(subject[:2], "big")), PublicKey(subject[2:])
    effect_at, loans = find_next(draft, netuid, vault)
    if effect_at is None or effect_at > draft.height:
        return []
    draft.delete(keys.of(Family.NEXT_CHILDREN, subject))
    subnet = find_subnet(draft, netuid)
    if subnet is None or subnet.is_closed:
        return []
    params = get_network(draft).params
    chosen = [loan for loan in loans if _is_possible(draft, params, netuid, vault, loan)]
    lent = get_parents(draft, netuid, vault) if chosen else ()
    events: list[LedgerEvent] = [_end_loan(draft, netuid, each.vault, vault) for each in lent]
    for loan in chosen:
        events += _make_room(draft, params, netuid, vault, loan.vault)
    put_children(draft, netuid, vault, chosen)
    return [*events, _make_event(draft, netuid, vault)]


def slash_support(draft: Draft, netuid: NetUid, hotkey: PublicKey, ppm: int) -> Amount:
    """Burn `ppm` millionths of the root stake behind a validator of a subnet; return the rao.

    Of its own all, of its parents' the share they lent it.
    """
    burned = int(process_slash(draft, hotkey, ppm))
    for loan in get_parents(draft, netuid, get_vault(draft, hotkey)):
        parent = get_vault_hotkey(draft, loan.vault)
        burned += process_slash(draft, parent, lend(ppm, loan.share))
    return Amount(burned)


def _is_possible(
    view: Reading, params: Params, netuid: NetUid, parent: PublicKey, loan: Loan
) -> bool:
    try:
        _check_child(view, params, netuid, parent, loan)
    except InvalidChildren:
        return False
    return True


def _check_child(
    view: Reading, params: Params, netuid: NetUid, parent: PublicKey, loan: Loan
) -> None:
    """Raise InvalidChildren unless the child of `loan` could be lent to now."""
    child = get_vault_hotkey(view, loan.vault)
    if get_children(view, netuid, loan.vault):
        raise InvalidChildren(f"{child.hex()} lends in subnet {netuid} itself")
    rival = _find_rival(view, params, netuid, parent, loan.vault)
    offered = compute_loan(view, params, netuid, get_vault_hotkey(view, parent), loan.share)
    if rival is not None and offered <= rival[0]:
        raise InvalidChildren(
            f"{PARENTS_MAX} others lend {child.hex()} at least {rival[0]} rao, this is {offered}"
        )


def _find_rival(
    view: Reading, params: Params, netuid: NetUid, parent: PublicKey, child: PublicKey
) -> tuple[int, PublicKey] | None:
    """Return the smallest loan to a child that has no room for another, in rao, and whose it is."""
    others = [loan for loan in get_parents(view, netuid, child) if loan.vault != parent]
    if len(others) < PARENTS_MAX:
        return None
    hotkeys = [get_vault_hotkey(view, loan.vault) for loan in others]
    sizes = [
        compute_loan(view, params, netuid, hotkey, loan.share)
        for hotkey, loan in zip(hotkeys, others, strict=True)
    ]
    return min(zip(sizes, [loan.vault for loan in others], strict=True))


def _make_room(
    draft: Draft, params: Params, netuid: NetUid, parent: PublicKey, child: PublicKey
) -> list[LedgerEvent]:
    """End the smallest loan to a child that has no room for another."""
    rival = _find_rival(draft, params, netuid, parent, child)
    if rival is None:
        return []
    return [_end_loan(draft, netuid, rival[1], child)]


def _end_loan(draft: Draft, netuid: NetUid, parent: PublicKey, child: PublicKey) -> ChildrenChanged:
    remove_loan(draft, netuid, parent, child)
    return _make_event(draft, netuid, parent)


def _make_event(view: Reading, netuid: NetUid, vault: PublicKey) -> ChildrenChanged:
    loans = _view(view, get_children(view, netuid, vault))
    children = tuple(loan.hotkey for loan in loans)
    shares = tuple(loan.share for loan in loans)
    return ChildrenChanged(netuid, get_vault_hotkey(view, vault), children, shares)


# -- what the state holds -------------------------------------------------------------------------


def find_next(
    view: Reading, netuid: NetUid, vault: PublicKey
) -> tuple[Height | None, tuple[Loan, ...]]:
    """Return what the hotkey of a vault has announced, and when it holds; None: nothing."""
    data = view.get(keys.of(Family.NEXT_CHILDREN, keys.u16(netuid), vault))
    if data is None:
        return None, ()
    return Height(int.from_bytes(data[:8], "big")), decode_loans(data[8:])


def view_kin(view: Reading, netuid: NetUid, hotkey: PublicKey) -> KinView:
    """Return a hotkey's loans in a subnet; one that nobody has claimed has none.

    Raises:
        CallError: UnknownSubnet, SubnetClosed.
    """
    get_subnet(view, netuid)
    if get_hotkey(view, hotkey) is None:
        return KinView(netuid, hotkey, (), (), (), None)
    vault = get_vault(view, hotkey)
    effect_at, announced = find_next(view, netuid, vault)
    return KinView(
        netuid=netuid,
        hotkey=hotkey,
        children=_view(view, get_children(view, netuid, vault)),
        parents=_view(view, get_parents(view, netuid, vault)),
        announced=_view(view, announced),
        effect_at=effect_at,
    )


def _put_next(
    draft: Draft, netuid: NetUid, vault: PublicKey, effect_at: Height, loans: Sequence[Loan]
) -> None:
    """Write what is announced, in the place of what was before."""
    subject = keys.u16(netuid) + vault
    before, _ = find_next(draft, netuid, vault)
    if before is not None:
        agenda.remove(draft, before, Errand.CHILDREN, subject)
    draft.put(keys.of(Family.NEXT_CHILDREN, subject), keys.u64(effect_at) + encode_loans(loans))
    agenda.add(draft, effect_at, Errand.CHILDREN, subject)


def _view(view: Reading, loans: Sequence[Loan]) -> tuple[LoanView, ...]:
    return tuple(LoanView(get_vault_hotkey(view, loan.vault), loan.share) for loan in loans)
