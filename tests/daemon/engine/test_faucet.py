"""The faucet: once per address and interval, never more than it has, never for ever."""

from dataclasses import dataclass, field

import pytest

from consensus import codec
from consensus.calls.accounts import Transfer
from consensus.ledger.mempool import Mempool
from consensus.ledger.state import State
from consensus.quantities import RAO_PER_TAO, Amount, Hash32, Height
from consensus.types import Header, SignedTransaction
from daemon.engine import faucet
from daemon.engine.errors import NodeError, Why
from daemon.engine.faucet import Faucet, Spring
from tests.builders import key_of, make_genesis_header, make_state, signer_of

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
    sent: list[SignedTransaction] = field(default_factory=list[SignedTransaction])
    refusal: NodeError | None = None

    async def submit(self, data: bytes) -> Hash32:
        if self.refusal is not None:
            raise self.refusal
        self.sent.append(codec.decode(SignedTransaction, data))
        return Hash32(bytes(32))


def make_faucet(door: Door, spring: Spring = SPRING) -> Faucet:
    return Faucet(spring, Chain(), door.submit)  # type: ignore[arg-type]  # the parts it uses


async def test_a_drip_is_a_signed_transfer_of_the_amount() -> None:
    door = Door()
    await make_faucet(door).drip(key_of("eve"), 0.0)
    (signed,) = door.sent
    assert signed.transaction.call == Transfer(key_of("eve"), Amount(RAO_PER_TAO))
    assert signed.transaction.signer == key_of("alice")
    assert signed.transaction.valid_until > Height(0)


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
