"""The one door between bytes and types: canonical CBOR, bounded, accepted only if it re-encodes.

A frozen dataclass is a CBOR array of its fields in order; a member of a tagged union is that array
with the member's tag in front (`TAGS`). Integers, byte strings, text, booleans, None and arrays are
all there is: no map, no float, no tag. Each `NewType` has its range in `BOUNDS`, each list its
`CountMax`, and the caller gives the size in bytes it is ready to read, checked before anything else.

Rules of acceptance, in order: size; cbor2 can decode it; re-encoding gives the same bytes (so
overlong integers, indefinite lengths, trailing bytes and the like are refused); types and bounds.

Source: RFC 8949 section 4.2.1 (core deterministic encoding).
"""

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from enum import IntEnum
from functools import cache
from types import UnionType
from typing import Annotated, TypeVar, Union, get_args, get_origin, get_type_hints

import cbor2

from consensus import types as t
from consensus.errors import DecodeError

T = TypeVar("T")
Plain = int | bytes | str | bool | None | list["Plain"]
"""What canonical CBOR of this chain holds once cbor2 has read it."""
Reader = Callable[[object], object]
Writer = Callable[[object], object]

SIZE_MAX = 1 << 20
"""No value of this chain is longer: 1 MiB, four times the largest block body (256 KiB)."""

_U16, _U32, _U64 = 2**16 - 1, 2**32 - 1, 2**64 - 1

BOUNDS: dict[object, tuple[int, int]] = {
    t.Height: (0, _U64),
    t.View: (0, _U64),
    t.Era: (0, _U64),
    t.Epoch: (0, _U64),
    t.NetUid: (0, _U16),
    t.Uid: (0, _U16),
    t.Amount: (0, _U64),
    t.Weight: (0, _U16),
    t.Ratio16: (0, _U16),
    t.Nonce: (0, _U64),
    t.TimeMs: (0, _U64),
    t.ValidatorIndex: (0, _U16),
    t.U16: (0, _U16),
    t.U32: (0, _U32),
    t.U64: (0, _U64),
    # byte and text lengths
    t.Hash32: (32, 32),
    t.PublicKey: (32, 32),
    t.Signature: (64, 64),
    t.Salt: (32, 32),
    t.Bytes16: (16, 16),
    t.Bytes256: (0, 256),
    t.Bytes64K: (0, 1 << 16),
    t.ShortText: (0, 128),
    t.TaskParams: (0, 4096),
}
"""Lowest and highest value of each integer type, shortest and longest length of each other."""

TAGS: dict[type, int] = {
    t.Transfer: 1,
    t.RegisterNeuron: 2,
    t.StakeRoot: 3,
    t.UnstakeRoot: 4,
    t.SetTake: 5,
    t.Serve: 6,
    t.CommitWeights: 7,
    t.RevealWeights: 8,
}
"""The number in front of each member of a tagged union. Never reuse or renumber one."""


def encode(value: object) -> bytes:
    """Return the canonical CBOR of a dataclass of ours (or of a plain value of `Plain`)."""
    return cbor2.dumps(_writer(type(value))(value), canonical=True)


def encode_list(values: Sequence[object]) -> bytes:
    """Return the canonical CBOR of an ordered list of dataclasses of ours."""
    return cbor2.dumps([_writer(type(value))(value) for value in values], canonical=True)


def decode(kind: type[T], data: bytes, size_max: int = SIZE_MAX) -> T:
    """Return the one value of `kind` that encodes to `data`.

    `kind` is a dataclass of this chain or a registered NewType; for a union use `decode_union`.

    Raises:
        DecodeError: over-size, not CBOR, not canonical, or out of the type's bounds.
    """
    return _reader(kind)(decode_plain(data, size_max))  # type: ignore[return-value]  # the reader was compiled from `kind`


def decode_plain(data: bytes, size_max: int = SIZE_MAX) -> object:
    """Return the plain value that encodes to `data`: ints, bytes, text, lists; nothing else checked.

    Raises:
        DecodeError: over-size, not CBOR, or not canonical.
    """
    if len(data) > size_max:
        raise DecodeError(f"{len(data)} bytes where at most {size_max} are allowed")
    try:
        plain: object = cbor2.loads(data)
        again = cbor2.dumps(plain, canonical=True)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise DecodeError(f"not CBOR: {error}") from error
    except (MemoryError, EOFError) as error:
        raise DecodeError("not CBOR: a length beyond the data") from error
    if again != data:
        raise DecodeError("not canonical CBOR: it re-encodes differently")
    return plain


# -- compiled readers ---------------------------------------------------------------------------


@cache
def _reader(kind: object) -> Reader:
    """Return the function that checks and builds a value of `kind` from plain CBOR."""
    if kind in BOUNDS:
        return _bounded_reader(kind)
    origin = get_origin(kind)
    if origin is Annotated:
        inner, *extra = get_args(kind)
        bound = next(item for item in extra if isinstance(item, t.CountMax))
        return _list_reader(_reader(get_args(inner)[0]), bound.count)
    if origin is UnionType or origin is Union:
        return _union_reader(get_args(kind))
    if isinstance(kind, type):
        return _class_reader(kind)
    raise AssertionError(f"{kind} has no reader: give it a BOUNDS entry or a CountMax")


def _class_reader(kind: type) -> Reader:
    if kind is bool:
        return _read_bool
    if issubclass(kind, IntEnum):
        return _enum_reader(kind)
    assert is_dataclass(kind), f"{kind} is no dataclass"
    return _dataclass_reader(kind)


def _bounded_reader(kind: object) -> Reader:
    low, high = BOUNDS[kind]
    base: type = kind.__supertype__  # type: ignore[attr-defined]  # every key is a NewType
    name: str = kind.__name__  # type: ignore[attr-defined]

    def read_int(plain: object) -> object:
        if type(plain) is not int or not low <= plain <= high:
            raise DecodeError(f"{name}: {_show(plain)} is no integer in {low}..{high}")
        return plain

    def read_bytes(plain: object) -> object:
        if type(plain) is not bytes or not low <= len(plain) <= high:
            raise DecodeError(f"{name}: {_show(plain)} is no byte string of {low}..{high}")
        return plain

    def read_text(plain: object) -> object:
        if type(plain) is not str or not low <= len(plain.encode()) <= high:
            raise DecodeError(f"{name}: {_show(plain)} is no text of {low}..{high} bytes")
        return plain

    return {int: read_int, bytes: read_bytes, str: read_text}[base]


def _read_bool(plain: object) -> object:
    if type(plain) is not bool:
        raise DecodeError(f"{_show(plain)} is neither true nor false")
    return plain


def _enum_reader(kind: type[IntEnum]) -> Reader:
    members = {int(member): member for member in kind}

    def read(plain: object) -> object:
        if type(plain) is not int or plain not in members:
            raise DecodeError(f"{kind.__name__}: {_show(plain)} is none of {sorted(members)}")
        return members[plain]

    return read


def _list_reader(item: Reader, count_max: int) -> Reader:
    def read(plain: object) -> object:
        if type(plain) is not list:
            raise DecodeError(f"{_show(plain)} is no list")
        if len(plain) > count_max:  # pyright: ignore[reportUnknownArgumentType]
            raise DecodeError(f"a list of {len(plain)} where {count_max} is the most")  # pyright: ignore[reportUnknownArgumentType]
        return tuple(map(item, plain))  # pyright: ignore[reportUnknownArgumentType]

    return read


def _dataclass_reader(kind: type) -> Reader:
    hints = get_type_hints(kind, include_extras=True)
    readers = tuple(_reader(hints[field.name]) for field in fields(kind))
    count = len(readers)

    def read(plain: object) -> object:
        if type(plain) is not list or len(plain) != count:  # pyright: ignore[reportUnknownArgumentType]
            raise DecodeError(f"{kind.__name__} is a list of {count}, not {_show(plain)}")
        return kind(*[reader(item) for reader, item in zip(readers, plain, strict=True)])  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]

    return read


def _union_reader(members: tuple[object, ...]) -> Reader:
    by_tag: dict[int, Reader] = {}
    for member in members:
        assert isinstance(member, type)
        by_tag[TAGS[member]] = _dataclass_reader(member)

    def read(plain: object) -> object:
        if type(plain) is not list or not plain or type(plain[0]) is not int:  # pyright: ignore[reportUnknownArgumentType]
            raise DecodeError(f"{_show(plain)} is no tagged list")  # pyright: ignore[reportUnknownArgumentType]
        reader = by_tag.get(plain[0])
        if reader is None:
            raise DecodeError(f"tag {plain[0]} is none of {sorted(by_tag)}")
        return reader(plain[1:])  # pyright: ignore[reportUnknownArgumentType]

    return read


# -- compiled writers ---------------------------------------------------------------------------


@cache
def _writer(kind: object) -> Writer:
    """Return the function that turns a value of the run-time type `kind` into plain CBOR."""
    if kind in (int, bytes, str, bool, type(None)):
        return _as_is
    if kind in (tuple, list):
        return _write_items
    assert isinstance(kind, type)
    if issubclass(kind, IntEnum):
        return int  # type: ignore[return-value]  # an enum member writes as its number
    assert is_dataclass(kind), f"{kind} has no encoding"
    names = tuple(field.name for field in fields(kind))
    head = [TAGS[kind]] if kind in TAGS else []

    def write(value: object) -> object:
        return head + [_write(getattr(value, name)) for name in names]

    return write


def _write(value: object) -> object:
    return _writer(type(value))(value)


def _write_items(value: object) -> object:
    assert isinstance(value, tuple | list)
    return [_writer(type(item))(item) for item in value]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _as_is(value: object) -> object:
    return value


def _show(plain: object) -> str:
    """Return a short description of a refused value, safe to log."""
    text = repr(plain)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - a log line's worth
