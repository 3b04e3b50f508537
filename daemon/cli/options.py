"""What many verbs take alike: their common options, handed to a verb as one value.

A verb is a function under `@verb(name, example, *options)`: click reads the line, and the function
gets a `Common` and its own parameters by name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

PATH = click.Path(path_type=Path)
"""The type of an option or argument that names a file or folder."""


@dataclass(frozen=True, slots=True)
class Common:
    """What was chosen of the common options; one that a verb does not have keeps its default."""

    config: Path | None = None
    settings: tuple[str, ...] = ()
    network: str | None = None
    api: str | None = None
    keystore: Path | None = None
    password_file: Path | None = None
    signer: str | None = None
    tip: str | None = None
    valid_for: int = 64
    """Blocks."""
    dry_run: bool = False
    wait: bool = True
    height: int | None = None
    proof: bool = False
    as_json: bool = False
    yes: bool = False


class CommonOption(click.Option):
    """An option whose value is a field of `Common`; help lists it after a verb's own."""


class Verb(click.Command):
    """A command whose function takes the common options as one `Common`."""

    def get_short_help_str(self, limit: int = 0) -> str:
        """Return the first line of the help, whole."""
        _ = limit
        return (self.help or "").partition("\n")[0]

    def invoke(self, ctx: click.Context) -> object:
        """Call the function with a `Common` and the verb's own parameters."""
        names = [each.name for each in self.params if isinstance(each, CommonOption)]
        ctx.params["common"] = Common(**{name: ctx.params.pop(name) for name in names})
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verb's own options, then those that others have too."""
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
        own = [each for each in self.params if each in options and type(each) is click.Option]
        common = [each for each in options if each not in own]
        for heading, options in (("Options", own), ("Common options", common)):
            rows = [row for each in options if (row := each.get_help_record(ctx)) is not None]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example on one line, however long, so that it can be copied."""
        _ = ctx
        formatter.write(f"\n{self.epilog}\n")


def verb(
    name: str, example: str, *common: CommonOption
) -> Callable[[Callable[..., None]], click.Command]:
    """Return what makes a verb of a function that takes `common` and the parameters under it."""
    epilog = f"Example: neurond {example}"
    return click.command(name, cls=Verb, params=list(common), epilog=epilog)


CONFIG = CommonOption(
    ["--config", "-c"],
    type=PATH,
    help="Settings file; else NEUROND_CONFIG, else ~/.neurond/node.toml if there.",
)
SET = CommonOption(
    ["--set", "settings"],
    multiple=True,
    metavar="KEY=VALUE",
    help="One setting, over file and environment: --set node.log_level=debug. Repeatable.",
)
NETWORK = CommonOption(
    ["--network"],
    metavar="FILE",
    help="Network file the node must be of; else node.network of the settings, if it is set.",
)
API = CommonOption(["--api"], metavar="URL", help="The node's HTTP door; else api.listen.")
KEYSTORE = CommonOption(
    ["--keystore"],
    type=PATH,
    help="Folder of keys; else keys.keystore of the settings, else ~/.neurond/keys.",
)
PASSWORD_FILE = CommonOption(
    ["--password-file"],
    type=PATH,
    help="File whose first line is the password; else keys.password_file, else a prompt.",
)
SIGNER = CommonOption(
    ["--signer", "--wallet", "-w"],
    metavar="KEY",
    help="Who signs: a local key's name or address; else the configured or only one.",
)
TIP = CommonOption(["--tip"], metavar="TAO", help="For the proposer, on top of the fee; else 0.")
VALID_FOR = CommonOption(
    ["--valid-for"],
    type=click.IntRange(1, 1_024),
    metavar="BLOCKS",
    default=Common().valid_for,
    show_default=True,
    help="For how many blocks it may wait to be included.",
)
DRY_RUN = CommonOption(
    ["--dry-run"], is_flag=True, help="Send nothing: show fee, outcome and effect."
)
WAIT = CommonOption(
    ["--wait/--no-wait"],
    default=Common().wait,
    show_default=True,
    help="Wait until it is final, and say what became of it.",
)
HEIGHT = CommonOption(
    ["--height"],
    type=click.IntRange(min=0),
    metavar="BLOCK",
    help="As of that final block; else the newest.",
)
PROOF = CommonOption(
    ["--proof"],
    is_flag=True,
    help="Believe nothing but the genesis of --network: check the node's proof.",
)
JSON = CommonOption(["--json", "as_json"], is_flag=True, help="Print one JSON document.")
YES = CommonOption(["--yes", "-y"], is_flag=True, help="Say yes to every question.")

NODE = (CONFIG, SET, API)
"""What finds a node."""
KEYS = (CONFIG, SET, KEYSTORE)
"""What finds local keys."""
SECRETS = (*KEYS, PASSWORD_FILE, JSON, YES)
"""What opens, makes or changes them."""
SIGNING = (CONFIG, SET, NETWORK, API, KEYSTORE, PASSWORD_FILE)
"""What finds a node and opens a key that signs for its network."""
