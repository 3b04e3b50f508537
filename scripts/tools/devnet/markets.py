"""What a devnet's subnets trade: the task of each, its params, and the skills of its miners.

Unless a task is asked for, odd subnets have `text`, even ones `forecast`, which needs no model: its
blocks are few and short-sighted here, so that the first answers are judged within the first two
epochs. Any other task runs as its package has it: no params, and its own reference miner.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from config.sections.neuron import Scalar
from consensus import codec
from consensus.quantities import U16, TaskParams
from neurons.tasks.forecast.params import ForecastParams
from neurons.tasks.forecast.query import VALUES_MIN

LEAD_BLOCKS = 6
HORIZON_BLOCKS = 14
START_BLOCKS = 8
"""How long a miner may take to be up, in blocks of a second."""


@dataclass(frozen=True, slots=True)
class Market:
    """One task, and what its miners run, best first: words for the table, and their options."""

    task: str
    skills: tuple[tuple[str, Mapping[str, Scalar]], ...]
    further: tuple[int, int]
    """Skills of the miners of a subnet that is not the first."""
    is_seeded: bool
    """Whether miners differ by a seed too."""


TEXT = Market(
    "text",
    (
        ("pooled, 3 s", {"kind": "pooled", "train_s": 3.0, "train_steps": 400}),
        ("transformer, 40 steps", {"kind": "transformer", "train_s": 6.0, "train_steps": 40}),
        ("n-gram, order 1", {"kind": "ngram", "order": 1, "corpus_bytes": 100_000}),
        ("n-gram, order 0", {"kind": "ngram", "order": 0, "corpus_bytes": 20_000}),
    ),
    further=(2, 3),
    is_seeded=True,
)
"""A fifth miner has the last one's model. All are ready within seconds: a model that misses the
first epoch's questions earns nothing in it, however good it is."""
FORECAST = Market(
    "forecast",
    (("mixed forecasters", {"skill": "mixed"}), ("naive forecaster", {"skill": "naive"})),
    further=(0, 1),
    is_seeded=False,
)


def get_usual_task(netuid: int) -> str:
    """Return the task of a subnet for which none was asked."""
    return TEXT.task if netuid % 2 else FORECAST.task


def get_market(task: str) -> Market:
    """Return what miners of `task` run: of one not known here, its reference without options."""
    for market in (TEXT, FORECAST):
        if market.task == task:
            return market
    return Market(task, (("reference", {}),), further=(0, 0), is_seeded=False)


def plan_task_params(task: str, tempo: int) -> TaskParams:
    """Return the params of a subnet's task; `tempo` is its blocks per epoch."""
    if task != FORECAST.task:
        return TaskParams(b"")
    params = ForecastParams(
        season=U16(min(tempo, 1_024)),
        seasons=U16(4),
        lead=U16(LEAD_BLOCKS),
        horizon=U16(HORIZON_BLOCKS),
        targets=U16(12),
    )
    return TaskParams(codec.encode(params))


def count_idle_epochs(task: str, tempo: int) -> int:
    """Return for how many first epochs the validators of `task` know nothing to commit yet.

    The first forecast needs some history, and is judged when its last target is final; weights are
    committed after three quarters of an epoch.
    """
    if task != FORECAST.task:
        return 0
    height = VALUES_MIN + START_BLOCKS + LEAD_BLOCKS + HORIZON_BLOCKS
    return max(0, -(-(4 * height - 3 * tempo) // (4 * tempo)))
