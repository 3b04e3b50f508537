"""`neurond status`: ask the running node how it is."""

from typing import cast

import click

from daemon.cli.client import connect
from daemon.cli.options import JSON, NODE, Common, verb
from daemon.cli.output import Exit, print_fields, print_json, print_table
from daemon.cli.tx.desk import read_int
from daemon.unit import Fields, format_amount


@verb("status", "status --json", *NODE, JSON)
def status(common: Common) -> None:
    """Show the running node at a glance: chain, peers, neuron, and what keeps it from being ready.

    Exit code 0: ready; 1: running but not ready; 3: no node answers.
    """
    client = connect(common)
    view = client.get_ok("/chain/status")
    _, readiness = client.get("/readyz")
    if common.as_json:
        print_json({**view, "readiness": readiness})
    else:
        _print(view, cast("list[Fields]", readiness.get("checks", [])))
    if not readiness.get("ready"):
        raise click.exceptions.Exit(Exit.FAILED)


def _print(view: Fields, checks: list[Fields]) -> None:
    peers = cast("list[Fields]", view.get("peers", []))
    rows: dict[str, object] = {
        "network": f"{view['network']}  (chain {str(view['chain_id'])[:16]}...)",
        "height": f"{view['height']}  (view {view['view']}, era {view['era']})",
        "head": view["head"],
        "syncing": "yes" if view["syncing"] else "no",
        "votes": "yes" if view["is_validator"] else "no, it follows",
        "peers": len(peers),
        "mempool": f"{view['mempool_transactions']} transactions",
        "peer id": view["peer_id"],
        "addresses": "\n".join(cast("list[str]", view["addresses"])),
        "reachable": view["reachable"],
        "up for": f"{cast('float', view['uptime_s']):.0f} s",
    }
    neuron = cast("Fields | None", view.get("neuron"))
    if neuron:
        rows["neuron"] = f"{neuron['role']} in subnet {neuron['netuid']}, {neuron['state']}"
        rows["hotkey"] = f"{neuron['hotkey']}  (uid {_or_none(neuron['uid'])})"
        if neuron.get("weights_age_epochs") is not None:
            rows["weights age"] = f"{neuron['weights_age_epochs']} epochs"
        if neuron.get("reason"):
            rows["no weights" if neuron["role"] == "validator" else "no model"] = neuron["reason"]
    if view.get("upgrade"):
        rows["upgrade"] = view["upgrade"]
    supply = cast("Fields | None", view.get("supply"))
    if supply:
        issued, staked = (format_amount(read_int(supply, name)) for name in ("issued", "staked"))
        rows["issued"] = f"{issued}, {staked} of it staked"
    print_fields(f"{view['name']}, neurond {view['version']}", rows)
    table = [
        (check["name"], "ok", check["detail"], "")
        if check["ok"]
        else (check["name"], "FAILS", check["detail"], check["remedy"])
        for check in checks
    ]
    print_table("Ready", ("check", "", "detail", "what to do"), table)


def _or_none(value: object) -> object:
    return "none yet" if value is None else value
