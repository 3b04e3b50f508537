"""What a figure of an answer is measured in: one mark a field, from which its three faces derive.

    free: Annotated[int, unit.rao("Spendable at once.")]

The mark gives the field's JSON form (an amount is a decimal string, because it may exceed 2^53),
its text in the OpenAPI description, and how people see it on the command line. A field without a
mark is in the JSON alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, cast

from consensus.quantities import RAO_PER_TAO

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core.core_schema import CoreSchema

Fields = Mapping[str, object]
"""An object of an answer's JSON."""
Shown = Literal["always", "alone", "never"]
"""Where people see a field: always, outside of tables only, or where a verb asks for it by name."""
SHORT = 12
"""Characters of a hash or address that tell it from others in a table."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One unit: its name, what OpenAPI says of it, how it is written for people."""

    name: str
    words: str
    write: Callable[[object, Fields], str]
    """Takes the value and the row it is in, which says what an amount is of."""
    is_text: bool = False
    """Whether its whole numbers are decimal strings in JSON."""


@dataclass(frozen=True, slots=True)
class Unit:
    """The mark of one field; `heading` is what people see, else the field's name in words."""

    kind: Kind
    about: str
    heading: str | None = None
    shown: Shown = "always"
    is_cut: bool = False
    """Whether a table shows its beginning only."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """Return pydantic's schema of the field, amounts written as decimal strings."""
        schema = handler(source)
        if not self.kind.is_text:
            return schema
        from pydantic_core import core_schema  # noqa: PLC0415 - where JSON is written

        write = core_schema.plain_serializer_function_ser_schema(_to_text, when_used="json")
        return cast("CoreSchema", {**schema, "serialization": write})

    def __get_pydantic_json_schema__(
        self, schema: "CoreSchema", handler: "GetJsonSchemaHandler"
    ) -> "JsonSchemaValue":
        """Return the field's OpenAPI description: what it is, and its unit."""
        found = handler(schema)
        if self.kind.is_text:
            found = cast("JsonSchemaValue", _to_digits(found))
        words = f" Unit: {self.kind.words}." if self.kind.words else ""
        return {**found, "description": f"{self.about}{words}", "x-unit": self.kind.name}

    def write(self, value: object, row: Fields, *, in_table: bool = False) -> str:
        """Return the value as people read it; `-` for what there is none of."""
        if value is None:
            return "-"
        text = self.kind.write(value, row)
        is_long = self.is_cut and in_table and len(text) > SHORT
        return text[:SHORT] + "..." if is_long else text


def format_amount(rao: int, coin: str = "TAO") -> str:
    """Return an amount of `coin` for people, to the rao: `1,234.5 TAO`."""
    sign = "-" if rao < 0 else ""
    whole, rest = divmod(abs(rao), RAO_PER_TAO)
    digits = f"{whole:,}.{rest:09d}".rstrip("0").rstrip(".")
    return f"{sign}{digits} {coin}".rstrip()


def list_items(value: object) -> list[object]:
    """Return the items of a JSON list; of anything else, none."""
    return cast("list[object]", value) if isinstance(value, list) else []


def _is_list(value: object) -> bool:
    return isinstance(value, list)


# -- writers --------------------------------------------------------------------------------------


def _plain(value: object, _row: Fields) -> str:
    return ", ".join(map(str, list_items(value))) or "-" if _is_list(value) else str(value)


def _lines(value: object, _row: Fields) -> str:
    return "\n".join(map(str, list_items(value))) or "-" if _is_list(value) else str(value)


def _text(value: object, _row: Fields) -> str:
    return str(value) or "-"


def _amount(coin: str, value: object, _row: Fields) -> str:
    return format_amount(int(str(value)), coin)


def _coin(value: object, row: Fields) -> str:
    return _amount("alpha" if row.get("netuid") else "TAO", value, row)


def _percent(value: object, _row: Fields) -> str:
    return f"{value:.2%}" if isinstance(value, float | int) else "-"


def _fraction(value: object, row: Fields) -> str:
    if _is_list(value):
        return ", ".join(_fraction(item, row) for item in list_items(value)) or "-"
    return f"{value:.4f}" if isinstance(value, float | int) else "-"


def _flag(value: object, _row: Fields) -> str:
    return "yes" if value else "-"


def _height(value: object, _row: Fields) -> str:
    return "never" if isinstance(value, int) and value < 0 else str(value)


def _due(value: object, _row: Fields) -> str:
    return str(value) if value else "-"


def _subnet(value: object, _row: Fields) -> str:
    return str(value) if value else "root"


def _places(value: object, _row: Fields) -> str:
    pairs = [list_items(pair) for pair in list_items(value)]
    return ", ".join(f"{netuid}: uid {uid}" for netuid, uid in pairs) or "nowhere"


# -- units ----------------------------------------------------------------------------------------

_RAO = "decimal string of rao (10^-9 TAO)"
_ALPHA = "decimal string of alpha rao (10^-9 alpha)"

rao = partial(Unit, Kind("rao", _RAO, partial(_amount, "TAO"), is_text=True))
alpha = partial(Unit, Kind("alpha", _ALPHA, partial(_amount, "alpha"), is_text=True))
coin = partial(
    Unit,
    Kind("coin", "decimal string of rao: TAO of subnet 0, alpha of others", _coin, is_text=True),
)
law = partial(
    Unit, Kind("law", "decimal string, in the unit of the law's own number", _plain, is_text=True)
)
percent = partial(Unit, Kind("share", "fraction of one", _percent))
share = partial(Unit, Kind("share", "fraction of one", _fraction))
share32 = partial(Unit, Kind("share32", "share of 2^32", _plain))
ratio16 = partial(Unit, Kind("ratio16", "share of 65535", _plain))
price = partial(Unit, Kind("price", "TAO for one alpha", _fraction))
count = partial(Unit, Kind("count", "a count", _plain))
number = partial(Unit, Kind("number", "", _plain))
height = partial(Unit, Kind("height", "height of a block", _height))
due = partial(Unit, Kind("height", "height of a block, 0 while unknown", _due))
blocks = partial(Unit, Kind("blocks", "blocks", _plain))
epochs = partial(Unit, Kind("epochs", "epochs", _plain))
time_ms = partial(Unit, Kind("time_ms", "ms since 1970", _plain))
duration_ms = partial(Unit, Kind("ms", "ms", _plain))
duration_s = partial(Unit, Kind("s", "seconds", _plain))
netuid = partial(Unit, Kind("netuid", "number of a subnet", _plain))
place = partial(Unit, Kind("netuid", "number of a subnet, 0 for root", _subnet))
places = partial(Unit, Kind("places", "pairs of subnet and uid", _places))
uid = partial(Unit, Kind("uid", "slot of a neuron in its subnet", _plain))
address = partial(Unit, Kind("address", "SS58 address", _lines))
data = partial(Unit, Kind("hex", "hexadecimal", _lines))
text = partial(Unit, Kind("text", "", _text))
flag = partial(Unit, Kind("flag", "yes or no", _flag))
part = partial(Unit, Kind("part", "", _plain))


def _to_text(value: object) -> object:
    """Return a JSON value with its whole numbers as decimal strings."""
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, object]", value).items()
        return {name: _to_text(inner) for name, inner in pairs}
    if isinstance(value, tuple):
        return [_to_text(inner) for inner in cast("tuple[object, ...]", value)]
    return str(value) if isinstance(value, int) else value


def _to_digits(schema: object) -> object:
    """Return a JSON schema with its integers as strings of digits."""
    if isinstance(schema, dict):
        found = {k: _to_digits(v) for k, v in cast("dict[str, object]", schema).items()}
        is_whole = found.get("type") == "integer"
        return {**found, "type": "string", "pattern": "^-?[0-9]+$"} if is_whole else found
    return [_to_digits(inner) for inner in list_items(schema)] if _is_list(schema) else schema
