"""`neurond check-config` and `neurond config show`: what is in force, and what is wrong."""

import click

from config.reader import Loaded
from config.template import format_value
from daemon.cli.groups import make_group
from daemon.cli.options import CONFIG, JSON, SET, Common, verb
from daemon.cli.output import print_json, print_table
from daemon.cli.sources import load


@verb("check-config", "check-config --config node.toml", CONFIG, SET, JSON)
def check_config(common: Common) -> None:
    """Explain every mistake in the settings at once, with its line and what is allowed.

    The network file is checked too. Nothing is written or started; exit code 2 if something is
    wrong.
    """
    from config.network import load_network  # noqa: PLC0415 - cbor2 and nacl, for this verb alone

    loaded = load(common)
    network = load_network(loaded.settings.node.network)
    chosen = sum(origin.kind != "default" for origin in loaded.origins.values())
    if common.as_json:
        print_json({"ok": True, "file": loaded.file, "network": network.network, "set": chosen})
    else:
        where = loaded.file or "no file"
        click.echo(f"ok: {where}, {chosen} settings given, network {network.network}.")


@verb("show", "config show --config node.toml", CONFIG, SET, JSON)
def show(common: Common) -> None:
    """Print every setting in force and where its value comes from."""
    loaded = load(common)
    if common.as_json:
        print_json(_plain(loaded))
        return
    rows = [
        (key, "" if value is None else format_value(value), loaded.origins[key].where)
        for key, value in loaded.values.items()
    ]
    print_table(f"Settings of {loaded.file or 'no file'}", ("setting", "value", "from"), rows)


config = make_group("config", "Look at the settings in force.")
config.add_command(show)


def _plain(loaded: Loaded) -> dict[str, object]:
    return {
        key: {"value": value, "from": origin.kind, "where": origin.where}
        for key, value in loaded.values.items()
        for origin in (loaded.origins[key],)
    }
