"""The reference miner of `text`: a model trained here on renamed sources, answering whole queries.

All prefixes of a batch go through the model at once, which is what a batch is for. A query that is
none, or of which the model makes no distribution, is left out and told by its own exception.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise

from neurons.backends.backend import Setup
from neurons.errors import MalformedQuery, ModelFault
from neurons.tasks.text.distributions import pack_rows, quantise
from neurons.tasks.text.models.build import BuildPlace, build
from neurons.tasks.text.models.spec import make_spec
from neurons.tasks.text.options import read_options
from neurons.tasks.text.task import read_query


class TextModel:
    """Which model, how big and how long it learns: see `options.py`."""

    def __init__(self, setup: Setup) -> None:
        spec = make_spec(read_options(setup.options))
        place = BuildPlace(setup.device, setup.threads, setup.cache_dir)
        served = build(spec, place, setup.report)
        self.card = served.card
        self._model = served.model

    def answer(self, bodies: Sequence[bytes]) -> list[bytes | Exception]:
        """Return the packed distributions of each query's prefixes."""
        read = [_read(body) for body in bodies]
        queries = [query for query in read if not isinstance(query, MalformedQuery)]
        answers: list[bytes | Exception] = list(self._predict(queries)) if queries else []
        told = iter(answers)
        return [query if isinstance(query, MalformedQuery) else next(told) for query in read]

    def _predict(self, queries: Sequence[Sequence[bytes]]) -> list[bytes | ModelFault]:
        prefixes = [prefix for query in queries for prefix in query]
        try:
            rows = quantise(self._model.predict(prefixes))
        except ModelFault as fault:
            if len(queries) == 1:
                return [fault]
            return [answer for query in queries for answer in self._predict([query])]
        ends = list(accumulate(map(len, queries), initial=0))
        return [pack_rows(rows[start:end]) for start, end in pairwise(ends)]


def _read(body: bytes) -> tuple[bytes, ...] | MalformedQuery:
    try:
        return read_query(body)
    except MalformedQuery as error:
        return error
