"""Where a verb finds its settings: --config, else NEUROND_CONFIG, else ~/.neurond/node.toml."""

import os
import sys
from pathlib import Path

import click

from config.reader import Loaded, load_settings
from config.sections.keys import KeysSettings
from daemon.cli.options import Common
from daemon.cli.output import CliError, Exit

HOME_VARIABLE = "NEUROND_CONFIG"
PASSWORD_VARIABLE = "NEUROND_PASSWORD_FILE"  # noqa: S105 - the name of a file's variable


def home() -> Path:
    """Return the folder `neurond init` fills unless told otherwise."""
    return Path.home() / ".neurond"


def expand(path: Path) -> Path:
    """Return `path` with a leading `~` or `~user` replaced by the home it stands for.

    Raises:
        BadParameter: there is no such user.
    """
    try:
        return path.expanduser()
    except RuntimeError:
        raise click.BadParameter(f"{path}: there is no home of that name.") from None


def load(common: Common) -> Loaded:
    """Return the settings in force.

    Raises:
        ConfigError: with every problem.
        CliError: a --set without `=`.
    """
    flags: dict[str, str] = {}
    for item in common.settings:
        key, equals, value = item.partition("=")
        if not equals:
            message = f"--set {item!r} has no '='."
            raise CliError(Exit.USAGE, "usage", message, "Write --set p2p.max_peers=20.")
        flags[key.strip()] = value
    return load_settings(find_file(common.config), os.environ, flags, Path.cwd())


def find_file(config: Path | None) -> Path | None:
    """Return the settings file; None: there is none, and defaults and environment decide."""
    if config is not None:
        return config
    named = os.environ.get(HOME_VARIABLE)
    if named:
        return expand(Path(named))
    usual = home() / "node.toml"
    return usual if usual.is_file() else None


def read_password(keys: KeysSettings) -> str:
    """Return what opens the keystore: the password file's first line, or what is typed.

    Empty for a keystore that is `insecure_devnet` and has no password file.

    Raises:
        CliError: there is no file and no terminal.
    """
    if keys.password_file is not None:
        return read_password_file(keys.password_file)
    if keys.insecure_devnet:
        return ""
    if not sys.stdin.isatty():
        raise CliError(
            Exit.KEY,
            "no_password",
            "The keys need a password, and there is no terminal to ask for it.",
            "Set keys.password_file or NEUROND_PASSWORD_FILE; on a throw-away network, "
            "keys.insecure_devnet = true.",
        )
    return str(click.prompt("Password of the keys", hide_input=True, err=True))


def read_password_file(file: Path) -> str:
    """Return the first line of `file`.

    Raises:
        CliError: it can't be read, or its first line is empty.
    """
    try:
        with file.open(encoding="utf-8") as stream:
            password = stream.readline(4096).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        message = f"The password file {file} can't be read: {error}."
        raise CliError(Exit.KEY, "no_password", message, "Check its path and owner.") from error
    if not password:
        message = f"The first line of {file} is empty."
        raise CliError(Exit.KEY, "no_password", message, "Write the password on it.")
    return password
