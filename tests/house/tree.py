"""The house's rooms and folders, and the Python files in them."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("daemon", "p2p", "storage", "neurons", "config", "consensus")
FOLDERS = {*ROOMS, "benchmarks", "docs", "packaging", "scripts", "tests"}


def list_sources(*folders: str) -> list[Path]:
    """Return the Python files of `folders`, from the repository's root."""
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(path.relative_to(ROOT) for path in found)


def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse((ROOT / path).read_text(), filename=str(path))


def names(paths: list[Path]) -> list[str]:
    """Return the names that tests of `paths` go by."""
    return [str(path) for path in paths]
