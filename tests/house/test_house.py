"""The rules of the house that no linter knows; each failure names the file and the line.

Floors, lint and types are import-linter's, ruff's and basedpyright's business (pyproject.toml).
A rule worth repeating in a review becomes a test here.
"""

import ast
import os
import re
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import get_args

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from consensus.types import Call
from daemon.cli.tx.catalog import ENTRIES

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("daemon", "p2p", "storage", "neurons", "config", "consensus")
FOLDERS = {*ROOMS, "benchmarks", "docs", "packaging", "scripts", "tests"}
TESTS_OF_NO_ROOM = {"sim", "vectors", "processes", "house"}
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 60


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(path.relative_to(ROOT) for path in found)


EVERYTHING = sources(*ROOMS, "scripts", "benchmarks", "tests")
CONSENSUS = sources("consensus")


def parse(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), filename=str(path))


def names(paths: list[Path]) -> list[str]:
    return [str(path) for path in paths]


# -- consensus is exact and ordered -------------------------------------------------------------


def float_lines(tree: ast.AST) -> Iterator[int]:
    """Yield the line of everything that makes or names a float."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=float() | complex(), lineno=line):
                yield line
            case ast.BinOp(op=ast.Div(), lineno=line) | ast.AugAssign(op=ast.Div(), lineno=line):
                yield line
            case ast.Name(id=name, lineno=line) if name.startswith("float"):
                yield line
            case ast.Attribute(attr=name, lineno=line) if name.startswith("float"):
                yield line
            case ast.Attribute(attr="truediv" | "true_divide" | "divide", lineno=line):
                yield line
            case _:
                pass


@pytest.mark.parametrize("path", CONSENSUS, ids=names(CONSENSUS))
def test_consensus_has_no_float_and_no_true_division(path: Path) -> None:
    assert list(float_lines(parse(path))) == []


@pytest.mark.parametrize(
    "line", ["a = 0.5", "a /= b", "a = b / c", "a = float(b)", "np.float64(1)"]
)
def test_the_float_rule_sees_every_way_in(line: str) -> None:
    assert list(float_lines(ast.parse(line))) == [1]


ORDERING = {"list", "tuple", "iter", "enumerate", "map", "zip", "next", "join"}
"""Calls whose result depends on the order they read their arguments in."""


def is_set(node: ast.AST, known: set[str]) -> bool:
    match node:
        case ast.Set() | ast.SetComp() | ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case ast.Name(id=name):
            return name in known
        case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor()):
            return is_set(left, known)
        case _:
            return False


def names_of_sets(scope: ast.AST) -> set[str]:
    """Return the names that `scope` binds to a set and to nothing else."""
    bound: dict[str, list[bool]] = {}
    for node in ast.walk(scope):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                bound.setdefault(name, []).append(is_set(value, set()))
            case (
                ast.AnnAssign(target=ast.Name(id=name), annotation=kind)
                | ast.arg(arg=name, annotation=ast.expr() as kind)
            ):
                is_set_kind = bool(re.match(r"(set|frozenset)\b", ast.unparse(kind)))
                bound.setdefault(name, []).append(is_set_kind)
            case _:
                pass
    return {name for name, kinds in bound.items() if all(kinds)}


def set_order_lines(tree: ast.AST) -> Iterator[int]:
    """Yield the line of every loop or call that reads a set in its arbitrary order."""
    scopes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for scope in [tree, *scopes]:
        known = set[str]() if scope is tree else names_of_sets(scope)
        for node in ast.walk(scope):
            read: list[ast.expr] = []
            match node:
                case ast.For(iter=over):
                    read = [over]
                case ast.ListComp(generators=parts) | ast.DictComp(generators=parts):
                    read = [part.iter for part in parts]
                case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=arguments):
                    read = arguments if name in ORDERING else []
                case ast.Starred(value=value):
                    read = [value]
                case _:
                    pass
            if any(is_set(item, known) for item in read):
                yield node.lineno  # type: ignore[attr-defined]  # every node matched has a line


@pytest.mark.parametrize("path", CONSENSUS, ids=names(CONSENSUS))
def test_consensus_reads_no_set_in_its_arbitrary_order(path: Path) -> None:
    assert list(set_order_lines(parse(path))) == []


@pytest.mark.parametrize(
    ("line", "is_caught"),
    [
        ("for a in {1, 2}: pass", True),
        ("a = list(set(b))", True),
        ("def f(a: frozenset[int]): return [b for b in a]", True),
        ("a = ','.join({b for b in c})", True),
        ("for a in sorted(set(b)): pass", False),
        ("a = len(set(b)) == len(b)", False),
    ],
)
def test_the_set_rule_sees_loops_and_spares_sorted(line: str, is_caught: bool) -> None:  # noqa: FBT001 - a case's verdict
    assert bool(list(set_order_lines(ast.parse(line)))) == is_caught


MACHINES = ("consensus/agreement/", "consensus/ledger/mempool.py")
"""Where records change in place: the sans-IO machine, and the pool that one task owns."""


@pytest.mark.parametrize("path", CONSENSUS, ids=names(CONSENSUS))
def test_dataclasses_of_consensus_are_frozen_but_for_a_machine_s_own_records(path: Path) -> None:
    word = "slots=True" if str(path).startswith(MACHINES) else "frozen=True"
    loose = [
        node.name
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ClassDef)
        for decorator in map(ast.unparse, node.decorator_list)
        if decorator.startswith("dataclass")
        and not ("frozen=True" in decorator or word in decorator)
    ]
    assert loose == []


# -- size and words -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EVERYTHING, ids=names(EVERYTHING))
def test_a_file_is_one_idea_and_no_wall_of_text(path: Path) -> None:
    assert len((ROOT / path).read_text().splitlines()) <= FILE_LINES_MAX


@pytest.mark.parametrize("path", EVERYTHING, ids=names(EVERYTHING))
def test_a_function_is_one_thought_of_at_most_60_lines(path: Path) -> None:
    long = {
        node.name: length
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    }
    assert long == {}


@pytest.mark.parametrize("path", EVERYTHING, ids=names(EVERYTHING))
def test_a_module_says_what_lives_in_it(path: Path) -> None:
    assert path.name.startswith("test_") or ast.get_docstring(parse(path))


@pytest.mark.parametrize("path", EVERYTHING, ids=names(EVERYTHING))
def test_nothing_is_left_to_do(path: Path) -> None:
    marks = r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error)\b"
    lines = enumerate((ROOT / path).read_text().splitlines(), 1)
    assert [number for number, line in lines if re.search(marks, line)] == []


@pytest.mark.parametrize("path", EVERYTHING, ids=names(EVERYTHING))
def test_a_broad_except_gives_its_reason(path: Path) -> None:
    lines = enumerate((ROOT / path).read_text().splitlines(), 1)
    assert [
        number for number, line in lines if re.search(r"noqa: BLE" + r"001(?! - \w)", line)
    ] == []


# -- the tree -------------------------------------------------------------------------------------


def test_a_room_s_init_holds_its_door_sign_and_nothing_else() -> None:
    for path in sources(*ROOMS, "scripts", "benchmarks"):
        if path.name == "__init__.py":
            body = parse(path).body
            assert len(body) == 1, path
            assert ast.get_docstring(parse(path)), path


def test_every_folder_of_a_room_is_a_package() -> None:
    for path in sources(*ROOMS):
        assert (ROOT / path.parent / "__init__.py").is_file(), path.parent


def test_tests_are_no_package_because_they_would_shadow_the_rooms() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_the_house_has_the_folders_that_are_known() -> None:
    known = FOLDERS | {"dist", "build"}
    found = {path.name for path in ROOT.iterdir() if path.is_dir()}
    assert {name for name in found if not name.startswith(".") and name not in known} == set()


def test_each_folder_of_tests_is_named_after_what_it_tests() -> None:
    for path in sources("tests"):
        folder = path.parent.relative_to("tests")
        if folder.parts and folder.parts[0] not in TESTS_OF_NO_ROOM:
            assert (ROOT / folder).is_dir(), path


def test_each_test_file_of_a_room_is_named_after_a_source_file() -> None:
    """`test_host.py` and `test_gossip_hostile.py` test `host.py` and `gossip.py` beside them."""
    for path in sources("tests"):
        folder = path.parent.relative_to("tests")
        if not (path.name.startswith("test_") and folder.parts) or folder.parts[0] not in ROOMS:
            continue
        subject = path.stem.removeprefix("test_")
        known = [source.stem for source in (ROOT / folder).glob("*.py")] + [folder.name]
        known += [child.name for child in (ROOT / folder).iterdir() if child.is_dir()]
        assert any(subject == stem or subject.startswith(f"{stem}_") for stem in known), path


def test_the_scripts_can_be_run_and_check_out_as_shell() -> None:
    shells = [path for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix]
    for path in [*shells, ROOT / ".ci" / "run"]:
        assert os.access(path, os.X_OK), path
        assert subprocess.run(["bash", "-n", path], check=False).returncode == 0, path
        beside = ROOT / "scripts" / f"{path.name}.py"
        assert (
            not beside.exists()
            or f"scripts.{path.name}" in path.read_text()
            or beside.name in (path.read_text())
        ), path


# -- every call is whole -------------------------------------------------------------------------

CALLS = [call.__name__ for call in get_args(Call)]


def find_rules() -> dict[str, str]:
    """Return the name of each call's rule in `consensus/ledger/calls.py`."""
    found: dict[str, str] = {}
    for node in ast.walk(parse(Path("consensus/ledger/calls.py"))):
        match node:
            case ast.AnnAssign(target=ast.Name(id="_RULES"), value=ast.Dict(keys=keys, values=all)):
                for key, value in zip(keys, all, strict=True):
                    assert isinstance(value, ast.Call), "a line of _RULES is _bind(CALL, RULE)"
                    assert key is not None
                    name = ast.unparse(key).rpartition(".")[2]
                    found[name] = ast.unparse(value.args[1]).rpartition(".")[2]
            case _:
                pass
    return found


def find_gaps(call: str, rules: Iterable[str], verbs: Iterable[str], *texts: str) -> list[str]:
    """Return what a call lacks; `texts` are the table of the documents, and the tests."""
    word = re.compile(rf"\b{call}\b")
    documents, tests = texts
    has = {
        "a rule in consensus/ledger/calls.py": call in rules,
        "an entry in daemon/cli/tx/entries": call in verbs,
        "a row in docs/transactions.md": f"`{call}`" in documents,
        "a test that names it": word.search(tests) is not None,
    }
    return [what for what, is_there in has.items() if not is_there]


@cache
def read_tests() -> str:
    """Return every test but those of this file, which name no call in particular."""
    others = [path for path in sources("tests") if path.name.startswith("test_")]
    return "\n".join((ROOT / path).read_text() for path in others if path.name != "test_house.py")


@pytest.mark.parametrize("call", CALLS)
def test_a_call_has_its_rule_its_verb_its_row_and_its_test(call: str) -> None:
    verbs = [entry.call.__name__ for entry in ENTRIES]
    documents = (ROOT / "docs" / "transactions.md").read_text()
    assert find_gaps(call, find_rules(), verbs, documents, read_tests()) == []


@pytest.mark.parametrize(
    ("rules", "verbs", "documents", "tests", "gap"),
    [
        ((), ("Pay",), "`Pay`", "Pay(1)", "a rule"),
        (("Pay",), (), "`Pay`", "Pay(1)", "an entry"),
        (("Pay",), ("Pay",), "`Payment`", "Pay(1)", "a row"),
        (("Pay",), ("Pay",), "`Pay`", "Payment(1)", "a test"),
    ],
)
def test_the_call_rule_sees_each_gap(
    rules: tuple[str, ...], verbs: tuple[str, ...], documents: str, tests: str, gap: str
) -> None:
    (found,) = find_gaps("Pay", rules, verbs, documents, tests)
    assert found.startswith(gap)


# -- packaging ------------------------------------------------------------------------------------


def test_no_installed_distribution_owns_our_names() -> None:
    owners = packages_distributions()
    theirs = {room: set(owners.get(room, ())) - {"neurond"} for room in ROOMS}
    assert {room: names for room, names in theirs.items() if names} == {}


def test_every_dependency_is_pinned_to_a_public_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    by_name = {canonicalize_name(pin.name): pin for pin in pins}
    for requirement in map(Requirement, wanted):
        pin = by_name[canonicalize_name(requirement.name)]
        (version,) = pin.specifier
        assert version.operator == "=="
        assert "+" not in version.version, "a local version ties us to one index"
        assert requirement.specifier.contains(version.version), f"{requirement} against {pin}"
        assert pin.url is None
