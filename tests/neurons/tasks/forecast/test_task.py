"""The task `forecast`: what is asked, when answers close and ripen, and how they are judged."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from consensus import codec
from consensus.quantities import U16, U64, Height, ShortText
from neurons.errors import InvalidTaskParams, MalformedQuery, SeriesNotKept
from neurons.ports import SERIES
from neurons.task import Challenge, Fault, Judged, Whose
from neurons.tasks.forecast.forecasters import Skill, forecast
from neurons.tasks.forecast.params import UNFINAL_BLOCKS, ForecastParams
from neurons.tasks.forecast.pinball import compute_baseline, compute_loss
from neurons.tasks.forecast.query import (
    LEVELS,
    ForecastQuery,
    encode_answer,
    read_answer,
    read_query,
)
from neurons.tasks.forecast.record import SEASON, SampleRecord
from neurons.tasks.forecast.task import SHARES, ForecastTask, open_forecast

PARAMS = ForecastParams(U16(SEASON), U16(4), U16(6), U16(20), U16(12))
TASK = ForecastTask(PARAMS)
RECORD = SampleRecord()
LATER = SampleRecord(Height(RECORD.height + 100))


@dataclass(frozen=True, slots=True)
class ShortRecord:
    """A chain that knows blocks up to its height and nothing after, flat where it is told to be."""

    height: Height
    flat: tuple[str, ...] = ()

    def get_series(self, name: str, first: Height, count: int) -> tuple[int, ...]:
        if not 1 <= first <= first + count <= self.height + 1:
            raise SeriesNotKept(f"{count} blocks from {first}")
        return (5,) * count if name in self.flat else RECORD.get_series(name, first, count)


def ask(seed: bytes = b"seed", count: int = 1) -> Challenge:
    return TASK.sample(seed, count, RECORD)[count - 1]


def judge(challenge: Challenge, answer: bytes) -> Judged:
    judgement = TASK.verify(challenge, answer, LATER)
    assert isinstance(judgement, Judged), judgement
    return judgement


# -- asking ----------------------------------------------------------------------------------------


def test_a_challenge_is_the_seeds_and_the_records():
    assert TASK.sample(b"seed", 3, RECORD) == TASK.sample(b"seed", 3, RECORD)
    assert ask(b"seed") != ask(b"another")
    assert ask(count=2) != ask()
    older = SampleRecord(Height(RECORD.height - 1))
    assert TASK.sample(b"seed", 1, older)[0] != ask()


def test_sampling_reads_nothing_above_the_final_height():
    assert TASK.sample(b"seed", 3, ShortRecord(RECORD.height)) == TASK.sample(b"seed", 3, RECORD)


def test_a_query_holds_the_latest_values_and_targets_beyond_the_lead():
    seen: set[int] = set()
    for seed in range(50):
        query = read_query(ask(bytes([seed])).body)
        assert query.series in SERIES
        assert query.last == RECORD.height
        assert len(query.values) == PARAMS.history
        assert query.values == RECORD.get_series(query.series, query.first, len(query.values))
        assert len(query.targets) == PARAMS.targets
        ahead = [target - RECORD.height - PARAMS.lead for target in query.targets]
        assert ahead[0] >= 1
        assert ahead[-1] <= PARAMS.horizon
        seen.update(ahead)
    assert seen == set(range(1, PARAMS.horizon + 1)), "each height of the horizon is asked for"


def test_answers_close_before_anybody_saw_the_first_target_and_ripen_with_the_last():
    challenge = ask()
    query = read_query(challenge.body)
    assert challenge.closes_at == query.targets[0] - UNFINAL_BLOCKS > RECORD.height
    assert challenge.ripe_at == query.targets[-1]


def test_series_are_asked_for_by_their_shares():
    drawn = Counter(
        read_query(challenge.body).series for challenge in TASK.sample(b"shares", 600, RECORD)
    )
    whole = sum(SHARES.values())
    for name, share in SHARES.items():
        assert abs(drawn[ShortText(name)] / 600 - share / whole) < 0.06, name


def test_a_series_that_does_not_move_is_not_asked_for():
    record = ShortRecord(RECORD.height, flat=("fees_rao", "size_bytes"))
    drawn = {read_query(each.body).series for each in TASK.sample(b"flat", 60, record)}
    assert drawn == {"transactions", "interval_ms"}
    with pytest.raises(SeriesNotKept, match="nothing to forecast"):
        TASK.sample(b"flat", 1, ShortRecord(RECORD.height, flat=tuple(SHARES)))


def test_a_young_chain_is_asked_of_the_blocks_it_has():
    with pytest.raises(SeriesNotKept, match="8 blocks are too few"):
        TASK.sample(b"young", 1, ShortRecord(Height(8)))
    query = read_query(TASK.sample(b"young", 1, ShortRecord(Height(9)))[0].body)
    assert (query.first, query.last) == (1, 9)


def test_params_are_the_subnet_owners():
    task = open_forecast(codec.encode(PARAMS))
    assert task.sample(b"seed", 1, RECORD)[0] == ask()
    with pytest.raises(InvalidTaskParams):
        open_forecast(b"\x01")


def test_a_query_measures_its_targets():
    assert TASK.measure(ask().body) == PARAMS.targets
    with pytest.raises(MalformedQuery):
        TASK.measure(b"nothing")


# -- judging ---------------------------------------------------------------------------------------


def test_the_truth_scores_1_and_the_baseline_0():
    for seed in range(20):
        challenge = ask(bytes([seed]))
        best, baseline, half, *_ = TASK.fixed_answers(challenge, LATER)
        assert judge(challenge, best).quality == 1
        assert judge(challenge, baseline).quality == 0
        assert 0.3 < judge(challenge, half).quality < 0.7


def test_items_are_gains_whose_mean_is_the_quality():
    challenge = ask()
    half = TASK.fixed_answers(challenge, LATER)[2]
    judged = judge(challenge, half)
    assert len(judged.items) == PARAMS.targets
    assert sum(judged.items) / PARAMS.targets == pytest.approx(judged.quality)


def test_random_answers_score_about_nothing():
    dice = Random(3)
    total = 0.0
    for seed in range(40):
        challenge = ask(bytes([seed]))
        top = max(read_query(challenge.body).values) * 2
        rows = [
            tuple(sorted(dice.randrange(top) for _ in range(LEVELS))) for _ in range(PARAMS.targets)
        ]
        total += judge(challenge, encode_answer(rows)).quality
    assert total / 40 < 0.05


def test_what_is_no_answer_is_the_miners_fault():
    challenge = ask()
    *_, empty, short, long, few, falling = TASK.fixed_answers(challenge, LATER)
    for answer in (empty, short, long, few, falling):
        judgement = TASK.verify(challenge, answer, LATER)
        assert isinstance(judgement, Fault)
        assert judgement.whose is Whose.MINER


def test_a_chain_that_is_not_here_is_the_validators_fault():
    challenge = ask()
    best = TASK.fixed_answers(challenge, LATER)[0]
    judgement = TASK.verify(challenge, best, ShortRecord(Height(challenge.ripe_at - 1)))
    assert isinstance(judgement, Fault)
    assert judgement.whose is Whose.VALIDATOR


def test_where_the_baseline_was_right_nobody_is_to_blame():
    query = ForecastQuery(
        ShortText("fees_rao"), Height(1), U16(4), (U64(5),) * 30, (Height(36), Height(40))
    )
    challenge = Challenge(codec.encode(query), b"", Height(40))
    record = ShortRecord(Height(40), flat=("fees_rao",))
    judgement = TASK.verify(challenge, encode_answer([(5,) * LEVELS] * 2), record)
    assert isinstance(judgement, Fault)
    assert judgement.whose is Whose.NOBODY


def test_a_judgement_needs_no_more_than_the_challenge_and_the_chain():
    challenge = ask()
    best = TASK.fixed_answers(challenge, LATER)[0]
    other = ForecastTask(replace(PARAMS, horizon=U16(60)))
    assert other.verify(challenge, best, LATER) == judge(challenge, best)


def test_equal_answers_are_copies():
    assert TASK.find_copies([b"a", b"b", b"a"]) == (0, 1, 0)


# -- telling ---------------------------------------------------------------------------------------


def test_the_card_shows_a_question_and_an_answer_that_beats_the_baseline():
    card = TASK.describe()
    query = read_query(card.example_query)
    read_answer(card.example_answer, len(query.targets))
    challenge = Challenge(card.example_query, b"", query.targets[-1])
    assert judge(challenge, card.example_answer).quality > 0.2


def test_the_portable_task_reads_no_chain():
    task = TASK.make_portable()
    young = ShortRecord(Height(3))
    challenge = task.sample(b"seed", 1, young)[0]
    best = task.fixed_answers(challenge, young)[0]
    assert task.verify(challenge, best, young) == Judged(1.0, judge(challenge, best).items)


def test_the_page_s_example_is_drawn_answered_and_judged_as_it_says():
    page = (Path(__file__).parents[4] / "docs" / "forecast.md").read_text()
    params = ForecastParams(U16(SEASON), U16(4), U16(10), U16(12), U16(3))
    task = ForecastTask(params)
    (challenge,) = task.sample(bytes([18]), 1, RECORD)
    query = read_query(challenge.body)
    assert " ".join(map(str, query.values)) in page.replace("\n> ", " ")
    rows = forecast(query, Skill())
    truth = [LATER.get_series(query.series, target, 1)[0] for target in query.targets]
    baseline = compute_baseline(query)
    for target, row, mark, value in zip(query.targets, rows, baseline, truth, strict=True):
        cells = (target, *row, value, compute_loss(row, value), compute_loss(mark, value))
        assert "| " + " | ".join(map(str, cells)) + " |" in page
    judged = task.verify(challenge, encode_answer(rows), LATER)
    assert isinstance(judged, Judged)
    assert f"= {judged.quality:.2f}." in page
    assert f"before height {challenge.closes_at} was final" in page.replace("\n", " ")
    assert all(f"| `{name}` | {share} of 12 |" in page for name, share in SHARES.items())
