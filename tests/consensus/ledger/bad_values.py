"""The values that no call may take, who is there to try them, and how a call is answered."""

from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass, replace
from typing import Any, get_type_hints

from consensus import codec
from consensus.calls.governance import ChangeParam, Propose
from consensus.calls.rotation import (
    AnnounceColdkeySwap,
)
from consensus.calls.staking import SetChildren
from consensus.errors import CallError
from consensus.ledger.calls import process_call
from consensus.ledger.genesis import GenesisAccount, GenesisHotkey, GenesisStake
from consensus.ledger.records import ROOT
from consensus.ledger.state import Draft, State
from consensus.quantities import (
    I64,
    U16,
    U32,
    U64,
    U64_MAX,
    Amount,
    Epoch,
    Hash32,
    Height,
    Identity,
    LongText,
    NetUid,
    PublicKey,
    Ratio16,
    Salt,
    ShortText,
    Signature,
)
from consensus.types import Call
from tests.builders import (
    SUBNET,
    TAO,
    advance,
    apply,
    key_of,
    make_commit,
    make_params,
    make_reveal,
    make_state,
    make_subnet,
    make_transaction,
)
from tests.consensus.ledger.channels import make_open
from tests.consensus.ledger.subnets import make_foundation

HOT0, HOT1, HOT9 = key_of("hot0"), key_of("hot1"), key_of("hot9")
TWO, NEW = NetUid(2), NetUid(3)
COIN, ANY, NONE = Amount(TAO), Amount(U64_MAX), Amount(0)
WHO = Identity(ShortText("who"), ShortText(""), ShortText(""), LongText(""))
CHANGE = Propose(ChangeParam(ShortText("fee_base"), I64(20_000)), Height(30))
OPEN = make_open()
ROW = make_reveal({2: 65_535})

BAD: dict[object, tuple[object, ...]] = {
    NetUid: (ROOT, NetUid(9), NetUid(65_535)),
    PublicKey: (key_of("stranger"), PublicKey(bytes(32))),
    Amount: (NONE, ANY),
    Height: (Height(0), Height(U64_MAX)),
    Epoch: (Epoch(7), Epoch(U64_MAX)),
    I64: (I64(-(2**63)), I64(2**63 - 1)),
    U32: (U32(2**32 - 1),),
    U64: (U64(U64_MAX),),
    Ratio16: (Ratio16(65_535),),
    Hash32: (Hash32(b"\7" * 32),),
    Salt: (Salt(b"\7" * 32),),
    Signature: (Signature(bytes(64)),),
    ShortText: (ShortText("a\nb"),),
    Identity: (replace(WHO, about=LongText("\u202e")),),
}
"""Values of each type that a call may not, or need not, be able to use."""

Answers = tuple[type[CallError] | None, ...]


@dataclass(frozen=True)
class Case:
    """A call that is done, by whom, and how it is answered with something wrong; None: done too."""

    signer: str
    call: Call
    answers: dict[str, Answers]
    """By field: the answer to each value of `BAD`."""
    signers: dict[str, type[CallError] | None]


def make_begun() -> State:
    """Return the state before block 8: the first commitments can be opened, all calls be made."""
    names = ("alice", "bob", "cold0", "cold1", "cold3", "hot0", "hot1", "hot2")
    state = make_state(
        params=make_params(
            subnets_max=U16(4),
            subnet_lock_min=COIN,
            subnet_start_blocks=U32(2),
            coldkey_swap_blocks=U32(3),
            hotkey_swap_fee=COIN,
            voting_blocks=U32(20),
            enactment_blocks=U32(4),
            channel_blocks_max=U32(50),
        ),
        accounts=tuple(GenesisAccount(key_of(name), Amount(1_000 * TAO)) for name in names),
        hotkeys=(GenesisHotkey(HOT9, key_of("cold1"), Ratio16(100)),),
        stakes=tuple(
            GenesisStake(netuid, HOT0, key_of("alice"), Amount(50 * TAO))
            for netuid in (ROOT, SUBNET)
        ),
        subnets=(make_subnet(owner=(HOT0,)), make_subnet(netuid=TWO, neurons=())),
    )
    begun = (
        ("alice", OPEN, 0),
        ("alice", make_foundation(state), 1),
        ("hot0", CHANGE, 0),
        ("hot0", make_commit(state, "hot0", ROW), 1),
        ("bob", AnnounceColdkeySwap(key_of("bob2")), 0),
    )
    signed = [make_transaction(state, name, call, nonce=nonce) for name, call, nonce in begun]
    return advance(apply(state, *signed).state, 7)


STATE = make_begun()


def answer(state: State, signer: str, call: Call) -> type[CallError] | None:
    """Return how a call is refused, None if it is done; see that a refused one leaves nothing."""
    draft = Draft(state)
    draft.mark()
    try:
        process_call(draft, key_of(signer), call)
    except CallError as error:
        draft.undo()
        assert draft.changes == {}
        return type(error)
    return None


def spoil(value: Any) -> Iterator[Any]:  # noqa: ANN401 - any dataclass of the wire
    """Yield a call with each of its parts, one at a time, just outside its type's bounds."""
    for name, kind in get_type_hints(value.__class__).items():
        part: Any = getattr(value, name)
        wrong: list[Any] = []
        bounds = codec.BOUNDS.get(kind)
        if is_dataclass(part):
            wrong = list(spoil(part))
        elif isinstance(value, SetChildren) and name == "children":
            first, *others = value.children
            wrong = [(each, *others) for each in spoil(first)]
        elif bounds is not None and isinstance(part, int):
            wrong = [bounds[0] - 1, bounds[1] + 1]
        elif bounds is not None:
            piece: Any = "x" if isinstance(part, str) else b"x"
            wrong = [piece * (bounds[1] + 1)]
            wrong += [piece * (bounds[0] - 1)] if bounds[0] else []
        yield from (replace(value, **{name: each}) for each in wrong)
