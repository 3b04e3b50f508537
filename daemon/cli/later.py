# pyright: reportPrivateUsage=false
# typer carries its command classes in a private copy of click.
"""A group of verbs that is put together when somebody looks into it.

`neurond --help` names the group and needs no more; a hundred verbs with their options would cost
it a tenth of a second.
"""

from collections.abc import Callable, MutableMapping
from typing import cast

import typer
from typer._click.core import Command
from typer.core import TyperGroup


def make_later(load: Callable[[], typer.Typer]) -> type[TyperGroup]:
    """Return a class of groups whose verbs are those of the Typer that `load` returns."""
    found: list[MutableMapping[str, Command]] = []

    def get(_group: TyperGroup) -> MutableMapping[str, Command]:
        if not found:
            whole = typer.main.get_command(load())
            found.append(cast("TyperGroup", whole).commands)  # of more than one verb: a group
        return found[0]

    def ignore(_group: TyperGroup, _commands: MutableMapping[str, Command]) -> None:
        """Drop the verbs a group is made with: it has none yet."""

    return type("LaterGroup", (TyperGroup,), {"commands": property(get, ignore)})
