"""What the parameters of a view may be: how each is read from text, its bounds, and its words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol, runtime_checkable

from config.address import AddressError, format_address, parse_address
from consensus.quantities import U16_MAX, U32, U64_MAX, Hash32, Height, NetUid, PublicKey, Uid
from daemon.engine.errors import bad_request

COUNT_MAX = 256
"""Entries of one list: each costs a few reads."""
HASH_SIZE = 32
KEYS_MAX = 64
"""Keys of one question: an address line has its limits."""
KEY_BYTES_MAX = 500
"""The longest key a state can have (`storage/schema.py`)."""
ADDRESS_LENGTH_MAX = 64


@runtime_checkable
class Input(Protocol):
    """How one parameter is read and written."""

    @property
    def about(self) -> str:
        """What it is, for the documentation and the verb's help."""
        ...

    @property
    def schema(self) -> Mapping[str, object]:
        """Its OpenAPI schema."""
        ...

    def read(self, name: str, texts: list[str]) -> object:
        """Return the value that was given for `name`.

        Raises:
            NodeError: it is none.
        """
        ...

    def write(self, value: object) -> str | list[str]:
        """Return it as a path has it."""
        ...


@dataclass(frozen=True, slots=True)
class WholeInput:
    """A number within bounds, both included."""

    about: str
    low: int = 0
    high: int = U64_MAX

    @property
    def schema(self) -> Mapping[str, object]:
        """Its OpenAPI schema."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    def read(self, name: str, texts: list[str]) -> int:
        """Return the number. Raises as `Input.read`."""
        text = texts[-1]
        is_short = text.isascii() and text.isdigit() and len(text) <= len(str(U64_MAX))
        if not is_short or not self.low <= int(text) <= self.high:
            message = f"{name}: {text[:40]!r} is no number from {self.low} to {self.high}."
            raise bad_request(message, "Write digits alone.")
        return int(text)

    def write(self, value: object) -> str:
        """Return it as a path has it."""
        return str(value)


@dataclass(frozen=True, slots=True)
class AddressInput:
    """An account's key, written as an SS58 address."""

    about: str
    use: Literal["coldkey", "hotkey"] = "coldkey"
    """Which of one's own is meant where none is named."""

    @property
    def schema(self) -> Mapping[str, object]:
        """Its OpenAPI schema."""
        return {"type": "string", "maxLength": ADDRESS_LENGTH_MAX}

    def read(self, name: str, texts: list[str]) -> PublicKey:
        """Return the key. Raises as `Input.read`."""
        try:
            return parse_address(texts[-1][: ADDRESS_LENGTH_MAX + 1])
        except AddressError as error:
            remedy = "Copy the whole address; it has 48 characters."
            raise bad_request(f"{name}: {error}", remedy) from None

    def write(self, value: object) -> str:
        """Return it as a path has it."""
        return format_address(PublicKey(_as_bytes(value)))


@dataclass(frozen=True, slots=True)
class HashInput:
    """An id of 32 bytes."""

    about: str

    @property
    def schema(self) -> Mapping[str, object]:
        """Its OpenAPI schema."""
        return {"type": "string", "maxLength": 2 * HASH_SIZE}

    def read(self, name: str, texts: list[str]) -> Hash32:
        """Return the id. Raises as `Input.read`."""
        found = _read_hex(texts[-1], HASH_SIZE)
        if len(found) != HASH_SIZE:
            raise bad_request(f"{name}: not 64 hexadecimal digits.", "Copy the whole id.")
        return Hash32(found)

    def write(self, value: object) -> str:
        """Return it as a path has it."""
        return _as_bytes(value).hex()


@dataclass(frozen=True, slots=True)
class KeysInput:
    """Some keys of the state."""

    about: str

    @property
    def schema(self) -> Mapping[str, object]:
        """Its OpenAPI schema."""
        item = {"type": "string", "maxLength": 2 * KEY_BYTES_MAX}
        return {"type": "array", "items": item, "minItems": 1, "maxItems": KEYS_MAX}

    def read(self, name: str, texts: list[str]) -> tuple[bytes, ...]:
        """Return the keys. Raises as `Input.read`."""
        remedy = "Take keys from consensus/ledger/keys.py or from another answer's proof."
        if len(texts) > KEYS_MAX:
            raise bad_request(f"{name}: more than {KEYS_MAX} keys.", "Ask several times.")
        keys = tuple(_read_hex(text, KEY_BYTES_MAX) for text in texts)
        if not all(keys):
            message = f"{name}: not 1 to {KEY_BYTES_MAX} bytes in hexadecimal."
            raise bad_request(message, remedy)
        return keys

    def write(self, value: object) -> list[str]:
        """Return them as a path has them."""
        assert isinstance(value, tuple)
        return [_as_bytes(key).hex() for key in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _read_hex(text: str, size_max: int) -> bytes:
    """Return bytes given in hexadecimal; empty if it is none, or too long."""
    try:
        return bytes.fromhex(text) if len(text) <= 2 * size_max else b""
    except ValueError:
        return b""


def _as_bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value


NetUidInput = Annotated[NetUid, WholeInput("Number of a subnet.", 0, U16_MAX)]
UidInput = Annotated[Uid, WholeInput("Slot of a neuron in its subnet.", 0, U16_MAX)]
HeightInput = Annotated[Height, WholeInput("Height of a final block.")]
NumberInput = Annotated[U32, WholeInput("Number of a proposal.", 0, 2**32 - 1)]
CountInput = Annotated[int, WholeInput("At most so many.", 1, COUNT_MAX)]
KeyInput = Annotated[PublicKey, AddressInput("An SS58 address.")]
HotkeyInput = Annotated[PublicKey, AddressInput("An SS58 address of a hotkey.", "hotkey")]
IdInput = Annotated[Hash32, HashInput("Its id, 64 hex digits.")]
