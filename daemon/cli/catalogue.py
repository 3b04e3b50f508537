# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# typer carries its command classes in a private copy of click.
"""`neurond verbs`: the catalogue of all verbs, generated from the command line itself."""

from collections.abc import Callable, Iterator

import typer
from typer._click.core import Command, Parameter
from typer.core import TyperGroup

from daemon.cli.output import Exit, JsonFlag, print_json, print_table

Entry = dict[str, object]


def make_verbs(app: typer.Typer) -> Callable[..., None]:
    """Return the verb that lists the verbs of `app`."""

    def verbs(*, as_json: JsonFlag = False) -> None:
        """List every verb with its options, for people or (--json) for programs."""
        listed = list_verbs(app)
        if as_json:
            codes = {str(int(code)): code.name.lower() for code in Exit}
            print_json({"verbs": listed, "exit_codes": codes})
        else:
            rows = [(verb["verb"], verb["summary"]) for verb in listed]
            print_table("Verbs of neurond", ("verb", "what it does"), rows)

    return verbs


def list_verbs(app: typer.Typer) -> list[Entry]:
    """Return every verb of `app`: name, summary, help, example and parameters."""
    return list(_walk(typer.main.get_command(app), ""))


def _walk(command: Command, path: str) -> Iterator[Entry]:
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            yield from _walk(inner, f"{path} {name}".strip())
        return
    text = command.help or ""
    yield {
        "verb": path,
        "summary": text.partition("\n")[0],
        "help": text,
        "example": (command.epilog or "").removeprefix("Example: "),
        "parameters": [_parameter(item) for item in command.params],
    }


def _parameter(item: Parameter) -> Entry:
    default: object = item.default
    kind: object = getattr(item, "type", None)
    return {
        "name": item.name,
        "kind": item.param_type_name,
        "flags": [*item.opts, *item.secondary_opts],
        "type": str(getattr(kind, "name", "")),
        "choices": [str(choice) for choice in getattr(kind, "choices", ())],
        "required": item.required,
        "repeatable": item.multiple,
        "default": default if isinstance(default, str | int | float | bool) else None,
        "help": getattr(item, "help", "") or "",
    }
