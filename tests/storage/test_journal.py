import shutil
from pathlib import Path

import pytest

from consensus.calls.weights import RevealWeights
from consensus.quantities import U64, Epoch, NetUid, PublicKey, Salt, Uid, Weight
from consensus.reward import commit_reveal
from consensus.reward.commit_reveal import WeightSecret
from consensus.types import Vote, VoteKind
from storage.errors import Corrupt, DoubleVote, JournalLost
from storage.journal import PRUNE_ROWS_MAX, SECRET_EPOCHS_KEPT
from storage.store import Store, open_store
from tests.storage.samples import (
    CHAIN_ID,
    flip_bit,
    make_certificate,
    make_chain,
    make_final,
    make_vote,
)

N, X, F, P = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE, VoteKind.PROPOSE
ZERO = bytes(32)
OTHER = b"w" * 32


def make_secret(epoch: int = 1, netuid: int = 1, salt: bytes = b"x" * 32) -> WeightSecret:
    uids, values = (Uid(3), Uid(7)), (Weight(65_535), Weight(1))
    row = RevealWeights(NetUid(netuid), Epoch(epoch), Salt(salt), U64(1), uids, values)
    return commit_reveal.make_secret(CHAIN_ID, PublicKey(b"h" * 32), row)


async def finalize(store: Store, length: int) -> None:
    head = store.blocks.head()
    for block in make_chain(length)[0 if head is None else head.height + 1 :]:
        certificate = make_certificate(block) if block.header.height else None
        await store.finalize([make_final(block)], certificate)


async def test_votes_come_back_in_the_order_of_views(store: Store):
    votes = [make_vote(2), make_vote(1, X, ZERO), make_vote(1), make_vote(7, era=2)]
    await store.journal.append(votes[:2])
    await store.journal.append(votes[2:])
    assert store.journal.load() == (votes[2], votes[1], votes[0], votes[3])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (make_vote(kind=N), make_vote(kind=N, digest=OTHER)),
        (make_vote(kind=F), make_vote(kind=F, digest=OTHER)),
        (make_vote(kind=P), make_vote(kind=P, digest=OTHER)),
        (make_vote(kind=F), make_vote(kind=X, digest=ZERO)),
        (make_vote(kind=X, digest=ZERO), make_vote(kind=F)),
        (make_vote(kind=N), make_vote(kind=F, digest=OTHER)),
        (make_vote(kind=F), make_vote(kind=N, digest=OTHER)),
    ],
)
async def test_a_vote_that_would_be_evidence_against_us_is_refused(
    store: Store, first: Vote, second: Vote
):
    await store.journal.append([first])
    with pytest.raises(DoubleVote):
        await store.journal.append([make_vote(9), second])
    assert store.journal.load() == (first,)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (make_vote(kind=N), make_vote(kind=N)),
        (make_vote(kind=N), make_vote(kind=F)),
        (make_vote(kind=N), make_vote(kind=X, digest=ZERO)),
        (make_vote(kind=P), make_vote(kind=N, digest=OTHER)),
        (make_vote(kind=F), make_vote(view=2, kind=X, digest=ZERO)),
        (make_vote(kind=N), make_vote(kind=N, digest=OTHER, era=2)),
    ],
)
async def test_votes_that_an_honest_node_makes_together_are_taken(
    store: Store, first: Vote, second: Vote
):
    await store.journal.append([first])
    await store.journal.append([second])
    assert set(store.journal.load()) == {first, second}


async def test_two_contradicting_votes_in_one_append_are_refused(store: Store):
    with pytest.raises(DoubleVote):
        await store.journal.append([make_vote(), make_vote(digest=OTHER)])
    assert store.journal.load() == ()


async def test_votes_below_the_final_view_are_dropped_and_never_taken_again(tmp_path: Path):
    async with open_store(tmp_path, CHAIN_ID) as store:
        await store.journal.append([make_vote(view) for view in range(1, 201)])
        store.journal.forget_below(1, 150)
        for view in range(201, 206):
            await store.journal.append([make_vote(view)])
        assert [vote.view for vote in store.journal.load()] == list(range(150, 206))
        assert 5 * PRUNE_ROWS_MAX >= 149  # what the five appends could drop
    async with open_store(tmp_path, CHAIN_ID) as store:
        with pytest.raises(DoubleVote, match="forgotten"):
            await store.journal.append([make_vote(149, digest=OTHER)])


async def test_a_first_start_may_sign_at_once(store: Store):
    assert (store.journal.is_first, store.journal.is_new) == (True, False)
    await store.journal.append([make_vote()])


async def test_a_lost_journal_is_silent_until_its_loss_is_accepted(tmp_path: Path):
    async with open_store(tmp_path, CHAIN_ID) as store:
        await store.persist(votes=[make_vote()])
        await finalize(store, 1)
    shutil.rmtree(tmp_path / "sign")
    for _ in range(2):  # a restart does not make it less lost
        async with open_store(tmp_path, CHAIN_ID) as store:
            assert (store.journal.is_first, store.journal.is_new) == (False, True)
            with pytest.raises(JournalLost):
                await store.persist(votes=[make_vote(5)])
            assert store.journal.load() == ()
            await finalize(store, 2)  # following goes on
    async with open_store(tmp_path, CHAIN_ID) as store:
        await store.accept_journal_loss()
        await store.persist(votes=[make_vote(5)])
    async with open_store(tmp_path, CHAIN_ID) as store:
        assert not store.journal.is_new
        assert store.journal.load() == (make_vote(5),)


async def test_a_journal_lost_before_anything_was_final_is_silent_too(tmp_path: Path):
    async with open_store(tmp_path, CHAIN_ID) as store:
        await store.journal.append([make_vote()])
    shutil.rmtree(tmp_path / "sign")
    async with open_store(tmp_path, CHAIN_ID) as store:
        assert store.journal.is_new


async def test_a_journal_restored_from_a_backup_is_silent(tmp_path: Path):
    async with open_store(tmp_path, CHAIN_ID) as store:
        await finalize(store, 0)
        await store.journal.append([make_vote(1)])
    shutil.copytree(tmp_path / "sign", tmp_path / "backup")
    async with open_store(tmp_path, CHAIN_ID) as store:
        assert not store.journal.is_new
        await store.journal.append([make_vote(2)])
        await finalize(store, 1)
    shutil.rmtree(tmp_path / "sign")
    shutil.copytree(tmp_path / "backup", tmp_path / "sign")
    async with open_store(tmp_path, CHAIN_ID) as store:
        assert store.journal.is_new
        with pytest.raises(JournalLost):
            await store.journal.append([make_vote(2, digest=OTHER)])


async def test_a_chain_fetched_anew_beside_an_old_journal_may_sign(tmp_path: Path):
    async with open_store(tmp_path, CHAIN_ID) as store:
        await store.journal.append([make_vote(1)])
    shutil.rmtree(tmp_path / "chain")
    async with open_store(tmp_path, CHAIN_ID) as store:
        assert (store.journal.is_first, store.journal.is_new) == (False, False)
        with pytest.raises(DoubleVote):
            await store.journal.append([make_vote(1, digest=OTHER)])


async def test_a_changed_vote_record_is_refused(store: Store):
    await store.journal.append([make_vote()])
    sign = store.databases[1]
    key = sign.read_now(sign.tables["votes"].last_key)
    assert key is not None
    flip_bit(sign, "votes", key, place=40)
    with pytest.raises(Corrupt, match="table votes") as caught:
        store.journal.load()
    assert "without signing" in caught.value.remedy


async def test_weight_secrets_are_kept_until_their_epoch_is_forgotten(tmp_path: Path):
    first, again = make_secret(1), make_secret(1, salt=b"y" * 32)
    second, elsewhere = make_secret(2), make_secret(1, netuid=2)
    async with open_store(tmp_path, CHAIN_ID) as store:
        for secret in (elsewhere, second, again, first):
            await store.journal.save_secret(secret)
    async with open_store(tmp_path, CHAIN_ID) as store:
        assert store.journal.load_secrets(NetUid(1)) == (first, again, second)
        assert await store.journal.forget_secrets(NetUid(1), Epoch(2)) == 2
        assert store.journal.load_secrets(NetUid(1)) == (second,)
        assert store.journal.load_secrets(NetUid(2)) == (elsewhere,)
        assert store.journal.load_secrets(NetUid(3)) == ()


async def test_old_weight_secrets_go_by_themselves_and_only_those_of_the_subnet(store: Store):
    await store.journal.save_secret(make_secret(1, netuid=2))
    for epoch in range(1, 20):
        await store.journal.save_secret(make_secret(epoch))
    kept = [secret.row.epoch for secret in store.journal.load_secrets(NetUid(1))]
    assert kept == list(range(19 - SECRET_EPOCHS_KEPT, 20))
    assert len(store.journal.load_secrets(NetUid(2))) == 1
