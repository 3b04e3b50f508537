"""What the prose of the code points at is there: documents, their sections, files and folders.

Prose is every docstring and comment of a Python file, and every document. Code is checked by tools;
a sentence that names a file which has moved is found by nobody else.
"""

import ast
import fnmatch
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from io import StringIO
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("benchmarks", "config", "consensus", "daemon", "docs", "neurons", "p2p", "packaging")
FOLDERS = (*ROOMS, "scripts", "storage", "tests")
SOURCES = sorted(
    path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")
)
DOCUMENTS = sorted(
    path.relative_to(ROOT) for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
)


def read_prose(source: str) -> str:
    """Return the docstrings and comments of Python `source`, each on a line of its own."""
    docstrings = [
        node.value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    tokens = tokenize.generate_tokens(StringIO(source).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    return "\n".join(" ".join(text.split()) for text in (*docstrings, *comments))


# -- documents and their sections ------------------------------------------------------------------

SECTION = r"\d+(?:\.\d+)*"
CITATION = re.compile(
    rf"(?<![\w./:-])(?P<path>[\w./-]+\.md)\b`?(?P<sections>(?:(?:,| and| to)? {SECTION}\b)*)"
)


def find_lost_citations(text: str, documents: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield each citation of a document or a section that `documents` (section numbers) lacks."""
    for found in CITATION.finditer(text):
        path = found["path"]
        if path not in documents:
            yield path
            continue
        for section in re.findall(SECTION, found["sections"]):
            if section not in documents[path]:
                yield f"{path} {section}"


def read_sections(document: str) -> set[str]:
    """Return the numbers of the numbered headings of a document."""
    return set(re.findall(rf"^#+ ({SECTION})\.? ", document, re.MULTILINE))


@cache
def known_sections() -> dict[str, set[str]]:
    return {str(path): read_sections((ROOT / path).read_text()) for path in DOCUMENTS}


@pytest.mark.parametrize("path", SOURCES, ids=map(str, SOURCES))
def test_a_citation_names_a_document_and_a_section_that_exist(path: Path) -> None:
    prose = read_prose((ROOT / path).read_text())
    assert list(find_lost_citations(prose, known_sections())) == []


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("Source: `docs/a.md` 2.1, 3.", []),
        ("Source: docs/a.md 2.1 and 3 (draft).", []),
        ("as docs/a.md says, 9 times", []),
        ("https://example.org/b.md", []),
        ("Source: `a.md` 2.1", ["a.md"]),
        ("Source: `docs/b.md`", ["docs/b.md"]),
        ("Source: `docs/a.md` 2.1, 2.2", ["docs/a.md 2.2"]),
        ("(docs/a.md 4: a reason)", ["docs/a.md 4"]),
        ("Source: `docs/a.md` 3 to 5.", ["docs/a.md 5"]),
    ],
)
def test_the_citation_rule_sees_lost_documents_and_sections(text: str, lost: list[str]) -> None:
    assert list(find_lost_citations(text, {"docs/a.md": {"2", "2.1", "3"}})) == lost


def test_the_prose_of_a_source_is_its_docstrings_and_comments() -> None:
    source = '"""One\n    two."""\n\nx = "three"  # four\n"""Five."""\n'
    assert read_prose(source) == "One two.\nFive.\n# four"


def test_the_sections_of_a_document_are_its_numbered_headings() -> None:
    assert read_sections("# A\n## 1. B\n### 1.2 C\n2. a list\n## 3 D\n") == {"1", "1.2", "3"}


# -- files and folders -----------------------------------------------------------------------------

HOUSE = tuple(f"{folder}/" for folder in FOLDERS)
PATH = re.compile(
    rf"(?<![\w./*~{{-])(?:(?:{'|'.join(HOUSE)})[\w./*{{}},-]*[\w*}}]|(?:[a-z_]\w*/)*[a-z_]\w*\.py\b)"
)
"""A path from one of the house's folders, or the end of one that leads to a Python file."""


def expand(pattern: str) -> Iterator[str]:
    """Yield what a path with braces, as a shell reads them, stands for."""
    parts = re.split(r"\{([^}]*)\}", pattern)
    choices = [part.split(",") if at % 2 else [part] for at, part in enumerate(parts)]
    yield from map("".join, product(*choices))


def find_lost_paths(text: str, paths: Iterable[str]) -> Iterator[str]:
    """Yield each path in `text` that names nothing in `paths`.

    A path from one of the house's folders is whole and may hold `*` or braces; any other name of a
    Python file may be the end of a path. Words in capitals stand for a name to be filled in, and
    what begins with `my_` is the reader's own.
    """
    known = [f"/{path}" for path in paths]
    for word in PATH.findall(text):
        for path in expand(word):
            pattern = f"/{path}" if word.startswith(HOUSE) else f"*/{path}"
            if not re.search(r"\b(?:[A-Z]{2,}|my_)", path) and not fnmatch.filter(known, pattern):
                yield path


@cache
def known_paths() -> tuple[str, ...]:
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    return tuple(str(path.relative_to(ROOT)) for path in found if "__pycache__" not in path.parts)


@pytest.mark.parametrize("path", SOURCES, ids=map(str, SOURCES))
def test_a_path_in_the_prose_of_a_source_is_in_the_tree(path: Path) -> None:
    prose = read_prose((ROOT / path).read_text())
    assert list(find_lost_paths(prose, known_paths())) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=map(str, DOCUMENTS))
def test_a_path_in_a_document_is_in_the_tree(path: Path) -> None:
    assert list(find_lost_paths((ROOT / path).read_text(), known_paths())) == []


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("see `p2p/wire.py`.", []),
        ("the folder daemon/http, or daemon/http/", []),
        ("`http/view.py` and `view.py`", []),
        ("p2p/*.py, daemon/{http,cli}", []),
        ("/ip4/1.2.3.4/tcp/1/p2p/12D3, https://example.org/docs/a", []),
        ("neurons/tasks/NAME.py", []),
        ("save it as my_miner.py", []),
        ("`p2p/fire.py`", ["p2p/fire.py"]),
        ("the folder daemon/https", ["daemon/https"]),
        ("`https/view.py` and `views.py`", ["https/view.py", "views.py"]),
        ("p2p/*.md, daemon/{http,tcp}", ["p2p/*.md", "daemon/tcp"]),
    ],
)
def test_the_path_rule_sees_lost_files_and_folders(text: str, lost: list[str]) -> None:
    paths = ["p2p/wire.py", "daemon/http", "daemon/http/view.py", "daemon/cli"]
    assert list(find_lost_paths(text, paths)) == lost


# -- classes ---------------------------------------------------------------------------------------


def read_classes(source: str) -> set[str]:
    """Return the classes that Python `source` defines, and the names it gives to types."""
    return set(re.findall(r"^(?:class |type )?([A-Z]\w+)(?=[(:]| = )", source, re.MULTILINE))


def test_a_class_that_the_glossary_names_exists() -> None:
    named = set(re.findall(r"`([A-Z][a-z]\w*)`", (ROOT / "docs" / "glossary.md").read_text()))
    known = set[str]().union(*(read_classes((ROOT / path).read_text()) for path in SOURCES))
    assert len(named) > 10
    assert named - known == set()


def test_the_classes_of_a_source_are_those_it_defines() -> None:
    source = "class A1:\n    B = 2\n\nclass C3(A1): ...\nD4 = A1 | C3\nf = A1\n"
    assert read_classes(source) >= {"A1", "C3", "D4"}
    assert not read_classes(source) & {"B", "f"}
