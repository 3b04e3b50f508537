"""Read one node's settings from file, environment and flags; say everything wrong at once.

Precedence: flag > environment > file > default, key by key. The environment variable of
`p2p.listen` is `NEUROND_P2P__LISTEN` (`.` becomes `__`); `NEUROND_PASSWORD_FILE` is short for
`NEUROND_KEYS__PASSWORD_FILE`; `NEUROND_CONFIG` names the file. An unknown key or variable is an
error: a setting that is silently ignored is worse than none. Nothing is written, made or locked.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Literal, TypeVar, get_type_hints

from config.errors import ConfigError, Problem
from config.lines import find_key_lines
from config.schema import Declared, Value, absolute, check, declared, nearest, read_text
from config.settings import Settings
from config.shapes import Fault, is_loopback, split_listen

NEXT_KEYS = 2
T = TypeVar("T")
PREFIX = "NEUROND_"
SHORT = {"NEUROND_PASSWORD_FILE": "keys.password_file"}
OTHER_VARIABLES = ("NEUROND_CONFIG",)
"""Variables with our prefix that are no settings."""
SETTINGS_BYTES_MAX = 1 << 20
"""No settings file is larger; a file of another kind named by mistake is not read to its end."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from; `where` is a place a person can go to."""

    kind: Literal["default", "file", "environment", "flag"]
    where: str


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
    values: dict[str, Value | None] = {}
    origins: dict[str, Origin] = {}
    bad: set[str] = set()
    for key, item in declared().items():
        source = given.get(key)
        origins[key] = source.origin if source else Origin("default", "default")
        checked = check(item, source.plain, source.base) if source else _default(item, base)
        if isinstance(checked, Fault):
            problems.append(Problem(origins[key].where, key, checked.message, checked.remedy))
            bad.add(key)
            checked = item.default
        values[key] = checked
    settings = build(Settings, values)
    problems += [problem for problem in _relations(settings, origins) if problem.key not in bad]
    if problems:
        raise ConfigError(tuple(problems))
    return Loaded(settings, values, origins, file)


def build(kind: type[T], values: Mapping[str, object], prefix: str = "") -> T:
    """Make the settings dataclass `kind` (and those inside it) from values by dotted key."""
    hints = get_type_hints(kind)
    made: dict[str, object] = {}
    assert is_dataclass(kind)
    for entry in fields(kind):
        key = f"{prefix}{entry.name}"
        hint: object = hints[entry.name]
        if isinstance(hint, type) and is_dataclass(hint):
            made[entry.name] = build(hint, values, f"{key}.")
        else:
            made[entry.name] = values[key]
    return kind(**made)


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
        plain: dict[str, object] = tomllib.loads(text)
    except UnicodeDecodeError as error:
        return refuse(f"It is no UTF-8 text: {error.reason}.", "Save it as UTF-8.")
    except tomllib.TOMLDecodeError as error:
        return refuse(f"It is no TOML: {error}.", "Mend that line.")
    lines = find_key_lines(text)
    given: dict[str, _Given] = {}
    for key, value in _leaves(plain, ""):
        where = f"{file.name}:{lines[key]}" if key in lines else file.name
        if key in declared():
            given[key] = _Given(value, Origin("file", where), file.parent)
        else:
            problems.append(_unknown(where, key, declared()))
    return given


def _leaves(table: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    """Yield each dotted key and its value; a known table is entered, an unknown one is a leaf."""
    for name, value in table.items():
        key = f"{prefix}{name}"
        is_table = any(known.startswith(f"{key}.") for known in declared())
        if isinstance(value, dict) and is_table:
            yield from _leaves(value, f"{key}.")  # pyright: ignore[reportUnknownArgumentType]  # tomllib gives text keys
        else:
            yield key, value


def _read_environment(
    environ: Mapping[str, str], work_dir: Path, problems: list[Problem]
) -> Mapping[str, _Given]:
    by_variable = {item.variable: item for item in declared().values()}
    by_variable |= {name: declared()[key] for name, key in SHORT.items()}
    given: dict[str, _Given] = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in OTHER_VARIABLES:
            continue
        item = by_variable.get(name)
        where = f"environment {name}"
        if item is None:
            near = nearest(name, [*by_variable, *OTHER_VARIABLES])
            remedy = f"Unset it.{near}"
            problems.append(Problem(where, "", "There is no such setting.", remedy))
        else:
            origin = Origin("environment", where)
            _give(item, environ[name], origin, work_dir, given, problems)
    return given


def _read_flags(
    flags: Mapping[str, str], work_dir: Path, problems: list[Problem]
) -> Mapping[str, _Given]:
    given: dict[str, _Given] = {}
    for key, text in flags.items():
        item = declared().get(key)
        origin = Origin("flag", f"flag {key}")
        if item is None:
            problems.append(_unknown(origin.where, key, declared()))
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


def _unknown(where: str, key: str, known: Mapping[str, Declared]) -> Problem:
    """Describe a key that does not exist, with the likeliest one that does, or its neighbours."""
    near = nearest(key, known)
    if not near:
        table = key.rpartition(".")[0]
        keys = [name for name in known if name.rpartition(".")[0] == table]
        tables = dict.fromkeys(name.rpartition(".")[0] for name in known)
        near = f" Allowed here: {', '.join(keys or [f'[{name}]' for name in tables])}."
    return Problem(where, key, "There is no such setting.", f"Remove it.{near}")


def _default(item: Declared, base: Path) -> Value | Fault | None:
    """Return the default; a path, and the network's, is seen from the settings file's folder."""
    if item.kind == "path" and item.default is not None:
        return check(item, str(item.default), base)
    if item.rule.shape == "network":
        return str(absolute(str(item.default), base))
    return item.default


# -- relations between settings -------------------------------------------------------------------


def _relations(settings: Settings, origins: Mapping[str, Origin]) -> Iterator[Problem]:
    """Yield what can't go together, at the place of the setting to change."""
    api = settings.api
    if (api.tls_cert is None) != (api.tls_key is None):
        key = "api.tls_key" if api.tls_key is None else "api.tls_cert"
        other = "api.tls_cert" if api.tls_key is None else "api.tls_key"
        yield Problem(
            origins[other].where, key, "A certificate and its key go together.", f"Set {key} too."
        )
    host, _ = split_listen(api.listen)
    if api.enabled and not is_loopback(host) and (api.keys_file is None or api.tls_cert is None):
        yield Problem(
            origins["api.listen"].where,
            "api.listen",
            f"{host} can be reached by others, and there are no keys and no TLS.",
            "Listen on 127.0.0.1, or set api.keys_file, api.tls_cert and api.tls_key.",
        )
    names = {"p2p.node_key": settings.p2p.node_key}
    names |= {"agreement.consensus_key": settings.agreement.consensus_key}
    names |= {"agreement.beacon_key": settings.agreement.beacon_key}
    names |= {"neuron.hotkey": settings.neuron.hotkey}
    next_keys = settings.agreement.next_keys
    if len(next_keys) not in {0, NEXT_KEYS}:
        yield Problem(
            origins["agreement.next_keys"].where,
            "agreement.next_keys",
            f"{len(next_keys)} keys where a consensus key and its beacon key are needed.",
            "Name both, the consensus key first, or none.",
        )
    seen: dict[str, str] = {}
    for key, name in names.items():
        if name in seen:
            yield Problem(
                origins[key].where,
                key,
                f"{name!r} is {seen[name]} too: one key must not do two things.",
                "Name another key; neurond wallet create makes one.",
            )
        seen.setdefault(name, key)
    model = settings.neuron.model
    if model.width % model.heads:
        yield Problem(
            origins["neuron.model.width"].where,
            "neuron.model.width",
            f"{model.width} can't be shared by neuron.model.heads = {model.heads}.",
            f"Allowed: a multiple of {model.heads}.",
        )
    if settings.neuron.batch_max > settings.neuron.queue_max:
        yield Problem(
            origins["neuron.batch_max"].where,
            "neuron.batch_max",
            f"{settings.neuron.batch_max} is more than neuron.queue_max lets wait.",
            f"Allowed: at most {settings.neuron.queue_max}.",
        )
