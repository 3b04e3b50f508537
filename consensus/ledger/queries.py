"""What anyone can ask of a state; every answer is a frozen value, amounts in rao, shares in Q32."""

from dataclasses import dataclass
from itertools import islice

from consensus.ledger import keys
from consensus.ledger.earnings.history import find_record
from consensus.ledger.keys import Family
from consensus.ledger.records import (
    ROOT,
    get_account,
    get_head,
    get_hotkey,
    get_network,
    get_vault_hotkey,
)
from consensus.ledger.stake.lending import list_stake_weights
from consensus.ledger.stake.shares import get_stake
from consensus.ledger.stake.staking import get_unbonding
from consensus.ledger.state import Reading
from consensus.ledger.subnet.records import (
    NEVER,
    NOBODY,
    Column,
    Market,
    Served,
    Subnet,
    find_served,
    get_column,
    get_hotkeys,
    get_market,
    get_netuids,
    get_subnet,
)
from consensus.ledger.supply import Supply, get_supply
from consensus.ledger.tables import BOND, WEIGHT, decode_row
from consensus.ledger.validators.eras import get_set
from consensus.quantities import (
    Amount,
    Epoch,
    Hash32,
    Height,
    NetUid,
    Nonce,
    PublicKey,
    Ratio16,
    Uid,
)
from consensus.reward.explain import Explanation
from consensus.reward.explain import explain as explain_uid
from consensus.reward.rows import SparseRow
from consensus.reward.yuma import trace_epoch
from consensus.types import ValidatorEntry

ENTRIES_MAX = 1_024
"""Stakes, and unbonding amounts, of one account in one answer."""


@dataclass(frozen=True, slots=True)
class Metagraph:
    """A subnet at one height; every column has one entry per uid.

    A uid that is free has the hotkey and coldkey `subnet.records.NOBODY`.
    `emission` is what the last epoch step paid, alpha rao; heights of -1 mean never.
    """

    netuid: NetUid
    height: Height
    subnet: Subnet
    market: Market
    supply: Supply
    uids: tuple[Uid, ...]
    hotkeys: tuple[PublicKey, ...]
    coldkeys: tuple[PublicKey, ...]
    takes: tuple[Ratio16, ...]
    stake: tuple[int, ...]
    """Stake weight: alpha, and TAO by `tao_weight`; rao."""
    permits: tuple[bool, ...]
    active: tuple[bool, ...]
    """Whether the neuron revealed weights within the activity cutoff."""
    consensus: tuple[int, ...]
    incentive: tuple[int, ...]
    dividends: tuple[int, ...]
    validator_trust: tuple[int, ...]
    emission: tuple[int, ...]
    registered_block: tuple[int, ...]
    active_block: tuple[int, ...]
    commit_block: tuple[int, ...]
    served: tuple[Served | None, ...]


@dataclass(frozen=True, slots=True)
class RowView:
    """A validator's row of W and of B: the cells that are not zero, by uid."""

    uid: Uid
    hotkey: PublicKey
    weights: SparseRow
    """In force; u16 as revealed. One to a uid that was registered later counts for nothing."""
    bonds: SparseRow
    """As the last epoch step left them; Q32."""


@dataclass(frozen=True, slots=True)
class StakeView:
    """One coldkey's stake on one hotkey; netuid 0 is root."""

    netuid: NetUid
    hotkey: PublicKey
    amount: Amount


@dataclass(frozen=True, slots=True)
class UnbondingView:
    """Root stake on its way back to a coldkey."""

    hotkey: PublicKey
    release: Height
    amount: Amount


@dataclass(frozen=True, slots=True)
class AccountView:
    """Everything a key owns and, if it is a hotkey, whose it is and where it is registered."""

    key: PublicKey
    free: Amount
    nonce: Nonce
    stakes: tuple[StakeView, ...]
    unbonding: tuple[UnbondingView, ...]
    owner: PublicKey | None
    take: Ratio16 | None
    neurons: tuple[tuple[NetUid, Uid], ...]


@dataclass(frozen=True, slots=True)
class RewardView:
    """Why one neuron earned what it did in the last epoch step of its subnet."""

    netuid: NetUid
    epoch: Epoch
    hotkey: PublicKey
    lenders: tuple[PublicKey, ...]
    """The hotkeys that lent it stake: those of `explanation.backings` after the first."""
    explanation: Explanation


def list_subnets(view: Reading) -> tuple[NetUid, ...]:
    """Return the netuids of all subnets, ascending."""
    return tuple(get_netuids(view))


def metagraph(view: Reading, netuid: NetUid) -> Metagraph:
    """Return a subnet's neurons with every figure known of them.

    Raises:
        UnknownSubnet: there is none.
    """
    subnet, params = get_subnet(view, netuid), get_network(view).params
    height = get_head(view).height
    hotkeys = get_hotkeys(view, netuid)
    records = [get_hotkey(view, hotkey) for hotkey in hotkeys]
    column = {each: tuple(get_column(view, netuid, each).tolist()) for each in _INTEGERS}
    oldest = height - subnet.hyper.activity_cutoff
    uids = tuple(Uid(uid) for uid in range(len(hotkeys)))
    return Metagraph(
        netuid=netuid,
        height=height,
        subnet=subnet,
        market=get_market(view, netuid),
        supply=get_supply(view, netuid),
        uids=uids,
        hotkeys=tuple(hotkeys),
        coldkeys=tuple(NOBODY if record is None else record.owner for record in records),
        takes=tuple(Ratio16(0) if record is None else record.take for record in records),
        stake=tuple(list_stake_weights(view, params, netuid, hotkeys)),
        permits=tuple(bool(cell) for cell in column[Column.PERMIT]),
        active=tuple(cell != NEVER and cell >= oldest for cell in column[Column.ACTIVE]),
        consensus=column[Column.CONSENSUS],
        incentive=column[Column.INCENTIVE],
        dividends=column[Column.DIVIDENDS],
        validator_trust=column[Column.TRUST],
        emission=column[Column.EMISSION],
        registered_block=column[Column.REGISTERED],
        active_block=column[Column.ACTIVE],
        commit_block=column[Column.COMMITTED],
        served=tuple(find_served(view, netuid, uid) for uid in uids),
    )


def list_rows(view: Reading, netuid: NetUid, first: Uid, count: int) -> tuple[RowView, ...]:
    """Return the rows of W and B of the `count` uids from `first` on that have one.

    Raises:
        UnknownSubnet: there is none.
        SubnetClosed: it is ending.
    """
    get_subnet(view, netuid)
    hotkeys = get_hotkeys(view, netuid)
    rows: list[RowView] = []
    for uid in [Uid(uid) for uid in range(first, min(first + count, len(hotkeys)))]:
        weights = view.get(keys.row(netuid, uid)) or b""
        bonds = view.get(keys.bond_row(netuid, uid)) or b""
        if weights or bonds:
            hotkey = hotkeys[uid]
            rows.append(RowView(uid, hotkey, decode_row(weights, WEIGHT), decode_row(bonds, BOND)))
    return tuple(rows)


def list_owned(view: Reading, coldkey: PublicKey, count: int) -> tuple[PublicKey, ...]:
    """Return at most `count` hotkeys that belong to a coldkey, ascending."""
    prefix = keys.of(Family.OWNED, coldkey)
    found = islice(view.scan(prefix), count)
    return tuple(PublicKey(key[len(prefix) :]) for key, _ in found)


def account(view: Reading, key: PublicKey) -> AccountView:
    """Return what a key owns; a key that was never used owns nothing.

    At most `ENTRIES_MAX` stakes and as many unbonding amounts are listed.
    """
    held, record = get_account(view, key), get_hotkey(view, key)
    stakes = bytes((Family.HOLDING,)) + key
    leaving = bytes((Family.LEAVING,)) + key
    uids = bytes((Family.UID,)) + key
    return AccountView(
        key=key,
        free=held.free,
        nonce=held.nonce,
        stakes=tuple(_read_stake(view, entry, key) for entry in _list_some(view, stakes)),
        unbonding=tuple(_read_unbonding(view, entry, key) for entry in _list_some(view, leaving)),
        owner=None if record is None else record.owner,
        take=None if record is None else record.take,
        neurons=tuple(
            (NetUid(int.from_bytes(entry[33:], "big")), Uid(int.from_bytes(data, "big")))
            for entry, data in view.scan(uids)
        ),
    )


def _list_some(view: Reading, prefix: bytes) -> list[bytes]:
    """Return the first `ENTRIES_MAX` keys under `prefix`: strangers can add to them."""
    return [entry for entry, _ in islice(view.scan(prefix), ENTRIES_MAX)]


def nonce(view: Reading, key: PublicKey) -> Nonce:
    """Return the nonce of the key's next transaction."""
    return get_account(view, key).nonce


def beacon_mix(view: Reading) -> Hash32:
    """Return the beacon's mix after the last block."""
    return get_head(view).mix


def supply(view: Reading, netuid: NetUid = ROOT) -> Supply:
    """Return where a coin is: TAO by default, or a subnet's alpha."""
    return get_supply(view, netuid)


def validator_set(view: Reading) -> tuple[ValidatorEntry, ...]:
    """Return the ordered validator set."""
    return tuple(member.entry for member in get_set(view))


def explain(view: Reading, netuid: NetUid, uid: Uid) -> RewardView | None:
    """Return why the neuron that had `uid` at the last epoch step earned what it did.

    None before the first epoch step, and for a uid that did not exist then.

    Raises:
        UnknownSubnet: there is no such subnet.
    """
    get_subnet(view, netuid)
    record = find_record(view, netuid)
    if record is None or uid >= len(record.supports):
        return None
    pots, support = (record.miner_pot, record.validator_pot), record.supports[uid]
    trace = trace_epoch(record.inputs)
    explanation = explain_uid(trace, pots, uid, support.backings, record.owned)
    hotkey, *lenders = support.hotkeys
    return RewardView(netuid, record.epoch, hotkey, tuple(lenders), explanation)


_INTEGERS = tuple(column for column in Column if column is not Column.HOTKEY)


def _read_stake(view: Reading, entry: bytes, coldkey: PublicKey) -> StakeView:
    netuid = NetUid(int.from_bytes(entry[33:35], "big"))
    hotkey = get_vault_hotkey(view, PublicKey(entry[35:]))
    return StakeView(netuid, hotkey, get_stake(view, netuid, hotkey, coldkey))


def _read_unbonding(view: Reading, entry: bytes, coldkey: PublicKey) -> UnbondingView:
    release, vault = Height(int.from_bytes(entry[33:41], "big")), PublicKey(entry[41:])
    amount = get_unbonding(view, vault, release, coldkey)
    return UnbondingView(get_vault_hotkey(view, vault), release, amount)
