"""The agenda: nothing early, oldest first, never more than a block can bear."""

from consensus.ledger import agenda
from consensus.ledger.agenda import DUE_MAX, Errand
from consensus.ledger.state import Draft, State
from consensus.quantities import Height


def _draft(height: int) -> Draft:
    return Draft(State.empty(), Height(height))


def test_what_is_due_comes_oldest_first_and_once() -> None:
    draft = _draft(5)
    agenda.add(draft, Height(5), Errand.TALLY, b"b")
    agenda.add(draft, Height(3), Errand.ENACT, b"a")
    agenda.add(draft, Height(6), Errand.TALLY, b"c")
    assert agenda.take_due(draft) == [(Errand.ENACT, b"a"), (Errand.TALLY, b"b")]
    assert agenda.take_due(draft) == []


def test_an_entry_that_was_removed_is_not_due() -> None:
    draft = _draft(5)
    agenda.add(draft, Height(5), Errand.TALLY, b"b")
    agenda.remove(draft, Height(5), Errand.TALLY, b"b")
    assert agenda.take_due(draft) == []


def test_a_block_does_a_bounded_part_and_leaves_the_rest() -> None:
    draft = _draft(9)
    for number in range(DUE_MAX + 3):
        agenda.add(draft, Height(9), Errand.CHANNEL_END, number.to_bytes(4, "big"))
    assert len(agenda.take_due(draft)) == DUE_MAX
    assert len(agenda.take_due(draft)) == 3
