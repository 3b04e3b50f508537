"""`neurond run`: settings, network and password to a running node."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from config.settings import Settings
from daemon.cli.options import CONFIG, JSON, SET, Common, verb
from daemon.cli.sources import load, read_password

SWITCH_S = 0.0005
"""How long a busy event loop keeps the interpreter from a thread that wants it. LMDB's binding
gives it up at every call, so writing one vote beside a full loop took 23 ms with Python's 5 ms, and
takes 0.8 ms with this."""


@verb("run", "run --config node.toml", CONFIG, SET, JSON)
def run(common: Common) -> None:
    """Run the node until SIGTERM or SIGINT. SIGHUP reads the log level and the API keys anew.

    --json makes the log one JSON object per line.
    """
    from config.network import load_network  # noqa: PLC0415 - nothing else of the CLI needs these
    from daemon.telemetry import configure_logging  # noqa: PLC0415

    if common.as_json:
        common = replace(common, settings=(*common.settings, "node.log_format=json"))
    loaded = load(common)
    genesis = load_network(loaded.settings.node.network)
    password = read_password(loaded.settings.keys)
    node = loaded.settings.node
    configure_logging(node.log_level, node.log_format)

    import trio  # noqa: PLC0415

    from daemon.node import run_node  # noqa: PLC0415 - libp2p takes a second

    sys.setswitchinterval(SWITCH_S)
    trio.run(partial(run_node, loaded.settings, genesis, password, _reloader(common)))


def _reloader(common: Common) -> Callable[[], Settings]:
    """Return what reads the settings again (SIGHUP); it raises ConfigError and changes nothing."""
    return lambda: load(common).settings
