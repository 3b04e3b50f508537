"""A little network to trade on: two subnets with pools, three people with TAO and stake in both.

Transactions cost nothing and nothing is issued unless a test says so, so that money moves by
trades alone.
"""

from typing import Any

from consensus.calls.staking import StakeAlpha, SwapStake, UnstakeAlpha
from consensus.ledger.genesis import GenesisAccount, GenesisStake
from consensus.ledger.queries import account
from consensus.ledger.stake.shares import get_stake
from consensus.ledger.state import Reading, State
from consensus.ledger.transition import Applied
from consensus.quantities import U64_MAX, Amount, NetUid
from consensus.types import Call, SignedTransaction
from tests.builders import (
    TAO,
    apply,
    key_of,
    make_params,
    make_state,
    make_subnet,
    make_transaction,
)

ONE, TWO = NetUid(1), NetUid(2)
TRADERS = ("alice", "bob", "carol")
HOT, OTHER = "hot0", "hot1"
POOL_TAO, POOL_ALPHA = 1_000 * TAO, 4_000 * TAO
STAKE = 50 * TAO
ANY = Amount(U64_MAX)


def make_market(params: dict[str, Any] | None = None, **fields: Any) -> State:  # noqa: ANN401
    """Return the network; `params` are the network's, `fields` both subnets'."""
    free = {"block_reward": Amount(0), "fee_base": Amount(0), "fee_per_byte": Amount(0)}
    pools = {"pool_tao": Amount(POOL_TAO), "pool_alpha": Amount(POOL_ALPHA)} | fields
    return make_state(
        params=make_params(**(free | (params or {}))),
        accounts=tuple(GenesisAccount(key_of(name), Amount(100 * TAO)) for name in TRADERS),
        stakes=tuple(
            GenesisStake(netuid, key_of(HOT), key_of(name), Amount(STAKE))
            for netuid in (ONE, TWO)
            for name in TRADERS
        ),
        subnets=(make_subnet(**pools), make_subnet(netuid=TWO, neurons=(), **pools)),
    )


def buy(amount: int, limit: int = ANY, netuid: NetUid = ONE, hotkey: str = HOT) -> StakeAlpha:
    return StakeAlpha(netuid, key_of(hotkey), Amount(amount), Amount(limit))


def sell(amount: int, limit: int = 0, netuid: NetUid = ONE, hotkey: str = HOT) -> UnstakeAlpha:
    return UnstakeAlpha(netuid, key_of(hotkey), Amount(amount), Amount(limit))


def swap(amount: int, limit: int = 0, to_limit: int = ANY, hotkey: str = HOT) -> SwapStake:
    """Return a swap from subnet 1 to subnet 2, the same hotkey in both."""
    key = key_of(hotkey)
    return SwapStake(ONE, key, TWO, key, Amount(amount), Amount(limit), Amount(to_limit))


def trade(state: State, *calls: tuple[str, Call]) -> Applied:
    """Apply one block of calls, each by its signer and all of them done."""
    sent = {name: 0 for name, _ in calls}
    signed: list[SignedTransaction] = []
    for name, call in calls:
        held = account(state, key_of(name)).nonce + sent[name]
        sent[name] += 1
        signed.append(make_transaction(state, name, call, nonce=held))
    return apply(state, *signed)


def free_of(state: Reading, name: str) -> int:
    return account(state, key_of(name)).free


def stake_of(state: Reading, name: str, netuid: NetUid = ONE, hotkey: str = HOT) -> int:
    return get_stake(state, netuid, key_of(hotkey), key_of(name))
