"""The law's fingerprint: a scripted chain with every call leads to the roots it always led to.

When this fails, the law or an encoding of the state has changed: on a running network that is a
fork. Where that is meant, `tests/vectors/transition.json` changes in the same commit.
"""

import json
from pathlib import Path
from typing import Any

from consensus.calls.accounts import Transfer
from consensus.calls.staking import SetTake, StakeRoot, UnstakeRoot
from consensus.ledger.queries import metagraph
from consensus.ledger.state import State
from consensus.ledger.transition import get_receipts_root
from consensus.quantities import Amount, Height, Ratio16
from tests.builders import (
    SUBNET,
    TAO,
    advance,
    apply,
    key_of,
    make_commit,
    make_registration,
    make_reveal,
    make_serve,
    make_state,
    make_subnet,
    make_transaction,
    play_epoch,
)

VECTORS = Path(__file__).parents[2] / "vectors" / "transition.json"


def test_the_scripted_chain_leads_to_the_known_roots() -> None:
    steps = [_describe(state) for state in _play()]
    assert steps == json.loads(VECTORS.read_text())["steps"]


def _play() -> list[State]:
    genesis = make_state(subnets=(make_subnet(owner=(key_of("hot3"),)),))
    calls = {
        "alice": StakeRoot(key_of("hot1"), Amount(50 * TAO)),
        "bob": make_registration(genesis, "new", "bob", max_price=Amount(TAO)),
        "cold0": SetTake(key_of("hot0"), Ratio16(5_000)),
        "hot2": make_serve(genesis, "hot2"),
    }
    signed = [make_transaction(genesis, signer, call) for signer, call in calls.items()]
    calm = apply(genesis, *signed).state
    paid = play_epoch(calm, {"hot0": {2: 65_535, 3: 9_000}, "hot1": {2: 60_000, 4: 65_535}})
    moves = [
        make_transaction(paid, "alice", UnstakeRoot(key_of("hot1"), Amount(20 * TAO))),
        make_transaction(paid, "bob", Transfer(key_of("eve"), Amount(TAO)), tip=Amount(500)),
        make_transaction(paid, "cold0", Transfer(key_of("eve"), Amount(900 * TAO))),
    ]
    moved = apply(paid, *moves).state
    commits = [
        make_transaction(moved, name, make_commit(moved, name, make_reveal({2: 65_535}, 1)))
        for name in ("hot0", "hot1")
    ]
    opened = advance(apply(moved, *commits).state, 15)
    forfeited = apply(opened, make_transaction(opened, "hot1", make_reveal({2: 65_535}, 1))).state
    return [genesis, calm, paid, moved, advance(forfeited, 18), advance(forfeited, 40)]


def _describe(state: State) -> dict[str, Any]:
    return {
        "height": int(Height(state.height)),
        "state_root": state.root.hex(),
        "receipts_root": get_receipts_root(state).hex(),
        "emission": list(metagraph(state, SUBNET).emission),
    }
