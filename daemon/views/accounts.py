"""What keys have and say of themselves: accounts, coldkeys, swaps; and entries of the state."""

from dataclasses import dataclass
from typing import Annotated

from config.address import format_address
from consensus.ledger import queries
from consensus.ledger.identity.identities import find_identity
from consensus.ledger.identity.rotation import find_announcement, list_announcements
from consensus.ledger.queries import list_owned
from consensus.ledger.records import get_head
from consensus.ledger.stake.autostake import get_auto_stake
from consensus.ledger.state import Reading
from consensus.ledger.subnet.records import find_subnet, get_netuids
from consensus.quantities import U16_MAX, Identity, PublicKey
from daemon import unit
from daemon.views.inputs import CountInput, KeyInput, KeysInput
from daemon.views.view import AtHeight, Proof, of_state

HOTKEYS_MAX = 256
"""A coldkey's hotkeys in one answer."""


@dataclass(frozen=True, slots=True)
class StakeRow:
    """What a coldkey has staked on a hotkey."""

    netuid: Annotated[int, unit.place("Where.", "subnet")]
    hotkey: Annotated[str, unit.address("On whom.")]
    amount: Annotated[int, unit.coin("What it is worth now.")]


@dataclass(frozen=True, slots=True)
class UnbondingRow:
    """Root stake on its way out."""

    hotkey: Annotated[str, unit.address("From whom.")]
    amount: Annotated[int, unit.rao("What will be paid, unless it is slashed before.")]
    release_height: Annotated[int, unit.height("When it is paid.", "paid out at")]


@dataclass(frozen=True, slots=True)
class AccountAnswer:
    """What a key has and is."""

    address: Annotated[str, unit.address("The key.", shown="never")]
    free: Annotated[int, unit.rao("Spendable at once.")]
    nonce: Annotated[int, unit.count("Transactions so far; the next one's nonce.", "transactions")]
    stakes: Annotated[tuple[StakeRow, ...], unit.part("What it has staked.", "Stake")] = ()
    unbonding: Annotated[tuple[UnbondingRow, ...], unit.part("What comes back.", "Unbonding")] = ()
    owner: Annotated[str | None, unit.address("The coldkey of a hotkey.", "hotkey of")] = None
    take: Annotated[
        float | None, unit.percent("What a hotkey's owner keeps of its delegators' rewards.")
    ] = None
    neurons: Annotated[
        tuple[tuple[int, int], ...], unit.places("Where it is registered.", "registered in")
    ] = ()
    height: AtHeight = 0
    proof: Proof = None


@of_state(
    "/chain/account/{address}", "query account", "alice", "Account {address} at height {height}"
)
def account(state: Reading, address: KeyInput) -> AccountAnswer:
    """What a key has and is."""
    found = queries.account(state, address)
    return AccountAnswer(
        address=format_address(address),
        free=found.free,
        nonce=found.nonce,
        stakes=tuple(
            StakeRow(stake.netuid, format_address(stake.hotkey), stake.amount)
            for stake in found.stakes
        ),
        unbonding=tuple(
            UnbondingRow(format_address(each.hotkey), each.amount, each.release)
            for each in found.unbonding
        ),
        owner=None if found.owner is None else format_address(found.owner),
        take=None if found.take is None else found.take / U16_MAX,
        neurons=tuple((int(netuid), int(uid)) for netuid, uid in found.neurons),
        height=get_head(state).height,
    )


# -- coldkeys -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IdentityPart:
    """What somebody says of themselves; nobody checks it."""

    name: Annotated[str, unit.text("Their name.")]
    url: Annotated[str, unit.text("Their page.", shown="alone")]
    contact: Annotated[str, unit.text("How to reach them.", shown="alone")]
    about: Annotated[str, unit.text("What they do.")]


@dataclass(frozen=True, slots=True)
class AutoStakeRow:
    """Where what a coldkey's miners earn in a subnet is staked."""

    netuid: Annotated[int, unit.netuid("Where it is earned.", "subnet")]
    hotkey: Annotated[str, unit.address("On whom it is staked.")]


@dataclass(frozen=True, slots=True)
class ColdkeyAnswer:
    """What a coldkey says of itself, where it is going, and where its miners' pay is staked."""

    height: AtHeight
    address: Annotated[str, unit.address("The coldkey.", shown="never")]
    identity: Annotated[IdentityPart | None, unit.part("Its words.", "")]
    next_coldkey: Annotated[str | None, unit.address("The announced swap.", "will become")]
    swap_from: Annotated[
        int | None, unit.height("The first block in which it can be done.", "from")
    ]
    auto_stake: Annotated[
        tuple[AutoStakeRow, ...], unit.part("Of its miners.", "Where its miners' pay is staked")
    ]
    hotkeys: Annotated[
        tuple[str, ...], unit.address(f"Those that belong to it, at most {HOTKEYS_MAX}.")
    ]
    proof: Proof = None


@of_state(
    "/chain/coldkeys/{address}", "query identity", "alice", "Coldkey {address} at height {height}"
)
def coldkey(state: Reading, address: KeyInput) -> ColdkeyAnswer:
    """A coldkey: its words, announced swap, hotkeys, where its pay is staked."""
    announced = find_announcement(state, address)
    return ColdkeyAnswer(
        height=get_head(state).height,
        address=format_address(address),
        identity=present_identity(find_identity(state, address)),
        next_coldkey=None if announced is None else format_address(announced.new_coldkey),
        swap_from=None if announced is None else announced.due_at,
        auto_stake=_list_auto_stake(state, address),
        hotkeys=tuple(map(format_address, list_owned(state, address, HOTKEYS_MAX))),
    )


def present_identity(identity: Identity | None) -> IdentityPart | None:
    """Return what somebody says of themselves."""
    if identity is None:
        return None
    return IdentityPart(identity.name, identity.url, identity.contact, identity.about)


def _list_auto_stake(state: Reading, key: PublicKey) -> tuple[AutoStakeRow, ...]:
    rows: list[AutoStakeRow] = []
    for netuid in get_netuids(state):
        subnet = find_subnet(state, netuid)
        hotkey = None if subnet is None else get_auto_stake(state, key, netuid, subnet)
        if hotkey is not None:
            rows.append(AutoStakeRow(netuid, format_address(hotkey)))
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class SwapRow:
    """An announced coldkey swap."""

    coldkey: Annotated[str, unit.address("Who goes.")]
    new_coldkey: Annotated[str, unit.address("Where to.", "to")]
    due_at: Annotated[int, unit.height("When it can be done.", "from block")]


@dataclass(frozen=True, slots=True)
class SwapsAnswer:
    """Announced coldkey swaps, by coldkey."""

    height: AtHeight
    swaps: Annotated[tuple[SwapRow, ...], unit.part("Those announced.")]
    proof: Proof = None


@of_state("/chain/swaps", "query swaps", "", "Announced coldkey swaps at height {height}")
def swaps(state: Reading, count: CountInput = 100) -> SwapsAnswer:
    """Announced coldkey swaps."""
    rows = tuple(
        SwapRow(format_address(coldkey), format_address(each.new_coldkey), each.due_at)
        for coldkey, each in list_announcements(state, count)
    )
    return SwapsAnswer(get_head(state).height, rows)


# -- entries of the state -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry of the state."""

    key: Annotated[str, unit.data("Its key.")]
    value: Annotated[str | None, unit.data("Null where the state has no such key.")]


@dataclass(frozen=True, slots=True)
class EntriesAnswer:
    """Entries of the state after block `height`."""

    height: AtHeight
    entries: Annotated[tuple[EntryRow, ...], unit.part("In the order asked.")]
    proof: Proof = None


@of_state(
    "/chain/proof", "query entries", "--key 01", "Entries at height {height}", always_proven=True
)
def entries(
    state: Reading, key: Annotated[tuple[bytes, ...], KeysInput("A state key in hexadecimal.")]
) -> EntriesAnswer:
    """Entries of the state as they are, by their keys; always with a proof."""
    pairs = [(each, state.get(each)) for each in key]
    rows = tuple(EntryRow(k.hex(), None if value is None else value.hex()) for k, value in pairs)
    return EntriesAnswer(get_head(state).height, rows)
