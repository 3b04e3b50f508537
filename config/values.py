"""Frozen dataclasses of the chain as TOML tables, and back, guided by their type hints alone.

A public key is written as an SS58 address (64 hexadecimal digits are read too), other bytes as
hexadecimal digits, quantities as integers within `consensus.codec.BOUNDS`. A tuple of dataclasses
is an array of tables. So a parameter that is added to the chain's words needs no line here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from types import UnionType
from typing import Annotated, TypeVar, Union, get_args, get_origin, get_type_hints

from config.address import AddressError, format_address, parse_address
from config.errors import Problem
from config.schema import nearest
from config.template import format_value
from consensus.codec import BOUNDS
from consensus.quantities import PublicKey

T = TypeVar("T")
KEY_HEX_DIGITS = 64


class ValueReader:
    """Reads one TOML document into dataclasses; `problems` gathers what is wrong with it."""

    def __init__(self, file: str, lines: Mapping[str, int]) -> None:
        self._file = file
        self._lines = lines
        self.problems: list[Problem] = []

    def read(self, kind: type[T], table: Mapping[str, object], prefix: str = "") -> T | None:
        """Return the `kind` that `table` describes; None when something is wrong with it."""
        assert is_dataclass(kind)
        hints = get_type_hints(kind, include_extras=True)
        known = [entry.name for entry in fields(kind)]
        before = len(self.problems)
        for name in table:
            if name not in known:
                remedy = f"Remove it.{nearest(name, known)}"
                self._refuse(prefix + name, "There is no such field.", remedy)
        made: dict[str, object] = {}
        for entry in fields(kind):
            key = prefix + entry.name
            if entry.name in table:
                made[entry.name] = self._value(hints[entry.name], table[entry.name], key)
            elif not _has_default(entry):
                self._refuse(key, "It is missing.", f"Write {_wanted(hints[entry.name])}.")
        if len(self.problems) > before:
            return None
        try:
            return kind(**made)
        except AssertionError as error:
            message = "Its values contradict each other."
            self._refuse(prefix.rstrip("."), message, f"Mend them: {error}.")
            return None

    def _value(self, hint: object, plain: object, key: str) -> object:
        if get_origin(hint) is Annotated:
            return self._value(get_args(hint)[0], plain, key)
        if get_origin(hint) in (UnionType, Union):
            inner = next(arm for arm in get_args(hint) if arm is not type(None))
            return self._value(inner, plain, key)
        if get_origin(hint) is tuple:
            return self._items(get_args(hint), plain, key)
        if isinstance(hint, type) and is_dataclass(hint):
            if isinstance(plain, dict):
                return self.read(hint, plain, f"{key}.")  # pyright: ignore[reportUnknownArgumentType]
            self._refuse(key, f"{_show(plain)} is no table.", f"Write [{key}].")
            return None
        return self._scalar(hint, plain, key)  # pyright: ignore[reportUnknownArgumentType]  # any hint

    def _items(self, arguments: tuple[object, ...], plain: object, key: str) -> object:
        if not isinstance(plain, list):
            self._refuse(key, f"{_show(plain)} is no list.", "Write a list.")
            return ()
        items: list[object] = plain  # pyright: ignore[reportUnknownVariableType]
        if len(arguments) == 2 and arguments[1] is Ellipsis:  # noqa: PLR2004 - tuple[X, ...]
            hints = [arguments[0]] * len(items)
        else:
            hints = list(arguments)
        if len(hints) != len(items):
            self._refuse(key, f"{len(items)} values.", f"Write {len(hints)} values.")
            return ()
        pairs = enumerate(zip(hints, items, strict=True))
        return tuple(self._value(hint, item, f"{key}.{index}") for index, (hint, item) in pairs)

    def _scalar(self, hint: object, plain: object, key: str) -> object:
        base = getattr(hint, "__supertype__", hint)
        low, high = BOUNDS.get(hint, (0, 1 << 20))
        fault = f"{_show(plain)} is not {_wanted(hint)}."
        if hint is PublicKey and isinstance(plain, str):
            try:
                return _read_key(plain)
            except (AddressError, ValueError) as error:
                fault = str(error)
        elif base is bytes and isinstance(plain, str):
            try:
                data = bytes.fromhex(plain)
            except ValueError:
                data = None
            if data is not None and low <= len(data) <= high:
                return data
        elif base is bool and isinstance(plain, bool):
            return plain
        elif base is int and isinstance(plain, int) and not isinstance(plain, bool):
            if low <= plain <= high:
                return plain
        elif base is str and isinstance(plain, str) and low <= len(plain.encode()) <= high:
            return plain
        self._refuse(key, fault, f"Allowed: {_wanted(hint)}.")
        return None

    def _refuse(self, key: str, message: str, remedy: str) -> None:
        line = self._line(key)
        where = f"{self._file}:{line}" if line else self._file
        self.problems.append(Problem(where, key, message, remedy))

    def _line(self, key: str) -> int | None:
        """Return the line of `key`, or of the nearest table around it."""
        while key:
            if key in self._lines:
                return self._lines[key]
            key = key.rpartition(".")[0]
        return None


def render(value: object, table: str = "") -> Iterator[str]:
    """Yield the TOML lines of the dataclass `value`: its plain fields, then its tables."""
    assert is_dataclass(value)
    hints = get_type_hints(type(value), include_extras=True)
    inner: list[tuple[str, object]] = []
    for entry in fields(value):
        content: object = getattr(value, entry.name)
        if content is None:
            continue
        if is_dataclass(content) or _is_tables(content):
            inner.append((f"{table}.{entry.name}".lstrip("."), content))
        else:
            yield f"{entry.name} = {_render_plain(hints[entry.name], content)}"
    for name, content in inner:
        if isinstance(content, tuple):
            for item in content:  # pyright: ignore[reportUnknownVariableType]
                yield from ("", f"[[{name}]]", *render(item, name))  # pyright: ignore[reportUnknownArgumentType]
        else:
            yield from ("", f"[{name}]", *render(content, name))


def _render_plain(hint: object, content: object) -> str:
    if get_origin(hint) is Annotated:
        return _render_plain(get_args(hint)[0], content)
    if get_origin(hint) in (UnionType, Union):
        inner = next(arm for arm in get_args(hint) if arm is not type(None))
        return _render_plain(inner, content)
    if isinstance(content, tuple):
        items: tuple[object, ...] = content  # pyright: ignore[reportUnknownVariableType]
        arguments = get_args(hint)
        is_open = len(arguments) == 2 and arguments[1] is Ellipsis  # noqa: PLR2004 - tuple[X, ...]
        hints = [arguments[0]] * len(items) if is_open else list(arguments)
        parts = [_render_plain(one, item) for one, item in zip(hints, items, strict=True)]
        return f"[{', '.join(parts)}]"
    if isinstance(content, bytes):
        text = format_address(PublicKey(content)) if hint is PublicKey else content.hex()
        return f'"{text}"'
    assert isinstance(content, str | bool | int)
    return format_value(content)


def _is_tables(content: object) -> bool:
    return isinstance(content, tuple) and bool(content) and is_dataclass(content[0])  # pyright: ignore[reportUnknownArgumentType]


def _has_default(entry: Field[object]) -> bool:
    return entry.default is not MISSING or entry.default_factory is not MISSING


def _read_key(text: str) -> PublicKey:
    if len(text) == KEY_HEX_DIGITS:
        return PublicKey(bytes.fromhex(text))
    return parse_address(text)


def _wanted(hint: object) -> str:
    """Say what a value of this type is."""
    if hint is PublicKey:
        return "an SS58 address (or 64 hexadecimal digits)"
    base: object = getattr(hint, "__supertype__", hint)
    bounds = BOUNDS.get(hint)
    if base is int:
        return f"a whole number, {bounds[0]:,} to {bounds[1]:,}" if bounds else "a whole number"
    if base is bytes:
        if bounds is not None and bounds[0] == bounds[1]:
            return f"{2 * bounds[0]} hexadecimal digits"
        return "hexadecimal digits"
    return {str: "text", bool: "true or false"}.get(base, "a table or a list")  # type: ignore[call-overload]


def _show(plain: object) -> str:
    text = repr(plain)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - a line's worth
