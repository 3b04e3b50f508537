"""A buyer's channel to a miner, for the tests of payments: "alice" pays "hot2" until block 20."""

from dataclasses import replace
from typing import Any

import pytest

from consensus import crypto
from consensus.calls.accounts import Transfer
from consensus.calls.payments import OpenChannel, RedeemVoucher, Voucher
from consensus.errors import CallError
from consensus.ledger.calls import process_call
from consensus.ledger.channels import ChannelView, make_voucher, view_channel
from consensus.ledger.records import (
    get_account,
    get_network,
)
from consensus.ledger.state import Draft, State
from consensus.ledger.transition import Applied
from consensus.quantities import U32, ZERO_HASH, Amount, Hash32, Height, Nonce
from consensus.types import Call
from tests.builders import (
    SUBNET,
    TAO,
    do,
    key_of,
    make_params,
    make_state,
    signer_of,
)

DEPOSIT = Amount(5 * TAO)
PARAMS = make_params(dispute_blocks=U32(4), channel_blocks_max=U32(50))
FUNDED = make_state(params=PARAMS)


def make_open(**fields: Any) -> OpenChannel:  # noqa: ANN401 - as in the builders
    """Return the call that opens a channel of five TAO to miner "hot2" until block 20."""
    return replace(OpenChannel(key_of("hot2"), SUBNET, DEPOSIT, Height(20)), **fields)


def opened() -> tuple[State, Hash32]:
    """Return a state in which "alice" has such a channel, and its id; "hot2" can pay fees."""
    state = do(FUNDED, "alice", make_open()).state
    state = do(state, "alice", gift("hot2")).state
    nonce = Nonce(get_account(FUNDED, key_of("alice")).nonce + 1)
    chain_id = get_network(state).chain_id
    return state, crypto.compute_channel_id(chain_id, key_of("alice"), nonce)


def gift(name: str) -> Transfer:
    return Transfer(key_of(name), Amount(TAO))


def voucher(channel: Hash32, amount: int, signer: str = "alice") -> Voucher:
    return make_voucher(signer_of(signer), channel, Amount(amount), ZERO_HASH)


def redeem(state: State, channel: Hash32, amount: int, signer: str = "hot2") -> Applied:
    return do(state, signer, RedeemVoucher(voucher(channel, amount)))


def refuse(state: State, signer: str, call: Call) -> CallError:
    """Return how `call` is refused in the block after `state`, and see that it writes nothing."""
    draft = Draft(state)
    draft.mark()
    with pytest.raises(CallError) as caught:
        process_call(draft, key_of(signer), call)
    assert draft.changes == {}
    return caught.value


def free(state: State, name: str) -> int:
    return get_account(state, key_of(name)).free


def shown(state: State, channel: Hash32) -> ChannelView:
    view = view_channel(state, channel)
    assert view is not None
    return view
