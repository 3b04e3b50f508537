import ast
import inspect
import tomllib
from dataclasses import dataclass

import pytest

from config.address import format_address
from config.lines import find_key_lines
from config.values import ValueReader, render
from consensus.params import Hyperparameters, Params
from consensus.quantities import U16, Amount, Hash32, PublicKey, ShortText

KEY = PublicKey(bytes(range(32)))


@dataclass(frozen=True, slots=True)
class Holder:
    key: PublicKey
    amount: Amount


@dataclass(frozen=True, slots=True)
class Town:
    name: ShortText
    digest: Hash32
    params: Params
    sizes: tuple[U16, ...]
    holders: tuple[Holder, ...]
    data: bytes = b""


TOWN = Town(
    ShortText('a "b"'),
    Hash32(bytes(32)),
    Params(),
    (U16(1), U16(2)),
    (Holder(KEY, Amount(2**64 - 1)), Holder(KEY, Amount(0))),
    b"\x01\xff",
)


def read(text: str) -> tuple[Town | None, ValueReader]:
    reading = ValueReader("town.toml", find_key_lines(text))
    return reading.read(Town, tomllib.loads(text)), reading


def test_what_is_written_is_read_back():
    value, reading = read("\n".join(render(TOWN)))
    assert reading.problems == []
    assert value == TOWN


def test_defaults_may_be_left_out():
    text = "\n".join(render(TOWN))
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("block_ms"))
    assert read(kept)[0] == TOWN


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("amount = 0", "amount = -1", "holders.1.amount"),
        ("amount = 0", f"amount = {2**64}", "holders.1.amount"),
        ("amount = 0", "amount = 1.0", "holders.1.amount"),
        ("amount = 0", "amount = true", "holders.1.amount"),
        ("amount = 0", "amounts = 0", "holders.1.amounts"),
        ("amount = 0", "", "holders.1.amount"),
        (format_address(KEY), "5Grwva", "holders.0.key"),
        ("sizes = [1, 2]", "sizes = [1, 65536]", "sizes.1"),
        ("sizes = [1, 2]", "sizes = 1", "sizes"),
        ('data = "01ff"', 'data = "0"', "data"),
        (f'digest = "{"00" * 32}"', 'digest = "00"', "digest"),
        ("block_ms = 12000", "block_ms = 0", "params"),
        ("[params]", "[param]", "param"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(before: str, after: str, key: str):
    text = "\n".join(render(TOWN))
    assert before in text
    value, reading = read(text.replace(before, after, 1))
    assert value is None
    assert key in {problem.key for problem in reading.problems}
    assert all(problem.where.startswith("town.toml") for problem in reading.problems)


def test_values_that_contradict_each_other_name_the_rule():
    text = "\n".join(render(Hyperparameters())).replace("min_burn = 500000", f"min_burn = {2**60}")
    reading = ValueReader("x.toml", find_key_lines(text))
    assert reading.read(Hyperparameters, tomllib.loads(text)) is None
    assert "min_burn must be at most max_burn" in reading.problems[0].remedy


@pytest.mark.parametrize("kind", [Params, Hyperparameters])
def test_every_rule_of_the_parameters_says_in_words_what_it_asks(kind: type):
    tree = ast.parse(inspect.getsource(kind))
    asserts = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert asserts
    assert all(node.msg is not None for node in asserts)
