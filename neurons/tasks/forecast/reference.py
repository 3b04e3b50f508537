"""The reference miner: what the worker builds for the backend `builtin`.

It learns nothing beforehand and keeps nothing: each query brings its own history.
"""

from collections.abc import Sequence

from neurons.backends.backend import ModelCard, Setup
from neurons.errors import MalformedQuery
from neurons.tasks.forecast.forecasters import forecast
from neurons.tasks.forecast.options import make_skill, read_options
from neurons.tasks.forecast.query import encode_answer, read_query


class ForecastModel:
    """Answers forecasts by the forecasters of `forecasters.py`."""

    def __init__(self, setup: Setup) -> None:
        self._skill = make_skill(read_options(setup.options))
        self.card = ModelCard(f"forecast, {self._skill.kind}", "cpu")

    def answer(self, bodies: Sequence[bytes]) -> Sequence[bytes | Exception]:
        """Return the quantiles that each of `bodies` asks for; a malformed one fails alone."""
        return [self._answer(body) for body in bodies]

    def _answer(self, body: bytes) -> bytes | Exception:
        try:
            query = read_query(body)
        except MalformedQuery as error:
            return error
        return encode_answer(forecast(query, self._skill))
