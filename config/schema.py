"""The declarations of `config/settings.py` as a flat table, and the check of one value against one.

`DECLARED` order is that of the file. A value from the environment or a flag is text; it is read the
way TOML would read it, except that text needs no quotes and a list may be separated by commas.
"""

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

from config.settings import Rule, Settings
from config.shapes import Fault, find_fault

Kind = Literal["text", "switch", "whole number", "number", "path", "list", "choice"]
Value = str | bool | int | float | Path | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Declared:
    """One setting: its dotted key, kind, rule and default (None: it may be absent)."""

    key: str
    kind: Kind
    rule: Rule
    default: Value | None
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """Say in words which values it takes."""
        match self.kind:
            case "choice":
                return " | ".join(f'"{choice}"' for choice in self.choices)
            case "switch":
                return "true | false"
            case "whole number" | "number":
                return f"{self.kind}, {_show(self.rule.low)} to {_show(self.rule.high)}"
            case "path":
                return "path of a file" if self.rule.shape == "file" else "path of a folder"
            case "list":
                return "list of multiaddrs"
            case "text":
                return {"listen": "HOST:PORT", "name": "name", "key": "name of a key"}.get(
                    self.rule.shape, "text"
                )

    @property
    def variable(self) -> str:
        """Return the environment variable that sets it."""
        return "NEUROND_" + self.key.upper().replace(".", "__")


@cache
def declared() -> Mapping[str, Declared]:
    """Return every setting by its dotted key, in the order of the file."""
    return {item.key: item for item in _walk(Settings, "")}


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
        return tomllib.loads(f"x = {text.strip()}")["x"]
    except tomllib.TOMLDecodeError:
        raise ValueError(text) from None


def check(item: Declared, plain: object, base: Path) -> Value | Fault:
    """Return the value `plain` stands for (paths seen from `base`), or what is wrong with it."""
    match item.kind:
        case "switch":
            return plain if isinstance(plain, bool) else _type_fault(item, plain)
        case "whole number" | "number":
            return _check_number(item, plain)
        case "choice":
            return _check_choice(item, plain)
        case "list":
            return _check_list(item, plain)
        case "text" | "path":
            return _check_text(item, plain, base)


def _check_number(item: Declared, plain: object) -> Value | Fault:
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        return _type_fault(item, plain)
    if item.kind == "whole number" and not isinstance(plain, int):
        return _type_fault(item, plain)
    low = -math.inf if item.rule.low is None else item.rule.low
    high = math.inf if item.rule.high is None else item.rule.high
    if not low <= plain <= high:
        return Fault(f"{plain} is out of range.", f"Allowed: {item.allowed}.")
    return plain if item.kind == "whole number" else float(plain)


def _check_choice(item: Declared, plain: object) -> Value | Fault:
    if not isinstance(plain, str):
        return _type_fault(item, plain)
    if plain not in item.choices:
        return Fault(
            f'"{plain}" is no choice.', f"Allowed: {item.allowed}.{nearest(plain, item.choices)}"
        )
    return plain


def _check_list(item: Declared, plain: object) -> Value | Fault:
    if not isinstance(plain, list):
        return _type_fault(item, plain)
    values: list[str] = []
    for entry in plain:  # pyright: ignore[reportUnknownVariableType]  # tomllib gives plain lists
        if not isinstance(entry, str):
            return _type_fault(item, entry)  # pyright: ignore[reportUnknownArgumentType]
        fault = find_fault(item.rule.shape, entry)
        if fault:
            return fault
        values.append(entry)
    return tuple(values)


def _check_text(item: Declared, plain: object, base: Path) -> Value | Fault:
    if not isinstance(plain, str):
        return _type_fault(item, plain)
    if not plain or "\0" in plain:
        return Fault("it is empty.", f"Allowed: {item.allowed}.")
    value: str | Path = plain
    if item.kind == "path" or (item.rule.shape == "network" and _is_path(plain)):
        value = absolute(plain, base)
    fault = find_fault(item.rule.shape, value)
    return fault or (value if item.kind == "path" else str(value))


def absolute(text: str, base: Path) -> Path:
    """Return the absolute path that `text`, seen from the folder `base`, stands for."""
    return (base / Path(text).expanduser()).absolute()


def _is_path(text: str) -> bool:
    """Tell a network file from the name of a built-in network."""
    return "/" in text or text.endswith(".toml")


def _type_fault(item: Declared, plain: object) -> Fault:
    shown = repr(plain) if len(repr(plain)) < 60 else f"{repr(plain)[:57]}..."  # noqa: PLR2004 - a line's worth
    return Fault(f"{shown} is no {item.kind}.", f"Allowed: {item.allowed}.")


def _show(bound: float | None) -> str:
    return "any" if bound is None else f"{int(bound):,}" if bound == int(bound) else f"{bound:g}"


def _walk(table: type, prefix: str) -> Iterable[Declared]:
    hints = get_type_hints(table, include_extras=True)
    for entry in fields(table):
        hint: object = hints[entry.name]
        if get_origin(hint) is Annotated:
            yield _declare(f"{prefix}{entry.name}", hint, entry)
        else:
            assert isinstance(hint, type)
            yield from _walk(hint, f"{prefix}{entry.name}.")


def _declare(key: str, hint: object, entry: Field[object]) -> Declared:
    inner, rule = get_args(hint)
    assert isinstance(rule, Rule)
    assert entry.default is not MISSING
    default: Value | None = entry.default  # pyright: ignore[reportAssignmentType]  # by declaration
    if get_origin(inner) is UnionType:
        inner = next(arm for arm in get_args(inner) if arm is not type(None))
    if get_origin(inner) is Literal:
        return Declared(key, "choice", rule, default, get_args(inner))
    if get_origin(inner) is tuple:
        return Declared(key, "list", rule, default)
    kinds: dict[object, Kind] = {
        str: "text",
        bool: "switch",
        int: "whole number",
        float: "number",
        Path: "path",
    }
    return Declared(key, kinds[inner], rule, default)
