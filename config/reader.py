"""Read one node's settings from file, environment and flags; say everything wrong at once.

Precedence: flag > environment > file > default, key by key. The environment variable of
`p2p.listen` is `NEUROND_P2P__LISTEN` (`.` becomes `__`); `NEUROND_PASSWORD_FILE` is short for
`NEUROND_KEYS__PASSWORD_FILE`; `NEUROND_CONFIG` names the file. An unknown key or variable is an
error: a setting that is silently ignored is worse than none. Nothing is written, made or locked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from config.errors import ConfigError, Problem
from config.lines import find_key_lines
from config.schema import (
    Declared,
    Value,
    declared,
    find_declared,
    is_section,
    list_fields,
    nearest,
    read_text,
)
from config.settings import Settings
from config.toml import parse_toml

T = TypeVar("T")
PREFIX = "NEUROND_"
SHORT = {"NEUROND_PASSWORD_FILE": "keys.password_file"}
OTHER_VARIABLES = ("NEUROND_CONFIG",)
"""Variables with our prefix that are not settings."""
MOVED = {
    "neuron.model": "Call it neuron.options; its keys are the same.",
    "neuron.validator.queries_per_round": "Call it neuron.validator.miners_per_round.",
    "neuron.validator.prefixes_per_query": "Remove it: the subnet's task_params decide that now.",
}
"""What to do about tables and settings of earlier versions."""
SETTINGS_BYTES_MAX = 1 << 20
"""No settings file is larger; a file of another kind named by mistake is not read to its end."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from; `where` is a place a person can go to."""

    kind: Literal["default", "file", "environment", "flag"]
    where: str


DEFAULT = Origin("default", "default")
SHOWN_MAX = 60
"""Characters of a wrong value that an error repeats."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and for each dotted key its value and where it came from."""

    settings: Settings
    values: Mapping[str, Value | None]
    origins: Mapping[str, Origin]
    file: Path | None


@dataclass(frozen=True, slots=True)
class _Given:
    """A value as some source gave it, not yet checked."""

    plain: object
    origin: Origin
    base: Path


def load_settings(
    file: Path | None, environ: Mapping[str, str], flags: Mapping[str, str], work_dir: Path
) -> Loaded:
    """Return the settings that `file`, `environ` and `flags` (dotted key to text) give together.

    Raises:
        ConfigError: with every problem found, not the first alone.
    """
    problems: list[Problem] = []
    given: dict[str, _Given] = {}
    if file is not None:
        given |= _read_file(file.absolute(), problems)
    given |= _read_environment(environ, work_dir, problems)
    given |= _read_flags(flags, work_dir, problems)
    base = file.absolute().parent if file is not None else work_dir
    for key, item in declared().items():
        if key not in given and (item.kind == "path" or item.is_network) and item.default:
            given[key] = _Given(str(item.default), DEFAULT, base)
    origins = dict.fromkeys(
        (key for key, item in declared().items() if item.kind != "table"), DEFAULT
    )
    origins |= {key: each.origin for key, each in given.items()}
    plain = {key: _prepare(key, each) for key, each in given.items()}
    maker = _Maker(plain)
    settings = maker.make(Settings)
    problems += [_explain(key, origins[key], fault) for key, fault in maker.faults.items()]
    bad = set(maker.faults)
    for key, each in plain.items():
        fault = _find_disk_fault(key, each)
        if fault is not None and key not in bad:
            bad.add(key)
            problems.append(Problem(origins[key].where, key, *fault))
    for clash in settings.find_clashes():
        if clash.key not in bad:
            where = origins[clash.at].where
            problems.append(Problem(where, clash.key, clash.message, clash.remedy))
    if problems:
        raise ConfigError(tuple(problems))
    return Loaded(settings, {key: _get(settings, key) for key in origins}, origins, file)


def _prepare(key: str, given: _Given) -> object:
    """Return a plain value as its declaration has it: paths seen from their base, lists fixed."""
    item, plain = find_declared(key), given.plain
    assert item is not None, "what is not declared was refused when it was read"
    if isinstance(plain, list):
        return tuple(cast("list[object]", plain))
    if not isinstance(plain, str) or not plain or "\0" in plain:
        return plain
    try:
        if item.kind == "path":
            return absolute(plain, given.base)
        if item.is_network and ("/" in plain or plain.endswith(".toml")):
            return str(absolute(plain, given.base))
    except RuntimeError:  # the home of a user that does not exist: no path, the check will say
        return plain
    return plain


def absolute(text: str, base: Path) -> Path:
    """Return the absolute path that `text`, seen from the folder `base`, stands for."""
    return (base / Path(text).expanduser()).absolute()


# -- the check ------------------------------------------------------------------------------------


class _Maker:
    """Makes settings of plain values by dotted key, and gathers what is wrong with these."""

    def __init__(self, plain: Mapping[str, object]) -> None:
        self._plain = plain
        self.faults: dict[str, ErrorDetails] = {}

    def make(self, kind: type[T], prefix: str = "") -> T:
        """Return the table `kind`; what is wrong is left at its default."""
        given: dict[str, object] = {}
        for name, field in list_fields(kind):
            key = f"{prefix}{name}"
            if is_section(field.annotation):
                given[name] = self.make(field.annotation, f"{key}.")
            elif key in self._plain:
                given[name] = self._plain[key]
            elif options := self._list_options(key):
                given[name] = options
        try:
            return kind(**given)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self._note(prefix, detail, given)
            return kind(**given)

    def _list_options(self, table: str) -> dict[str, object]:
        start = f"{table}."
        return {
            key.removeprefix(start): value
            for key, value in self._plain.items()
            if key.startswith(start)
        }

    def _note(self, prefix: str, detail: ErrorDetails, given: dict[str, object]) -> None:
        """Keep the first fault of a key, and drop what is wrong from `given`."""
        name, *inner = map(str, detail["loc"])
        key = f"{prefix}{name}"
        if key not in self._plain:  # of an open table
            key = f"{key}.{inner[0]}"
            cast("dict[str, object]", given[name]).pop(inner[0], None)
        else:
            given.pop(name, None)
        self.faults.setdefault(key, detail)


def _find_disk_fault(key: str, plain: object) -> tuple[str, str] | None:
    """Return message and remedy of what this machine's disk has against a path."""
    item = find_declared(key)
    if item is None or item.on_disk is None or not isinstance(plain, Path):
        return None
    try:
        item.on_disk(plain)
    except PydanticCustomError as error:
        context = error.context or {}
        return str(context["message"]), str(context["remedy"])
    return None


def _explain(key: str, origin: Origin, fault: ErrorDetails) -> Problem:
    """Return what is wrong and what is allowed, in our words."""
    item = find_declared(key)
    assert item is not None, "only declared keys are checked"
    shown = repr(fault["input"])
    if len(shown) > SHOWN_MAX:
        shown = f"{shown[: SHOWN_MAX - 3]}..."
    remedy = f"Allowed: {item.allowed}."
    match fault["type"]:
        case "wrong":
            context = fault.get("ctx", {})
            message, remedy = str(context["message"]), str(context["remedy"])
        case "literal_error":
            message = f"{shown} is no choice."
            remedy += nearest(str(fault["input"]), item.choices)
        case "greater_than_equal" | "less_than_equal" | "finite_number":
            message = f"{shown} is out of range."
        case _:
            message = f"{shown} is no {item.kind}."
    return Problem(origin.where, key, message, remedy)


def _get(settings: Settings, key: str) -> Value | None:
    value: object = settings
    for name in key.split("."):
        is_open = isinstance(value, dict)
        value = cast("dict[str, object]", value)[name] if is_open else getattr(value, name)
    return cast("Value | None", value)


# -- sources ------------------------------------------------------------------------------------


def _read_file(file: Path, problems: list[Problem]) -> Mapping[str, _Given]:
    """Return what the file says; what can't be read becomes a problem."""

    def refuse(message: str, remedy: str) -> Mapping[str, _Given]:
        problems.append(Problem(str(file), "", message, remedy))
        return {}

    try:
        with file.open("rb") as stream:
            data = stream.read(SETTINGS_BYTES_MAX + 1)
    except OSError as error:
        return refuse(f"{error.strerror}.", "Name a settings file; neurond init makes one.")
    if len(data) > SETTINGS_BYTES_MAX:
        return refuse("It is over 1 MiB.", "Name a settings file.")
    try:
        text = data.decode()
        plain: dict[str, object] = parse_toml(text)
    except UnicodeDecodeError as error:
        return refuse(f"It is no UTF-8 text: {error.reason}.", "Save it as UTF-8.")
    except ValueError as error:
        return refuse(f"It is no TOML: {error}.", "Mend that line.")
    lines = find_key_lines(text)
    given: dict[str, _Given] = {}
    for key, value in _leaves(plain, ""):
        where = f"{file.name}:{_find_line(lines, key)}"
        if find_declared(key) is None:
            problems.append(_unknown(where, key))
        else:
            given[key] = _Given(value, Origin("file", where), file.parent)
    return given


def _find_line(lines: Mapping[str, int], key: str) -> int:
    """Return the line of a key, or the first of what lies in it: `x` where only `x.y = 1` is."""
    inner = [line for each, line in lines.items() if each.startswith(f"{key}.")]
    return lines.get(key) or min(inner, default=1)


def _leaves(table: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    """Yield each dotted key and its value; a known table is entered, an unknown one is a leaf."""
    for name, value in table.items():
        key = f"{prefix}{name}"
        item = declared().get(key)
        is_open = item is not None and item.kind == "table"
        is_table = is_open or any(known.startswith(f"{key}.") for known in declared())
        if isinstance(value, dict) and is_table:
            yield from _leaves(value, f"{key}.")  # pyright: ignore[reportUnknownArgumentType]  # tomllib gives text keys
        else:
            yield key, value


def _read_environment(
    environ: Mapping[str, str], work_dir: Path, problems: list[Problem]
) -> Mapping[str, _Given]:
    by_variable = {item.variable: item for item in declared().values() if item.kind != "table"}
    by_variable |= {name: declared()[key] for name, key in SHORT.items()}
    given: dict[str, _Given] = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in OTHER_VARIABLES:
            continue
        key = name.removeprefix(PREFIX).lower().replace("__", ".")
        item = by_variable.get(name) or find_declared(key)  # the latter: an option
        where = f"environment {name}"
        if item is not None:
            _give(item, environ[name], Origin("environment", where), work_dir, given, problems)
        elif _find_moved(key):
            problems.append(_unknown(where, key))
        else:
            remedy = f"Unset it.{nearest(name, [*by_variable, *OTHER_VARIABLES])}"
            problems.append(Problem(where, "", "There is no such setting.", remedy))
    return given


def _read_flags(
    flags: Mapping[str, str], work_dir: Path, problems: list[Problem]
) -> Mapping[str, _Given]:
    given: dict[str, _Given] = {}
    for key, text in flags.items():
        item = find_declared(key)
        origin = Origin("flag", f"flag {key}")
        if item is None:
            problems.append(_unknown(origin.where, key))
        else:
            _give(item, text, origin, work_dir, given, problems)
    return given


def _give(
    item: Declared,
    text: str,
    origin: Origin,
    base: Path,
    given: dict[str, _Given],
    problems: list[Problem],
) -> None:
    try:
        given[item.key] = _Given(read_text(item, text), origin, base)
    except ValueError:
        message = f"{text!r} is no {item.kind}."
        problems.append(Problem(origin.where, item.key, message, f"Allowed: {item.allowed}."))


def _find_moved(key: str) -> str | None:
    """Return what to do about a key that an earlier version had, if it is one."""
    return next((MOVED[old] for old in MOVED if f"{key}.".startswith(f"{old}.")), None)


def _unknown(where: str, key: str) -> Problem:
    """Describe a key that does not exist, with the likeliest one that does, or its neighbours."""
    moved = _find_moved(key)
    if moved is not None:
        return Problem(where, key, "There is no such setting any more.", moved)
    if any(f"{known}.".startswith(f"{key}.") for known in declared()):
        remedy = f"Write [{key}], and its settings below."
        return Problem(where, key, "It is a table of settings, and no value.", remedy)
    near = nearest(key, declared())
    if not near:
        table = key.rpartition(".")[0]
        keys = [name for name in declared() if name.rpartition(".")[0] == table]
        tables = dict.fromkeys(name.rpartition(".")[0] for name in declared())
        near = f" Allowed here: {', '.join(keys or [f'[{name}]' for name in tables])}."
    return Problem(where, key, "There is no such setting.", f"Remove it.{near}")
