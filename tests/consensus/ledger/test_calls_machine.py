"""Any calls in any order: money is conserved, only typed errors come, a failed call costs its fee.

A hypothesis state machine plays blocks of random calls, mostly sensible and some absurd, by keys of
the little network. Every block is audited in full.
"""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from consensus.calls.accounts import Transfer
from consensus.calls.neurons import RegisterNeuron
from consensus.calls.staking import (
    SetTake,
    StakeAlpha,
    StakeRoot,
    SwapStake,
    UnstakeAlpha,
    UnstakeRoot,
)
from consensus.errors import CallError, InvalidTransaction
from consensus.ledger.calls import process_call
from consensus.ledger.genesis import GenesisStake
from consensus.ledger.mempool import Mempool
from consensus.ledger.proposal import build_body
from consensus.ledger.queries import metagraph
from consensus.ledger.state import Draft, State
from consensus.ledger.supply import check_invariants
from consensus.ledger.transition import apply_block
from consensus.quantities import Amount, NetUid, Ratio16
from consensus.types import Call
from tests.builders import (
    SUBNET,
    TAO,
    advance,
    key_of,
    make_block,
    make_commit,
    make_reveal,
    make_serve,
    make_state,
    make_subnet,
    make_transaction,
)

PEOPLE = ("alice", "bob", "cold0", "cold1", "hot0", "hot1", "hot2", "new0", "new1", "nobody")
people = st.sampled_from(PEOPLE)
amounts = st.one_of(
    st.integers(0, 20 * TAO), st.sampled_from([0, 1, 1_999_999, 1_000 * TAO, 2**64 - 1])
)
netuids = st.sampled_from([1, 1, 1, 0, 2, 3, 65_535])
limits = st.sampled_from([0, 2**64 - 1, TAO // 2, TAO, 2 * TAO])


def _paid_calls() -> st.SearchStrategy[Call]:
    keys = people.map(key_of)
    money = amounts.map(Amount)
    return st.one_of(
        st.builds(Transfer, keys, money),
        st.builds(RegisterNeuron, netuids.map(NetUid), keys, st.just(Amount(2**64 - 1))),
        st.builds(RegisterNeuron, netuids.map(NetUid), keys, money),
        st.builds(StakeRoot, keys, money),
        st.builds(UnstakeRoot, keys, money),
        st.builds(SetTake, keys, st.integers(0, 20_000).map(Ratio16)),
        _trades(),
    )


def _trades() -> st.SearchStrategy[Call]:
    keys, subnets = people.map(key_of), netuids.map(NetUid)
    money, price = amounts.map(Amount), limits.map(Amount)
    return st.one_of(
        st.builds(StakeAlpha, subnets, keys, money, price),
        st.builds(UnstakeAlpha, subnets, keys, money, price),
        st.builds(SwapStake, subnets, keys, subnets, keys, money, price, price),
    )


def _make_start() -> State:
    """Return two subnets, the second without neurons, and people with stake in both."""
    stakes = tuple(
        GenesisStake(NetUid(netuid), key_of(hotkey), key_of(name), Amount(10 * TAO))
        for netuid in (1, 2)
        for name, hotkey in (("alice", "hot0"), ("bob", "hot0"), ("bob", "hot1"))
    )
    second = make_subnet(netuid=NetUid(2), neurons=())
    return make_state(subnets=(make_subnet(), second), stakes=stakes)


class AnyCalls(RuleBasedStateMachine):
    """Blocks of any calls on the little network."""

    def __init__(self) -> None:
        super().__init__()
        self.state = _make_start()
        self.pool = Mempool()
        self.rows: dict[tuple[str, int], dict[int, int]] = {}

    @rule(signer=people, call=_paid_calls(), tip=st.integers(0, 10_000))
    def send(self, signer: str, call: Call, tip: int) -> None:
        nonce = self.pool.next_nonce(self.state, key_of(signer))
        signed = make_transaction(self.state, signer, call, nonce=nonce, tip=Amount(tip))
        try:
            self.pool.admit(self.state, signed)
        except InvalidTransaction:
            return

    @rule(signer=people, row=st.dictionaries(st.integers(0, 7), st.integers(1, 65_535), min_size=1))
    def commit(self, signer: str, row: dict[int, int]) -> None:
        epoch = (self.state.height + 1) // 8
        row = row | {max(row): 65_535}
        self._send_free(signer, make_commit(self.state, signer, make_reveal(row, epoch)))
        self.rows[signer, epoch] = row

    @rule(signer=people)
    def reveal(self, signer: str) -> None:
        epoch = (self.state.height + 1) // 8 - 1
        row = self.rows.get((signer, epoch))
        if row is not None:
            self._send_free(signer, make_reveal(row, epoch))

    @rule(
        row=st.dictionaries(st.integers(0, 4), st.integers(1, 65_535), min_size=1),
        reveals=st.sampled_from([("hot0", "hot1"), ("hot0",), ("hot1",), ()]),
    )
    def weigh(self, row: dict[int, int], reveals: tuple[str, ...]) -> None:
        """Play one whole epoch in which both validators commit and some reveal."""
        start = (self.state.height // 8 + 1) * 8
        self.state = advance(self.state, start + 2)
        for name in ("hot0", "hot1"):
            self.commit(name, row)
        self.block()
        self.state = advance(self.state, start + 7)
        for name in reveals:
            self.reveal(name)
        self.block()
        self.state = advance(self.state, start + 10)
        self.pool.advance(self.state)

    @rule(signer=people)
    def serve(self, signer: str) -> None:
        self._send_free(signer, make_serve(self.state, signer))

    @rule()
    def block(self) -> None:
        body = build_body(self.state, self.pool)
        applied = apply_block(self.state, make_block(self.state, *body), self.pool.is_verified)
        assert len(applied.receipts) == len(body)
        self.state = applied.state
        self.pool.remove(body)
        self.pool.advance(self.state)

    @rule(count=st.integers(1, 9))
    def wait(self, count: int) -> None:
        self.state = advance(self.state, self.state.height + count)
        self.pool.advance(self.state)

    @rule(signer=people, call=_paid_calls())
    def fail_without_trace(self, signer: str, call: Call) -> None:
        draft = Draft(self.state)
        before = dict(draft.changes)
        draft.mark()
        try:
            process_call(draft, key_of(signer), call)
        except CallError:
            draft.undo()
            assert draft.changes == before
            assert all(draft.get(key) == self.state.get(key) for key in self.state.changes)

    def _send_free(self, signer: str, call: Call) -> None:
        nonce = self.pool.next_nonce(self.state, key_of(signer))
        try:
            self.pool.admit(self.state, make_transaction(self.state, signer, call, nonce=nonce))
        except InvalidTransaction:
            return

    @invariant()
    def the_money_adds_up(self) -> None:
        check_invariants(self.state)
        graph = metagraph(self.state, SUBNET)
        assert len(set(graph.hotkeys)) == len(graph.hotkeys) <= 8


AnyCalls.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
test_any_calls = pytest.mark.slow(AnyCalls.TestCase)
