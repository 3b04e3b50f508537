"""Standings and weights."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.fixed import is_limited
from consensus.quantities import Uid
from neurons.validating import scoring
from neurons.validating.scoring import Answered, MinerScore, Miss


def stand(*outcomes: scoring.Outcome) -> MinerScore:
    score = MinerScore()
    for outcome in outcomes:
        score = scoring.update(score, outcome)
    return score


GOOD = Answered(0.8, 100.0)


def test_quality_of_few_answers_is_their_mean() -> None:
    assert stand(GOOD, Answered(0.8, 50)).quality == pytest.approx(0.8)
    assert stand(*[GOOD] * 100).quality == pytest.approx(0.8)


def test_recent_answers_weigh_more_than_old_ones() -> None:
    assert stand(*[Answered(0.2, 1)] * 50, *[GOOD] * 30).quality > 0.7


def test_busy_counts_half_of_a_fault() -> None:
    busy, fault = stand(GOOD, Miss.BUSY), stand(GOOD, Miss.FAULT)
    assert busy.reliability == pytest.approx(0.75, abs=0.01)
    assert fault.reliability == pytest.approx(0.5, abs=0.01)


def test_our_own_failure_changes_nothing() -> None:
    assert stand(GOOD, Miss.EXCUSED) == stand(GOOD)


def test_two_lost_connections_are_excused_and_a_third_is_not() -> None:
    assert stand(GOOD, *[Miss.UNREACHABLE] * 2).reliability == 1
    assert stand(GOOD, *[Miss.UNREACHABLE] * 3).reliability < 1


def test_failures_before_the_first_answer_count_a_quarter() -> None:
    late_starter = stand(*[Miss.LATE] * 4, *[GOOD] * 4)
    failing = stand(GOOD, *[Miss.LATE] * 4, *[GOOD] * 3)
    assert late_starter.reliability == pytest.approx(0.8, abs=0.02)
    assert failing.reliability < 0.55


def test_silent_miner_scores_nothing_until_it_answers() -> None:
    silent = stand(*[GOOD] * 100, *[Miss.LATE] * scoring.SILENT_ROUNDS_MAX)
    assert scoring.compute_scores({Uid(1): silent}) == {1: 0}
    back = scoring.update(silent, GOOD)
    assert scoring.compute_scores({Uid(1): back})[Uid(1)] > 0


def test_fast_wrong_answers_never_beat_slow_right_ones() -> None:
    slow, fast = stand(*[Answered(0.5, 3_000)] * 20), stand(*[Answered(0.4, 5)] * 20)
    scores = scoring.compute_scores({Uid(1): slow, Uid(2): fast})
    assert scores[Uid(1)] > scores[Uid(2)]


@pytest.mark.parametrize(
    ("latency", "factor"), [(10, 1.0), (100, 1.0), (250, 0.95), (400, 0.9), (9_000, 0.9)]
)
def test_latency_costs_at_most_a_tenth(latency: float, factor: float) -> None:
    assert scoring.compute_latency_factor(latency, 100) == pytest.approx(factor)


def test_score_survives_the_store_exactly() -> None:
    score = stand(GOOD, Miss.BUSY, Answered(1 / 3, 77.7))
    assert scoring.unpack_score(scoring.pack_score(score)) == score


@pytest.mark.parametrize("data", [b"", b"\x02" + bytes(64), bytes(3)])
def test_score_of_another_version_starts_afresh(data: bytes) -> None:
    assert scoring.unpack_score(data) is None


def test_weights_follow_scores_with_the_largest_at_65535() -> None:
    scores = {Uid(7): 0.25, Uid(2): 0.5, Uid(4): 0.0}
    assert scoring.to_weights(scores, 65_535, 1) == ((2, 7), (65_535, 32_768))


def test_no_scores_make_no_row() -> None:
    assert scoring.to_weights({}, 65_535, 1) == ((), ())
    assert scoring.to_weights({Uid(1): 0.0}, 65_535, 1) == ((), ())
    assert scoring.to_weights({Uid(1): 0.5}, 65_535, 2) == ((), ())


def test_cap_that_too_few_miners_can_meet_makes_no_row() -> None:
    assert scoring.to_weights({Uid(1): 1.0, Uid(2): 0.5}, 20_000, 1) == ((), ())


@given(st.lists(st.floats(1e-6, 1.0), min_size=4, max_size=40), st.integers(16_384, 65_535))
def test_no_weight_exceeds_the_cap(scores: list[float], cap: int) -> None:
    row = scoring.to_weights({Uid(uid): score for uid, score in enumerate(scores)}, cap, 1)
    assert is_limited(row[1], cap)
    assert max(row[1]) == 65_535
    assert len(row[0]) == len(scores)
