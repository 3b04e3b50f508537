"""Which model of text: plain values, without torch.

`ngram`, `transformer`, or `pooled` (the log-linear pool of both). A spec with the same values
trains the same model: `compute_spec_hash` names its cache file. The one exception is `train_s`, a
limit on wall time: when it cuts training short, how many steps fitted depends on the machine.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Literal

ModelName = Literal["ngram", "transformer", "pooled"]
MODEL_NAMES: tuple[ModelName, ...] = ("ngram", "transformer", "pooled")

ORDER_MAX = 6
"""Six bytes of context and the next one fit an int64 with its sign to spare."""
_FIELDS = {"kind": "model", "train_steps": "steps"}
"""Fields whose option has another name."""
STATE_VERSION = 1
"""Part of every cache file's name: raise it when the same spec trains or stores differently."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What to train and on how much. Fields of the other kind of model are not looked at."""

    model: ModelName = "pooled"
    seed: int = 1
    corpus_bytes: int = 600_000
    """Bytes of renamed library sources to learn from."""
    order: int = 4
    """Longest context the n-gram counts, 0 to 6 bytes; the shorter ones go down by twos to 0."""
    steps: int = 400
    """Optimizer steps of the transformer."""
    train_s: float = 20.0
    """Most seconds of those steps."""
    width: int = 64
    layers: int = 2
    heads: int = 4
    context: int = 64
    """Bytes of context the transformer sees."""
    batch: int = 16
    """Windows per training step."""
    learning_rate: float = 0.003

    def __post_init__(self) -> None:
        """Refuse a spec that no model can have.

        Raises:
            ValueError: naming the field.
        """
        if self.model not in MODEL_NAMES:
            raise ValueError(f"model {self.model!r} is none of {', '.join(MODEL_NAMES)}")
        if not 0 <= self.order <= ORDER_MAX:
            raise ValueError(f"order must be 0 to {ORDER_MAX}")
        if self.width % self.heads:
            raise ValueError("width must be a multiple of heads")
        sizes = (self.steps, self.layers, self.heads, self.context, self.batch)
        if min(sizes) < 1 or self.train_s <= 0:
            raise ValueError("steps, layers, heads, context, batch and train_s must be above 0")
        if self.corpus_bytes < 4_096:  # noqa: PLR2004 - one file's worth
            raise ValueError("corpus_bytes must be 4096 or more")


def compute_orders(longest: int) -> tuple[int, ...]:
    """Return the context lengths an n-gram of order `longest` counts: 4 gives 0, 2, 4."""
    return tuple(sorted({0, *range(longest, 0, -2)}))


def compute_spec_hash(spec: ModelSpec) -> str:
    """Return 16 hex digits that name the model of `spec`."""
    text = json.dumps([STATE_VERSION, asdict(spec)], sort_keys=True)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def make_spec(options: Mapping[str, object]) -> ModelSpec:
    """Return the spec of complete options, as `options.read_options` returns them."""
    values = {_FIELDS.get(name, name): value for name, value in options.items()}
    return ModelSpec(**values)  # pyright: ignore[reportArgumentType] # checked by `read_options`
