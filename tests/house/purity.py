"""What keeps consensus exact and ordered: no float, no true division, no set read in its order."""

import ast
import re
from collections.abc import Iterator


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
