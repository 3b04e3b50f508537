"""The options that every verb of `neurond tx` has."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.keys import KeystoreOption, PasswordFileOption
from daemon.cli.output import JsonFlag, YesFlag
from daemon.cli.sources import ConfigOption, SetOption
from daemon.cli.status import ApiOption

NetworkOption = Annotated[
    str | None,
    typer.Option(
        "--network",
        help="Network file the node must be of; else node.network of the settings, if it is set.",
        show_default=False,
    ),
]
SignerOption = Annotated[
    str | None,
    typer.Option(
        "--signer",
        "--wallet",
        "-w",
        help="Who signs: a local key's name or address; else the configured or only one.",
        show_default=False,
    ),
]
TipOption = Annotated[
    str | None,
    typer.Option(help="TAO for the proposer, on top of the fee. Else 0.", show_default=False),
]
ValidForOption = Annotated[
    int, typer.Option(help="For how many blocks it may wait to be included.", min=1, max=1_024)
]
DryRunFlag = Annotated[
    bool, typer.Option("--dry-run", help="Send nothing: show fee, outcome and effect.")
]
WaitFlag = Annotated[
    bool,
    typer.Option("--wait/--no-wait", help="Wait until it is final, and say what became of it."),
]
COMMON: Mapping[str, tuple[object, object]] = {
    "signer": (SignerOption, None),
    "tip": (TipOption, None),
    "valid_for": (ValidForOption, 64),
    "dry_run": (DryRunFlag, False),
    "wait": (WaitFlag, True),
    "config": (ConfigOption, None),
    "settings": (SetOption, None),
    "network": (NetworkOption, None),
    "api": (ApiOption, None),
    "keystore": (KeystoreOption, None),
    "password_file": (PasswordFileOption, None),
    "as_json": (JsonFlag, False),
    "yes": (YesFlag, False),
}
"""Name, type and default of each."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was chosen of them."""

    signer: str | None
    tip: str | None
    valid_for: int
    dry_run: bool
    wait: bool
    config: Path | None
    settings: list[str] | None
    network: str | None
    api: str | None
    keystore: Path | None
    password_file: Path | None
    as_json: bool
    yes: bool


def read_options(given: Mapping[str, object]) -> Options:
    """Return what was chosen, from a verb's parameters by name."""
    chosen = {name: given[name] for name in COMMON}
    return Options(**chosen)  # pyright: ignore[reportArgumentType]  # typer checked each
