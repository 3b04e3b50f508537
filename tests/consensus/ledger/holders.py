"""Calls of who holds stake and keys, sensible or not, and what must hold of loans after any."""

from hypothesis import strategies as st

from consensus.calls.rotation import (
    AnnounceColdkeySwap,
    CancelColdkeySwap,
    SwapColdkey,
    SwapHotkey,
)
from consensus.calls.staking import (
    Child,
    MoveStake,
    SetAutoStake,
    SetChildren,
    TransferStake,
)
from consensus.ledger.keys import Family
from consensus.ledger.records import ROOT, get_network, get_vault_hotkey, get_vault_pool
from consensus.ledger.stake.children import CHILDREN_MAX, PARENTS_MAX
from consensus.ledger.stake.lending import decode_loans, get_children, list_stake_weights
from consensus.ledger.state import Reading
from consensus.ledger.subnet.records import get_netuids
from consensus.quantities import U16_MAX, Amount, NetUid, PublicKey, Ratio16
from consensus.types import Call

NEW_KEYS = ("spare0", "spare1", "spare2")
"""Names of keys that nobody has used at first."""


def calls_of_holders(
    keys: st.SearchStrategy[PublicKey],
    netuids: st.SearchStrategy[NetUid],
    money: st.SearchStrategy[Amount],
) -> st.SearchStrategy[Call]:
    """Return any call that moves, gives or lends stake, or announces new keys."""
    shares = st.sampled_from([0, 1, 13_107, 32_768, U16_MAX]).map(Ratio16)
    children = st.lists(st.builds(Child, keys, shares), max_size=6).map(tuple)
    return st.one_of(
        st.builds(MoveStake, netuids, keys, keys, money),
        st.builds(TransferStake, netuids, keys, keys, money),
        st.builds(SetAutoStake, netuids, keys),
        st.builds(SetChildren, netuids, keys, children),
        st.builds(SwapHotkey, keys, keys, st.just(())),
        st.builds(AnnounceColdkeySwap, keys),
        st.builds(CancelColdkeySwap),
        st.builds(SwapColdkey, keys),
    )


def check_loans(view: Reading) -> None:
    """Assert that loans are written alike on both sides, bounded, without chains, and add up."""
    lent = _read(view, Family.CHILDREN)
    owed = _read(view, Family.PARENT)
    assert {(n, child, parent, share) for n, parent, child, share in lent} == set(owed)
    lenders = {(netuid, parent) for netuid, parent, _, _ in lent}
    borrowers = {(netuid, child) for netuid, child, _, _ in owed}
    assert not lenders & borrowers, "a chain of loans"
    for netuid, vault in lenders:
        loans = get_children(view, netuid, vault)
        assert len(loans) <= CHILDREN_MAX
        assert sum(loan.share for loan in loans) <= U16_MAX
    for netuid, vault in borrowers:
        assert sum((n, child) == (netuid, vault) for n, child, _, _ in owed) <= PARENTS_MAX
    for netuid in get_netuids(view):
        _check_weights(view, netuid)


def _read(view: Reading, family: Family) -> list[tuple[NetUid, PublicKey, PublicKey, Ratio16]]:
    return [
        (NetUid(int.from_bytes(key[1:3], "big")), PublicKey(key[3:]), loan.vault, loan.share)
        for key, data in view.scan(bytes((family,)))
        for loan in decode_loans(data)
    ]


def _check_weights(view: Reading, netuid: NetUid) -> None:
    """Assert that all weights of a subnet add up to all stake that counts in it."""
    params = get_network(view).params
    vaults = {PublicKey(key[3:]) for key, _ in view.scan(bytes((Family.POOL,)))}
    hotkeys = sorted(get_vault_hotkey(view, vault) for vault in vaults)
    assert len(set(hotkeys)) == len(vaults), "two vaults behind one hotkey"
    loans = view.scan(bytes((Family.PARENT,)) + netuid.to_bytes(2, "big"))
    idle = {get_vault_hotkey(view, PublicKey(key[3:])) for key, _ in loans} - set(hotkeys)
    weights = list_stake_weights(view, params, netuid, [*hotkeys, *sorted(idle)])
    whole = sum(
        get_vault_pool(view, netuid, vault).amount
        + (params.tao_weight * get_vault_pool(view, ROOT, vault).amount >> 32)
        for vault in sorted(vaults)
    )
    assert sum(weights) == whole, "stake that counts twice, or for nobody"
