"""`neurond verbs`: the catalogue of all verbs, generated from the command line itself."""

from collections.abc import Iterator

import click

from daemon.cli.groups import LaterVerb
from daemon.cli.options import JSON, Common, verb
from daemon.cli.output import Exit, print_json, print_table


@verb("verbs", "verbs --json", JSON)
@click.pass_context
def verbs(ctx: click.Context, common: Common) -> None:
    """List every verb with its options, for people or (--json) for programs."""
    listed = list_verbs(ctx.find_root().command)
    if common.as_json:
        codes = {str(int(code)): code.name.lower() for code in Exit}
        print_json({"verbs": listed, "exit_codes": codes})
    else:
        rows = [(each["verb"], each["summary"]) for each in listed]
        print_table("Verbs of neurond", ("verb", "what it does"), rows)


def list_verbs(root: click.Command) -> list[dict[str, object]]:
    """Return every verb under `root`: name, summary, help, example and parameters."""
    return list(_walk(root, ""))


def _walk(command: click.Command, path: str) -> Iterator[dict[str, object]]:
    if isinstance(command, LaterVerb):
        command = command.load()
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _walk(inner, f"{path} {name}".strip())
        return
    text = command.help or ""
    yield {
        "verb": path,
        "summary": text.partition("\n")[0],
        "help": text,
        "example": (command.epilog or "").removeprefix("Example: "),
        "parameters": [_describe(item) for item in command.params],
    }


def _describe(item: click.Parameter) -> dict[str, object]:
    default: object = item.default
    return {
        "name": item.name,
        "kind": item.param_type_name,
        "flags": [*item.opts, *item.secondary_opts],
        "type": item.type.name,
        "choices": [str(choice) for choice in getattr(item.type, "choices", ())],
        "required": item.required,
        "repeatable": item.multiple or item.nargs < 0,
        "default": default if isinstance(default, str | int | float | bool) else None,
        "help": item.help or "",
    }
