"""The text task: fresh and repeatable challenges, a proper score, malformed answers."""

import ast
import re
import time

import numpy as np
import pytest

from consensus import codec
from consensus.quantities import U16, Height
from neurons import catalog
from neurons.dice import Dice
from neurons.errors import InvalidOptions, InvalidTaskParams, MalformedQuery
from neurons.task import Challenge, Fault, Judged, Whose
from neurons.tasks.text import corpus, task
from neurons.tasks.text.distributions import pack_rows, quantise
from neurons.tasks.text.task import TextParams, TextTask, read_query
from tests.neurons.world import FakeRecord

RECORD = FakeRecord(Height(0))
TASK = TextTask()
CHALLENGE = TASK.sample(b"seed", 1, RECORD)[0]


def judge(rows: np.ndarray, challenge: Challenge = CHALLENGE) -> float:
    judgement = TASK.verify(challenge, pack_rows(quantise(rows)), RECORD)
    assert isinstance(judgement, Judged)
    return judgement.quality


def test_same_seed_makes_the_same_challenges_in_another_task_object() -> None:
    assert TASK.sample(b"seed", 2, RECORD) == TextTask().sample(b"seed", 2, RECORD)
    assert TASK.sample(b"seed", 2, RECORD)[0] == CHALLENGE


def test_other_seed_makes_other_challenges() -> None:
    assert TASK.sample(b"seee", 1, RECORD)[0] != CHALLENGE
    first, second = TASK.sample(b"seed", 2, RECORD)
    assert first != second


def test_challenge_hides_the_next_byte_of_each_prefix() -> None:
    prefixes = read_query(CHALLENGE.body)
    assert len(prefixes) == len(CHALLENGE.key) == task.PREFIXES
    assert all(1 <= len(prefix) <= task.PREFIX_BYTES_MAX for prefix in prefixes)


def test_uniform_answer_earns_nothing() -> None:
    assert judge(np.ones((32, 256))) == 0


def test_random_answer_earns_nothing() -> None:
    assert judge(np.random.default_rng(1).random((32, 256))) == 0


def test_knowing_the_truth_earns_nearly_all() -> None:
    rows = np.full((32, 256), 1e-9)
    rows[np.arange(32), list(CHALLENGE.key)] = 1
    assert judge(rows) > 0.7


def test_honest_belief_earns_more_than_a_bolder_or_a_shyer_one() -> None:
    """The mean over truths drawn from a belief is highest for that belief: a proper score."""
    dice = np.random.default_rng(2)
    belief = np.full(256, 1e-4)
    belief[[32, 101, 116, 115]] = 0.5, 0.25, 0.15, 0.1
    belief /= belief.sum()
    truth = bytes(dice.choice(256, 20_000, p=belief).astype(np.uint8))

    def score(power: float) -> float:
        told = quantise(np.tile(belief**power, (1, 1)))
        return -float(task.compute_bits(np.repeat(told, len(truth), 0), truth).mean())

    assert score(1.0) > max(score(0.5), score(2.0), score(0.9), score(1.1))


def test_one_bold_zero_costs_no_more_than_seventeen_bits() -> None:
    rows = np.zeros((1, 256), dtype=np.uint16)
    rows[0, 0] = 65_535
    assert task.compute_bits(rows, b"\x01")[0] == pytest.approx(17, abs=0.01)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        bytes(511),
        bytes(32 * 512),
        bytes(33 * 512),
        b"\xff" * 32 * 512,
        pack_rows(quantise(np.ones((31, 256)))),
    ],
)
def test_malformed_answer_is_the_miners_fault(answer: bytes) -> None:
    judgement = TASK.verify(CHALLENGE, answer, RECORD)
    assert isinstance(judgement, Fault)
    assert judgement.whose is Whose.MINER


def test_sum_one_off_is_refused() -> None:
    rows = quantise(np.ones((32, 256)))
    rows[5, 5] += 1
    assert isinstance(TASK.verify(CHALLENGE, pack_rows(rows), RECORD), Fault)


@pytest.mark.parametrize("count", [1, 3, 64])
def test_query_has_as_many_prefixes_as_the_operator_asks(count: int) -> None:
    challenge = TextTask(count).sample(b"seed", 1, RECORD)[0]
    assert len(read_query(challenge.body)) == len(challenge.key) == count


@pytest.mark.parametrize("count", [0, 65])
def test_query_too_large_for_the_wire_is_refused_at_start(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        TextTask(count)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x80",
        task.encode_query([]),
        task.encode_query([b""]),
        task.encode_query([b"x"] * 65),
        task.encode_query([b"x" * 257]),
        b"\x81" * 3_000,
    ],
)
def test_body_of_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedQuery):
        read_query(body)


def test_two_models_half_a_bit_apart_are_told_apart_in_ten_rounds() -> None:
    """The better one blends a third of the truth in, the weaker a quarter: about half a bit."""
    wins = 0
    for batch in range(5):
        gap = 0.0
        for challenge in TASK.sample(bytes([batch]), 10, RECORD):
            rows = np.full((32, 256), 1 / 256)
            truth = np.zeros((32, 256))
            truth[np.arange(32), list(challenge.key)] = 1
            noise = np.random.default_rng(batch).random((32, 1))
            better = rows * (1 - noise * 0.33) + truth * noise * 0.33
            weaker = rows * (1 - noise * 0.25) + truth * noise * 0.25
            gap += judge(better, challenge) - judge(weaker, challenge)
        wins += gap > 0
    assert wins == 5


# -- the corpus -----------------------------------------------------------------------------------

SOURCE = '''"""Doc of get_value."""
import os
class FrameParser:
    def get_value(self, count: int) -> str:  # the value of count
        return str(self.frame_value[count]) + MAX_FRAME
'''


def test_renamed_source_is_still_the_same_program() -> None:
    for path in corpus.list_files()[:60:6]:
        source = corpus.read_source(path)
        renamed = corpus.rename(source, Dice(b"x"))
        assert renamed != source
        before, after = ast.walk(ast.parse(source)), ast.walk(ast.parse(renamed))
        assert [type(node) for node in before] == [type(node) for node in after]


def test_renaming_keeps_keywords_builtins_and_case() -> None:
    renamed = corpus.rename(SOURCE, Dice(b"y"))
    for kept in ("class ", "def ", "self", "int", "return str(", "import os"):
        assert kept in renamed
    words = ("value", "count", "frame", "get", "parser", "max")
    assert sorted(_words(renamed)) == sorted(_words(SOURCE))
    assert any(f"class {a.title()}{b.title()}:" in renamed for a in words for b in words)


def _words(source: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]{2,}|[A-Z]{3,}", source)}


def test_renaming_differs_by_seed_and_not_by_run() -> None:
    assert corpus.rename(SOURCE, Dice(b"a")) == corpus.rename(SOURCE, Dice(b"a"))
    assert len({corpus.rename(SOURCE, Dice(bytes([seed]))) for seed in range(8)}) > 4


def test_corpus_has_no_tests_nor_tables() -> None:
    files = corpus.list_files()
    assert len(files) > 200
    assert not any("test" in path.parts or "site-packages" in path.parts for path in files)


def test_a_subnet_may_choose_the_prefixes_of_a_query() -> None:
    params = codec.encode(TextParams(U16(7)))
    challenge = catalog.open_task("text", params).sample(b"seed", 1, RECORD)[0]
    assert len(challenge.key) == 7
    assert catalog.open_task("text", b"").sample(b"seed", 1, RECORD) == TASK.sample(
        b"seed", 1, RECORD
    )


@pytest.mark.parametrize(
    "params", [b"\x01", b"\xff", b"\x81\x00", b"\x81\x18\x41", b"\x82\x01\x01"]
)
def test_params_that_are_none_are_refused(params: bytes) -> None:
    with pytest.raises(InvalidTaskParams):
        catalog.open_task("text", params)


def test_unknown_task_is_refused_with_the_known_ones() -> None:
    assert catalog.open_task("text").name == "text"
    with pytest.raises(LookupError, match=r"known are .*text"):
        catalog.open_task("chess")


# -- copies ---------------------------------------------------------------------------------------


def make_answers(*, count: int, seed: int = 5) -> list[np.ndarray]:
    """Return `count` answers (32, 256) of models that have nothing to do with one another."""
    dice = np.random.default_rng(seed)
    return [dice.random((32, 256)) ** 8 for _ in range(count)]


def find(*answers: np.ndarray) -> tuple[int, ...]:
    return TASK.find_copies([pack_rows(quantise(rows)) for rows in answers])


def test_equal_and_nearly_equal_answers_are_copies_of_the_first() -> None:
    first, second = make_answers(count=2)
    noisy = first + 0.002 * np.random.default_rng(6).random(first.shape) * first.mean()
    assert find(first, second, first, noisy, second) == (0, 1, 0, 0, 1)


def test_answers_of_different_models_are_no_copies() -> None:
    assert find(*make_answers(count=20)) == tuple(range(20))
    assert find() == ()


def test_model_that_differs_by_a_hundredth_is_its_own() -> None:
    first, second = make_answers(count=2)
    mixed = quantise(first).astype(float) * 0.98 + quantise(second).astype(float) * 0.02
    assert find(first, mixed) == (0, 1)


def test_difference_in_the_last_prefix_is_seen() -> None:
    first, second = make_answers(count=2)
    altered = np.concatenate([first[:31], second[31:]])
    assert find(first, altered) == (0, 1)


def test_copy_is_measured_against_originals_and_not_against_copies() -> None:
    first, second = (quantise(rows).astype(float) for rows in make_answers(count=2))
    steps = [first + part * (second - first) for part in (0, 0.004, 0.008)]
    apart = np.abs(steps[1] - steps[0]).sum() / 2 / 65_535 / 32
    assert apart < task.COPY_DISTANCE_MAX < 2 * apart
    assert find(*steps) == (0, 0, 2)


@pytest.mark.slow
def test_copies_among_a_full_subnet_of_miners_are_found_within_a_second() -> None:
    dice = np.random.default_rng(7)
    answers = [pack_rows(quantise(dice.random((32, 256)))) for _ in range(256)]
    began = time.thread_time()
    assert TASK.find_copies(answers) == tuple(range(256))
    assert time.thread_time() - began < 1


# -- the rest of the contract ---------------------------------------------------------------------


def test_example_on_the_card_is_a_good_answer_to_its_query() -> None:
    card = TASK.describe()
    (prefix,) = read_query(card.example_query)
    assert prefix.endswith(b"retur")
    judgement = TASK.verify(Challenge(card.example_query, b"n"), card.example_answer, RECORD)
    assert isinstance(judgement, Judged)
    assert judgement.quality > 0.8


def test_fixed_answers_go_from_the_best_to_the_malformed() -> None:
    answers = TASK.fixed_answers(CHALLENGE, RECORD)
    judged = [TASK.verify(CHALLENGE, answer, RECORD) for answer in answers]
    qualities = [each.quality for each in judged if isinstance(each, Judged)]
    assert qualities[0] > qualities[2] > qualities[1] == qualities[3] == 0
    assert [isinstance(each, Fault) for each in judged] == [False] * 4 + [True] * 4


def test_items_score_each_prefix_alone() -> None:
    judgement = TASK.verify(CHALLENGE, TASK.fixed_answers(CHALLENGE, RECORD)[2], RECORD)
    assert isinstance(judgement, Judged)
    assert len(judgement.items) == 32
    assert judgement.quality == pytest.approx(sum(judgement.items) / 32)


def test_options_get_their_defaults() -> None:
    options = TASK.read_options({"kind": "ngram", "train_s": 3})
    assert options["kind"] == "ngram"
    assert (options["train_s"], options["order"], options["seed"]) == (3.0, 4, 1)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("kind", "oracle"),
        ("depth", 3),
        ("order", 7),
        ("order", 1.5),
        ("seed", True),
        ("train_s", "long"),
        ("width", 65),
    ],
)
def test_option_the_reference_miner_can_not_have_is_named(option: str, value: object) -> None:
    with pytest.raises(InvalidOptions) as caught:
        TASK.read_options({option: value})
    assert caught.value.option == option
