"""What a verb of `neurond query` is made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from config.address import format_address
from consensus.quantities import PublicKey
from daemon.cli.client import NodeClient
from daemon.cli.keys import find_key, resolve_address
from daemon.cli.query.sheet import Fields
from daemon.cli.tx.desk import choose_name
from daemon.cli.tx.entry import Prompt
from storage.keys.keyfile import KeyKind

if TYPE_CHECKING:
    from config.sections.keys import KeysSettings
    from config.settings import Settings
    from daemon.http.view import Question, StateAnswer


@dataclass(frozen=True, slots=True)
class Seeker:
    """Who asks: the node, the keys that names stand for, and what was typed."""

    client: NodeClient
    keys: "KeysSettings"
    settings: "Settings"
    typed: Mapping[str, object]
    _found: dict[str, PublicKey] = field(default_factory=dict[str, PublicKey])

    def text(self, name: str, default: str = "") -> str:
        """Return what was typed."""
        value = self.typed.get(name)
        return value if isinstance(value, str) else default

    def key(self, name: str, kind: KeyKind = KeyKind.COLDKEY) -> PublicKey:
        """Return the key that was named; else the configured one of `kind`.

        Raises:
            CliError, AddressError: it stands for nobody.
        """
        if name not in self._found:
            text, folder = self.text(name), Path(self.keys.keystore)
            if text:
                self._found[name] = resolve_address(text, folder)
            else:
                usual = choose_name(None, self.settings, self.keys, kind)
                self._found[name] = find_key(usual, folder, kind).public_key
        return self._found[name]

    def address(self, name: str, kind: KeyKind = KeyKind.COLDKEY) -> str:
        """Return the address of it."""
        return format_address(self.key(name, kind))


class Shown(Protocol):
    """What prints an answer for people: a `Sheet`, or something that needs more."""

    def print(self, answer: Fields) -> None:
        """Print it."""
        ...


@dataclass(frozen=True, slots=True)
class Query:
    """One question: what is asked for, where it is answered, and how the answer is shown.

    `question` makes what can be proven; None: the answer is not part of the state.
    """

    verb: str
    summary: str
    example: str
    prompts: tuple[Prompt, ...]
    path: Callable[[Seeker], str]
    sheet: Shown
    question: "Callable[[Seeker], Question[StateAnswer]] | None" = None
