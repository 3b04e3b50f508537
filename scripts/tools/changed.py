"""What a change touches: the files that differ from `main`, and the tests that are about them.

`python -m scripts.tools.changed files` names the changed Python files, `... tests` the test files
to run; one path a line, from the repository's root. Changed is what differs from where this branch
left `main`, whether committed or not, and what git does not know yet.

Tests mirror the tree, so a source's tests are found by its name: `tests/consensus/ledger/` has
those of `consensus/ledger/mempool.py` in `test_mempool.py` and `test_mempool_*.py`. One without
tests of its own is tested where it is used: by those tests of its folder that import it, else by
the tests of its folder, or of the nearest folder above that has any.
"""

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = Path("tests/scripts/test_docs.py")
"""Holds what every document says."""


def main() -> int:
    """Print what was asked for and return the exit code."""
    match sys.argv[1:]:
        case ["files"]:
            found = [path for path in list_changed() if path.suffix == ".py"]
            print(*(path for path in found if (ROOT / path).is_file()), sep="\n")
        case ["tests"]:
            print(*find_tests(list_changed()), sep="\n")
        case _:
            print("usage: python -m scripts.tools.changed files | tests", file=sys.stderr)
            return 2
    return 0


def list_changed() -> list[Path]:
    """Return every file that differs from where this branch left `main`, deleted ones too."""
    base = next((found for name in ("main", "origin/main") if (found := _find_base(name))), "HEAD")
    differing = _git("diff", "--name-only", "--no-renames", "-z", base)
    unknown = _git("ls-files", "--others", "--exclude-standard", "-z")
    return sorted({Path(name) for name in (differing + unknown).split("\0") if name})


def find_tests(changed: Iterable[Path]) -> list[Path]:
    """Return the test files to run when the files of `changed` are, in the order of their names."""
    return sorted({test for path in changed for test in _find_tests(path)})


def _find_tests(path: Path) -> list[Path]:
    if path.parts[0] == "tests":
        if path.name.startswith("test_") and path.suffix == ".py":
            return [path] if (ROOT / path).is_file() else []
        if path.suffix == ".py":
            return _find_users(path, list_tests(path.parent))
    if path.suffix == ".py" or path.parts[0] == "scripts":
        return _find_own(path)
    naming = [test for test in _list_all_tests() if path.name in (ROOT / test).read_text()]
    return [*naming, DOCUMENTS] if path.suffix == ".md" else naming


def _find_own(source: Path) -> list[Path]:
    """Return the tests of a source, from the nearest folder that has any."""
    folder, name = source.parent, source.stem
    while folder.parts:
        tests = list_tests(Path("tests") / folder)
        siblings = {sibling.stem for sibling in (ROOT / folder).iterdir()} | {name}
        found = [test for test in tests if _find_subject(test, siblings) == name]
        if tests:
            return found or _find_users(source, tests) or tests
        name, folder = folder.name, folder.parent
    return []


def _find_subject(test: Path, stems: set[str]) -> str | None:
    """Return which of `stems` a test file is named after: the longest that fits."""
    subject = test.stem.removeprefix("test_")
    fitting = (stem for stem in stems if f"{subject}_".startswith(f"{stem}_"))
    return max(fitting, key=len, default=None)


def _find_users(source: Path, tests: Iterable[Path]) -> list[Path]:
    module = ".".join(source.with_suffix("").parts)
    return [test for test in tests if module in _read_imports(test)]


def list_tests(folder: Path) -> list[Path]:
    """Return the test files that lie in a folder itself."""
    return sorted(path.relative_to(ROOT) for path in (ROOT / folder).glob("test_*.py"))


def _list_all_tests() -> list[Path]:
    return sorted(path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py"))


def _read_imports(test: Path) -> frozenset[str]:
    return frozenset(_list_imports(ast.parse((ROOT / test).read_text())))


def _list_imports(tree: ast.AST) -> Iterator[str]:
    """Yield the full name of everything imported, and of the module it comes from."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str() as module, names=names):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)
            case _:
                pass


def _find_base(branch: str) -> str:
    """Return where this branch and `branch` parted; empty if there is no such branch."""
    try:
        return _git("merge-base", "HEAD", branch).strip()
    except subprocess.CalledProcessError:
        return ""


def _git(*arguments: str) -> str:
    command = ("git", *arguments)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
