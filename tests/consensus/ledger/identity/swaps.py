"""The little network for the tests of key swaps: quick delays, a fee, and stake on "hot0"."""

from consensus.calls.rotation import SwapHotkey
from consensus.ledger.genesis import GenesisStake
from consensus.ledger.state import State
from consensus.quantities import U32, Amount
from tests.builders import (
    SUBNET,
    TAO,
    do,
    key_of,
    make_consent,
    make_params,
    make_state,
    make_subnet,
)

PARAMS = make_params(coldkey_swap_blocks=U32(3), hotkey_swap_fee=Amount(TAO))
HOT0, HOT1, FRESH = key_of("hot0"), key_of("hot1"), key_of("fresh")
COLD0, COLD1, NEW = key_of("cold0"), key_of("cold1"), key_of("cold-new")
ALICE = key_of("alice")


def make_network(**fields: object) -> State:
    """Return the little network; "hot0" owns subnet 1, and "alice" has stake on it there."""
    values = {
        "params": PARAMS,
        "stakes": (GenesisStake(SUBNET, HOT0, ALICE, Amount(50 * TAO)),),
        "subnets": (make_subnet(owner=(HOT0,)),),
    }
    return make_state(**(values | fields))


def make_swap(
    state: State, old: str = "hot0", new: str = "fresh", cold: str = "cold0"
) -> SwapHotkey:
    """Return the call by which `cold` puts `new`, which consents, in the place of `old`."""
    return SwapHotkey(key_of(old), key_of(new), (make_consent(state, new, cold),))


def make_swapped() -> State:
    """Return the network after "hot0" was swapped for "fresh"."""
    state = make_network()
    return do(state, "cold0", make_swap(state)).state
