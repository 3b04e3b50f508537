"""A long life of a little network: every call is made, and refused; subnets come, go and return.

What people do is drawn from a seed and is what they may do (`purposes.py`), or nearly. The whole
state is audited after every block.
"""

from collections import Counter
from random import Random
from typing import get_args

import pytest

from consensus.calls.neurons import Serve
from consensus.calls.rotation import CancelColdkeySwap
from consensus.calls.weights import CommitWeights, RevealWeights
from consensus.errors import InvalidTransaction
from consensus.ledger.genesis import GenesisAccount, GenesisStake
from consensus.ledger.mempool import Mempool
from consensus.ledger.proposal import build_body
from consensus.ledger.state import MemoryReader, State
from consensus.ledger.supply import check_invariants
from consensus.ledger.transition import Applied, apply_block
from consensus.quantities import U16, U32, Amount, NetUid
from consensus.types import Call
from tests.builders import (
    TAO,
    admit,
    key_of,
    make_block,
    make_hyper,
    make_params,
    make_state,
    make_subnet,
    make_transaction,
)
from tests.consensus.ledger.holders import check_loans
from tests.consensus.ledger.picks import NAMES
from tests.consensus.ledger.purposes import PURPOSES, make_call
from tests.house.calls import find_rules

BLOCKS = 250
KINDS = [kind for kind in PURPOSES if kind.__name__ in find_rules()]
FREE = {Serve.__name__, CommitWeights.__name__, RevealWeights.__name__}
"""What fails is not included at all."""


def make_little_network() -> State:
    """Return two subnets with stake in both, and room for one more; everybody has TAO."""
    stakes = tuple(
        GenesisStake(NetUid(netuid), key_of(hotkey), key_of(name), Amount(10 * TAO))
        for netuid in (1, 2)
        for name, hotkey in (("alice", "hot0"), ("bob", "hot0"), ("bob", "hot1"))
    )
    params = make_params(
        voting_blocks=U32(8),
        enactment_blocks=U32(3),
        dispute_blocks=U32(3),
        quorum_ppm=U32(0),
        subnets_max=U16(3),
        subnet_lock_min=Amount(TAO // 10),
        subnet_lock_blocks=U32(8),
        subnet_start_blocks=U32(3),
        subnet_immunity_blocks=U32(40),
        dissolve_notice_epochs=U16(1),
        children_delay_blocks=U32(2),
        coldkey_swap_blocks=U32(2),
        hotkey_swap_fee=Amount(TAO // 100),
        era_blocks=U32(40),
        new_subnet=make_hyper(max_uids=U16(6), serving_rate_limit=U32(5), immunity_blocks=U32(30)),
    )
    return make_state(
        params=params,
        accounts=tuple(GenesisAccount(key_of(name), Amount(500 * TAO)) for name in NAMES),
        subnets=(
            make_subnet(owner=(key_of("hot0"),)),
            make_subnet(netuid=NetUid(2), neurons=()),
        ),
        stakes=stakes,
    )


class Life:
    """A network on which one block follows another, and what has been seen on it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.pool = Mempool()
        self.calls: Counter[tuple[str, bool]] = Counter()
        self.events: Counter[str] = Counter()
        self.reader = MemoryReader()
        self.state = self._rebase(make_little_network())

    def play(self, kinds: list[type], blocks: int) -> None:
        for _ in range(blocks):
            for _ in range(self.random.choice((0, 0, 1, 3, 8, 8))):
                self._send(self.random.choice(kinds))
            self._close()
            check_invariants(self.state)
            check_loans(self.state)

    def _send(self, kind: type) -> None:
        made = make_call(self.state, kind, self.random.getrandbits(200))
        if made is None:
            return
        name, call = made
        nonce = self.pool.next_nonce(self.state, key_of(name))
        try:
            admit(self.pool, self.state, make_transaction(self.state, name, call, nonce=nonce))
        except InvalidTransaction:
            return

    def _close(self) -> None:
        body = build_body(self.state, self.pool)
        applied = apply_block(self.state, make_block(self.state, *body), self.pool.is_verified)
        self._count(applied, [type(signed.transaction.call).__name__ for signed in body])
        self.state = self._rebase(applied.state)
        self.pool.remove(body)
        self.pool.advance(self.state)

    def _count(self, applied: Applied, names: list[str]) -> None:
        for name, receipt in zip(names, applied.receipts, strict=True):
            self.calls[name, receipt.code == 0] += 1
        self.events.update(type(event).__name__ for event in applied.events)

    def _rebase(self, state: State) -> State:
        """Return the state without its ancestors, as a node keeps it."""
        layers: list[State] = []
        layer = state
        while isinstance(layer, State):
            layers.append(layer)
            layer = layer.base  # type: ignore[assignment]  # the last one is a reader
        for each in reversed(layers):
            self.reader.absorb(each)
        return State.from_reader(self.reader, state.height, state.root)


@pytest.mark.slow
def test_every_call_is_made_and_refused_and_the_money_adds_up() -> None:
    calls: Counter[tuple[str, bool]] = Counter()
    events: Counter[str] = Counter()
    for seed in (1, 2):
        life = Life(seed)
        life.play([kind for kind in KINDS if kind.__name__ != "Propose"], BLOCKS)
        life.play(KINDS, BLOCKS)  # from here on the rules themselves change
        calls += life.calls
        events += life.events
    made = {kind.__name__ for kind in KINDS}
    assert {name for name, is_done in calls if is_done} == made
    assert {name for name, is_done in calls if not is_done} >= made - FREE - _NEVER_REFUSED
    assert events["SubnetDissolved"] > 1
    assert events["SubnetFounded"] > events["SubnetDissolved"] - 1
    assert {"WeightsForfeited", "HyperparameterChanged", "MechanismChanged"} <= set(events)


_NEVER_REFUSED = {CancelColdkeySwap.__name__}
"""Somebody makes them only where they are due; a stranger rarely."""


def test_there_is_a_way_to_make_every_call() -> None:
    assert set(PURPOSES) == set(get_args(Call))
