"""Catching up from real peers: quickly from honest ones, unharmed and with blame from liars."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from consensus import codec, parcels
from consensus.quantities import Height
from consensus.types import Block, Certificate, VoteKind
from daemon.engine import syncing
from daemon.engine.answers import make_answers
from daemon.engine.eras import build_committee
from daemon.views.node import Check
from tests.daemon import world


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for heads often, so that nothing here waits for the next round."""
    monkeypatch.setattr(syncing, "HEAD_S", 0.1)


Handler = Callable[[bytes, bytes], Awaitable[bytes]]


def _check(node: world.Node, name: str) -> Check:
    return next(check for check in node.view.readiness() if check.name == name)


@pytest.mark.slow
async def test_a_late_joiner_catches_up_with_hundreds_of_blocks(tmp_path: Path):
    genesis = world.make_world()
    await world.grow(genesis, tmp_path / "old", 300, every=7)
    async with (
        world.open_parts(genesis, tmp_path / "old", seed=1) as old,
        world.open_node(genesis, tmp_path / "new", bootstrap=old.network.addresses) as new,
    ):
        await world.wait_height(300, new)
        assert new.chain.head.digest == old.chain.head.digest
        assert new.chain.head.state.root == old.chain.head.state.root
        await world.wait_until(lambda: not new.syncing.is_behind)


@pytest.mark.slow
async def test_what_a_joiner_took_in_it_can_hand_on(tmp_path: Path):
    """Whoever caught up has few certificates, and not where the next joiner's ranges end."""
    genesis = world.make_world()
    await world.grow(genesis, tmp_path / "first", 230, every=100)
    async with (
        world.open_parts(genesis, tmp_path / "first", seed=1) as first,
        world.open_node(genesis, tmp_path / "second", bootstrap=first.network.addresses) as second,
    ):
        await world.wait_height(230, second)
        assert second.chain.head.digest == first.chain.head.digest


async def test_readiness_says_that_a_node_is_behind(tmp_path: Path):
    genesis = world.make_world()
    await world.grow(genesis, tmp_path / "old", 20)
    async with (
        world.open_parts(genesis, tmp_path / "old", seed=1) as old,
        world.open_parts(genesis, tmp_path / "new") as new,
        trio.open_nursery() as nursery,
    ):
        assert _check(new, "synced").ok
        nursery.start_soon(new.syncing.run, new.network)  # and nobody executes
        await new.network.connect(old.network.addresses[0])
        await world.wait_until(lambda: new.syncing.is_behind)
        check = _check(new, "synced")
        assert not check.ok
        assert "peers are at 20" in check.detail
        assert check.remedy
        nursery.cancel_scope.cancel()


# -- liars -----------------------------------------------------------------------------------------


async def _forge_certificate(parcel: bytes) -> bytes:
    found = parcels.read_range(parcel)
    assert found is not None
    certificate, blocks = found
    forged = replace(certificate, signatures=certificate.signatures[::-1])
    return parcels.pack_items([codec.encode(forged), *map(codec.encode, blocks)])


async def _certify_less(parcel: bytes) -> bytes:
    """Give a quorum's NOTARIZE, which is true and no finality."""
    found = parcels.read_range(parcel)
    assert found is not None
    certificate, blocks = found
    committee = build_committee(GENESIS)
    weaker = world.certify(committee, certificate.digest, certificate.view, kind=VoteKind.NOTARIZE)
    return parcels.pack_items([codec.encode(weaker), *map(codec.encode, blocks)])


async def _leave_one_out(parcel: bytes) -> bytes:
    certificate, blocks = _read(parcel)
    return _pack(certificate, (*blocks[:3], *blocks[4:]))


async def _skip_the_first(parcel: bytes) -> bytes:
    certificate, blocks = _read(parcel)
    return _pack(certificate, blocks[1:])


async def _change_a_body(parcel: bytes) -> bytes:
    certificate, blocks = _read(parcel)
    other = replace(blocks[2], justify=(certificate,))
    return _pack(certificate, (*blocks[:2], other, *blocks[3:]))


async def _change_a_header(parcel: bytes) -> bytes:
    certificate, blocks = _read(parcel)
    header = replace(blocks[2].header, height=Height(blocks[2].header.height + 1))
    return _pack(certificate, (*blocks[:2], replace(blocks[2], header=header), *blocks[3:]))


async def _cut_off(parcel: bytes) -> bytes:
    return parcel[:-1]


async def _send_noise(parcel: bytes) -> bytes:
    return b"\x00\x00\x00\x05noise" * 3


def _read(parcel: bytes) -> tuple[Certificate, tuple[Block, ...]]:
    found = parcels.read_range(parcel)
    assert found is not None
    return found


def _pack(certificate: Certificate, blocks: tuple[Block, ...]) -> bytes:
    return parcels.pack_items([codec.encode(certificate), *map(codec.encode, blocks)])


GENESIS = world.make_world()


@pytest.mark.slow  # eight real pairs of nodes, half a second each
@pytest.mark.parametrize(
    "lie",
    [
        _forge_certificate,
        _certify_less,
        _leave_one_out,
        _skip_the_first,
        _change_a_body,
        _change_a_header,
        _cut_off,
        _send_noise,
    ],
)
async def test_a_false_range_is_its_senders_fault_and_harms_nobody(
    lie: Callable[[bytes], Awaitable[bytes]], tmp_path: Path
):
    await world.grow(GENESIS, tmp_path / "honest", 12)
    async with world.open_parts(GENESIS, tmp_path / "honest", seed=1) as honest:
        answers = _get_answers(honest)

        async def answer_falsely(peer: bytes, payload: bytes) -> bytes:
            return await lie(await answers[parcels.RANGE_ASK](peer, payload))

        false = {**answers, parcels.RANGE_ASK: answer_falsely}
        async with (
            world.open_parts(GENESIS, tmp_path / "liar", seed=2, answers=false) as liar,
            world.open_node(GENESIS, tmp_path / "new", bootstrap=liar.network.addresses) as new,
        ):
            await world.wait_until(lambda: _score(new, liar) <= -25)
            assert new.height == 0
            await new.network.connect(honest.network.addresses[0])
            await world.wait_height(12, new)


@pytest.mark.parametrize("proof", [b"", b"\x00\x00\x00\x05noise"])
async def test_a_claimed_height_without_proof_moves_nobody(proof: bytes, tmp_path: Path):
    asked = trio.Event()

    async def claim(_peer: bytes, _payload: bytes) -> bytes:
        return b"\xff" * 8

    async def prove(_peer: bytes, _payload: bytes) -> bytes:
        asked.set()
        return proof

    false = {parcels.HEAD_ASK: claim, parcels.PROOF_ASK: prove}
    async with (
        world.open_parts(GENESIS, tmp_path / "liar", seed=2, answers=false) as liar,
        world.open_node(GENESIS, tmp_path / "new", bootstrap=liar.network.addresses) as new,
    ):
        with trio.fail_after(5):
            await asked.wait()
        if proof:
            await world.wait_until(lambda: _score(new, liar) <= -25)
        assert not new.syncing.is_behind
        assert _check(new, "synced").ok


def _score(node: world.Node, peer: world.Node) -> float:
    return node.network._book.score(  # pyright: ignore[reportPrivateUsage]
        peer.network.peer_id, trio.current_time()
    )


def _get_answers(node: world.Node) -> dict[str, Handler]:
    return dict(make_answers(node.store, node.driver))  # type: ignore[arg-type]
