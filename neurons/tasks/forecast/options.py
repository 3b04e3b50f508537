"""The options of forecast's reference miner, in `[neuron.options]`: what each may be."""

from collections.abc import Mapping

from neurons.errors import InvalidOptions
from neurons.tasks.forecast.forecasters import SKILLS, Skill
from neurons.tasks.forecast.query import VALUES_MAX

DEFAULTS: Mapping[str, object] = {"skill": "mixed", "window": 64}
"""`mixed` weighs simple forecasters by how they did; `naive` gives the history's own quantiles.
`window` is how many of the latest values the longest look at the level takes, in blocks."""
WINDOW_MIN = 8


def read_options(options: Mapping[str, object]) -> Mapping[str, object]:
    """Return `options` checked and with all defaults.

    Raises:
        InvalidOptions: naming the option.
    """
    unknown = sorted(set(options) - set(DEFAULTS))
    if unknown:
        raise InvalidOptions(unknown[0], f"is no option here: known are {', '.join(DEFAULTS)}")
    read = dict(DEFAULTS) | dict(options)
    if read["skill"] not in SKILLS:
        raise InvalidOptions("skill", f"is one of {', '.join(SKILLS)}, not {read['skill']!r}")
    window = read["window"]
    if type(window) is not int or not WINDOW_MIN <= window <= VALUES_MAX:
        raise InvalidOptions("window", f"is a whole number of {WINDOW_MIN} to {VALUES_MAX} blocks")
    return read


def make_skill(options: Mapping[str, object]) -> Skill:
    """Return what `options`, read before, ask for."""
    kind, window = options["skill"], options["window"]
    assert isinstance(kind, str)
    assert isinstance(window, int)
    return Skill(kind, window)
