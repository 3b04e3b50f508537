"""What a verb of `neurond tx` is made of: an entry per call, a field per field of the call.

An entry says the verb's name, who signs, an example, and in words what the call does; a field says
what the command line asks for and how a value becomes of it. `daemon/cli/tx/fields.py` has a maker
for every type of field, so an entry is a few lines.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

import click

from consensus.types import Call, Transaction
from daemon.cli.tx.desk import Desk
from storage.keys.keyfile import KeyKind


class Role(Enum):
    """Whose key signs a call."""

    COLDKEY = (KeyKind.COLDKEY,)
    HOTKEY = (KeyKind.HOTKEY,)
    EITHER = (KeyKind.COLDKEY, KeyKind.HOTKEY)

    def __str__(self) -> str:
        """Return it as help texts and the documentation have it."""
        return " or ".join(self.value)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One thing that the command line asks for: an argument, or an option of the same name."""

    name: str
    help: str
    is_argument: bool = False
    is_needed: bool = False
    """Of an option: whether the verb can't do without; arguments are always needed."""
    is_optional: bool = False
    """Of an argument: whether it may be left out."""
    is_list: bool = False
    """Whether it may be given more than once (of an argument: is the rest of the line)."""
    metavar: str = "TEXT"
    """Of an option: what stands for its value in help."""

    def make_parameter(self) -> click.Parameter:
        """Return it as click reads it."""
        if self.is_argument:
            return click.Argument(
                [self.name],
                required=not self.is_optional,
                nargs=-1 if self.is_list else 1,
                help=self.help,
            )
        return click.Option(
            [f"--{self.name.replace('_', '-')}"],
            required=self.is_needed,
            multiple=self.is_list,
            metavar=self.metavar,
            help=self.help,
        )


@dataclass(slots=True)
class Given:
    """What was typed, and what became of it so far."""

    texts: Mapping[str, object]
    """By the name of what was asked: a text, a list of texts, or None."""
    values: dict[str, object] = field(default_factory=dict[str, object])
    """The fields that are read already, in the entry's order."""
    notes: dict[str, object] = field(default_factory=dict[str, object])
    """What one field leaves for another, or for what must be done before sending."""
    last_block: int | None = None
    """The last block that can include the call, if a field knows of one."""

    def text(self, name: str) -> str | None:
        """Return what was typed for `name`, or None."""
        value = self.texts.get(name)
        return value if isinstance(value, str) else None

    def needed(self, name: str) -> str:
        """Return what was typed for what must be."""
        value = self.text(name)
        assert value is not None, f"click lets nobody leave out {name}"
        return value

    def all(self, name: str) -> list[str]:
        """Return everything that was typed for what may come more than once."""
        value = self.texts.get(name)
        return [str(item) for item in value] if isinstance(value, list | tuple) else []  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


Read = Callable[[Desk, Given], object]
Show = Callable[[Desk, object], str]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a call: what is asked for it, how it is read, and how it is shown."""

    name: str
    read: Read
    show: Show
    prompts: tuple[Prompt, ...] = ()


@dataclass(frozen=True, slots=True)
class TxEntry:
    """One verb. `does` is a sentence with the names of fields in braces."""

    verb: str
    call: type
    signer: Role
    summary: str
    example: str
    does: str
    fields: tuple[Field, ...]
    keep: Callable[[Desk, Given], None] | None = None
    """Writes down what must not be lost, before the transaction is sent."""
    tell: Callable[[Transaction], Mapping[str, str]] | None = None
    """Names what the transaction brings into being."""

    def prompts(self) -> Iterator[Prompt]:
        """Yield what the command line asks for, arguments first, each once."""
        found = {prompt.name: prompt for each in self.fields for prompt in each.prompts}
        yield from sorted(found.values(), key=lambda prompt: not prompt.is_argument)

    def read(self, desk: Desk, texts: Mapping[str, object]) -> tuple[Call, Given]:
        """Return the call that was asked for, and how it came about.

        Raises:
            CliError: something typed makes no sense, or a key is missing.
        """
        given = Given(texts)
        for each in self.fields:
            given.values[each.name] = each.read(desk, given)
        return self.call(**given.values), given

    def say(self, desk: Desk, given: Given) -> str:
        """Return in words what the call does."""
        shown = {each.name: each.show(desk, given.values[each.name]) for each in self.fields}
        return self.does.format(**shown)
