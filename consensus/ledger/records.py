"""What the state holds about accounts, hotkeys, stake and the chain's head, and how it is written.

Small records that every block touches are fixed-width big-endian integers; the others are canonical
CBOR of the dataclasses below. Every function here that writes an amount keeps the running totals of
its coin (`Draft.add_total`), so that a rule can only move money, or say `mint` or `destroy`.
"""

from dataclasses import dataclass
from functools import lru_cache
from struct import Struct

from consensus import codec
from consensus.ledger import keys
from consensus.ledger.keys import Family
from consensus.ledger.state import Draft, Reading, Total
from consensus.params import Params
from consensus.quantities import (
    Amount,
    Hash32,
    Height,
    NetUid,
    Nonce,
    PublicKey,
    Ratio16,
    TimeMs,
    ValidatorIndex,
)
from consensus.types import ValidatorEntry

ROOT = NetUid(0)
"""The netuid of root, whose coin is TAO."""
_TWO_U64 = Struct(">QQ")


@dataclass(frozen=True, slots=True)
class Rules:
    """The chain's name for itself, which never changes, and its parameters, which votes can."""

    chain_id: Hash32
    params: Params


@dataclass(frozen=True, slots=True)
class Head:
    """What the next block is checked against, beside the state root."""

    height: Height
    time_ms: TimeMs
    receipts_root: Hash32
    mix: Hash32


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the validator set and the coldkey that owns its hotkey."""

    entry: ValidatorEntry
    coldkey: PublicKey


@dataclass(frozen=True, slots=True)
class Account:
    """What a key owns freely, in rao, and how many of its transactions were included."""

    free: Amount
    nonce: Nonce


@dataclass(frozen=True, slots=True)
class Hotkey:
    """Who owns a hotkey, the take of its rewards, and when that was last raised (0: never).

    `vault` is the key its stake stands under: the first hotkey of a line of swaps.
    """

    owner: PublicKey
    take: Ratio16
    raised_at: Height
    vault: PublicKey


@dataclass(frozen=True, slots=True)
class Pool:
    """A hotkey's stake in one coin, and into how many shares it is divided.

    `scale` is how often all shares have been doubled since the pool was opened. It is part of each
    holding too, which is doubled as often when it is next read: so shares never become so dear that
    rounding to one of them matters, at the price of one write for all holders.
    """

    amount: Amount
    shares: int
    scale: int


EMPTY_ACCOUNT = Account(Amount(0), Nonce(0))
EMPTY_POOL = Pool(Amount(0), 0, 0)


# -- the chain ------------------------------------------------------------------------------------


def get_network(view: Reading) -> Rules:
    """Return the network's constants."""
    data = view.get(keys.NETWORK)
    assert data is not None, "a state without its genesis"
    return _decode_network(data)


def put_network(draft: Draft, network: Rules) -> None:
    """Write the network's constants."""
    draft.put(keys.NETWORK, codec.encode(network))


def get_head(view: Reading) -> Head:
    """Return what the last block left for the next one."""
    data = view.get(keys.HEAD)
    assert data is not None, "a state without its genesis"
    return codec.decode(Head, data)


def put_head(draft: Draft, head: Head) -> None:
    """Write what the next block is checked against."""
    draft.put(keys.HEAD, codec.encode(head))


def get_member(view: Reading, index: ValidatorIndex) -> Member | None:
    """Return a member of the validator set, or None."""
    data = view.get(keys.validator(index))
    return None if data is None else codec.decode(Member, data)


def get_beacon_tip(view: Reading, key: PublicKey) -> Hash32 | None:
    """Return the last value a consensus key's hash chain has shown; None: no such key."""
    data = view.get(keys.beacon(key))
    return None if data is None else Hash32(data)


def put_beacon_tip(draft: Draft, key: PublicKey, tip: Hash32) -> None:
    """Write the last value a consensus key's hash chain has shown."""
    draft.put(keys.beacon(key), tip)


# -- money ----------------------------------------------------------------------------------------


def mint(draft: Draft, netuid: NetUid, amount: int) -> None:
    """Say that `amount` rao of a coin come into being; the caller puts them somewhere."""
    draft.add_total(netuid, Total.ISSUED, amount)


def destroy(draft: Draft, netuid: NetUid, amount: int) -> None:
    """Say that `amount` rao of a coin cease to be; the caller took them from somewhere."""
    draft.add_total(netuid, Total.ISSUED, -amount)
    draft.add_total(netuid, Total.BURNED, amount)


def get_account(view: Reading, key: PublicKey) -> Account:
    """Return the account of `key`; the empty one if it was never used."""
    data = view.get(keys.account(key))
    return EMPTY_ACCOUNT if data is None else Account(*_TWO_U64.unpack(data))


def put_account(draft: Draft, key: PublicKey, account: Account) -> None:
    """Write the account of `key`. An account without money and past leaves no entry."""
    before = get_account(draft, key).free
    if account.free != before:
        draft.add_total(ROOT, Total.FREE, account.free - before)
    if account.free == 0 and account.nonce == 0:
        draft.delete(keys.account(key))
    else:
        draft.put(keys.account(key), _TWO_U64.pack(account.free, account.nonce))


def credit(draft: Draft, key: PublicKey, amount: int) -> None:
    """Add `amount` rao, taken from elsewhere or minted, to the free balance of `key`."""
    account = get_account(draft, key)
    put_account(draft, key, Account(Amount(account.free + amount), account.nonce))


def get_hotkey(view: Reading, key: PublicKey) -> Hotkey | None:
    """Return the record of a hotkey, or None if nobody has claimed it."""
    data = view.get(keys.hotkey(key))
    return None if data is None else _decode_hotkey(data)


def put_hotkey(draft: Draft, key: PublicKey, record: Hotkey) -> None:
    """Write the record of a hotkey, and mark it as its owner's."""
    before = get_hotkey(draft, key)
    if before is None or before.owner != record.owner:
        if before is not None:
            draft.delete(keys.of(Family.OWNED, before.owner, key))
        draft.put(keys.of(Family.OWNED, record.owner, key), MARK)
    draft.put(keys.hotkey(key), codec.encode(record))


def get_vault(view: Reading, hotkey: PublicKey) -> PublicKey:
    """Return the key that a hotkey's stake stands under; a key that was swapped is its own."""
    record = get_hotkey(view, hotkey)
    return hotkey if record is None else record.vault


def get_vault_hotkey(view: Reading, vault: PublicKey) -> PublicKey:
    """Return the hotkey that the stake under `vault`, or under any key swapped since, is behind."""
    data = view.get(keys.of(Family.VAULT, vault))
    if data is None:
        return vault
    first = view.get(keys.of(Family.VAULT, PublicKey(data)))
    return PublicKey(data if first is None else first)


def get_pool(view: Reading, netuid: NetUid, hotkey: PublicKey) -> Pool:
    """Return the share pool of a hotkey in one coin; the empty one if it has no stake."""
    return get_vault_pool(view, netuid, get_vault(view, hotkey))


def get_vault_pool(view: Reading, netuid: NetUid, vault: PublicKey) -> Pool:
    """Return the share pool under a vault; the empty one if there is no stake."""
    data = view.get(keys.pool(netuid, vault))
    return EMPTY_POOL if data is None else decode_pool(data)


def encode_pool(pool: Pool) -> bytes:
    """Return a share pool as the state keeps it: amount u64, shares u128, scale u32."""
    amount, shares = pool.amount.to_bytes(8, "big"), pool.shares.to_bytes(16, "big")
    return amount + shares + pool.scale.to_bytes(4, "big")


def decode_pool(data: bytes) -> Pool:
    """Return the share pool that `encode_pool` wrote."""
    amount = int.from_bytes(data[:8], "big")
    shares = int.from_bytes(data[8:24], "big")
    return Pool(Amount(amount), shares, int.from_bytes(data[24:], "big"))


def put_pool(draft: Draft, netuid: NetUid, hotkey: PublicKey, pool: Pool) -> None:
    """Write the share pool of a hotkey; one without amount and shares leaves no entry."""
    before = get_pool(draft, netuid, hotkey).amount
    if pool.amount != before:
        draft.add_total(netuid, Total.STAKED, pool.amount - before)
    vault = get_vault(draft, hotkey)
    if pool.amount == 0 and pool.shares == 0:  # no holding is left whose scale could be behind
        draft.delete(keys.pool(netuid, vault))
    else:
        draft.put(keys.pool(netuid, vault), encode_pool(pool))


def get_shares(view: Reading, netuid: NetUid, hotkey: PublicKey, coldkey: PublicKey) -> int:
    """Return how many shares of a pool `coldkey` has, as the pool counts them now."""
    vault = get_vault(view, hotkey)
    data = view.get(keys.shares(netuid, vault, coldkey))
    return 0 if data is None else read_shares(data, get_vault_pool(view, netuid, vault))


def read_shares(data: bytes, pool: Pool) -> int:
    """Return how many shares of `pool` an entry that `put_shares` wrote is."""
    behind = pool.scale - int.from_bytes(data[16:], "big")
    assert behind >= 0, "a holding that is ahead of its pool"
    return int.from_bytes(data[:16], "big") << behind


def put_shares(
    draft: Draft, netuid: NetUid, hotkey: PublicKey, coldkey: PublicKey, shares: int
) -> None:
    """Write how many shares of a pool, as it counts now, `coldkey` has; none leaves no entry."""
    vault = get_vault(draft, hotkey)
    if shares:
        scale = get_vault_pool(draft, netuid, vault).scale
        data = shares.to_bytes(16, "big") + scale.to_bytes(4, "big")
        draft.put(keys.shares(netuid, vault, coldkey), data)
        draft.put(keys.holding(coldkey, netuid, vault), MARK)
    else:
        draft.delete(keys.shares(netuid, vault, coldkey))
        draft.delete(keys.holding(coldkey, netuid, vault))


@lru_cache(maxsize=4)
def _decode_network(data: bytes) -> Rules:
    # It rarely changes and every call reads it; the cache is a pure function of the bytes.
    return codec.decode(Rules, data)


@lru_cache(maxsize=1 << 14)
def _decode_hotkey(data: bytes) -> Hotkey:
    # Every look at a stake reads it; the cache is a pure function of the bytes.
    return codec.decode(Hotkey, data)


MARK = b"\x01"
"""The value of a key that only says that another exists."""
