"""The last epoch run again with something else in it: exact where nothing is edited."""

from typing import Any

import pytest

from consensus.ledger.earnings.history import EpochRecord, find_record
from consensus.ledger.earnings.what_if import HYPER_BOUNDS, Edits, InvalidEdit, RowEdit, replay
from consensus.ledger.queries import metagraph
from tests.builders import SUBNET, make_state, play_epoch

STATE = play_epoch(make_state(), {"hot0": {2: 65535, 3: 20000}, "hot1": {2: 65535, 3: 30000}})


def get_record() -> EpochRecord:
    record = find_record(STATE, SUBNET)
    assert record is not None
    return record


RECORD = get_record()


def test_without_edits_everyone_earns_what_the_epoch_paid() -> None:
    graph = metagraph(STATE, SUBNET)
    outcomes = replay(RECORD, Edits())
    assert [outcome.before.emission for outcome in outcomes] == list(graph.emission)
    assert [outcome.before.incentive for outcome in outcomes] == list(graph.incentive)
    assert all(outcome.before == outcome.after for outcome in outcomes)
    assert [outcome.hotkey for outcome in outcomes] == list(graph.hotkeys)


def test_other_weights_move_the_miners_pot_and_keep_its_sum() -> None:
    rows = (RowEdit(0, (3,), (65535,)), RowEdit(1, (3,), (65535,)))
    outcomes = replay(RECORD, Edits(rows=rows))
    assert outcomes[3].after.incentive > outcomes[3].before.incentive
    assert outcomes[2].after.incentive == 0
    before = sum(outcome.before.emission for outcome in outcomes)
    assert sum(outcome.after.emission for outcome in outcomes) == before


def test_other_stakes_and_numbers_of_the_law_move_dividends() -> None:
    outcomes = replay(RECORD, Edits(stakes=((0, 0),)))
    assert outcomes[0].after.dividends == 0 < outcomes[0].before.dividends
    outcomes = replay(RECORD, Edits(hyper=(("stake_threshold", 2**63),)))
    assert all(outcome.after.emission == 0 for outcome in outcomes)


def test_every_number_of_the_law_takes_its_bounds_and_nothing_beyond() -> None:
    for name, (low, high) in HYPER_BOUNDS.items():
        both = ("alpha_low", 0), ("alpha_high", 65535)
        replay(RECORD, Edits(hyper=(*both, (name, low), *both[1:])))
        replay(RECORD, Edits(hyper=(*both, (name, high), ("alpha_high", 65535))))
        for value in (low - 1, high + 1):
            with pytest.raises(InvalidEdit):
                replay(RECORD, Edits(hyper=((name, value),)))


@pytest.mark.parametrize(
    "fields",
    [
        {"rows": (RowEdit(4, (), ()),)},
        {"rows": (RowEdit(-1, (), ()),)},
        {"rows": (RowEdit(2, (3,), (1,)),)},  # no permit
        {"rows": (RowEdit(0, (), ()), RowEdit(0, (), ()))},
        {"rows": (RowEdit(0, (2, 3), (1,)),)},
        {"rows": (RowEdit(0, (3, 2), (1, 1)),)},
        {"rows": (RowEdit(0, (2, 2), (1, 1)),)},
        {"rows": (RowEdit(0, (9,), (1,)),)},
        {"rows": (RowEdit(0, (2,), (65536,)),)},
        {"rows": (RowEdit(0, (2,), (-1,)),)},
        {"stakes": ((4, 1),)},
        {"stakes": ((0, 1), (0, 2))},
        {"stakes": ((0, -1),)},
        {"stakes": ((0, 2**64),)},
        {"hyper": (("tempo", 1),)},
        {"hyper": (("alpha_low", 65535), ("alpha_high", 0))},
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidEdit):
        replay(RECORD, Edits(**fields))
