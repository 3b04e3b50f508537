"""A little network whose subnets come and go fast, and the calls of their owners."""

# ruff: noqa: ANN401 - a builder hands any field on to the dataclass

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from consensus.calls.neurons import LeaveSubnet
from consensus.calls.subnets import (
    RegisterSubnet,
    SetHyperparameter,
    SetMechanism,
    StartSubnet,
)
from consensus.ledger.genesis import GenesisStake
from consensus.ledger.state import State
from consensus.ledger.subnet.hyperparameters import BOUNDS
from consensus.ledger.subnet.records import find_subnet
from consensus.params import Hyperparameters
from consensus.quantities import (
    I64,
    U16,
    U32,
    U64,
    U64_MAX,
    ZERO_HASH,
    Amount,
    Height,
    NetUid,
    PublicKey,
    ShortText,
    TaskParams,
)
from consensus.types import Call
from tests.builders import (
    SUBNET,
    TAO,
    key_of,
    make_consent,
    make_genesis,
    make_hyper,
    make_params,
    make_state,
    make_subnet,
)

TEMPO = 8
OWNED = NetUid(1)
"""The subnet of `make_places`: its owner hotkey is hot0, of cold0."""


def make_places(**fields: Any) -> State:
    """Return a network with two places, one taken, and a lock of 10 TAO; fields are Params'."""
    values: dict[str, Any] = {
        "subnets_max": U16(2),
        "subnet_lock_min": Amount(10 * TAO),
        "subnet_lock_blocks": U32(100),
        "subnet_start_blocks": U32(5),
        "subnet_immunity_blocks": U32(20),
        "dissolve_notice_epochs": U16(2),
    }
    stake = GenesisStake(OWNED, key_of("hot0"), key_of("alice"), Amount(100 * TAO))
    return make_state(
        params=make_params(**(values | fields)),
        subnets=(make_owned(),),
        stakes=(*make_genesis().stakes, stake),
    )


def make_owned(**fields: Any) -> Any:
    """Return subnet 1 as hot0's; fields are Hyperparameters'."""
    rules: dict[str, Any] = {"immunity_blocks": U32(3 * TEMPO)}
    return make_subnet(netuid=SUBNET, owner=(key_of("hot0"),), hyper=make_hyper(**(rules | fields)))


def make_owned_state(**fields: Any) -> State:
    """Return the little network with subnet 1 as hot0's; fields are Hyperparameters'."""
    return make_state(subnets=(make_owned(**fields),))


def make_foundation(
    state: State, hotkey: str = "owner", coldkey: str = "alice", **fields: Any
) -> RegisterSubnet:
    """Return the call that founds a subnet owned by `hotkey`, which consents, at any cost."""
    value = RegisterSubnet(
        hotkey=key_of(hotkey),
        task=ShortText("text"),
        task_params=TaskParams(b""),
        scorer_version=U64(1),
        scorer_hash=ZERO_HASH,
        max_cost=Amount(U64_MAX),
        consent=(make_consent(state, hotkey, coldkey),),
    )
    return replace(value, **fields)


def set_rule(name: str, value: int, netuid: NetUid = OWNED) -> SetHyperparameter:
    return SetHyperparameter(netuid, ShortText(name), I64(value))


def set_mechanism(activation: int, **fields: Any) -> SetMechanism:
    value = SetMechanism(
        netuid=OWNED,
        task=ShortText("text"),
        task_params=TaskParams(b"\x01"),
        scorer_version=U64(2),
        scorer_hash=ZERO_HASH,
        activation=Height(activation),
    )
    return replace(value, **fields)


def rules_of(state: State, netuid: NetUid = OWNED) -> Hyperparameters:
    subnet = find_subnet(state, netuid)
    assert subnet is not None
    return subnet.hyper


def calls_of_owners(
    keys: st.SearchStrategy[PublicKey], netuids: st.SearchStrategy[NetUid]
) -> st.SearchStrategy[Call]:
    """Return any call that the owner of a subnet or of a neuron may make, sensible or not."""
    text, none, cost = ShortText("text"), TaskParams(b""), Amount(U64_MAX)
    names = st.sampled_from([*sorted(BOUNDS), "nonsense"]).map(ShortText)
    values = st.sampled_from([0, 1, 2, 10, 16, 100, 65_535, -1, -(2**63), 2**63 - 1]).map(I64)
    heights = st.sampled_from([0, 9, 30, 60, U64_MAX]).map(Height)
    hashes = st.just(ZERO_HASH)
    return st.one_of(
        keys.map(lambda key: RegisterSubnet(key, text, none, U64(1), ZERO_HASH, cost, ())),
        st.builds(StartSubnet, netuids),
        st.builds(SetHyperparameter, netuids, names, values),
        st.builds(
            SetMechanism, netuids, st.just(text), st.just(none), st.just(U64(1)), hashes, heights
        ),
        st.builds(LeaveSubnet, netuids, keys),
    )
