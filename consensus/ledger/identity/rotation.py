"""Old keys for new ones: a hotkey swap at once for a fee, a coldkey swap announced long before.

A new hotkey stands in the old one's place everywhere: uids, a subnet it owns, forfeits, its
consensus key. Stake does not move at all: it stands under the vault of the line, which the new key
inherits, and so do loans, auto-stake choices, models, ballots, channels and orders. The work is the
same for one delegator and a million. The old key can never be claimed again.

The validator set of an era is hashed into its headers, so its entries keep the old hotkey until the
era ends; to find the hotkey that replaced it, ask `eras.find_current`.

A commitment is bound to its hotkey and only that key can open it. If a swap voided it, a validator
could escape the slash for not opening it, so a hotkey that owes an opening can't be swapped until
it has opened or forfeited it. An announcement (`Serve`) is a node's consent to serve the old key:
it ends, and the new key has to announce again.

A coldkey swap takes along all that the old key has at that moment: its free TAO, stake, what
unbonds, hotkeys, identity, choices and channels. Offers of the same block, and what others send
later, stay with the old key, which goes on existing with its own nonces. Anybody can send things to
anybody, so a key may hold more entries than one call may move: then some have to be merged or sold
first. For the same reason a new key that has signed nothing before the swap is announced counts as
fresh, even if it owns something: otherwise anyone who sees the announcement coming could block it
by sending the new key one rao. What was sent to the new key stays its own.

Source: `docs/spec/ledger.md` 10; subtensor `swap/swap_hotkey.rs`, `swap/swap_coldkey.rs`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from consensus import codec
from consensus.calls.rotation import (
    AnnounceColdkeySwap,
    CancelColdkeySwap,
    SwapColdkey,
    SwapHotkey,
)
from consensus.crypto import claim_message, is_signed
from consensus.ledger import keys
from consensus.ledger.accounts import withdraw
from consensus.ledger.channels import list_channels_of, set_payer
from consensus.ledger.events import (
    ColdkeySwapAnnounced,
    ColdkeySwapCancelled,
    ColdkeySwapped,
    HotkeySwapped,
)
from consensus.ledger.keys import Family
from consensus.ledger.records import (
    ROOT,
    Account,
    Hotkey,
    credit,
    destroy,
    get_account,
    get_hotkey,
    get_network,
    get_shares,
    get_vault_hotkey,
    put_account,
    put_hotkey,
)
from consensus.ledger.stake.shares import move_shares
from consensus.ledger.stake.staking import (
    get_known_hotkey,
    get_unbonding_shares,
    put_unbonding_shares,
)
from consensus.ledger.state import Draft, Reading
from consensus.ledger.subnet.records import (
    find_subnet,
    get_hotkeys,
    get_netuids,
    put_hotkeys,
    put_subnet,
)
from consensus.quantities import U32, Amount, Epoch, Height, NetUid, PublicKey, Uid
from consensus.refusals import (
    HotkeyRefused,
    KeyInUse,
    NothingAnnounced,
    NotOwner,
    RateLimited,
    SameKey,
    TooEarly,
    TooMuchToMove,
)
from consensus.reward.commit_reveal import get_step_height, get_step_offset

ENTRIES_MAX = 512
"""Most entries a coldkey swap moves; each is a few writes."""
BLOCK_ENTRIES_MAX = 4 * ENTRIES_MAX
"""Most entries that all coldkey swaps of a block move: anybody can prepare a thousand for one."""
_KEY_SIZE = 32


@dataclass(frozen=True, slots=True)
class SwapNotice:
    """To which key a coldkey will go, and from which block on."""

    new_coldkey: PublicKey
    due_at: Height


# -- hotkeys --------------------------------------------------------------------------------------


def process_swap_hotkey(draft: Draft, signer: PublicKey, call: SwapHotkey) -> HotkeySwapped:
    """Put a new key, which consents, in the place of a hotkey of the signer, for a fee.

    Raises:
        CallError: UnknownHotkey, NotOwner, SameKey, KeyInUse, HotkeyRefused, TooEarly (it owes the
            opening of a commitment), NotEnoughFunds.
    """
    old, new = call.hotkey, call.new_hotkey
    record = get_known_hotkey(draft, old)
    if record.owner != signer:
        raise NotOwner(f"{old.hex()} belongs to {record.owner.hex()}")
    if old == new:
        raise SameKey(old.hex())
    _check_unclaimed(draft, new)
    network = get_network(draft)
    message = claim_message(network.chain_id, new, signer)
    if not any(is_signed(new, message, signature) for signature in call.consent):
        raise HotkeyRefused(f"{new.hex()} did not sign for {signer.hex()}")
    neurons = list(_list_neurons(draft, old))
    for netuid, uid in neurons:
        _check_commits(draft, netuid, uid)
    withdraw(draft, signer, network.params.hotkey_swap_fee)
    destroy(draft, ROOT, network.params.hotkey_swap_fee)
    _replace_record(draft, old, new, record)
    for netuid, uid in neurons:
        _replace_neuron(draft, netuid, uid, old, new)
    _replace_elsewhere(draft, old, new)
    return HotkeySwapped(old, new, signer)


def _check_unclaimed(view: Reading, key: PublicKey) -> None:
    """Raise KeyInUse if `key` is or was a hotkey."""
    was_swapped = view.get(keys.of(Family.VAULT, key)) is not None
    if was_swapped or get_hotkey(view, key) is not None:
        raise KeyInUse(f"{key.hex()} is or was a hotkey")


def _list_neurons(view: Reading, hotkey: PublicKey) -> Iterator[tuple[NetUid, Uid]]:
    """Yield the subnets a hotkey is registered in, ascending, and its uids."""
    prefix = keys.of(Family.UID, hotkey)
    for key, data in view.scan(prefix):
        yield NetUid(int.from_bytes(key[len(prefix) :], "big")), Uid(int.from_bytes(data, "big"))


def _check_commits(draft: Draft, netuid: NetUid, uid: Uid) -> None:
    """Raise TooEarly while a neuron has a commitment that it can still open or will forfeit."""
    subnet = find_subnet(draft, netuid)
    assert subnet is not None, f"a neuron of subnet {netuid}, which does not exist"
    hyper = subnet.hyper
    current = draft.height // hyper.tempo
    for epoch in range(max(0, current - 1), current + 1):
        if draft.get(keys.commit(netuid, Epoch(epoch), uid)) is not None:
            offset = get_step_offset(netuid, hyper.tempo, hyper.reveal_blocks)
            due = get_step_height(Epoch(epoch), hyper.tempo, offset)
            raise TooEarly(f"its weights in subnet {netuid} are to be opened before block {due}")


def _replace_record(draft: Draft, old: PublicKey, new: PublicKey, record: Hotkey) -> None:
    """Let `new` have the record of `old`, and let the vault and the old key say so."""
    put_hotkey(draft, new, record)
    draft.delete(keys.hotkey(old))
    draft.delete(keys.of(Family.OWNED, record.owner, old))
    if old != record.vault:
        draft.put(keys.of(Family.VAULT, old), record.vault)
    draft.put(keys.of(Family.VAULT, record.vault), new)


def _replace_neuron(draft: Draft, netuid: NetUid, uid: Uid, old: PublicKey, new: PublicKey) -> None:
    """Give the uid of `old` to `new`, with its past, but for what a node agreed to serve."""
    hotkeys = get_hotkeys(draft, netuid)
    hotkeys[uid] = new
    put_hotkeys(draft, netuid, hotkeys)
    draft.delete(keys.uid(old, netuid))
    draft.put(keys.uid(new, netuid), uid.to_bytes(2, "big"))
    draft.delete(keys.served(netuid, uid))


def _replace_elsewhere(draft: Draft, old: PublicKey, new: PublicKey) -> None:
    """Put `new` in the place of `old` where that has no uid: as owner, and in what it left."""
    for netuid in get_netuids(draft):
        subnet = find_subnet(draft, netuid)
        assert subnet is not None
        if old in subnet.owner:
            put_subnet(draft, netuid, replace(subnet, owner=(new,)))
        _move_entry(draft, Family.FORFEITS, keys.u16(netuid) + old, keys.u16(netuid) + new)
    _move_entry(draft, Family.CONSENSUS_KEY, old, new)


# -- coldkeys -------------------------------------------------------------------------------------


def process_announce(
    draft: Draft, signer: PublicKey, call: AnnounceColdkeySwap
) -> ColdkeySwapAnnounced:
    """Announce that all the signer has will go to a fresh key; replaces an earlier announcement.

    Raises:
        CallError: SameKey, KeyInUse.
    """
    new = call.new_coldkey
    if new == signer:
        raise SameKey(new.hex())
    _check_unclaimed(draft, new)
    if get_account(draft, new).nonce:
        raise KeyInUse(f"{new.hex()} has signed transactions of its own")
    due_at = Height(draft.height + get_network(draft).params.coldkey_swap_blocks)
    draft.put(keys.of(Family.COLDKEY_SWAP, signer), codec.encode(SwapNotice(new, due_at)))
    return ColdkeySwapAnnounced(signer, new, due_at)


def process_cancel(
    draft: Draft, signer: PublicKey, _call: CancelColdkeySwap
) -> ColdkeySwapCancelled:
    """End the announced swap of the signer.

    Raises:
        CallError: NothingAnnounced.
    """
    announced = find_announcement(draft, signer)
    if announced is None:
        raise NothingAnnounced(f"by {signer.hex()}")
    draft.delete(keys.of(Family.COLDKEY_SWAP, signer))
    return ColdkeySwapCancelled(signer, announced.new_coldkey)


def process_swap_coldkey(draft: Draft, signer: PublicKey, call: SwapColdkey) -> ColdkeySwapped:
    """Move all the signer has to the key it announced.

    Raises:
        CallError: NothingAnnounced, TooEarly, KeyInUse (the new key has become a hotkey),
            RateLimited (this block has moved enough), TooMuchToMove.
    """
    announced = find_announcement(draft, signer)
    if announced is None or announced.new_coldkey != call.new_coldkey:
        raise NothingAnnounced(f"by {signer.hex()} to {call.new_coldkey.hex()}")
    if draft.height < announced.due_at:
        raise TooEarly(f"possible from block {announced.due_at} on")
    new = announced.new_coldkey
    _check_unclaimed(draft, new)
    _count_moved(draft, 0)
    found = [list(islice(_scan(draft, family, signer), ENTRIES_MAX + 1)) for family in _OWN]
    channels = list(islice(list_channels_of(draft, signer), ENTRIES_MAX + 1))
    count = sum(map(len, found)) + len(channels)
    if count > ENTRIES_MAX:
        raise TooMuchToMove(f"more than {ENTRIES_MAX} stakes, hotkeys, choices and channels")
    _count_moved(draft, count)
    holdings, leaving, owned, choices = found
    for suffix in holdings:
        _move_holding(draft, suffix, signer, new)
    for suffix in leaving:
        _move_leaving(draft, suffix, signer, new)
    for suffix in owned:
        hotkey = PublicKey(suffix)
        put_hotkey(draft, hotkey, replace(get_known_hotkey(draft, hotkey), owner=new))
    for suffix in choices:
        _move_entry(draft, Family.AUTOSTAKE, signer + suffix, new + suffix)
    for channel in channels:
        set_payer(draft, channel, new)
    _move_entry(draft, Family.IDENTITY, signer, new)
    draft.delete(keys.of(Family.COLDKEY_SWAP, signer))
    account = get_account(draft, signer)
    put_account(draft, signer, Account(Amount(0), account.nonce))
    credit(draft, new, account.free)
    return ColdkeySwapped(signer, new, U32(count))


def _count_moved(draft: Draft, count: int) -> None:
    """Add to what the swaps of this block move; raise RateLimited beyond `BLOCK_ENTRIES_MAX`."""
    key = keys.of(Family.COLDKEY_SWAP)
    data = draft.get(key) or b""
    moved = count
    if data[:8] == keys.u64(draft.height):
        moved += int.from_bytes(data[8:], "big")
    if moved > BLOCK_ENTRIES_MAX or (count == 0 and moved == BLOCK_ENTRIES_MAX):
        raise RateLimited(f"swaps of this block move {BLOCK_ENTRIES_MAX} entries; wait 1 block")
    if count:
        draft.put(key, keys.u64(draft.height) + keys.u32(moved))


_OWN = (Family.HOLDING, Family.LEAVING, Family.OWNED, Family.AUTOSTAKE)
"""Where the entries of a coldkey are listed under it; channels have a list of their own."""


def _scan(view: Reading, family: Family, coldkey: PublicKey) -> Iterator[bytes]:
    """Yield what follows a coldkey in its keys of a family, ascending."""
    prefix = keys.of(family, coldkey)
    return (key[len(prefix) :] for key, _ in view.scan(prefix))


def _move_holding(draft: Draft, suffix: bytes, old: PublicKey, new: PublicKey) -> None:
    """Let the shares of a holding (netuid, vault) be those of `new`."""
    netuid = NetUid(int.from_bytes(suffix[:2], "big"))
    hotkey = get_vault_hotkey(draft, PublicKey(suffix[2:]))
    holder = (netuid, hotkey, old)
    move_shares(draft, holder, new, get_shares(draft, *holder))


def _move_leaving(draft: Draft, suffix: bytes, old: PublicKey, new: PublicKey) -> None:
    """Let what leaves (height, vault) go to `new`."""
    due, vault = Height(int.from_bytes(suffix[:8], "big")), PublicKey(suffix[8:])
    shares = get_unbonding_shares(draft, vault, due, old)
    put_unbonding_shares(draft, vault, due, old, 0)
    there = get_unbonding_shares(draft, vault, due, new)
    put_unbonding_shares(draft, vault, due, new, there + shares)


def _move_entry(draft: Draft, family: Family, old: bytes, new: bytes) -> None:
    """Let the entry of `old` be that of `new`, if there is one."""
    data = draft.get(keys.of(family, old))
    if data is not None:
        draft.delete(keys.of(family, old))
        draft.put(keys.of(family, new), data)


# -- queries --------------------------------------------------------------------------------------


def find_announcement(view: Reading, coldkey: PublicKey) -> SwapNotice | None:
    """Return the swap that a coldkey has announced, or None."""
    data = view.get(keys.of(Family.COLDKEY_SWAP, coldkey))
    return None if data is None else codec.decode(SwapNotice, data)


def list_announcements(view: Reading, count: int) -> tuple[tuple[PublicKey, SwapNotice], ...]:
    """Return at most `count` announced swaps, by coldkey."""
    prefix = keys.of(Family.COLDKEY_SWAP)
    pairs = ((key[1:], data) for key, data in view.scan(prefix) if key != prefix)
    found = islice(pairs, count)
    return tuple((PublicKey(key), codec.decode(SwapNotice, data)) for key, data in found)
