"""States are layers: what a block did not touch is found below, and an undone write never was."""

import pytest

from consensus import merkle
from consensus.ledger.state import Draft, MemoryReader, State, Total, get_totals
from consensus.quantities import Height, NetUid

TAO = NetUid(0)


def _state(*layers: dict[bytes, bytes | None]) -> State:
    state = State.empty()
    for layer in layers:
        draft = Draft(state)
        for key, value in layer.items():
            if value is None:
                draft.delete(key)
            else:
                draft.put(key, value)
        state = draft.freeze()
    return state


def test_a_layer_hides_what_is_below() -> None:
    state = _state({b"a1": b"old", b"a2": b"two", b"b": b"x"}, {b"a1": b"new", b"a2": None})
    assert state.get(b"a1") == b"new"
    assert state.get(b"a2") is None
    assert state.get(b"b") == b"x"
    assert list(state.scan(b"a")) == [(b"a1", b"new")]


def test_a_scan_sees_reader_layers_and_draft_in_key_order() -> None:
    reader = MemoryReader()
    reader.absorb(_state({b"k2": b"disk", b"k5": b"disk", b"z": b"no"}))
    state = State.from_reader(reader, Height(1), merkle.get_root(reader))
    draft = Draft(state)
    draft.put(b"k3", b"draft")
    draft.delete(b"k5")
    draft.put(b"k1", b"draft")
    expected = [(b"k1", b"draft"), (b"k2", b"disk"), (b"k3", b"draft")]
    assert list(draft.scan(b"k")) == expected
    assert list(draft.freeze().scan(b"k")) == expected


def test_a_state_on_a_reader_has_the_root_of_the_layers_it_replaces() -> None:
    state = _state({b"a": b"1", b"b": b"2"}, {b"b": None, b"c": b"3"})
    reader = MemoryReader()
    base = state.base
    assert isinstance(base, State)
    reader.absorb(base)
    reader.absorb(state)
    rebased = State.from_reader(reader, state.height, state.root)
    again, before = Draft(rebased), Draft(state)
    for draft in (again, before):
        draft.put(b"d", b"4")
    assert again.freeze().root == before.freeze().root


def test_undo_takes_back_every_write_since_the_mark() -> None:
    draft = Draft(_state({b"a": b"1", b"b": b"2"}))
    draft.put(b"a", b"kept")
    draft.add_total(TAO, Total.FREE, 5)
    draft.mark()
    draft.put(b"a", b"gone")
    draft.delete(b"b")
    draft.put(b"c", b"gone")
    draft.add_total(TAO, Total.FREE, 7)
    draft.undo()
    assert [draft.get(key) for key in (b"a", b"b", b"c")] == [b"kept", b"2", None]
    assert draft.get_total(TAO, Total.FREE) == 5


def test_totals_are_written_with_the_state() -> None:
    draft = Draft(State.empty())
    draft.add_total(TAO, Total.ISSUED, 9)
    assert get_totals(draft.freeze(), TAO)[Total.ISSUED] == 9


def test_a_negative_total_is_a_bug_that_stops_the_block() -> None:
    with pytest.raises(AssertionError, match="FREE of coin 0"):
        Draft(State.empty()).add_total(TAO, Total.FREE, -1)


def test_a_draft_leaves_its_state_alone() -> None:
    state = _state({b"a": b"1"})
    draft = Draft(state)
    draft.put(b"a", b"2")
    draft.freeze()
    assert state.get(b"a") == b"1"


def test_a_draft_is_for_the_height_after_its_state() -> None:
    assert Draft(_state({}, {})).height == 3


def test_what_came_and_went_within_a_block_leaves_no_trace() -> None:
    draft = Draft(State.empty())
    draft.put(b"\x40key", b"value")
    draft.delete(b"\x40key")
    assert draft.changes == {}


def test_undo_brings_back_what_came_and_went() -> None:
    draft = Draft(State.empty())
    draft.put(b"\x40key", b"value")
    draft.mark()
    draft.delete(b"\x40key")
    draft.put(b"\x40key", b"other")
    draft.delete(b"\x40key")
    draft.undo()
    assert draft.changes == {b"\x40key": b"value"}


def test_a_scan_of_changes_finds_what_looking_at_each_finds() -> None:
    draft = Draft(_state({b"a0": b"old", b"b0": b"old"}))
    for key in (b"a2", b"b1", b"a1", b"c", b"a10"):
        draft.put(key, b"new")
    draft.mark()
    draft.put(b"a3", b"undone")
    draft.delete(b"a2")
    draft.undo()
    draft.delete(b"a1")
    draft.delete(b"a0")
    for prefix in (b"", b"a", b"a1", b"b", b"d"):
        wanted = {key: value for key, value in draft.changes.items() if key.startswith(prefix)}
        assert dict(draft.changes.scan(prefix)) == wanted
    assert [key for key, _ in draft.scan(b"a")] == [b"a10", b"a2"]
    assert [key for key, _ in draft.freeze().scan(b"")] == [b"a10", b"a2", b"b0", b"b1", b"c"]
