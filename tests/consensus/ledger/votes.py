"""Proposals and votes for the tests of governance: six blocks to vote, four until the effect."""

from dataclasses import replace
from typing import Any

import pytest

from consensus.calls.accounts import Transfer
from consensus.calls.governance import (
    CastVote,
    Change,
    ChangeParam,
    Propose,
)
from consensus.errors import CallError
from consensus.ledger.calls import process_call
from consensus.ledger.state import Draft, Reading, State
from consensus.ledger.voting.proposals import (
    MotionState,
    get_proposal,
)
from consensus.quantities import (
    I64,
    U32,
    Amount,
    Height,
    ShortText,
)
from tests.builders import (
    TAO,
    apply,
    do,
    key_of,
    make_params,
    make_state,
    make_transaction,
)

PARAMS = make_params(voting_blocks=U32(6), enactment_blocks=U32(4))
PARAM = ChangeParam(ShortText("fee_base"), I64(20_000))
FIRST = U32(0)


def make_propose(change: Change = PARAM, activation: int = 3) -> Propose:
    return Propose(change, Height(activation))


def funded(**params: Any) -> State:  # noqa: ANN401 - as in the builders
    """Return a state in which "hot0" to "hot3" can pay fees and proposals."""
    state = make_state(params=replace(PARAMS, **params))
    gifts = [
        make_transaction(state, "alice", Transfer(key_of(f"hot{i}"), Amount(3 * TAO)), nonce=i)
        for i in range(4)
    ]
    return apply(state, *gifts).state


def proposed(change: Change = PARAM, activation: int = 3, **params: Any) -> State:  # noqa: ANN401
    """Return the state after block 2, in which "hot0" proposed; votes close with block 8."""
    return do(funded(**params), "hot0", make_propose(change, activation)).state


def vote(state: State, *names: str, yes: bool = True, number: int = 0) -> State:
    calls = [make_transaction(state, name, CastVote(U32(number), yes)) for name in names]
    applied = apply(state, *calls)
    assert [receipt.code for receipt in applied.receipts] == [0] * len(names)
    return applied.state


def standing(state: Reading, number: int = 0) -> MotionState:
    return get_proposal(state, U32(number)).standing


def refuse(state: State, signer: str, call: Propose | CastVote) -> type[CallError]:
    draft = Draft(state)
    draft.mark()
    with pytest.raises(CallError) as caught:
        process_call(draft, key_of(signer), call)
    assert draft.changes == {}
    return type(caught.value)
