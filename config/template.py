"""The commented settings file that `neurond init` writes, made from the declarations.

A value that was chosen stands as a setting; every other stands as a comment with its default, so
that the file shows all there is and changes nothing by itself.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from config.schema import Declared, Value, declared

HEADER = """\
# Settings of one neurond. `neurond check-config` explains every mistake in this file,
# `neurond config show` prints what is in force and where it comes from.
# A setting behind a # is at its default. Relative paths start at this file's folder."""


def render_settings(chosen: Mapping[str, Value]) -> str:
    """Return the file's text with the `chosen` settings (by dotted key) set."""
    lines = [HEADER]
    table = ""
    for key, item in declared().items():
        name = key if item.kind == "table" else key.rpartition(".")[0]
        if name != table:
            lines += ["", f"[{name}]"]
            table = name
        lines.append(f"# {item.about} ({item.allowed})")
        if item.kind == "table":
            options = {each: chosen[each] for each in chosen if each.startswith(f"{key}.")}
            lines += [
                f"{each.rpartition('.')[2]} = {format_value(options[each])}" for each in options
            ]
        else:
            lines.append(_setting(item, chosen.get(key)))
    return "\n".join(lines) + "\n"


def render_reference() -> str:
    """Return every setting as Markdown tables, for `docs/configuration.md`."""
    lines: list[str] = []
    table = ""
    for key, item in declared().items():
        if item.kind == "table":
            lines += ["", f"### [{key}]", "", f"{item.about} Each is {item.allowed}."]
            continue
        name = key.rpartition(".")[0]
        if name != table:
            lines += ["", f"### [{name}]", "", "| key | takes | default | |", "|---|---|---|---|"]
            table = name
        default = "" if item.default is None else f"`{format_value(item.default)}`"
        takes = item.allowed.replace("|", "\\|")
        short = key.rpartition(".")[2]
        lines.append(f"| `{short}` | {takes} | {default} | {item.about} |")
    return "\n".join(lines).lstrip("\n") + "\n"


def format_value(value: Value) -> str:
    """Return `value` as TOML writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case tuple():
            return "[" + ", ".join(map(_quote, value)) + "]"
        case str() | Path():
            return _quote(str(value))


def _setting(item: Declared, value: Value | None) -> str:
    name = item.key.rpartition(".")[2]
    if value is not None:
        return f"{name} = {format_value(value)}"
    if item.default is None:
        return f"# {name} ="
    return f"# {name} = {format_value(item.default)}"


def _quote(text: str) -> str:
    """Quote as a TOML basic string; JSON's escapes are TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
