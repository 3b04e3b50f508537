"""The record that ships with the task."""

import pytest

from consensus.quantities import Height
from neurons.errors import SeriesNotKept
from neurons.ports import SERIES
from neurons.tasks.forecast.record import SEASON, SampleRecord


@pytest.mark.parametrize("name", sorted(SERIES))
def test_each_series_has_a_season_and_noise(name: str):
    values = SampleRecord().get_series(name, Height(1), 4 * SEASON)
    assert len(values) == 4 * SEASON
    tops = {(at + 1) % SEASON for at, value in enumerate(values) if value > 0.8 * max(values)}
    assert tops
    assert len(set(values)) > 5


PINNED = (4, 15, 14, 3, 2, 2, 4, 4)


def test_numbers_stay_what_they_were():
    assert SampleRecord().get_series("transactions", Height(100), 8) == PINNED
    later = SampleRecord(Height(500)).get_series("transactions", Height(100), 8)
    assert later == PINNED


def test_what_it_does_not_have_is_not_kept():
    with pytest.raises(SeriesNotKept):
        SampleRecord().get_series("price", Height(1), 1)
    with pytest.raises(SeriesNotKept):
        SampleRecord().get_series("transactions", Height(0), 1)
