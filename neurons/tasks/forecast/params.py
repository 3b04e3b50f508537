"""What a subnet's owner may choose of the task: the season, how far back and how far ahead."""

from dataclasses import dataclass

from consensus import codec
from consensus.errors import DecodeError
from consensus.quantities import U16
from neurons.errors import InvalidTaskParams
from neurons.tasks.forecast.query import TARGETS_MAX, VALUES_MAX

UNFINAL_BLOCKS = 3
"""How far above the final height a block may stand that somebody has seen already: its leader
builds on blocks that are notarised and not final yet."""
LEAD_MIN = UNFINAL_BLOCKS + 2
"""Least lead: the block that asks, one to answer in, and those that somebody may have seen."""
HORIZON_MAX = 1_024


@dataclass(frozen=True, slots=True)
class ForecastParams:
    """All in blocks, save `targets` and `seasons`."""

    season: U16
    """Blocks after which the series may repeat: the subnet's tempo, as weights come once in it."""
    seasons: U16
    """Seasons of history in a query; a young chain gives what it has."""
    lead: U16
    """Blocks between the last value and the first that may be asked for: the deadline to answer
    must be over before they are made."""
    horizon: U16
    """Blocks after the lead that may be asked for."""
    targets: U16
    """Heights that one query asks for."""

    @property
    def history(self) -> int:
        """Most values in a query."""
        return self.season * self.seasons


DEFAULTS = ForecastParams(
    season=U16(360), seasons=U16(4), lead=U16(10), horizon=U16(60), targets=U16(24)
)
"""For blocks of 12 s and epochs of 360 blocks."""


def find_problem(params: ForecastParams) -> str:
    """Return what is wrong with `params`; empty if nothing is."""
    if not params.season or not params.seasons >= 2 or params.history > VALUES_MAX:  # noqa: PLR2004 - one season to differ from, one to differ
        return f"two or more seasons of 1 or more blocks each, {VALUES_MAX} blocks in all"
    if not LEAD_MIN <= params.lead <= HORIZON_MAX:
        return f"a lead of {LEAD_MIN} to {HORIZON_MAX} blocks, not {params.lead}"
    if not 1 <= params.targets <= min(params.horizon, TARGETS_MAX) or params.horizon > HORIZON_MAX:
        return (
            f"1 to {TARGETS_MAX} targets within a horizon of {HORIZON_MAX} blocks at most, "
            f"not {params.targets} within {params.horizon}"
        )
    return ""


def read_params(data: bytes) -> ForecastParams:
    """Return the params of `data`, their canonical CBOR; empty: the defaults.

    Raises:
        InvalidTaskParams: they are something else, or out of bounds.
    """
    if not data:
        return DEFAULTS
    try:
        params = codec.decode(ForecastParams, data)
    except DecodeError as error:
        raise InvalidTaskParams(f"task params {data.hex()[:40]}: {error}") from error
    problem = find_problem(params)
    if problem:
        raise InvalidTaskParams(f"a forecast has {problem}")
    return params
