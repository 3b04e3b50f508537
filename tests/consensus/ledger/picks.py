"""What calls in a state can be about, and choices among it that a test can shrink."""

from collections.abc import Sequence
from typing import TypeVar

from consensus import crypto
from consensus.ledger.keys import Family
from consensus.ledger.records import (
    ROOT,
    get_hotkey,
    get_network,
    get_vault_hotkey,
)
from consensus.ledger.state import State
from consensus.ledger.subnet.records import NOBODY, get_hotkeys, get_netuids
from consensus.quantities import (
    U64_MAX,
    Amount,
    NetUid,
    PublicKey,
    Signature,
)
from consensus.types import Call
from tests.builders import TAO, key_of, sign_as

T = TypeVar("T")
COLDKEYS = ("alice", "bob", *(f"cold{index}" for index in range(4)))
NEW_COLDKEYS = tuple(f"next{index}" for index in range(12))
HOTKEYS = tuple(f"hot{index}" for index in range(4))
NEW_HOTKEYS = tuple(f"fresh{index}" for index in range(24))
SPARES = ("spare0", "spare1", "spare2", "new0", "new1", "nobody")
"""Used by other machines on the same networks."""
NAMES = (*COLDKEYS, *NEW_COLDKEYS, *HOTKEYS, *NEW_HOTKEYS, *SPARES)
NAME_OF = {key_of(name): name for name in NAMES}
Made = tuple[str, Call] | None
"""The name of who signs, and the call."""


class Pick:
    """Choices by the digits of one large number, so that a test can shrink them."""

    def __init__(self, number: int) -> None:
        self._left = number

    def below(self, count: int) -> int:
        self._left, digit = divmod(self._left, count)
        return digit

    def of(self, things: Sequence[T]) -> T:
        return things[self.below(len(things))]

    def amount(self, most: int) -> Amount:
        """Return some part of `most`, often all, little, or too much."""
        parts = (most // 2, most // 10, most, most // 3, 2_000_000, 1, 0, most + 1, U64_MAX)
        return Amount(self.of(parts))

    def limit(self, *, is_purchase: bool) -> Amount:
        free = U64_MAX if is_purchase else 0
        return Amount(self.of((free, free, free, TAO, TAO // 2, 2 * TAO)))


# -- what there is --------------------------------------------------------------------------------


def list_owned(state: State) -> list[tuple[PublicKey, str]]:
    """Return every hotkey whose owner the tests know, and that owner's name."""
    found: list[tuple[PublicKey, str]] = []
    for key, _ in state.scan(bytes((Family.HOTKEY,))):
        record = get_hotkey(state, PublicKey(key[1:]))
        if record is not None and record.owner in NAME_OF:
            found.append((PublicKey(key[1:]), NAME_OF[record.owner]))
    return found


def list_neurons(state: State) -> list[tuple[NetUid, PublicKey]]:
    pairs = [(netuid, key) for netuid in get_netuids(state) for key in get_hotkeys(state, netuid)]
    return [(netuid, key) for netuid, key in pairs if key != NOBODY and key in NAME_OF]


def list_stakes(state: State) -> list[tuple[NetUid, PublicKey, str]]:
    """Return netuid, hotkey and holder of every stake of a coldkey that the tests know."""
    return [
        (NetUid(int.from_bytes(key[1:3], "big")), hotkey, NAME_OF[PublicKey(key[35:])])
        for key, _ in state.scan(bytes((Family.SHARES,)))
        if (hotkey := get_vault_hotkey(state, PublicKey(key[3:35])))
        and PublicKey(key[35:]) in NAME_OF
    ]


def get_owner_name(state: State, hotkey: PublicKey) -> str:
    record = get_hotkey(state, hotkey)
    return COLDKEYS[0] if record is None else NAME_OF.get(record.owner, COLDKEYS[0])


def pick_netuid(state: State, pick: Pick) -> NetUid:
    return pick.of([*get_netuids(state), *get_netuids(state), NetUid(7), ROOT])


def consent_of(state: State, hotkey: str, coldkey: str) -> tuple[Signature, ...]:
    message = crypto.claim_message(get_network(state).chain_id, key_of(hotkey), key_of(coldkey))
    return (sign_as(hotkey, message),)


def pick_hotkey(state: State, pick: Pick) -> PublicKey:
    return pick.of(list_owned(state))[0]
