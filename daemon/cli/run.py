"""`neurond run`: settings, network and password to a running node."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from config.settings import Settings
from daemon.cli.output import JsonFlag
from daemon.cli.sources import ConfigOption, SetOption, load, read_password

SWITCH_S = 0.0005
"""How long a busy event loop keeps the interpreter from a thread that wants it. LMDB's binding
gives it up at every call, so writing one vote beside a full loop took 23 ms with Python's 5 ms, and
takes 0.8 ms with this."""


def run(
    config: ConfigOption = None, settings: SetOption = None, *, as_json: JsonFlag = False
) -> None:
    """Run the node until SIGTERM or SIGINT. SIGHUP reads the log level and the API keys anew.

    --json makes the log one JSON object per line.
    """
    from config.network import load_network  # noqa: PLC0415 - nothing else of the CLI needs these
    from daemon.telemetry import configure_logging  # noqa: PLC0415

    asked = [*(settings or ()), *(["node.log_format=json"] if as_json else ())]
    loaded = load(config, asked)
    genesis = load_network(loaded.settings.node.network)
    password = read_password(loaded.settings.keys)
    node = loaded.settings.node
    configure_logging(node.log_level, node.log_format)

    import trio  # noqa: PLC0415

    from daemon.node import run_node  # noqa: PLC0415 - libp2p takes a second

    sys.setswitchinterval(SWITCH_S)
    trio.run(partial(run_node, loaded.settings, genesis, password, _reloader(config, asked)))


def _reloader(config: Path | None, asked: list[str]) -> Callable[[], Settings]:
    """Return what reads the settings again (SIGHUP); it raises ConfigError and changes nothing."""
    return lambda: load(config, asked).settings
