"""Groups of verbs: in the order they were written down, and imported when they are called.

`neurond --help` names every verb and needs none; a hundred verbs with their options would cost it
a second.
"""

from collections.abc import Mapping
from importlib import import_module

import click


class LaterVerb(click.Command):
    """A verb or group that is known by its place, `module:attribute`, and by what it is for."""

    def __init__(self, name: str, place: str, about: str) -> None:
        super().__init__(name, short_help=about)
        self.place = place

    def load(self) -> click.Command:
        """Import the verb itself."""
        module, _, attribute = self.place.partition(":")
        found: object = getattr(import_module(module), attribute)
        assert isinstance(found, click.Command), f"{self.place} is no command"
        return found


class VerbGroup(click.Group):
    """A group that keeps its order and loads a verb when it is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the verbs in the order of the table."""
        _ = ctx
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb that is named, loaded, and the rest of the line."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, LaterVerb) else command, rest

    def add_table(self, table: Mapping[str, tuple[str, str]]) -> None:
        """Add verbs by name: the place of each, and what it is for in a few words."""
        for name, (place, about) in table.items():
            self.add_command(LaterVerb(name, place, about))


def make_group(
    name: str, about: str, table: Mapping[str, tuple[str, str]] | None = None
) -> VerbGroup:
    """Return a group of the verbs of `table`; called alone, it shows its help."""
    group = VerbGroup(name, help=about, no_args_is_help=True)
    group.add_table(table or {})
    return group
