"""An announcement needs a registered hotkey, the node's consent, and a pause."""

from dataclasses import replace
from typing import Any

import pytest

from consensus.errors import CallError
from consensus.ledger.calls import process_call
from consensus.ledger.queries import metagraph
from consensus.ledger.state import Draft
from consensus.quantities import Amount, NetUid, ShortText, Signature
from consensus.refusals import (
    NodeRefused,
    NotPrintable,
    NotRegistered,
    PriceOutOfBounds,
    RateLimited,
    UnknownSubnet,
)
from tests.builders import (
    SUBNET,
    advance,
    do,
    key_of,
    make_hyper,
    make_serve,
    make_state,
    make_subnet,
)


def test_an_announcement_is_free_and_stands_in_the_metagraph() -> None:
    state = make_state()
    applied = do(state, "hot2", make_serve(state, "hot2"))
    served = metagraph(applied.state, SUBNET).served[2]
    assert served is not None
    assert (served.node_key, served.price, served.height) == (key_of("node"), 10, 1)
    assert applied.receipts[0].fee == 0


def test_a_new_announcement_replaces_the_old_after_the_pause() -> None:
    state = make_state()
    state = do(state, "hot2", make_serve(state, "hot2")).state
    call = make_serve(state, "hot2", price=Amount(99))
    with pytest.raises(RateLimited):
        process_call(Draft(advance(state, 3)), key_of("hot2"), call)
    after = do(advance(state, 4), "hot2", call).state
    served = metagraph(after, SUBNET).served[2]
    assert served is not None
    assert served.price == 99


@pytest.mark.parametrize(
    ("signer", "fields", "error"),
    [
        ("hot3", {}, NodeRefused),
        ("hot2", {"node_signature": Signature(bytes(64))}, NodeRefused),
        ("hot2", {"node_key": key_of("other")}, NodeRefused),
        ("alice", {}, NotRegistered),
        ("hot2", {"netuid": NetUid(3)}, UnknownSubnet),
        ("hot2", {"protocols": (ShortText("text/1"), ShortText("a\nb"))}, NotPrintable),
    ],
)
def test_an_announcement_without_consent_or_uid_is_refused(
    signer: str, fields: dict[str, Any], error: type[CallError]
) -> None:
    state = make_state()
    call = replace(make_serve(state, "hot2"), **fields)
    with pytest.raises(error):
        process_call(Draft(state), key_of(signer), call)


def test_a_price_above_the_cap_is_refused() -> None:
    state = make_state(subnets=(make_subnet(hyper=make_hyper(miner_price_cap=Amount(10))),))
    with pytest.raises(PriceOutOfBounds, match="cap is 10"):
        process_call(Draft(state), key_of("hot2"), make_serve(state, "hot2", price=Amount(11)))
    process_call(Draft(state), key_of("hot2"), make_serve(state, "hot2", price=Amount(10)))
