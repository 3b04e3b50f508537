from pathlib import Path

import pytest

from consensus.quantities import Height, NetUid, PublicKey
from consensus.types import MinerKey
from storage.errors import Corrupt, StaleStandings
from storage.standings import RECEIPTS_MAX
from storage.store import Store, open_store
from tests.storage.samples import CHAIN_ID, flip_bit

SUBNET, OTHER_SUBNET = NetUid(1), NetUid(256)
ALICE = MinerKey(PublicKey(b"a" * 32), Height(3))
ALICE_AGAIN = MinerKey(PublicKey(b"a" * 32), Height(400))
BOB = MinerKey(PublicKey(b"\xff" * 32), Height(2**64 - 1))


async def test_a_round_comes_back_after_a_restart(tmp_path: Path):
    async with open_store(tmp_path, CHAIN_ID) as store:
        kept = await store.standings.open(SUBNET)
        assert (kept.cursor, dict(kept.scores), dict(kept.pending)) == (0, {}, {})
        await kept.write(Height(7), {ALICE: b"1", BOB: b"2"}, [b"r1", b"r2"], {b"k": b"later"})
        await kept.write(Height(9), {BOB: b"3"}, [b"r3"], {b"j": b"sooner"})
    async with open_store(tmp_path, CHAIN_ID) as store:
        kept = await store.standings.open(SUBNET)
        assert (kept.cursor, kept.scores) == (9, {ALICE: b"1", BOB: b"3"})
        assert list(kept.pending.items()) == [(b"j", b"sooner"), (b"k", b"later")]
        assert await kept.read_receipts() == (b"r1", b"r2", b"r3")
        assert await kept.read_receipts(2) == (b"r2", b"r3")


async def test_what_is_written_shows_as_it_will_be_read(store: Store):
    kept = await store.standings.open(SUBNET)
    await kept.write(Height(1), {ALICE: b"1", BOB: b"2"}, [], {b"b": b"1", b"a": b"2"})
    await kept.write(Height(2), {BOB: None}, [b"r"], {b"b": None, b"c": b"3"})
    again = await store.standings.open(SUBNET)
    assert (kept.cursor, kept.scores) == (again.cursor, again.scores) == (2, {ALICE: b"1"})
    assert list(kept.pending.items()) == list(again.pending.items())
    assert kept.pending == {b"a": b"2", b"c": b"3"}


async def test_a_newcomer_does_not_inherit_the_score_of_an_earlier_registration(store: Store):
    kept = await store.standings.open(SUBNET)
    await kept.write(Height(1), {ALICE: b"1"}, [], {})
    await kept.write(Height(2), {ALICE: None, ALICE_AGAIN: b"new"}, [], {})
    assert (await store.standings.open(SUBNET)).scores == {ALICE_AGAIN: b"new"}


async def test_scores_never_read_cannot_be_written_over(store: Store):
    first, second = await store.standings.open(SUBNET), await store.standings.open(SUBNET)
    await first.write(Height(1), {ALICE: b"1"}, [b"r"], {b"k": b"v"})
    with pytest.raises(StaleStandings, match="subnet 1"):
        await second.write(Height(2), {ALICE: b"0"}, [b"lost"], {b"k": None})
    kept = await store.standings.open(SUBNET)
    assert (kept.scores, kept.pending) == ({ALICE: b"1"}, {b"k": b"v"})
    assert await kept.read_receipts() == (b"r",)
    assert (second.cursor, second.scores) == (0, {})


async def test_subnets_do_not_share_anything(store: Store):
    for netuid, score in ((SUBNET, b"1"), (OTHER_SUBNET, b"256")):
        kept = await store.standings.open(netuid)
        await kept.write(Height(netuid), {ALICE: score}, [score], {b"k": score})
    for netuid, score in ((SUBNET, b"1"), (OTHER_SUBNET, b"256")):
        kept = await store.standings.open(netuid)
        assert (kept.cursor, kept.scores, kept.pending) == (netuid, {ALICE: score}, {b"k": score})
        assert await kept.read_receipts() == (score,)


async def test_only_the_last_receipts_are_kept(store: Store):
    kept = await store.standings.open(SUBNET)
    for height in range(1, 4):
        many = [b"%d/%d" % (height, number) for number in range(RECEIPTS_MAX // 2)]
        await kept.write(Height(height), {}, many, {})
    receipts = await kept.read_receipts()
    assert len(receipts) == RECEIPTS_MAX
    assert (receipts[0], receipts[-1]) == (b"2/0", b"3/%d" % (RECEIPTS_MAX // 2 - 1))


async def test_a_damaged_score_is_refused_and_not_taken_for_zero(store: Store):
    kept = await store.standings.open(SUBNET)
    await kept.write(Height(1), {ALICE: b"score"}, [], {})
    chain = store.databases[0]
    key = chain.read_now(chain.tables["evidence"].last_key)
    assert key is not None
    flip_bit(chain, "evidence", key)
    with pytest.raises(Corrupt, match="table evidence"):
        await store.standings.open(SUBNET)
