"""`neurond check-config` and `neurond config show`: what is in force, and what is wrong."""

import typer

from config.reader import Loaded
from config.template import format_value
from daemon.cli.output import JsonFlag, print_json, print_table
from daemon.cli.sources import ConfigOption, SetOption, load

config_app = typer.Typer(no_args_is_help=True, help="Look at the settings.")


def check_config(
    config: ConfigOption = None, settings: SetOption = None, *, as_json: JsonFlag = False
) -> None:
    """Explain every mistake in the settings at once, with its line and what is allowed.

    The network file is checked too. Nothing is written or started; exit code 2 if something is
    wrong.
    """
    from config.network import load_network  # noqa: PLC0415 - cbor2 and nacl, for this verb alone

    loaded = load(config, settings)
    network = load_network(loaded.settings.node.network)
    chosen = sum(origin.kind != "default" for origin in loaded.origins.values())
    if as_json:
        print_json({"ok": True, "file": loaded.file, "network": network.network, "set": chosen})
    else:
        where = loaded.file or "no file"
        typer.echo(f"ok: {where}, {chosen} settings given, network {network.network}.")


@config_app.command("show", epilog="Example: neurond config show --config node.toml")
def show(
    config: ConfigOption = None, settings: SetOption = None, *, as_json: JsonFlag = False
) -> None:
    """Print every setting in force and where its value comes from."""
    loaded = load(config, settings)
    if as_json:
        print_json(_plain(loaded))
        return
    rows = [
        (key, "" if value is None else format_value(value), loaded.origins[key].where)
        for key, value in loaded.values.items()
    ]
    print_table(f"Settings of {loaded.file or 'no file'}", ("setting", "value", "from"), rows)


def _plain(loaded: Loaded) -> dict[str, object]:
    return {
        key: {"value": value, "from": origin.kind, "where": origin.where}
        for key, value in loaded.values.items()
        for origin in (loaded.origins[key],)
    }
