"""Check our law against files of test vectors; write our own vectors anew, only ever on purpose.

`scripts/vectors check FILE...` runs every case of files of two schemas: *law* (exact cases of our
epoch law) and *kinds* (cases of many kinds, read from the ancestor's tests). Cases that describe
rules we don't have are listed by name with the reason and are not counted as compared. It exits
with 1 if a case differs and with 2 if a file can't be read.

`scripts/vectors write` recomputes `tests/vectors/codec.json` and `crypto.json`, and each built-in
task's `golden.json`. A change there is a change of bytes on the wire, or of judgement: commit it
together with its cause and say so. `tests/vectors/scorers.json` gets the identity of a version of
a task that is not in it yet; one that is there never changes again, save by hand.
"""

import argparse
import json
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from neurons import golden
from neurons.catalog import BUILT_IN, open_task
from scripts.tools.vectors.epoch import LEFT_OUT, check_law_case
from scripts.tools.vectors.golden import FILES, build_golden
from scripts.tools.vectors.kinds import COMPARERS, explain_omission

VECTORS = Path(__file__).parents[3] / "tests" / "vectors"
DIFFERENCES_SHOWN = 10
"""Per case: enough to see a pattern."""

Case = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Run one verb and return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/vectors", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    check = verbs.add_parser("check", help="compare our figures with those of each file")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    verbs.add_parser("write", help="recompute our own vectors in tests/vectors")
    chosen = parser.parse_args(arguments)
    if chosen.verb == "write":
        return write()
    return max([check_file(path) for path in chosen.files])


def write_scorers() -> int:
    """Write each built-in task's golden vector; note the identity of each new version."""
    path = VECTORS / "scorers.json"
    known: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}
    code = 0
    for name in BUILT_IN:
        task = open_task(name)
        vector = golden.make_vector(task)
        _write(Path(str(golden.find_file(task))), golden.render_vector(vector))
        identity = golden.hash_vector(vector).hex()
        kept = known.setdefault(name, {}).setdefault(str(task.version), identity)
        if kept != identity:
            print(f"{name} judges otherwise: raise its version or undo it", file=sys.stderr)
            code = 1
    _write(path, json.dumps(known, indent=1) + "\n")
    return code


def _write(path: Path, text: str) -> None:
    is_same = path.exists() and path.read_text() == text
    path.write_text(text)
    print(f"{path}: {'unchanged' if is_same else 'CHANGED'}")


def write() -> int:
    """Recompute every golden file and say which ones changed."""
    for name in FILES:
        _write(VECTORS / name, json.dumps(build_golden(name), indent=1) + "\n")
    return write_scorers()


def check_file(path: Path) -> int:
    """Run one file's cases, print its summary, and return 0, 1 (differs) or 2 (unreadable)."""
    try:
        cases: list[Case] = json.loads(path.read_text())["cases"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{path}: not a file of vectors: {error!r}", file=sys.stderr)
        return 2
    if all("kind" in case for case in cases):
        return _check_kinds(path, cases)
    return _check_law(path, cases)


def _check_law(path: Path, cases: list[Case]) -> int:
    different = 0
    lines: list[str] = []
    for number, case in enumerate(cases):
        found = check_law_case(case)
        different += bool(found)
        lines += _name_differences(f"{number} ({case['source']})", found)
    print(f"{path}: {len(cases)} cases, {different} differ")
    _print_indented(lines)
    return int(different > 0)


def _check_kinds(path: Path, cases: list[Case]) -> int:
    compared: Counter[str] = Counter()
    omitted: dict[tuple[str, str], list[str]] = {}
    unknown: Counter[str] = Counter()
    different = 0
    lines: list[str] = []
    for case in cases:
        kind = case["kind"]
        reason = explain_omission(case)
        if reason is not None:
            omitted.setdefault((kind, reason), []).append(case["id"])
        elif kind not in COMPARERS:
            unknown[kind] += 1
        else:
            found = COMPARERS[kind](case)
            compared[kind] += 1
            different += bool(found)
            lines += _name_differences(case["id"], found)
    print(f"{path}: {compared.total()} cases, {different} differ")
    _print_indented(lines)
    _print_counts("compared", compared)
    _print_left_out([case["id"] for case in cases])
    print(f"  not applicable: {sum(map(len, omitted.values()))} cases")
    for (kind, reason), names in sorted(omitted.items()):
        listed = f" ({', '.join(names)})" if kind in COMPARERS else ""
        print(f"    {kind} {len(names)}{listed}: {reason}")
    if unknown:
        _print_counts("UNKNOWN KINDS, neither compared nor excused", unknown)
    return int(different > 0 or bool(unknown))


def _name_differences(name: str, found: list[str]) -> list[str]:
    lines = [f"differs: {name}: {text}" for text in found[:DIFFERENCES_SHOWN]]
    if len(found) > DIFFERENCES_SHOWN:
        lines.append(f"differs: {name}: and {len(found) - DIFFERENCES_SHOWN} more figures")
    return lines


def _print_left_out(names: list[str]) -> None:
    """Say which figures of compared epochs a rule of ours changes."""
    by_rule: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name in names:
        if name in LEFT_OUT:
            figures, rule = LEFT_OUT[name]
            by_rule.setdefault((rule, figures), []).append(name)
    for (rule, figures), listed in sorted(by_rule.items()):
        print(f"  left out of {', '.join(sorted(listed))}: {', '.join(figures)}: {rule}")


def _print_indented(lines: list[str]) -> None:
    for line in lines:
        print(f"  {line}")


def _print_counts(title: str, counts: Counter[str]) -> None:
    print(f"  {title}: " + ", ".join(f"{kind} {counts[kind]}" for kind in sorted(counts)))


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends us quietly
    sys.exit(main())
