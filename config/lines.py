"""On which line of a TOML text each key stands; `tomllib` gives values without places.

A scanner of table headers and `key =` at the start of a line, which knows enough of strings and
brackets to skip what only looks like a key. Items of an array of tables are numbered from 0:
`validators.2.hotkey`.
"""

import re
from collections import Counter
from collections.abc import Mapping

_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")
_ARRAY_HEADER = re.compile(r"\s*\[\[\s*([^\[\]]+?)\s*\]\]\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_\-.\"' ]+?)\s*=")
_MARK = re.compile(r'"""|\'\'\'|"(?:\\.|[^"\\])*"|\'[^\']*\'|#.*|[\[\]{}]')


def find_key_lines(text: str) -> Mapping[str, int]:
    """Return the line (from 1) of every table and every dotted key of `text`."""
    lines: dict[str, int] = {}
    counts: Counter[str] = Counter()
    table = ""
    open_string, depth = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not open_string and depth == 0:
            if found := _ARRAY_HEADER.match(line):
                name = _numbered(_plain(found[1]), counts)
                table = f"{name}.{counts[name]}"
                counts[name] += 1
                lines.setdefault(table, number)
                continue
            if found := _HEADER.match(line):
                table = _numbered(_plain(found[1]), counts)
                lines.setdefault(table, number)
                continue
            if found := _KEY.match(line):
                key = _plain(found[1])
                lines.setdefault(f"{table}.{key}" if table else key, number)
        open_string, depth = _scan(line, open_string, depth)
    return lines


def _plain(dotted: str) -> str:
    """Drop quotes and the blanks around dots."""
    return ".".join(part.strip().strip("\"'") for part in dotted.split("."))


def _numbered(name: str, counts: Mapping[str, int]) -> str:
    """Put the number of the last item behind each array of tables that `name` lies in."""
    parts = name.split(".")
    path = parts[0]
    for part in parts[1:]:
        if counts.get(path):
            path = f"{path}.{counts[path] - 1}"
        path = f"{path}.{part}"
    return path


def _scan(line: str, open_string: str, depth: int) -> tuple[str, int]:
    """Return the multi-line string and the bracket depth that are open after `line`."""
    place = 0
    while place < len(line):
        if open_string:
            end = line.find(open_string, place)
            if end < 0:
                return open_string, depth
            open_string, place = "", end + 3
            continue
        found = _MARK.search(line, place)
        if found is None:
            return "", depth
        place = found.end()
        mark = found[0]
        if mark in ('"""', "'''"):
            open_string = mark
        elif mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
    return open_string, depth
