"""Where each thing lies in the state: the first byte of a key is its family, its length is fixed.

Numbers in keys are big-endian, so that a scan meets them in ascending order. A family's number is
law (it is under the state root): never reuse or renumber one.
"""

from enum import IntEnum

from consensus.quantities import Epoch, Height, NetUid, PublicKey, Uid, ValidatorIndex


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
    """consensus key: the last value its hash chain has shown."""
    ACCOUNT = 0x10
    """key: free balance and nonce."""
    HOTKEY = 0x11
    """hotkey: owner, take and vault."""
    POOL = 0x12
    """netuid u16, vault: the share pool of a hotkey's stake."""
    SHARES = 0x13
    """netuid u16, vault, coldkey: how many shares of the pool a coldkey has."""
    HOLDING = 0x14
    """coldkey, netuid u16, vault: marks that SHARES has such an entry."""
    UNBONDING = 0x15
    """vault, release height u64, coldkey: shares of what is on its way out."""
    RELEASE = 0x16
    """release height u64, vault, coldkey: marks that UNBONDING has such an entry."""
    LEAVING = 0x17
    """coldkey, release height u64, vault: marks the same, for its owner to find."""
    VAULT = 0x18
    """swapped hotkey: its line's present hotkey, if it is the line's first, else that first."""
    OWNED = 0x19
    """coldkey, hotkey: marks that HOTKEY says so."""
    AUTOSTAKE = 0x1A
    """coldkey, netuid u16: the hotkey that what its miners earn is staked on."""
    COLDKEY_SWAP = 0x1B
    """coldkey: the announced swap; nothing: when coldkeys were swapped last, and how much moved."""
    IDENTITY = 0x1C
    """coldkey: what it says of itself."""
    CONSENSUS_KEY = 0x1D
    """hotkey: the key that is to vote for it."""
    NEXT_SET = 0x1E
    """index u16: a member of the next era's validator set."""
    ERA = 0x1F
    """Nothing: which era this is, its last height, its seed, the hashes of its set and the next."""
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
    """netuid u16, hotkey: the epoch steps at which it had withheld a reveal."""
    RECORD = 0x29
    """netuid u16, part u8: everything the last epoch step read and found."""
    CHANGES = 0x2A
    """netuid u16: hyperparameters on their way, and when each was changed last."""
    MECHANISM = 0x2B
    """netuid u16: the mechanism that will be active."""
    CHILDREN = 0x2C
    """netuid u16, parent's vault: to whom it lends its stake weight."""
    PARENT = 0x2D
    """netuid u16, child's vault: who lends to it: vault and share (Ratio16) of each parent."""
    NEXT_CHILDREN = 0x2E
    """netuid u16, parent's vault: to whom it will lend, and from which height on."""
    MODEL = 0x2F
    """netuid u16, vault: the model the hotkey committed to."""
    SUBNET_IDENTITY = 0x30
    """netuid u16: what its owner says of it."""
    LOCKS = 0x31
    """Nothing: the last lock, and who waits for a place."""
    ENDING = 0x32
    """netuid u16: a subnet under notice, or being paid out."""
    UNBONDING_POOL = 0x33
    """vault: all that unbonds from it; UNBONDING holds shares of it."""
    CONTENT = 0x34
    """netuid u16, content: who published this model first, and when."""
    ORDER = 0x40
    """netuid u16, side u8, limit u64, destination: what is to be swapped at the block's end."""
    SECOND_LEG = 0x41
    """netuid u16, limit u64, destination: TAO of a swap whose purchase is in the next block."""
    CHANNEL = 0x50
    """channel: a buyer's deposit for one miner."""
    PAYER = 0x51
    """coldkey, channel: marks that CHANNEL has such an entry."""
    PAYEE = 0x52
    """payee's vault, channel: marks the same."""
    PROPOSAL = 0x60
    """number u32: what is or was put to the vote."""
    BALLOT = 0x61
    """proposal u32, vault: the hotkey's vote."""
    GOVERNANCE = 0x62
    """Nothing: the next proposal's number, the protocol version and the one to come."""
    AGENDA = 0x70
    """height u64, topic u8, subject: what is due at a height, oldest first."""


def of(family: Family, *parts: bytes) -> bytes:
    """Return a key of `family` from its parts, each of its fixed width."""
    return bytes((family,)) + b"".join(parts)


def u16(number: int) -> bytes:
    """Return a netuid or another u16 as part of a key."""
    return number.to_bytes(2, "big")


def u32(number: int) -> bytes:
    """Return a u32 as part of a key."""
    return number.to_bytes(4, "big")


def u64(number: int) -> bytes:
    """Return a height or another u64 as part of a key."""
    return number.to_bytes(8, "big")


NETWORK = bytes((Family.NETWORK,))
HEAD = bytes((Family.HEAD,))
ERA = bytes((Family.ERA,))
_ACCOUNT = bytes((Family.ACCOUNT,))


def totals(netuid: NetUid) -> bytes:
    """Return the key of the totals of `netuid`'s coin; 0 is TAO."""
    return bytes((Family.TOTALS,)) + netuid.to_bytes(2, "big")


def validator(index: ValidatorIndex) -> bytes:
    """Return the key of a validator set member."""
    return bytes((Family.VALIDATOR,)) + index.to_bytes(2, "big")


def beacon(key: PublicKey) -> bytes:
    """Return the key of a consensus key's beacon tip."""
    return bytes((Family.BEACON,)) + key


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
