"""The validator against a world in memory: who is paid, who is blamed, what survives a kill."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TypeVar, TypeVarTuple

import pytest
import trio
import trio.testing

from consensus import codec
from consensus.calls.weights import CommitWeights, RevealWeights
from consensus.quantities import U32, Bytes64K, Epoch, Hash32, Height
from consensus.types import MinerKey
from neurons import messages
from neurons.errors import MinerBusy, NodeUnreachable, PeerFault
from neurons.messages import Busy, Completion, RefusalCode, SignedQuery, SignedReceipt, refuse
from neurons.validating import pending, scoring
from neurons.validating.rounds import RoundSettings, Validator
from tests.neurons.world import (
    NETUID,
    FakeMemory,
    FakeNode,
    LevelTask,
    Peer,
    World,
    complete,
    honest,
    make_hotkey,
    quiet,
)

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


async def run_inline(
    call: Callable[[*Arguments], Result],
    /,
    *args: *Arguments,
    limiter: trio.CapacityLimiter,
) -> Result:
    """Run what else a thread would: the mock clock would jump while one works."""
    await trio.lowlevel.checkpoint()
    return call(*args)


def make_validator(world: World, wait_blocks: int = 0) -> Validator:
    settings = RoundSettings(NETUID, deadline_s=0.7, round_s=1.0)
    task = LevelTask(world, wait_blocks)
    return Validator(FakeNode(world), FakeMemory(world), task, settings, quiet, run_inline)


async def run_until(world: World, height: int, wait_blocks: int = 0) -> Validator:
    """Run a validator in `world` until `height`, starting it anew when it is killed."""
    validator = make_validator(world, wait_blocks)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.make_blocks)
        while world.height < height:
            with trio.CancelScope() as life:
                world.kill = life.cancel
                async with trio.open_nursery() as lives:
                    lives.start_soon(validator.run)
                    while world.height < height:
                        await world.tick.wait()
                    lives.cancel_scope.cancel()
            if life.cancelled_caught:
                validator = make_validator(world, wait_blocks)
        nursery.cancel_scope.cancel()
    return validator


def get_standing(world: World, name: str) -> scoring.MinerScore:
    score = scoring.unpack_score(world.scores[MinerKey(make_hotkey(name), Height(0))])
    assert score is not None
    return score


async def test_better_miner_gets_more_weight_every_epoch(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    world.add_miner("good", honest("good", 200))
    world.add_miner("weak", honest("weak", 100))
    validator = await run_until(world, 3 * world.tempo + 1)
    assert sorted(world.revealed) == [0, 1, 2]
    for row in world.revealed.values():
        assert dict(zip(row.uids, row.values, strict=True)) == {1: 65_535, 2: 32_768}
    assert validator.status.weights_age_epochs == 0
    assert [miner.answers > 10 for miner in validator.status.miners] == [True, True]


async def test_one_model_behind_three_uids_is_paid_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    for name, delay_s in (("farm-1", 0.3), ("farm-2", 0.01), ("farm-3", 0.01)):
        world.add_miner(name, honest(name, 200, delay_s))
    world.add_miner("other", honest("other", 100))
    world.registered |= {b"farm-2": 1, b"farm-3": 1}
    validator = await run_until(world, world.tempo + 2)
    row = world.revealed[0]
    assert dict(zip(row.uids, row.values, strict=True)).keys() == {1, 4}
    qualities = [round(miner.quality * 255) for miner in validator.status.miners]
    assert qualities == [200, 0, 0, 100]
    assert all(miner.reliability == 1 for miner in validator.status.miners)


async def test_a_validator_with_another_scorer_commits_nothing_and_says_why(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World(scorer=Hash32(b"n" * 32))
    world.add_miner("good", honest("good", 200))
    validator = await run_until(world, 2 * world.tempo)
    assert world.commits == {}
    assert "counts only rows of scorer 6e6e6e6e6e6e6e6e" in validator.status.reason
    assert validator.status.rounds > 0


async def test_secrets_of_a_longer_numbering_are_forgotten(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    world.add_miner("good", honest("good", 200))
    await run_until(world, world.tempo)
    world.secrets = [replace(each, row=replace(each.row, epoch=Epoch(2))) for each in world.secrets]
    stale = {each.digest for each in world.secrets}
    await run_until(world, 3 * world.tempo)
    assert sorted(world.commits) == [0, 1, 2]
    assert not stale & set(world.commits[2])


async def test_no_challenge_is_asked_twice(autojump_clock: trio.testing.MockClock) -> None:
    world = World()
    world.add_miner("good", honest("good", 200))
    await run_until(world, 20)
    assert len(world.seeds) == len(set(world.seeds)) > 15
    assert world.cursors == sorted(set(world.cursors))


async def test_lost_submissions_are_sent_again_until_the_chain_shows_them(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World(tempo=16, reveal_blocks=4, drop_calls=1)
    world.add_miner("good", honest("good", 200))
    await run_until(world, 14)
    world.drop_calls = 1
    await run_until(world, world.tempo + 5)
    calls = [call for _, call in world.submitted]
    assert len([call for call in calls if isinstance(call, CommitWeights)]) == 2
    assert len([call for call in calls if isinstance(call, RevealWeights)]) >= 2
    assert list(world.revealed) == [0]


async def test_process_started_in_mid_epoch_still_sets_its_weights(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World(tempo=20, reveal_blocks=4, height=14)
    world.add_miner("good", honest("good", 200))
    await run_until(world, 22)
    assert list(world.revealed) == [0]


async def test_validator_without_permit_asks_nobody_and_says_why(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World(has_permit=False)
    world.add_miner("good", honest("good", 200))
    validator = await run_until(world, 12)
    assert not world.seeds
    assert not world.submitted
    assert "permit" in validator.status.reason
    assert validator.status.weights_age_epochs == 1


async def test_newcomer_in_a_reused_slot_starts_empty(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    world.add_miner("good", honest("good", 200))
    await run_until(world, 6)
    world.registered[b"good"] = 6
    await run_until(world, 8)
    assert [key.registered_block for key in world.scores] == [6]


# -- miners that misbehave ------------------------------------------------------------------------


def _query(payload: bytes) -> messages.Query:
    return codec.decode(SignedQuery, payload).query


async def late(payload: bytes) -> bytes:
    await trio.sleep(10)
    return b""


async def busy(payload: bytes) -> bytes:
    return messages.encode_reply(Busy(U32(100)))


async def busy_for_long(payload: bytes) -> bytes:
    return messages.encode_reply(Busy(U32(60_000)))


async def refusing(payload: bytes) -> bytes:
    return messages.encode_reply(refuse(RefusalCode.MODEL_FAILED, "NaN"))


async def garbage(payload: bytes) -> bytes:
    return b"\x01\xff\xff"


async def wrong_shape(payload: bytes) -> bytes:
    return messages.encode_reply(complete("odd", _query(payload), b"12"))


async def forged(payload: bytes) -> bytes:
    return messages.encode_reply(complete("odd", _query(payload), b"1", signer="stranger"))


async def relayed(payload: bytes) -> bytes:
    return messages.encode_reply(complete("good", _query(payload), b"1"))


async def other_answer(payload: bytes) -> bytes:
    done = complete("odd", _query(payload), b"1")
    return messages.encode_reply(Completion(Bytes64K(b"2"), done.receipt, done.signature))


async def broken(payload: bytes) -> bytes:
    raise PeerFault("too long an answer")


async def unreachable(payload: bytes) -> bytes:
    raise NodeUnreachable("connection lost")


async def quota(payload: bytes) -> bytes:
    raise MinerBusy(100)


def replaying() -> Peer:
    first: list[bytes] = []

    async def peer(payload: bytes) -> bytes:
        if not first:
            first.append(messages.encode_reply(complete("odd", _query(payload), b"\xff")))
        return first[0]

    return peer


@pytest.mark.parametrize(
    "peer", [late, refusing, garbage, wrong_shape, forged, relayed, other_answer, broken]
)
async def test_miner_at_fault_earns_nothing(
    peer: Peer, autojump_clock: trio.testing.MockClock
) -> None:
    world = World()
    world.add_miner("good", honest("good", 200))
    world.add_miner("odd", peer)
    await run_until(world, 10)
    assert get_standing(world, "odd").answers == 0
    assert get_standing(world, "odd").reliability == 0
    assert get_standing(world, "good").reliability == 1
    assert world.revealed[0].uids == (1,)


async def test_replayed_receipt_counts_once_and_then_as_a_fault(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    world.add_miner("good", honest("good", 200))
    world.add_miner("odd", replaying())
    await run_until(world, 10)
    assert get_standing(world, "odd").answers == 1
    assert get_standing(world, "odd").reliability < 0.2


@pytest.mark.parametrize("peer", [busy, busy_for_long, quota])
async def test_busy_miner_loses_half_of_what_a_faulty_one_does(
    peer: Peer, autojump_clock: trio.testing.MockClock
) -> None:
    world = World()
    world.add_miner("good", honest("good", 200))
    world.add_miner("odd", peer)
    await run_until(world, 6)
    assert get_standing(world, "odd").reliability == 0.5


async def test_short_loss_of_connection_is_nobodys_fault(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    world.add_miner("good", honest("good", 200))
    world.add_miner("odd", honest("odd", 200))
    await run_until(world, 6)
    world.peers[b"odd"] = unreachable
    await run_until(world, 8)
    assert get_standing(world, "odd").reliability == 1
    world.peers[b"odd"] = honest("odd", 200)
    await run_until(world, 10)
    assert get_standing(world, "odd").silent_rounds == 0


async def test_round_in_which_nobody_is_heard_blames_nobody(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    world.add_miner("good", honest("good", 200))
    world.add_miner("odd", honest("odd", 100))
    await run_until(world, 6)
    world.peers = {b"good": late, b"odd": unreachable}
    await run_until(world, 8)
    assert get_standing(world, "good").reliability == 1


async def test_busy_once_is_asked_again_in_the_same_round(
    autojump_clock: trio.testing.MockClock,
) -> None:
    turns: Iterator[Peer] = iter([busy, honest("good", 200), busy, honest("good", 200)] * 50)

    async def peer(payload: bytes) -> bytes:
        return await next(turns)(payload)

    world = World()
    world.add_miner("good", peer)
    await run_until(world, 8)
    assert get_standing(world, "good").reliability == 1


async def test_receipts_are_kept_with_the_round(autojump_clock: trio.testing.MockClock) -> None:
    world = World()
    world.add_miner("good", honest("good", 200))
    await run_until(world, 5)
    kept = codec.decode(SignedReceipt, world.receipts[0])
    assert kept.receipt.miner == make_hotkey("good")
    assert len(world.receipts) == get_standing(world, "good").answers


# -- answers judged later -------------------------------------------------------------------------


async def test_answers_are_judged_once_their_height_is_final(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    world.add_miner("good", honest("good", 200))
    world.add_miner("weak", honest("weak", 100))
    await run_until(world, 12, wait_blocks=4)
    assert get_standing(world, "good").answers == len(world.judged) // 2 > 4
    assert all(judged == ripe for ripe, judged in world.judged)
    assert get_standing(world, "weak").quality == pytest.approx(100 / 255)


async def test_receipts_are_written_before_their_answers_can_be_judged(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    world.add_miner("good", honest("good", 200))
    await run_until(world, 4, wait_blocks=100)
    assert len(world.receipts) == len(world.waiting) // 2 >= 3
    assert world.scores == {}


async def test_answer_that_came_when_its_truth_was_near_is_late(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World(block_s=0.3, close_blocks=1)
    world.add_miner("good", honest("good", 200, delay_s=0.1))
    world.add_miner("slow", honest("slow", 255, delay_s=0.4))
    await run_until(world, 20, wait_blocks=4)
    assert get_standing(world, "good").answers > 0
    assert get_standing(world, "slow").answers == 0
    assert get_standing(world, "slow").reliability == 0
    late = make_hotkey("slow") + bytes(8)
    assert not [key for key in world.waiting if key.endswith(late)]


async def test_misses_count_at_once_in_a_round_judged_later(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    world.add_miner("good", honest("good", 200))
    world.add_miner("odd", refusing)
    await run_until(world, 4, wait_blocks=100)
    assert get_standing(world, "odd").reliability == 0


async def test_answer_of_a_registration_that_ended_is_not_judged(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    world.add_miner("good", honest("good", 200))
    world.add_miner("weak", honest("weak", 100))
    await run_until(world, 4, wait_blocks=6)
    world.registered[b"weak"] = 4
    await run_until(world, 7, wait_blocks=6)
    old = make_hotkey("weak") + bytes(8)
    assert not [key for key in world.waiting if key.endswith(old)]
    await run_until(world, 9, wait_blocks=6)
    assert MinerKey(make_hotkey("weak"), Height(0)) not in world.scores
    assert get_standing(world, "good").answers > 0


async def keep_two_rounds() -> tuple[World, int]:
    """Return a world that stands before the heights at which its kept rounds ripen."""
    world = World()
    world.add_miner("good", honest("good", 200))
    await run_until(world, 4, wait_blocks=6)
    assert world.waiting
    return world, world.height


async def judge_kept(world: World, validator: Validator) -> None:
    """Let `validator` live until all that waits now is ripe."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.make_blocks)
        nursery.start_soon(validator.run)
        last = world.height + 6
        while world.height < last:
            await world.tick.wait()
        nursery.cancel_scope.cancel()


async def test_what_another_task_asked_is_dropped_and_nobody_is_judged(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world, height = await keep_two_rounds()
    settings = RoundSettings(NETUID, deadline_s=0.7, round_s=1.0, scorer=Hash32(b"n" * 32))
    task = LevelTask(world, wait_blocks=100)
    node, memory = FakeNode(world), FakeMemory(world)
    await judge_kept(world, Validator(node, memory, task, settings, quiet, run_inline))
    assert world.scores == {}
    assert not [key for key in world.waiting if int.from_bytes(key[:8], "big") <= height + 5]


async def test_kept_round_on_which_the_task_breaks_is_dropped(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world, height = await keep_two_rounds()
    settings = RoundSettings(NETUID, deadline_s=0.7, round_s=1.0)
    task = LevelTask(world, wait_blocks=100)
    task.is_broken = True
    node, memory = FakeNode(world), FakeMemory(world)
    await judge_kept(world, Validator(node, memory, task, settings, quiet, run_inline))
    assert world.scores == {}
    assert not [key for key in world.waiting if int.from_bytes(key[:8], "big") <= height + 5]


async def test_nobody_is_asked_while_too_much_waits(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "ROWS_MAX", 5)
    world = World()
    world.add_miner("good", honest("good", 200))
    await run_until(world, 10, wait_blocks=100)
    assert len(world.waiting) == 4
    assert len(world.receipts) == 2


async def test_challenge_that_ripens_too_late_is_not_asked(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    world.add_miner("good", honest("good", 200))
    await run_until(world, 4, wait_blocks=pending.BLOCKS_AHEAD_MAX + 1)
    assert world.receipts == []
    assert world.waiting == {}


# -- kill -9 --------------------------------------------------------------------------------------


def run_with_kill(kill_at: int, height: int, wait_blocks: int = 0) -> World:
    world = World(tempo=8, reveal_blocks=2, kill_at=kill_at)
    world.add_miner("good", honest("good", 200))
    world.add_miner("weak", honest("weak", 100))
    run = partial(run_until, world, height, wait_blocks)
    trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))
    return world


@pytest.mark.slow
def test_kill_at_any_port_loses_no_reveal_and_at_most_one_round() -> None:
    height = 2 * 8 + 2
    calm = run_with_kill(0, height)
    for kill_at in range(1, calm.gates):
        world = run_with_kill(kill_at, height)
        where = f"killed at gate {kill_at}"
        assert sorted(world.revealed) == [0, 1], where
        assert all(len(set(digests)) == 1 for digests in world.commits.values()), where
        assert len({secret.row.epoch for secret in world.secrets}) == len(world.secrets), where
        assert world.cursors == sorted(set(world.cursors)), where
        assert len(set(world.seeds)) >= len(world.seeds) - 1, where
        answers = {key: scoring.unpack_score(row) for key, row in world.scores.items()}
        for key, row in calm.scores.items():
            before, after = scoring.unpack_score(row), answers[key]
            assert before is not None
            assert after is not None
            assert before.answers - 2 <= after.answers <= before.answers, where
            assert after.reliability == 1, where


def test_scores_of_a_restarted_validator_continue_where_they_stopped() -> None:
    calm, killed = run_with_kill(0, 12), run_with_kill(60, 12)
    assert killed.cursors == sorted(set(killed.cursors))
    assert len(killed.cursors) >= len(calm.cursors) - 1


@pytest.mark.slow
def test_kill_at_any_port_loses_and_repeats_no_answer_that_waits() -> None:
    height = 9
    calm = run_with_kill(0, height, wait_blocks=3)
    for kill_at in range(1, calm.gates):
        world = run_with_kill(kill_at, height, wait_blocks=3)
        where = f"killed at gate {kill_at}"
        waiting = sum(len(key) > 16 for key in world.waiting)
        judged = [scoring.unpack_score(row) for row in world.scores.values()]
        answers = sum(score.answers for score in judged if score is not None)
        assert answers + waiting == len(world.receipts), where
        assert len(world.receipts) >= len(calm.receipts) - 4, where
