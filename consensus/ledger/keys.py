"""Where each thing lies in the state: the first byte of a key is its family, its length is fixed.

Numbers in keys are big-endian, so that a scan meets them in ascending order. A family's number is
law (it is under the state root): never reuse or renumber one.
"""

from enum import IntEnum

from consensus.types import Epoch, Height, NetUid, PublicKey, Uid, ValidatorIndex


class Family(IntEnum):
    """The first byte of a state key, and what follows it."""

    NETWORK = 0x01
    """Nothing: the network's constants and chain id."""
    HEAD = 0x02
    """Nothing: what the next block is checked against."""
    TOTALS = 0x03
    """netuid u16: the running totals of TAO (0) or of a subnet's alpha."""
    VALIDATOR = 0x04
    """index u16: a member of the validator set."""
    BEACON = 0x05
    """index u16: the last value that validator's hash chain has shown."""
    ACCOUNT = 0x10
    """key: free balance and nonce."""
    HOTKEY = 0x11
    """hotkey: owner and take."""
    POOL = 0x12
    """netuid u16, hotkey: the share pool of a hotkey's stake."""
    SHARES = 0x13
    """netuid u16, hotkey, coldkey: how many of the pool's shares are whose."""
    HOLDING = 0x14
    """coldkey, netuid u16, hotkey: marks that SHARES has such an entry."""
    UNBONDING = 0x15
    """hotkey, release height u64, coldkey: rao on their way out."""
    RELEASE = 0x16
    """release height u64, hotkey, coldkey: marks that UNBONDING has such an entry."""
    LEAVING = 0x17
    """coldkey, release height u64, hotkey: marks the same, for its owner to find."""
    SUBNET = 0x20
    """netuid u16: a subnet's task, owner and rules."""
    MARKET = 0x21
    """netuid u16: a subnet's figures that move with every block."""
    COLUMN = 0x22
    """netuid u16, column u8: one figure of every uid, a little-endian array."""
    UID = 0x23
    """hotkey, netuid u16: its uid."""
    SERVED = 0x24
    """netuid u16, uid u16: what the neuron announced with Serve."""
    COMMIT = 0x25
    """netuid u16, epoch u64, uid u16: a weight commitment that is not opened yet."""
    ROW = 0x26
    """netuid u16, uid u16: the validator's weights in force."""
    BONDS = 0x27
    """netuid u16, uid u16: the validator's bonds."""
    FORFEITS = 0x28
    """netuid u16, hotkey: the epochs in which it withheld a reveal."""
    RECORD = 0x29
    """netuid u16, part u8: everything the last epoch step read and found."""


NETWORK = bytes((Family.NETWORK,))
HEAD = bytes((Family.HEAD,))
_ACCOUNT = bytes((Family.ACCOUNT,))


def totals(netuid: NetUid) -> bytes:
    """Return the key of the totals of `netuid`'s coin; 0 is TAO."""
    return bytes((Family.TOTALS,)) + netuid.to_bytes(2, "big")


def validator(index: ValidatorIndex) -> bytes:
    """Return the key of a validator set member."""
    return bytes((Family.VALIDATOR,)) + index.to_bytes(2, "big")


def beacon(index: ValidatorIndex) -> bytes:
    """Return the key of a validator's beacon tip."""
    return bytes((Family.BEACON,)) + index.to_bytes(2, "big")


def account(key: PublicKey) -> bytes:
    """Return the key of an account."""
    return _ACCOUNT + key


def hotkey(key: PublicKey) -> bytes:
    """Return the key of a hotkey's record."""
    return bytes((Family.HOTKEY,)) + key


def pool(netuid: NetUid, hot: PublicKey) -> bytes:
    """Return the key of a hotkey's share pool."""
    return bytes((Family.POOL,)) + netuid.to_bytes(2, "big") + hot


def shares(netuid: NetUid, hot: PublicKey, cold: PublicKey) -> bytes:
    """Return the key of a coldkey's shares in a pool."""
    return bytes((Family.SHARES,)) + netuid.to_bytes(2, "big") + hot + cold


def holding(cold: PublicKey, netuid: NetUid, hot: PublicKey) -> bytes:
    """Return the key of the mark that `cold` holds shares."""
    return bytes((Family.HOLDING,)) + cold + netuid.to_bytes(2, "big") + hot


def unbonding(hot: PublicKey, release: Height, cold: PublicKey) -> bytes:
    """Return the key of an amount on its way out."""
    return bytes((Family.UNBONDING,)) + hot + release.to_bytes(8, "big") + cold


def release(height: Height, hot: PublicKey, cold: PublicKey) -> bytes:
    """Return the key of the mark that an amount is due at `height`."""
    return bytes((Family.RELEASE,)) + height.to_bytes(8, "big") + hot + cold


def leaving(cold: PublicKey, height: Height, hot: PublicKey) -> bytes:
    """Return the key of the mark that an amount of `cold` is due at `height`."""
    return bytes((Family.LEAVING,)) + cold + height.to_bytes(8, "big") + hot


def subnet(netuid: NetUid) -> bytes:
    """Return the key of a subnet."""
    return bytes((Family.SUBNET,)) + netuid.to_bytes(2, "big")


def market(netuid: NetUid) -> bytes:
    """Return the key of a subnet's moving figures."""
    return bytes((Family.MARKET,)) + netuid.to_bytes(2, "big")


def column(netuid: NetUid, number: int) -> bytes:
    """Return the key of one column of a subnet."""
    return bytes((Family.COLUMN,)) + netuid.to_bytes(2, "big") + bytes((number,))


def uid(hot: PublicKey, netuid: NetUid) -> bytes:
    """Return the key under which a hotkey's uid stands."""
    return bytes((Family.UID,)) + hot + netuid.to_bytes(2, "big")


def served(netuid: NetUid, number: Uid) -> bytes:
    """Return the key of a neuron's announcement."""
    return bytes((Family.SERVED,)) + netuid.to_bytes(2, "big") + number.to_bytes(2, "big")


def commit(netuid: NetUid, epoch: Epoch, number: Uid) -> bytes:
    """Return the key of a commitment."""
    return commits(netuid, epoch) + number.to_bytes(2, "big")


def commits(netuid: NetUid, epoch: Epoch) -> bytes:
    """Return what the keys of an epoch's commitments begin with."""
    return bytes((Family.COMMIT,)) + netuid.to_bytes(2, "big") + epoch.to_bytes(8, "big")


def row(netuid: NetUid, number: Uid) -> bytes:
    """Return the key of a validator's weights."""
    return bytes((Family.ROW,)) + netuid.to_bytes(2, "big") + number.to_bytes(2, "big")


def rows(netuid: NetUid) -> bytes:
    """Return what the keys of a subnet's weight rows begin with."""
    return bytes((Family.ROW,)) + netuid.to_bytes(2, "big")


def bond_row(netuid: NetUid, number: Uid) -> bytes:
    """Return the key of a validator's bonds."""
    return bytes((Family.BONDS,)) + netuid.to_bytes(2, "big") + number.to_bytes(2, "big")


def bond_rows(netuid: NetUid) -> bytes:
    """Return what the keys of a subnet's bonds begin with."""
    return bytes((Family.BONDS,)) + netuid.to_bytes(2, "big")


def forfeits(netuid: NetUid, hot: PublicKey) -> bytes:
    """Return the key of a hotkey's forfeits in a subnet."""
    return bytes((Family.FORFEITS,)) + netuid.to_bytes(2, "big") + hot


def record(netuid: NetUid, part: int) -> bytes:
    """Return the key of one part of the last epoch's record."""
    return bytes((Family.RECORD,)) + netuid.to_bytes(2, "big") + bytes((part,))
