"""What the state holds about a subnet: its task and rules, its moving figures, its columns.

A column is one figure of every uid as a little-endian array, so that an epoch step reads and writes
whole arrays. Heights are int64 with `NEVER` for none; Q32 figures are int64; amounts are int64 too
(the supply cap is far below 2^63). Uids are 0 .. n-1 without a hole; n is the length of any column.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from operator import attrgetter
from struct import Struct
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from consensus import codec
from consensus.fixed import Matrix
from consensus.ledger import keys
from consensus.ledger.keys import Family
from consensus.ledger.records import get_hotkey
from consensus.ledger.state import Draft, Reading, Total
from consensus.params import Hyperparameters
from consensus.quantities import (
    U32,
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
from consensus.refusals import NotOwner, NotRegistered, SubnetClosed, UnknownSubnet

NEVER = -1
"""In a column of heights: it has not happened."""
KEY_SIZE = 32
NOBODY = PublicKey(bytes(KEY_SIZE))
"""In the column of hotkeys: the neuron left and its uid was not given again."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet's task, the code that scores it, its owner's hotkey and its rules.

    No owner: nobody earns the owner's share. `scorer_hash` all zero: any scorer's rows count.
    """

    task: ShortText
    task_params: TaskParams
    scorer_version: U64
    scorer_hash: Hash32
    owner: Annotated[tuple[PublicKey, ...], CountMax(1)]
    hyper: Hyperparameters
    created_at: Height
    is_started: bool
    """Whether its emission flows; never once it is closed."""
    is_closed: bool = False
    """It has ended: no call may touch it while its holders are paid out."""


@dataclass(frozen=True, slots=True)
class Market:
    """A subnet's figures that move with every block; TAO in rao, pots and `alpha` in alpha rao."""

    burn: Amount
    """The price of a registration in the next block."""
    owner_pot: Amount
    miner_pot: Amount
    validator_pot: Amount
    """Minted since the last epoch step and not paid yet."""
    stepped_at: Height
    """Height of the last epoch step; 0 for none."""
    tao: Amount
    alpha: Amount
    """What the liquidity pool holds; their ratio is the price."""
    price_average: U64
    demand_average: U64
    """Moving averages, in the units of `reward/market.py`."""
    paid: Amount
    """TAO that buyers' vouchers brought in this block."""
    miner_burned: U64
    """Share of the last miner emission that the owner's own hotkeys got, Q32."""
    injected: Amount
    """TAO that the last block gave the subnet."""


_MARKET = Struct(">12Q")
_get_figures: Callable[[Market], tuple[int, ...]] = attrgetter(*Market.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Served:
    """What a neuron announced last, and when."""

    node_key: PublicKey
    protocols: Annotated[tuple[ShortText, ...], CountMax(8)]
    price: Amount
    capacity: U32
    model_hash: Hash32
    height: Height


class Column(IntEnum):
    """The columns of a subnet; the number is part of the key."""

    HOTKEY = 0
    """32 bytes each."""
    REGISTERED = 1
    """Height at which the uid was given to its hotkey."""
    ACTIVE = 2
    """Height of the last valid reveal."""
    COMMITTED = 3
    """Height of the commit behind the row in force: what its weights may know."""
    LIMITER = 4
    """Height of the last commit of any epoch."""
    PERMIT = 5
    """1 for a validator until the next epoch step."""
    CONSENSUS = 6
    INCENTIVE = 7
    DIVIDENDS = 8
    TRUST = 9
    """The four figures of the last epoch step, Q32."""
    EMISSION = 10
    """What the last epoch step paid the neuron, alpha rao, take and delegators' part included."""


NEW_NEURON: dict[Column, int] = {
    Column.ACTIVE: NEVER,
    Column.COMMITTED: NEVER,
    Column.LIMITER: NEVER,
    Column.PERMIT: 0,
    Column.CONSENSUS: 0,
    Column.INCENTIVE: 0,
    Column.DIVIDENDS: 0,
    Column.TRUST: 0,
    Column.EMISSION: 0,
}
"""What a uid's columns hold when it is given to a hotkey."""


# -- subnets --------------------------------------------------------------------------------------


def get_netuids(view: Reading) -> list[NetUid]:
    """Return the netuids of all subnets, ascending."""
    prefix = bytes((Family.SUBNET,))
    return [NetUid(int.from_bytes(key[1:], "big")) for key, _ in view.scan(prefix)]


def find_subnet(view: Reading, netuid: NetUid) -> Subnet | None:
    """Return a subnet, or None."""
    data = view.get(keys.subnet(netuid))
    return None if data is None else _decode_subnet(data)


@lru_cache(maxsize=512)
def _decode_subnet(data: bytes) -> Subnet:
    # Every block and call reads it, few change it; the cache is a pure function of the bytes.
    return codec.decode(Subnet, data)


def get_subnet(view: Reading, netuid: NetUid) -> Subnet:
    """Return a subnet that is not closed.

    Raises:
        CallError: UnknownSubnet (there is none), SubnetClosed.
    """
    subnet = find_subnet(view, netuid)
    if subnet is None:
        raise UnknownSubnet(f"there is no subnet {netuid}")
    if subnet.is_closed:
        raise SubnetClosed(f"subnet {netuid} has ended and is being paid out")
    return subnet


def get_own_subnet(view: Reading, netuid: NetUid, coldkey: PublicKey) -> Subnet:
    """Return a subnet whose owner hotkey belongs to `coldkey`.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, NotOwner.
    """
    subnet = get_subnet(view, netuid)
    records = [get_hotkey(view, hotkey) for hotkey in subnet.owner]
    if not any(record is not None and record.owner == coldkey for record in records):
        raise NotOwner(f"{coldkey.hex()} does not own the owner hotkey of subnet {netuid}")
    return subnet


def put_subnet(draft: Draft, netuid: NetUid, subnet: Subnet) -> None:
    """Write a subnet."""
    draft.put(keys.subnet(netuid), codec.encode(subnet))


def get_market(view: Reading, netuid: NetUid) -> Market:
    """Return the moving figures of a subnet that exists."""
    market = find_market(view, netuid)
    assert market is not None, f"subnet {netuid} without its figures"
    return market


def open_market(burn: Amount, tao: Amount, alpha: Amount) -> Market:
    """Return the figures of a new subnet whose pool holds `tao` rao and `alpha` alpha rao."""
    none, never = Amount(0), Height(0)
    return Market(burn, none, none, none, never, tao, alpha, U64(0), U64(0), none, U64(0), none)


def find_market(view: Reading, netuid: NetUid) -> Market | None:
    """Return the moving figures of a subnet, or None."""
    data = view.get(keys.market(netuid))
    return None if data is None else _decode_market(data)


@lru_cache(maxsize=1 << 12)
def _decode_market(data: bytes) -> Market:
    # A block reads each subnet's some six times; the cache is a pure function of the bytes.
    return Market(*_MARKET.unpack(data))


def put_market(draft: Draft, netuid: NetUid, market: Market) -> None:
    """Write the moving figures of a subnet; what its liquidity pool holds is counted here.

    Its pots are counted by who fills and empties them.
    """
    before = find_market(draft, netuid)
    tao, alpha = (before.tao, before.alpha) if before is not None else (0, 0)
    if market.tao != tao:
        draft.add_total(NetUid(0), Total.POOLED, market.tao - tao)
    if market.alpha != alpha:
        draft.add_total(netuid, Total.POOLED, market.alpha - alpha)
    draft.put(keys.market(netuid), _MARKET.pack(*_get_figures(market)))


# -- neurons --------------------------------------------------------------------------------------


def get_uid(view: Reading, netuid: NetUid, hotkey: PublicKey) -> Uid:
    """Return the uid of a hotkey.

    Raises:
        NotRegistered: it has none.
    """
    uid = find_uid(view, netuid, hotkey)
    if uid is None:
        raise NotRegistered(f"{hotkey.hex()} has no uid in subnet {netuid}")
    return uid


def find_uid(view: Reading, netuid: NetUid, hotkey: PublicKey) -> Uid | None:
    """Return the uid of a hotkey, or None."""
    data = view.get(keys.uid(hotkey, netuid))
    return None if data is None else Uid(int.from_bytes(data, "big"))


def get_hotkeys(view: Reading, netuid: NetUid) -> list[PublicKey]:
    """Return the hotkey of every uid; `NOBODY` where a neuron left."""
    data = view.get(keys.column(netuid, Column.HOTKEY)) or b""
    return [PublicKey(data[at : at + KEY_SIZE]) for at in range(0, len(data), KEY_SIZE)]


def put_hotkeys(draft: Draft, netuid: NetUid, hotkeys: list[PublicKey]) -> None:
    """Write the hotkey of every uid."""
    draft.put(keys.column(netuid, Column.HOTKEY), b"".join(hotkeys))


def get_column(view: Reading, netuid: NetUid, column: Column) -> Matrix:
    """Return a column of integers, as a copy that may be written to."""
    data = view.get(keys.column(netuid, column)) or b""
    return np.frombuffer(data, dtype="<i8").astype(np.int64)


def put_column(draft: Draft, netuid: NetUid, column: Column, values: NDArray[np.int64]) -> None:
    """Write a column of integers."""
    draft.put(keys.column(netuid, column), values.astype("<i8").tobytes())


def get_cell(view: Reading, netuid: NetUid, column: Column, uid: Uid) -> int:
    """Return one neuron's figure of a column of integers."""
    data = view.get(keys.column(netuid, column)) or b""
    return int.from_bytes(data[8 * uid : 8 * uid + 8], "little", signed=True)


def put_cell(draft: Draft, netuid: NetUid, column: Column, uid: Uid, value: int) -> None:
    """Write one neuron's figure of a column; `uid` n appends."""
    data = draft.get(keys.column(netuid, column)) or b""
    cell = value.to_bytes(8, "little", signed=True)
    draft.put(keys.column(netuid, column), data[: 8 * uid] + cell + data[8 * uid + 8 :])


def find_served(view: Reading, netuid: NetUid, uid: Uid) -> Served | None:
    """Return what a neuron announced, or None."""
    data = view.get(keys.served(netuid, uid))
    return None if data is None else codec.decode(Served, data)


def put_served(draft: Draft, netuid: NetUid, uid: Uid, served: Served) -> None:
    """Write what a neuron announces."""
    draft.put(keys.served(netuid, uid), codec.encode(served))
