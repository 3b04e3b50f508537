"""Forecast: what will the chain itself say in blocks that nobody has made yet?

A query carries the recent values of one public series of the chain, one number a block, and heights
beyond a lead; the answer is nine quantiles of each (`query.py`). When the last of those heights is
final the chain has told the truth, to every validator alike, and the answer is judged by the CRPS
of its quantiles against those of a seasonal baseline (`pinball.py`):

    quality = 1 - loss / baseline's loss, both summed over all targets; 0 where that is below 0

so the baseline scores 0 and knowing the future 1. Pay is linear in it; the best earns no prize.
Where the baseline was right to the last unit there was nothing to forecast: nobody's fault.

Drawn from the challenge's seed: which series (by `SHARES`), how far the targets reach, and which
heights they are. A series that did not move within the history is not asked for.

Rules against knowing instead of forecasting:

- An answer counts while the final height is below `Challenge.closes_at`, `UNFINAL_BLOCKS` below the
  first target; the miner's signed receipt binds its hash by then.
- What one party moves cheaply is asked for rarely: `SHARES` gives the reasons.
- Series that cannot be forecast by anybody (the beacon's mix, hashes) are none of `SERIES`.

Deviation: a ratio of sums is not strictly proper, because its denominator comes with the outcome,
and 0 as the floor forgives the boldest. Over a query's many targets both effects are small against
what shading the quantiles costs; a fixed denominator would let one quiet stretch decide a round.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from consensus import codec
from consensus.quantities import U16, U64, Height, ShortText
from neurons.dice import Dice
from neurons.errors import MalformedAnswer, SeriesNotKept
from neurons.ports import FEES_RAO, INTERVAL_MS, SIZE_BYTES, TRANSACTIONS, ChainRecord
from neurons.task import Card, Challenge, Fault, Judged, Judgement, Whose, find_equals
from neurons.tasks.forecast import query as wire
from neurons.tasks.forecast.forecasters import Skill, forecast
from neurons.tasks.forecast.options import read_options
from neurons.tasks.forecast.params import DEFAULTS, UNFINAL_BLOCKS, ForecastParams, read_params
from neurons.tasks.forecast.pinball import compute_baseline, compute_loss
from neurons.tasks.forecast.query import (
    LEVELS,
    VALUE_MAX,
    VALUES_MIN,
    ForecastQuery,
    encode_answer,
    read_query,
)
from neurons.tasks.forecast.record import SEASON, SampleRecord

SHARES: Mapping[str, int] = {
    FEES_RAO: 6,  # fees are burned, so whoever raises them pays all of it; a leader can only omit
    SIZE_BYTES: 3,  # bytes cost fees too, but weights are free and grow with what they say
    TRANSACTIONS: 2,  # a neuron's free calls are transactions: each may time a few in an epoch
    INTERVAL_MS: 1,  # its leader alone sets a block's time, within the drift that others accept
}
"""How often each series is asked for, of their sum; less where moving it is cheap."""


def open_forecast(params: bytes) -> "ForecastTask":
    """Return the task with `params`, the canonical CBOR of `ForecastParams`; empty: the defaults.

    Raises:
        InvalidTaskParams: they are something else, or out of bounds.
    """
    return ForecastTask(read_params(params))


class ForecastTask:
    """The built-in task `forecast`; `record` stands in for the chain's where it is given."""

    name = "forecast"
    version = 1
    query_bytes_max = wire.QUERY_BYTES_MAX
    answer_bytes_max = wire.ANSWER_BYTES_MAX
    reference = "neurons.tasks.forecast.reference:ForecastModel"

    def __init__(
        self, params: ForecastParams | None = None, record: ChainRecord | None = None
    ) -> None:
        self._params = params or DEFAULTS
        self._record = record

    def measure(self, body: bytes) -> int:
        """Return how many targets a query body asks for.

        Raises:
            MalformedQuery: see `read_query`.
        """
        return len(read_query(body).targets)

    def sample(self, seed: bytes, count: int, record: ChainRecord) -> tuple[Challenge, ...]:
        """Make `count` challenges on what `record` says up to its height.

        Raises:
            SeriesNotKept: the chain is younger than `VALUES_MIN` blocks, no series of it moves, or
                blocks are missing here.
        """
        record = self._record or record
        length = min(record.height, self._params.history)
        if length < VALUES_MIN:
            raise SeriesNotKept(
                f"{record.height} blocks are too few: a forecast needs {VALUES_MIN}"
            )
        first = Height(record.height - length + 1)
        found = {name: record.get_series(name, first, length) for name in sorted(SHARES)}
        moving = [name for name, values in found.items() if len(set(values)) > 1]
        if not moving:
            raise SeriesNotKept(f"no series moved within {length} blocks: nothing to forecast")
        pot = [name for name in moving for _ in range(SHARES[name])]
        challenges: list[Challenge] = []
        for index in range(count):
            dice = Dice(seed + index.to_bytes(4, "big"))
            name = dice.choose(pot)
            targets = self._draw_targets(record.height, dice)
            query = ForecastQuery(
                ShortText(name), first, self._params.season, tuple(map(U64, found[name])), targets
            )
            challenges.append(_make_challenge(query))
        return tuple(challenges)

    def _draw_targets(self, height: Height, dice: Dice) -> tuple[Height, ...]:
        """Draw how far the targets reach, and then which heights up to there they are."""
        count = self._params.targets
        reach = count + dice.below(self._params.horizon - count + 1)
        start = height + self._params.lead + 1
        places = dice.shuffle(range(start, start + reach))[:count]
        return tuple(map(Height, sorted(places)))

    def verify(self, challenge: Challenge, answer: bytes, record: ChainRecord) -> Judgement:
        """Judge `answer` by its loss on what the chain said; items: each target's gain.

        An item is the baseline's loss less the answer's, in mean losses of the baseline, so that
        the quality is their mean unless that is below 0.
        """
        query = read_query(challenge.body)
        try:
            rows = wire.read_answer(answer, len(query.targets))
        except MalformedAnswer as error:
            return Fault(Whose.MINER, str(error))
        try:
            truth = _read_truth(query, self._record or record)
        except SeriesNotKept as error:
            return Fault(Whose.VALIDATOR, str(error))
        losses = list(map(compute_loss, rows, truth))
        marks = list(map(compute_loss, compute_baseline(query), truth))
        total = sum(marks)
        if not total:
            return Fault(Whose.NOBODY, "the baseline was right everywhere: nothing to forecast")
        count = len(marks)
        items = [(mark - loss) * count / total for mark, loss in zip(marks, losses, strict=True)]
        return Judged(max(total - sum(losses), 0) / total, tuple(items))

    def find_copies(self, answers: Sequence[bytes]) -> tuple[int, ...]:
        """Return for each answer the first that is equal to it."""
        return find_equals(answers)

    def fixed_answers(self, challenge: Challenge, record: ChainRecord) -> tuple[bytes, ...]:
        """Return the truth, the baseline, halfway, twice too high, zero, and four malformed."""
        query = read_query(challenge.body)
        truth = [(value,) * LEVELS for value in _read_truth(query, self._record or record)]
        baseline = compute_baseline(query)
        half = [
            tuple((left + right) // 2 for left, right in zip(*rows, strict=True))
            for rows in zip(truth, baseline, strict=True)
        ]
        high = [tuple(min(2 * each, VALUE_MAX) for each in row) for row in baseline]
        zero = [(0,) * LEVELS for _ in truth]
        falling = [(*range(LEVELS, 0, -1),) for _ in truth]
        best, *others = map(encode_answer, (truth, baseline, half, high, zero))
        malformed = (b"", best[:-1], best + b"\x00", encode_answer(truth[1:]))
        return best, *others, *malformed, encode_answer(falling)

    def make_portable(self) -> "ForecastTask":
        """Return the task on the record that this package ships, which repeats as it does."""
        params = replace(DEFAULTS, season=U16(SEASON))
        return ForecastTask(params, SampleRecord())

    def read_options(self, options: Mapping[str, object]) -> Mapping[str, object]:
        """Return the reference miner's options, checked and complete; see `options.py`."""
        return read_options(options)

    def describe(self) -> Card:
        """Return what people are told of the task."""
        params = replace(DEFAULTS, season=U16(SEASON), targets=U16(4))
        challenge = ForecastTask(params, SampleRecord()).sample(b"example", 1, SampleRecord())[0]
        query = read_query(challenge.body)
        return Card(
            summary="What will the chain itself say in blocks that nobody has made yet?",
            query="Canonical CBOR: a list of the series' name, the height of its first value, the "
            f"blocks of a season, {VALUES_MIN} to {wire.VALUES_MAX} values, one a block, and 1 to "
            f"{wire.TARGETS_MAX} ascending heights above them.",
            answer="Canonical CBOR: a list of one list, which holds for each height in order the "
            "quantiles 0.1, 0.2 .. 0.9 of its value: ascending integers.",
            example_query=challenge.body,
            example_answer=encode_answer(forecast(query, Skill())),
            price_unit="target",
        )


def _make_challenge(query: ForecastQuery) -> Challenge:
    """Return the challenge of `query`; the chain is its key."""
    closes_at = Height(query.targets[0] - UNFINAL_BLOCKS)
    return Challenge(codec.encode(query), b"", query.targets[-1], closes_at)


def _read_truth(query: ForecastQuery, record: ChainRecord) -> list[int]:
    """Return the value of each target.

    Raises:
        SeriesNotKept: `record` does not hold them.
    """
    first, last = query.targets[0], query.targets[-1]
    values = record.get_series(query.series, first, last - first + 1)
    return [values[target - first] for target in query.targets]
