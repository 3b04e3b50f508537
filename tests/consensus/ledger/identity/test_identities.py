"""Identities: said, said anew, taken back, and only by whom they are about."""

from dataclasses import replace

import pytest

from consensus.calls.accounts import SetIdentity
from consensus.calls.subnets import SetSubnetIdentity
from consensus.errors import CallError
from consensus.ledger.calls import process_call
from consensus.ledger.identity.identities import find_identity, find_subnet_identity
from consensus.ledger.state import Draft
from consensus.quantities import Identity, LongText, NetUid, PublicKey, ShortText
from consensus.refusals import NotOwner, NotPrintable, UnknownSubnet
from tests.builders import SUBNET, do, key_of, make_state, make_subnet

IDENTITY = Identity(
    ShortText("Alice"),
    ShortText("https://a.example"),
    ShortText("a@a.example"),
    LongText("Mines."),
)
NOTHING = Identity(ShortText(""), ShortText(""), ShortText(""), LongText(""))
OWNED = make_state(subnets=(make_subnet(owner=(key_of("hot0"),)),))


def test_an_identity_is_set_replaced_and_deleted() -> None:
    state = make_state()
    assert find_identity(state, key_of("alice")) is None
    state = do(state, "alice", SetIdentity(IDENTITY)).state
    assert find_identity(state, key_of("alice")) == IDENTITY
    other = replace(IDENTITY, name=ShortText("Alice & Co"))
    state = do(state, "alice", SetIdentity(other)).state
    assert find_identity(state, key_of("alice")) == other
    state = do(state, "alice", SetIdentity(NOTHING)).state
    assert find_identity(state, key_of("alice")) is None
    assert do(state, "alice", SetIdentity(NOTHING)).receipts[0].code == 0


def test_the_coldkey_of_a_subnet_s_owner_speaks_for_it() -> None:
    state = do(OWNED, "cold0", SetSubnetIdentity(SUBNET, IDENTITY)).state
    assert find_subnet_identity(state, SUBNET) == IDENTITY
    state = do(state, "cold0", SetSubnetIdentity(SUBNET, NOTHING)).state
    assert find_subnet_identity(state, SUBNET) is None


@pytest.mark.parametrize("field", ["name", "url", "contact", "about"])
@pytest.mark.parametrize("kind", ["key", "subnet"])
def test_no_text_of_an_identity_hides_anything(field: str, kind: str) -> None:
    bad = replace(IDENTITY, **{field: LongText("a\u202eb")})
    call = SetIdentity(bad) if kind == "key" else SetSubnetIdentity(SUBNET, bad)
    with pytest.raises(NotPrintable):
        process_call(Draft(OWNED), key_of("cold0"), call)


@pytest.mark.parametrize(
    ("signer", "netuid", "error"),
    [
        (key_of("hot0"), SUBNET, NotOwner),
        (key_of("cold1"), SUBNET, NotOwner),
        (key_of("cold0"), NetUid(0), UnknownSubnet),
        (key_of("cold0"), NetUid(9), UnknownSubnet),
    ],
)
def test_nobody_else_speaks_for_a_subnet(
    signer: PublicKey, netuid: NetUid, error: type[CallError]
) -> None:
    with pytest.raises(error):
        process_call(Draft(OWNED), signer, SetSubnetIdentity(netuid, IDENTITY))


def test_nobody_speaks_for_a_subnet_without_an_owner() -> None:
    with pytest.raises(NotOwner):
        process_call(Draft(make_state()), key_of("cold0"), SetSubnetIdentity(SUBNET, IDENTITY))
