"""The options of text's reference miner, in `[neuron.options]`: what each may be, and its default.

Read without torch, so that a daemon can refuse a wrong one at its start.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from neurons.errors import InvalidOptions

KINDS = ("pooled", "ngram", "transformer")
"""`ngram` counts, `transformer` learns, `pooled` combines the two; the first is the default."""


@dataclass(frozen=True, slots=True)
class _Number:
    """A number's default, bounds and meaning; a whole one if its default is whole."""

    default: float
    low: float
    high: float
    about: str


NUMBERS: Mapping[str, _Number] = {
    "train_steps": _Number(400, 1, 10_000_000, "Most training steps of the transformer."),
    "train_s": _Number(20.0, 0.1, 864_000, "Most seconds of training."),
    "width": _Number(64, 8, 4_096, "Width of the transformer, a multiple of heads."),
    "layers": _Number(2, 1, 64, "Layers of the transformer."),
    "heads": _Number(4, 1, 64, "Attention heads per layer."),
    "context": _Number(64, 4, 4_096, "Bytes the transformer sees."),
    "order": _Number(4, 0, 6, "Longest context the n-gram counts, in bytes."),
    "corpus_bytes": _Number(600_000, 4_096, 1_000_000_000, "How much text the model learns from."),
    "seed": _Number(1, 0, 2**32 - 1, "Seed of initial weights and batches."),
}
"""Every option but `kind`."""


def read_options(options: Mapping[str, object]) -> dict[str, object]:
    """Return `options` checked, with the default of each that is not there.

    Raises:
        InvalidOptions: an unknown option, another type, out of bounds, or a width that `heads`
            does not divide.
    """
    unknown = sorted(set(options) - {"kind", *NUMBERS})
    if unknown:
        known = ", ".join(("kind", *NUMBERS))
        raise InvalidOptions(unknown[0], f"is no option of this model: known are {known}")
    kind = options.get("kind", KINDS[0])
    if kind not in KINDS:
        raise InvalidOptions("kind", f"is {kind!r}: allowed are {', '.join(KINDS)}")
    read: dict[str, object] = {"kind": kind}
    numbers = {name: _read_number(name, options) for name in NUMBERS}
    if numbers["width"] % numbers["heads"]:
        problem = f"is {numbers['width']}, which heads = {numbers['heads']} does not divide"
        raise InvalidOptions("width", problem)
    return read | numbers


def _read_number(name: str, options: Mapping[str, object]) -> int | float:
    rule = NUMBERS[name]
    value = options.get(name, rule.default)
    is_whole = isinstance(rule.default, int)
    kinds = int if is_whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        wanted = "a whole number" if is_whole else "a number"
        raise InvalidOptions(name, f"is {value!r}: it must be {wanted}")
    if not rule.low <= value <= rule.high:
        raise InvalidOptions(name, f"is {value}: allowed are {rule.low:g} to {rule.high:g}")
    return value if is_whole else float(value)
