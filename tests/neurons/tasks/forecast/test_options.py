"""The reference miner's options: what is taken, and how a wrong one is named."""

import pytest

from neurons.errors import InvalidOptions
from neurons.tasks.forecast.forecasters import Skill
from neurons.tasks.forecast.options import make_skill, read_options


def test_nothing_said_is_the_best_miner():
    assert make_skill(read_options({})) == Skill("mixed", 64)


def test_what_is_said_is_taken():
    assert make_skill(read_options({"skill": "naive", "window": 9})) == Skill("naive", 9)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"width": 3}, "width"),
        ({"skill": "perfect"}, "skill"),
        ({"window": 7}, "window"),
        ({"window": 4_097}, "window"),
        ({"window": 9.5}, "window"),
        ({"window": True}, "window"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], name: str):
    with pytest.raises(InvalidOptions) as caught:
        read_options(options)
    assert caught.value.option == name
