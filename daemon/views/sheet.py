"""How an answer looks to people: a few labelled figures, then a table per list.

What is shown, under which heading and how it is written comes from the units of the answer's fields
(`daemon/unit.py`) and from the lens of the verb. Programs get the JSON.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Annotated, cast, get_args, get_origin

from daemon.unit import Fields, Unit, list_items
from daemon.views.view import Lens


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of an answer."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is printed of an answer."""

    title: str
    lines: Mapping[str, str]
    listings: tuple[Listing, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A field of an answer that has a unit."""

    name: str
    unit: Unit
    kind: type | None
    """The class of what it holds, one or many, if that is one of ours."""
    is_listing: bool
    """Whether it is a table of its own."""

    @property
    def heading(self) -> str:
        """What people see of its name."""
        return self.name.replace("_", " ") if self.unit.heading is None else self.unit.heading


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure: where it lies in a row, and how it is written."""

    path: tuple[str, ...]
    heading: str
    unit: Unit

    def write(self, row: Fields, *, in_table: bool) -> str:
        """Return it as people read it."""
        around: dict[str, object] = {}
        value: object = row
        for name in self.path:
            inner = _as_fields(value)
            around |= inner
            value = inner.get(name)
        return self.unit.write(value, around, in_table=in_table)


def lay_out(kind: type, answer: Fields, lens: Lens) -> Sheet:
    """Return what `lens` shows of an answer of type `kind`, given as JSON."""
    lines = {cell.heading: cell.write(answer, in_table=False) for cell in _list_lines(kind, lens)}
    listings = tuple(each for each in _list_tables(kind, answer, lens) if each.rows)
    is_alone = len(listings) == 1 and not lines
    if is_alone:
        listings = (Listing("", listings[0].headings, listings[0].rows),)
    return Sheet(lens.title.format_map(answer), lines, listings)


@cache
def list_marks(kind: type) -> tuple[Mark, ...]:
    """Return the fields of an answer that have a unit, in their order."""
    return tuple(_read_marks(kind))


def _read_marks(kind: type) -> Iterator[Mark]:
    for each in fields(kind):
        if get_origin(each.type) is not Annotated:
            continue
        held, *marks = get_args(each.type)
        found = next((mark for mark in marks if isinstance(mark, Unit)), None)
        if found is not None:
            inner = [arm for arm in (held, *get_args(held)) if is_dataclass(arm)]
            ours = cast("type", inner[0]) if inner else None
            is_rows = get_origin(held) is tuple and ours is not None
            is_map = get_origin(held) is Mapping
            yield Mark(each.name, found, ours, is_rows or is_map)


def _list_lines(kind: type, lens: Lens) -> Iterator[Cell]:
    yield from _list_cells(kind, lens, ("", ""), in_table=False)


def _list_cells(
    kind: type, lens: Lens, prefix: tuple[str, str], *, in_table: bool
) -> Iterator[Cell]:
    """Yield the figures of `kind`; `prefix` is of their paths, and of their headings."""
    path, words = prefix
    for mark in list_marks(kind):
        full = path + mark.name
        if not _is_shown(mark.unit, full, lens, in_table=in_table) or mark.is_listing:
            continue
        if mark.kind is not None and mark.unit.kind.name == "part":
            inner = mark.name + " " if mark.unit.heading is None else mark.unit.heading
            yield from _list_cells(mark.kind, lens, (full + ".", words + inner), in_table=in_table)
        else:
            yield Cell(tuple(full.split(".")), words + mark.heading, mark.unit)


def _list_tables(kind: type, answer: Fields, lens: Lens) -> Iterator[Listing]:
    for mark in list_marks(kind):
        if not mark.is_listing or not _is_shown(mark.unit, mark.name, lens, in_table=False):
            continue
        title = mark.heading[:1].upper() + mark.heading[1:]
        if mark.kind is None:
            pairs = _as_fields(answer.get(mark.name)).items()
            rows = [(name, mark.unit.write(value, {})) for name, value in pairs]
            yield Listing(title, ("name", "value"), tuple(rows))
            continue
        cells = [*_list_cells(mark.kind, lens, (mark.name + ".", ""), in_table=True)]
        yield Listing(
            title,
            tuple(cell.heading for cell in cells),
            tuple(
                tuple(
                    Cell(cell.path[1:], "", cell.unit).write(_as_fields(row), in_table=True)
                    for cell in cells
                )
                for row in list_items(answer.get(mark.name))
            ),
        )


def _is_shown(unit: Unit, path: str, lens: Lens, *, in_table: bool) -> bool:
    is_usual = unit.shown == "always" or (unit.shown == "alone" and not in_table)
    if not lens.only:
        return is_usual
    if path in lens.only or any(each.startswith(path + ".") for each in lens.only):
        return True
    return is_usual and any(path.startswith(each + ".") for each in lens.only)


def _as_fields(value: object) -> Fields:
    return cast("Fields", value) if isinstance(value, Mapping) else {}
