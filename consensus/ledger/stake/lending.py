"""Stake weight in a subnet: what a hotkey has, what it lends to its children, what it was lent.

Loans are kept under vaults (`records.Hotkey`), so they outlive a swap of either hotkey. Each is
written twice, with the parent and with the child; both lists are short (`children.py` sees to it),
so a stake weight is a few reads, and in a subnet where nobody lends the lists are not even looked
for when all neurons are read.

What is lent is a part of what the parent has at the moment it is asked for; each loan is rounded
down and the parent keeps the rest, so all weights of a subnet add up to all stake in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from consensus.fixed import mul
from consensus.ledger import keys
from consensus.ledger.keys import Family
from consensus.ledger.records import ROOT, get_hotkey, get_vault_hotkey, get_vault_pool
from consensus.ledger.state import Draft, Reading
from consensus.params import Params
from consensus.quantities import NetUid, PublicKey, Ratio16
from consensus.reward.backing import Backing, compute_weight, lend

_KEY_SIZE = 32
_ENTRY_SIZE = 34


@dataclass(frozen=True, slots=True)
class Loan:
    """The other side of a loan, by its vault, and the share of the parent's stake weight."""

    vault: PublicKey
    share: Ratio16


@dataclass(frozen=True, slots=True)
class Support:
    """All that stands behind a hotkey in a subnet: its own stake first, then what was lent."""

    hotkeys: tuple[PublicKey, ...]
    backings: tuple[Backing, ...]


def get_stake_weight(view: Reading, params: Params, netuid: NetUid, hotkey: PublicKey) -> int:
    """Return what stands behind a hotkey in a subnet: alpha, and `tao_weight` of TAO; rao."""
    return compute_weight(get_support(view, params, netuid, hotkey).backings)


def list_stake_weights(
    view: Reading, params: Params, netuid: NetUid, hotkeys: Sequence[PublicKey]
) -> list[int]:
    """Return the stake weight of each of many hotkeys of one subnet."""
    supports = list_supports(view, params, netuid, hotkeys)
    return [compute_weight(support.backings) for support in supports]


def get_support(view: Reading, params: Params, netuid: NetUid, hotkey: PublicKey) -> Support:
    """Return whose stake stands behind a hotkey in a subnet."""
    own = _get_own(view, params, netuid, hotkey)
    record = get_hotkey(view, hotkey)
    if record is None:
        return Support((hotkey,), (own,))
    children = get_children(view, netuid, record.vault)
    own = Backing(_keep(own.alpha, children), _keep(own.root, children), own.take)
    hotkeys, backings = [hotkey], [own]
    for loan in get_parents(view, netuid, record.vault):
        parent = get_vault_hotkey(view, loan.vault)
        has = _get_own(view, params, netuid, parent)
        hotkeys.append(parent)
        backings.append(Backing(lend(has.alpha, loan.share), lend(has.root, loan.share), has.take))
    return Support(tuple(hotkeys), tuple(backings))


def list_supports(
    view: Reading, params: Params, netuid: NetUid, hotkeys: Sequence[PublicKey]
) -> list[Support]:
    """Return whose stake stands behind each of many hotkeys of one subnet."""
    if has_loans(view, netuid):
        return [get_support(view, params, netuid, hotkey) for hotkey in hotkeys]
    return [Support((hot,), (_get_own(view, params, netuid, hot),)) for hot in hotkeys]


def compute_loan(
    view: Reading, params: Params, netuid: NetUid, parent: PublicKey, share: Ratio16
) -> int:
    """Return what `share` of the stake of the hotkey `parent` is, as stake weight; rao."""
    has = _get_own(view, params, netuid, parent)
    return lend(has.alpha, share) + lend(has.root, share)


# -- what the state holds -------------------------------------------------------------------------


def has_loans(view: Reading, netuid: NetUid) -> bool:
    """Tell whether anybody lends stake weight in a subnet."""
    return any(True for _ in view.scan(keys.of(Family.CHILDREN, keys.u16(netuid))))


def get_children(view: Reading, netuid: NetUid, vault: PublicKey) -> tuple[Loan, ...]:
    """Return to whom the hotkey of a vault lends, in its own order."""
    return decode_loans(view.get(keys.of(Family.CHILDREN, keys.u16(netuid), vault)) or b"")


def get_parents(view: Reading, netuid: NetUid, vault: PublicKey) -> tuple[Loan, ...]:
    """Return who lends to the hotkey of a vault, by vault."""
    return decode_loans(view.get(keys.of(Family.PARENT, keys.u16(netuid), vault)) or b"")


def put_children(draft: Draft, netuid: NetUid, vault: PublicKey, children: Sequence[Loan]) -> None:
    """Write to whom the hotkey of a vault lends from now on, on both sides."""
    for loan in get_children(draft, netuid, vault):
        parents = get_parents(draft, netuid, loan.vault)
        _put_parents(draft, netuid, loan.vault, [each for each in parents if each.vault != vault])
    _put(draft, keys.of(Family.CHILDREN, keys.u16(netuid), vault), children)
    for loan in children:
        parents = [*get_parents(draft, netuid, loan.vault), Loan(vault, loan.share)]
        _put_parents(draft, netuid, loan.vault, parents)


def remove_loan(draft: Draft, netuid: NetUid, parent: PublicKey, child: PublicKey) -> None:
    """End one loan, on both sides; the others of the hotkeys of both vaults stay."""
    children = [each for each in get_children(draft, netuid, parent) if each.vault != child]
    _put(draft, keys.of(Family.CHILDREN, keys.u16(netuid), parent), children)
    parents = [each for each in get_parents(draft, netuid, child) if each.vault != parent]
    _put_parents(draft, netuid, child, parents)


def encode_loans(loans: Iterable[Loan]) -> bytes:
    """Return a list of loans as the state keeps it: vault and share, 34 bytes each."""
    return b"".join([loan.vault + keys.u16(loan.share) for loan in loans])


def decode_loans(data: bytes) -> tuple[Loan, ...]:
    """Return the loans that `encode_loans` wrote."""
    entries = [data[at : at + _ENTRY_SIZE] for at in range(0, len(data), _ENTRY_SIZE)]
    return tuple(
        Loan(PublicKey(entry[:_KEY_SIZE]), Ratio16(int.from_bytes(entry[_KEY_SIZE:], "big")))
        for entry in entries
    )


def _put_parents(draft: Draft, netuid: NetUid, vault: PublicKey, parents: Sequence[Loan]) -> None:
    key = keys.of(Family.PARENT, keys.u16(netuid), vault)
    _put(draft, key, sorted(parents, key=lambda loan: loan.vault))


def _put(draft: Draft, key: bytes, loans: Sequence[Loan]) -> None:
    if loans:
        draft.put(key, encode_loans(loans))
    else:
        draft.delete(key)


def _get_own(view: Reading, params: Params, netuid: NetUid, hotkey: PublicKey) -> Backing:
    """Return what a hotkey has, lent or not; one that nobody has claimed has nothing."""
    record = get_hotkey(view, hotkey)
    if record is None:
        return Backing(0, 0, 0)
    root = get_vault_pool(view, ROOT, record.vault).amount
    alpha = get_vault_pool(view, netuid, record.vault).amount
    return Backing(alpha, mul(params.tao_weight, root), record.take)


def _keep(amount: int, children: Sequence[Loan]) -> int:
    """Return what a parent keeps of an amount."""
    return amount - sum(lend(amount, loan.share) for loan in children)
