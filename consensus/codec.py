"""The one door between bytes and types: canonical CBOR, bounded, accepted only if it re-encodes.

A frozen dataclass is a CBOR array of its fields in order; a member of a tagged union is that array
with the member's tag in front (`TAGS`). Integers, byte strings, text, booleans, None and arrays are
all there is: no map, no float, no tag. Each `NewType` has its range in `BOUNDS`, each list its
`CountMax`, and the caller gives the size in bytes it is ready to read, checked first of all.

Rules of acceptance, in order: size; cbor2 can decode it, with no tag and at most `DEPTH_MAX` deep;
re-encoding gives the same bytes (so overlong integers, indefinite lengths, trailing bytes and the
like are refused); types and bounds. `decode` is total: a value or a `DecodeError`.

What we encode is trusted: a writer checks no bounds, the type checker does.

Source: RFC 8949 section 4.2.1 (core deterministic encoding).
"""

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from enum import IntEnum
from functools import cache
from operator import attrgetter
from types import UnionType
from typing import Annotated, Never, TypeVar, Union, get_args, get_origin, get_type_hints

import cbor2

from consensus import quantities as q
from consensus.calls.tags import TAGS
from consensus.errors import DecodeError

T = TypeVar("T")
Plain = int | bytes | str | bool | None | list["Plain"]
"""What canonical CBOR of this chain holds once cbor2 has read it (readers refuse anything else)."""
Reader = Callable[[Plain], object]
Writer = Callable[[object], object]

SIZE_MAX = 1 << 20
"""No value of this chain is longer: 1 MiB, four times the largest block body (256 KiB)."""
DEPTH_MAX = 32
"""Deepest nesting of arrays; a Proposal needs 7."""

_U16, _U32, _U64 = 2**16 - 1, 2**32 - 1, 2**64 - 1

BOUNDS: dict[object, tuple[int, int]] = {
    q.Height: (0, _U64),
    q.View: (0, _U64),
    q.Era: (0, _U64),
    q.Epoch: (0, _U64),
    q.NetUid: (0, _U16),
    q.Uid: (0, _U16),
    q.Amount: (0, _U64),
    q.Weight: (0, _U16),
    q.Ratio16: (0, _U16),
    q.Nonce: (0, _U64),
    q.TimeMs: (0, _U64),
    q.ValidatorIndex: (0, _U16),
    q.Steepness: (-1_000, 1_000),
    q.I64: (-(2**63), 2**63 - 1),
    q.U16: (0, _U16),
    q.U32: (0, _U32),
    q.U64: (0, _U64),
    # byte and text lengths
    q.Hash32: (32, 32),
    q.PublicKey: (32, 32),
    q.Signature: (64, 64),
    q.Salt: (32, 32),
    q.Bytes16: (16, 16),
    q.Bytes256: (0, 256),
    q.Bytes64K: (0, 1 << 16),
    q.ShortText: (0, 128),
    q.LongText: (0, 1024),
    q.TaskParams: (0, 4096),
}
"""Lowest and highest value of each integer type, shortest and longest length of each other."""


def encode(value: object) -> bytes:
    """Return the canonical CBOR of a dataclass of ours (or of a plain value of `Plain`)."""
    return cbor2.dumps(_writer(type(value))(value), canonical=True)


def encode_list(values: Sequence[object]) -> bytes:
    """Return the canonical CBOR of an ordered list of dataclasses of ours."""
    return cbor2.dumps(_write_items(values), canonical=True)


def decode(kind: type[T], data: bytes, size_max: int = SIZE_MAX) -> T:
    """Return the one value of `kind`, a dataclass of ours or a bounded NewType, encoded as `data`.

    Raises:
        DecodeError: over-size, not CBOR, not canonical, or out of the type's bounds.
    """
    if len(data) > size_max:
        raise DecodeError(f"{len(data)} bytes where at most {size_max} are allowed")
    plain = _load(data)
    if cbor2.dumps(plain, canonical=True) != data:
        raise DecodeError("not canonical CBOR: it re-encodes differently")
    return _reader(kind)(plain)  # type: ignore[return-value]  # the reader was compiled from `kind`


# -- from bytes -----------------------------------------------------------------------------------


def _load(data: bytes) -> Plain:
    """Read CBOR with nothing in it that costs more than its bytes.

    A tag could compile a pattern, parse a mail or share a value; a map with chosen integer keys
    could take quadratic time. Neither is ever read.
    """
    try:
        plain: Plain = cbor2.loads(
            data,
            tag_hook=_refuse_tag,
            semantic_decoders=_REFUSED_TAGS,
            max_depth=DEPTH_MAX,
            allow_indefinite=False,
            strict_hashable_types=True,
        )
    except cbor2.CBORError as error:
        raise DecodeError(f"not CBOR: {error}") from error
    return plain


def _refuse_tag(*_: object) -> Never:
    raise ValueError("no tag has a meaning here")  # cbor2 wraps it in a CBORError


_REFUSED_TAGS = dict.fromkeys([*range(300), 1004, 43_000, 55_799], _refuse_tag)
"""Every tag cbor2 would interpret by itself; it asks `tag_hook` about all others."""


# -- compiled readers ---------------------------------------------------------------------------


@cache
def _reader(kind: object) -> Reader:
    """Return the function that checks and builds a value of `kind` from plain CBOR."""
    if kind in BOUNDS:
        return _bounded_reader(kind)
    if get_origin(kind) is Annotated:
        item, count_max = _list_parts(kind)
        return _number_list_reader(item, count_max) if _is_number(item) else _list_reader(kind)
    if get_origin(kind) in (UnionType, Union):
        return _union_reader(get_args(kind))
    assert isinstance(kind, type), f"{kind} has no reader: give it a BOUNDS entry or a CountMax"
    return _class_reader(kind)


def _list_parts(kind: object) -> tuple[object, int]:
    """Return the item type and the bound of `Annotated[tuple[X, ...], CountMax(n)]`."""
    inner, *extra = get_args(kind)
    bound = next(item for item in extra if isinstance(item, q.CountMax))
    return get_args(inner)[0], bound.count


def _is_number(kind: object) -> bool:
    return kind in BOUNDS and getattr(kind, "__supertype__", None) is int


def _bounded_reader(kind: object) -> Reader:
    low, high = BOUNDS[kind]
    base: object = getattr(kind, "__supertype__", None)  # every key is a NewType
    name = getattr(kind, "__name__", "?")

    def read_int(plain: Plain) -> object:
        if type(plain) is not int or not low <= plain <= high:
            raise DecodeError(f"{name}: {_show(plain)} is not an integer in {low}..{high}")
        return plain

    def read_bytes(plain: Plain) -> object:
        if type(plain) is not bytes or not low <= len(plain) <= high:
            raise DecodeError(f"{name}: {_show(plain)} is not a byte string of {low}..{high}")
        return plain

    def read_text(plain: Plain) -> object:
        if type(plain) is not str or not low <= len(plain.encode()) <= high:
            raise DecodeError(f"{name}: {_show(plain)} is not text of {low}..{high} bytes")
        return plain

    readers: dict[object, Reader] = {int: read_int, bytes: read_bytes, str: read_text}
    return readers[base]


def _read_bool(plain: Plain) -> object:
    if type(plain) is not bool:
        raise DecodeError(f"{_show(plain)} is neither true nor false")
    return plain


def _enum_reader(kind: type[IntEnum]) -> Reader:
    members = {int(member): member for member in kind}

    def read(plain: Plain) -> object:
        if type(plain) is not int or plain not in members:
            raise DecodeError(f"{kind.__name__}: {_show(plain)} is none of {sorted(members)}")
        return members[plain]

    return read


def _list_reader(kind: object) -> Reader:
    item, count_max = _list_parts(kind)
    read_item = _reader(item)

    def read(plain: Plain) -> object:
        return tuple(map(read_item, _expect_list(plain, count_max)))

    return read


def _number_list_reader(kind: object, count_max: int) -> Reader:
    """As `_list_reader`, for integers: thousands of weights are checked at the speed of C."""
    low, high = BOUNDS[kind]
    name = getattr(kind, "__name__", "?")

    def read(plain: Plain) -> object:
        items = _expect_list(plain, count_max)
        if not items:
            return ()
        if set(map(type, items)) != {int}:
            raise DecodeError(f"{name}: a list with something else than integers")
        numbers: tuple[int, ...] = tuple(items)  # type: ignore[arg-type]  # checked just above
        if min(numbers) < low or max(numbers) > high:
            raise DecodeError(f"{name}: a list that leaves {low}..{high}")
        return numbers

    return read


def _expect_list(plain: Plain, count_max: int) -> list[Plain]:
    if type(plain) is not list:
        raise DecodeError(f"{_show(plain)} is not a list")
    if len(plain) > count_max:
        raise DecodeError(f"a list of {len(plain)} where {count_max} is the most")
    return plain


def _class_reader(kind: type[object]) -> Reader:
    if kind is bool:
        return _read_bool
    if issubclass(kind, IntEnum):
        return _enum_reader(kind)
    return _union_reader((kind,)) if kind in TAGS else _dataclass_reader(kind)


def _dataclass_reader(kind: type[object]) -> Reader:
    assert is_dataclass(kind), f"{kind} is not a dataclass"
    hints = get_type_hints(kind, include_extras=True)
    readers = tuple(_reader(hints[field.name]) for field in fields(kind))
    count = len(readers)

    def read(plain: Plain) -> object:
        if type(plain) is not list or len(plain) != count:
            raise DecodeError(f"{kind.__name__} is a list of {count}, not {_show(plain)}")
        return kind(*[reader(item) for reader, item in zip(readers, plain, strict=True)])

    def read_related(plain: Plain) -> object:
        try:
            return read(plain)
        except AssertionError as error:
            raise DecodeError(f"{kind.__name__}: its fields contradict each other") from error

    return read_related if hasattr(kind, "__post_init__") else read


def _union_reader(members: tuple[type[object], ...]) -> Reader:
    by_tag = {TAGS[member]: _dataclass_reader(member) for member in members}

    def read(plain: Plain) -> object:
        if type(plain) is not list or not plain or type(plain[0]) is not int:
            raise DecodeError(f"{_show(plain)} is not a tagged list")
        reader = by_tag.get(plain[0])
        if reader is None:
            raise DecodeError(f"tag {plain[0]} is none of {sorted(by_tag)}")
        return reader(plain[1:])

    return read


def _show(plain: object) -> str:
    """Return a short description of a refused value, safe to log and cheap whatever its size."""
    if isinstance(plain, bytes | str | list | dict):
        return f"a {type(plain).__name__} of length {len(plain)}"  # pyright: ignore[reportUnknownArgumentType]  # any content
    return repr(plain)


# -- compiled writers ---------------------------------------------------------------------------


@cache
def _writer(kind: type[object]) -> Writer:
    """Return the function that turns a value of the run-time type `kind` into plain CBOR."""
    if kind in {int, bytes, str, bool, type(None)}:
        return _as_is
    if kind in {tuple, list}:
        return _write_items
    if issubclass(kind, IntEnum):
        return int  # type: ignore[return-value]  # an enum member writes as its number
    return _dataclass_writer(kind)


def _dataclass_writer(kind: type[object]) -> Writer:
    """Return a writer that fetches all fields at once and converts only those that need it."""
    assert is_dataclass(kind), f"{kind} has no encoding"
    hints = get_type_hints(kind, include_extras=True)
    names = [field.name for field in fields(kind)]
    get_all = attrgetter(*names) if len(names) > 1 else _get_few(names)
    head = [TAGS[kind]] if kind in TAGS else []
    found = [(len(head) + i, _field_writer(hints[name])) for i, name in enumerate(names)]
    special = [(index, writer) for index, writer in found if writer is not None]
    if not special and not head:
        return get_all  # a tuple of plain values

    def write(value: object) -> object:
        items = [*head, *get_all(value)]
        for index, writer in special:
            items[index] = writer(items[index])
        return items

    return write


def _get_few(names: list[str]) -> Callable[[object], tuple[object, ...]]:
    """Return what `attrgetter` is for two names or more: a getter of a tuple."""

    def get(value: object) -> tuple[object, ...]:
        return tuple(getattr(value, name) for name in names)

    return get


def _field_writer(kind: object) -> Writer | None:
    """Return how to write a field declared as `kind`; None if it is plain already."""
    if kind in BOUNDS or kind is bool:
        return None
    if get_origin(kind) is Annotated:
        return None if _list_parts(kind)[0] in BOUNDS else _write_items
    if isinstance(kind, type):
        return _writer(kind)
    return _write


def _write(value: object) -> object:
    return _writer(type(value))(value)


def _write_items(value: object) -> object:
    assert isinstance(value, tuple | list)
    return [_writer(type(item))(item) for item in value]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # any content


def _as_is(value: object) -> object:
    return value
