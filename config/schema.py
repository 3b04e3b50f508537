"""The declarations of `config/settings.py` as a flat table: key, kind, words, default.

The order of `declared()` is that of the file. A value from the environment or a flag is text; it is
read the way TOML would read it, except that text needs no quotes and a list may be separated by
commas.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Literal, Union, cast, get_args, get_origin

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo
from typing_extensions import TypeIs

from config.settings import Settings
from config.shapes import OnDisk, Takes
from config.toml import parse_toml

Kind = Literal[
    "text", "switch", "whole number", "number", "path", "list", "choice", "table", "single value"
]
Value = str | bool | int | float | Path | tuple[str, ...]
_KINDS: Mapping[object, Kind] = {
    str: "text",
    bool: "switch",
    int: "whole number",
    float: "number",
    Path: "path",
    Literal: "choice",
    tuple: "list",
    Mapping: "table",
}


@dataclass(frozen=True, slots=True)
class Declared:
    """One setting: its dotted key, kind, purpose, default (None: it may be absent) and choices."""

    key: str
    kind: Kind
    about: str
    allowed: str
    """In words, which values it takes."""
    default: Value | None
    choices: tuple[str, ...] = ()
    is_network: bool = False
    """Whether it is a path only if it looks like one."""
    on_disk: Callable[[Path], None] | None = None
    """Raises what is wrong with a path on this machine."""

    @property
    def variable(self) -> str:
        """Return the environment variable that sets it."""
        return "NEUROND_" + self.key.upper().replace(".", "__")


@cache
def declared() -> Mapping[str, Declared]:
    """Return every setting by its dotted key, in the order of the file."""
    return {item.key: item for item in _walk(Settings, "")}


def find_declared(key: str) -> Declared | None:
    """Return the declaration of a key; one in an open table may be any scalar."""
    item = declared().get(key)
    if item is not None:
        return None if item.kind == "table" else item
    above, _, name = key.rpartition(".")
    table = declared().get(above)
    if table is None or table.kind != "table" or not name:
        return None
    return Declared(key, "single value", table.about, table.allowed, None)


def nearest(word: str, words: Iterable[str]) -> str:
    """Return ' Did you mean X?' for the word most like `word`, or nothing."""
    close = difflib.get_close_matches(word, list(words), n=1, cutoff=0.75)
    return f" Did you mean {close[0]}?" if close else ""


def read_text(item: Declared, text: str) -> object:
    """Return the plain value that `text` (environment or flag) stands for.

    Raises:
        ValueError: it is no TOML value where one is needed.
    """
    if item.kind in ("text", "path", "choice"):
        return text
    if item.kind == "list" and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        table = parse_toml(f"x = {text.strip()}")
        if len(table) == 1:  # several are several lines
            return table["x"]
    except ValueError:
        pass
    if item.kind == "single value":
        return text
    raise ValueError(text)


def list_fields(table: type) -> Iterable[tuple[str, FieldInfo]]:
    """Return name and declaration of every field of a section, in order."""
    declarations: Mapping[str, FieldInfo] = getattr(table, "__pydantic_fields__")  # noqa: B009 - pydantic sets it on its dataclasses
    return declarations.items()


def is_section(hint: object) -> TypeIs[type]:
    """Tell a table of settings from a setting."""
    return isinstance(hint, type) and is_dataclass(hint)


def _walk(table: type, prefix: str) -> Iterator[Declared]:
    for name, field in list_fields(table):
        if is_section(field.annotation):
            yield from _walk(field.annotation, f"{prefix}{name}.")
        else:
            yield _declare(f"{prefix}{name}", field)


def _declare(key: str, field: FieldInfo) -> Declared:
    hint, notes = _unwrap(field.annotation, field.metadata)
    kind = _KINDS[get_origin(hint) or hint]
    choices = cast("tuple[str, ...]", get_args(hint)) if kind == "choice" else ()
    words = _find_takes(notes).words
    if kind == "list":
        words = f"list of {_find_takes(_unwrap(get_args(hint)[0], ())[1]).several}"
    return Declared(
        key=key,
        kind=kind,
        about=field.description or "",
        allowed=words or _describe(kind, choices, field.metadata),
        default=None if kind == "table" else cast("Value | None", field.default),
        choices=choices,
        is_network=key == "node.network",
        on_disk=next((note.check for note in notes if isinstance(note, OnDisk)), None),
    )


def _unwrap(hint: object, metadata: Iterable[object]) -> tuple[object, list[object]]:
    """Return what a hint is without `None` and annotations, and the notes of these."""
    notes = list(metadata)
    if get_origin(hint) in (UnionType, Union):
        hint = next(arm for arm in get_args(hint) if arm is not type(None))
    if get_origin(hint) is Annotated:
        hint, *inner = get_args(hint)
        notes += inner
    return hint, notes


def _find_takes(notes: Iterable[object]) -> Takes:
    takes = [note for note in notes if isinstance(note, Takes)]
    return takes[-1] if takes else Takes("")


def _describe(kind: Kind, choices: tuple[str, ...], bounds: Iterable[object]) -> str:
    match kind:
        case "choice":
            return " | ".join(f'"{choice}"' for choice in choices)
        case "switch":
            return "true | false"
        case "table":
            return "text | number | true | false"
        case "whole number" | "number":
            low = next(each.ge for each in bounds if isinstance(each, Ge))
            high = next(each.le for each in bounds if isinstance(each, Le))
            return f"{kind}, {_show(cast('float', low))} to {_show(cast('float', high))}"
        case _:
            return kind


def _show(bound: float) -> str:
    return f"{int(bound):,}" if bound == int(bound) else f"{bound:g}"
