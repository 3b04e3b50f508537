from pathlib import Path

import pytest

from consensus.quantities import Height, NetUid, PublicKey
from storage.errors import Corrupt, StaleEvidence
from storage.standings import RECEIPTS_MAX, ScoreKey
from storage.store import Store, open_store
from tests.storage.samples import CHAIN_ID, flip_bit

SUBNET, OTHER_SUBNET = NetUid(1), NetUid(256)
ALICE = ScoreKey(PublicKey(b"a" * 32), Height(3))
ALICE_AGAIN = ScoreKey(PublicKey(b"a" * 32), Height(400))
BOB = ScoreKey(PublicKey(b"\xff" * 32), Height(2**64 - 1))


async def test_a_round_comes_back_after_a_restart(tmp_path: Path):
    async with open_store(tmp_path, CHAIN_ID) as store:
        state = await store.evidence.load(SUBNET)
        assert (state.cursor, dict(state.scores)) == (0, {})
        state = await store.evidence.write_round(
            state, Height(7), {ALICE: b"1", BOB: b"2"}, [b"r1", b"r2"]
        )
        state = await store.evidence.write_round(state, Height(9), {BOB: b"3"}, [b"r3"])
    async with open_store(tmp_path, CHAIN_ID) as store:
        assert await store.evidence.load(SUBNET) == state
        assert (state.cursor, state.scores) == (9, {ALICE: b"1", BOB: b"3"})
        assert await store.evidence.receipts(SUBNET) == (b"r1", b"r2", b"r3")
        assert await store.evidence.receipts(SUBNET, 2) == (b"r2", b"r3")


async def test_a_newcomer_does_not_inherit_the_score_of_an_earlier_registration(store: Store):
    state = await store.evidence.load(SUBNET)
    state = await store.evidence.write_round(state, Height(1), {ALICE: b"1"}, [])
    state = await store.evidence.write_round(
        state, Height(2), {ALICE: None, ALICE_AGAIN: b"new"}, []
    )
    assert (await store.evidence.load(SUBNET)).scores == {ALICE_AGAIN: b"new"}


async def test_scores_never_read_cannot_be_written_over(store: Store):
    empty = await store.evidence.load(SUBNET)
    written = await store.evidence.write_round(empty, Height(1), {ALICE: b"1"}, [b"r"])
    with pytest.raises(StaleEvidence, match="subnet 1"):
        await store.evidence.write_round(empty, Height(2), {ALICE: b"0"}, [b"lost"])
    assert await store.evidence.load(SUBNET) == written
    assert await store.evidence.receipts(SUBNET) == (b"r",)


async def test_subnets_do_not_share_anything(store: Store):
    for netuid, score in ((SUBNET, b"1"), (OTHER_SUBNET, b"256")):
        state = await store.evidence.load(netuid)
        await store.evidence.write_round(state, Height(netuid), {ALICE: score}, [score])
    for netuid, score in ((SUBNET, b"1"), (OTHER_SUBNET, b"256")):
        state = await store.evidence.load(netuid)
        assert (state.cursor, state.scores) == (netuid, {ALICE: score})
        assert await store.evidence.receipts(netuid) == (score,)


async def test_only_the_last_receipts_are_kept(store: Store):
    state = await store.evidence.load(SUBNET)
    for height in range(1, 4):
        many = [b"%d/%d" % (height, number) for number in range(RECEIPTS_MAX // 2)]
        state = await store.evidence.write_round(state, Height(height), {}, many)
    kept = await store.evidence.receipts(SUBNET)
    assert len(kept) == RECEIPTS_MAX
    assert (kept[0], kept[-1]) == (b"2/0", b"3/%d" % (RECEIPTS_MAX // 2 - 1))


async def test_a_damaged_score_is_refused_and_not_taken_for_zero(store: Store):
    state = await store.evidence.load(SUBNET)
    await store.evidence.write_round(state, Height(1), {ALICE: b"score"}, [])
    chain = store.databases[0]
    key = chain.read_now(chain.tables["evidence"].last_key)
    assert key is not None
    flip_bit(chain, "evidence", key)
    with pytest.raises(Corrupt, match="table evidence"):
        await store.evidence.load(SUBNET)
