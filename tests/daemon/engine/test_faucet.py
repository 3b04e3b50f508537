"""The faucet: once per address and interval, never more than it has, never for ever."""

from dataclasses import dataclass, field

import pytest
from nacl.signing import SigningKey

from consensus.calls.accounts import Transfer
from consensus.ledger.fees import Measured, measure
from consensus.ledger.mempool import Mempool
from consensus.ledger.records import get_network
from consensus.ledger.state import State
from consensus.quantities import RAO_PER_TAO, Amount, PublicKey
from consensus.types import Call, Header
from daemon.engine import faucet
from daemon.engine.errors import NodeError, Why
from daemon.engine.faucet import Faucet, Spring
from tests.builders import key_of, make_genesis_header, make_state, make_transaction, signer_of

SPRING = Spring(signer_of("alice"), Amount(RAO_PER_TAO), 60.0)


@dataclass
class Head:
    state: State
    header: Header


@dataclass
class Chain:
    """What a faucet needs of the chain."""

    head: Head = field(default_factory=lambda: Head(make_state(), make_genesis_header()))
    mempool: Mempool = field(default_factory=Mempool)


@dataclass
class Door:
    sent: list[tuple[PublicKey, Call]] = field(default_factory=list[tuple[PublicKey, Call]])
    refusal: NodeError | None = None

    async def submit_call(self, key: SigningKey, call: Call) -> Measured:
        if self.refusal is not None:
            raise self.refusal
        self.sent.append((PublicKey(bytes(key.verify_key)), call))
        state = make_state()
        return measure(get_network(state).params, make_transaction(state, "alice", call))


def make_faucet(door: Door, spring: Spring = SPRING) -> Faucet:
    return Faucet(spring, Chain(), door.submit_call)  # type: ignore[arg-type]  # the parts it uses


async def test_a_drip_is_a_transfer_of_the_amount_signed_by_the_faucet() -> None:
    door = Door()
    await make_faucet(door).drip(key_of("eve"), 0.0)
    assert door.sent == [(key_of("alice"), Transfer(key_of("eve"), Amount(RAO_PER_TAO)))]


async def test_an_address_waits_for_its_interval_and_others_do_not() -> None:
    source = make_faucet(Door())
    await source.drip(key_of("eve"), 0.0)
    with pytest.raises(NodeError, match="served") as caught:
        await source.drip(key_of("eve"), 59.0)
    assert (caught.value.why, caught.value.code) == (Why.TOO_OFTEN, "faucet_wait")
    await source.drip(key_of("dan"), 59.0)
    await source.drip(key_of("eve"), 60.0)


async def test_a_refused_transfer_does_not_count_as_served() -> None:
    door = Door(refusal=NodeError(Why.IMPOSSIBLE, "not_now", "Full.", "Wait."))
    source = make_faucet(door)
    with pytest.raises(NodeError, match="Full"):
        await source.drip(key_of("eve"), 0.0)
    door.refusal = None
    await source.drip(key_of("eve"), 0.0)


async def test_all_addresses_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faucet, "DRIPS_MAX", 2)
    source = make_faucet(Door())
    await source.drip(key_of("a"), 0.0)
    await source.drip(key_of("b"), 0.0)
    with pytest.raises(NodeError, match="Too many"):
        await source.drip(key_of("c"), 1.0)


async def test_an_empty_faucet_says_so() -> None:
    poor = Spring(signer_of("nobody"), Amount(RAO_PER_TAO), 60.0)
    with pytest.raises(NodeError, match="empty") as caught:
        await make_faucet(Door(), poor).drip(key_of("eve"), 0.0)
    assert caught.value.why is Why.BUSY
