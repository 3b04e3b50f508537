"""`neurond init`: a node's folder, ready to run: keys, a commented settings file, a network."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.address import format_address
from config.schema import Value
from config.sections.keys import KeysSettings
from config.settings import Settings
from config.template import render_settings
from consensus.quantities import PublicKey
from daemon.cli.keys import choose_password, make_key
from daemon.cli.options import JSON, PASSWORD_FILE, PATH, YES, Common, verb
from daemon.cli.output import CliError, Exit, print_fields, print_json
from daemon.cli.sources import PASSWORD_VARIABLE, expand, home
from storage.keys.keystore import KeyKind, Keystore

if TYPE_CHECKING:
    from consensus.ledger.genesis import Genesis

SETTINGS_FILE = "node.toml"
NETWORK_FILE = "network.toml"
KEYS_FOLDER = "keys"
KEY_NAMES = {
    "node": "node",
    "consensus": "consensus",
    "beacon": "beacon",
    "coldkey": "coldkey",
    "hotkey": "hotkey",
    "stake": "hotkey",
}
"""Each key of a node, by name, and its kind. `stake` holds a miner's root stake, so that the hotkey
that mines has no stake and can't judge itself."""


class RoleChoice(StrEnum):
    """What the node does in a subnet, as the command line names it."""

    MINER = "miner"
    VALIDATOR = "validator"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class _Plan:
    """What was asked for."""

    folder: Path
    network: str
    role: RoleChoice
    name: str
    is_insecure: bool


@verb("init", "init --network devnet --role validator", PASSWORD_FILE, JSON, YES)
@click.option(
    "--network",
    metavar="FILE",
    required=True,
    help="A network file to join; or devnet or testnet, to start one's own network.",
)
@click.option(
    "--role",
    type=click.Choice(RoleChoice, case_sensitive=False),
    default=RoleChoice.NONE.value,
    show_default=True,
    help="What the node does.",
)
@click.option("--dir", "folder", type=PATH, help="Folder to fill; else ~/.neurond.")
@click.option("--name", default="node", show_default=True, help="What logs call this node.")
@click.option("--insecure-devnet", is_flag=True, help="Keys without a password.")
def init(
    common: Common,
    *,
    network: str,
    role: RoleChoice,
    folder: Path | None,
    name: str,
    insecure_devnet: bool,
) -> None:
    """Write a commented settings file, keys and, for a new network, its file; say what is next.

    Nothing that is there is replaced: existing keys are used, an existing node.toml is an error.
    """
    plan = _Plan(expand(folder or home()).absolute(), network, role, name, insecure_devnet)
    settings_file = plan.folder / SETTINGS_FILE
    if settings_file.exists():
        message = f"{settings_file} exists."
        raise CliError(Exit.FAILED, "exists", message, "Choose another --dir, or edit that file.")
    joined = _read_joined(plan)
    named = os.environ.get(PASSWORD_VARIABLE)
    keys = KeysSettings(
        keystore=plan.folder / KEYS_FOLDER,
        password_file=expand(Path(named)) if named else None,
        insecure_devnet=insecure_devnet,
    )
    password = choose_password(keys, common.password_file, yes=common.yes)
    addresses, beacon_seed = _make_keys(plan, password)
    genesis = joined or _found(plan, addresses, beacon_seed)
    chosen = _choose(plan, genesis, addresses, common.password_file, is_new=joined is None)
    text = render_settings(chosen)
    if joined is None:
        from config.network import render_network  # noqa: PLC0415 - the ledger, for this verb

        _write_new(plan.folder / NETWORK_FILE, render_network(genesis))
    _write_new(settings_file, text)
    _print(plan, addresses, _next_steps(plan, genesis, addresses, chosen), as_json=common.as_json)


def _read_joined(plan: _Plan) -> "Genesis | None":
    """Return the genesis of the network to join; None: a template, so a new network is made."""
    from config.network import list_templates, load_network  # noqa: PLC0415 - as above

    if plan.network in list_templates():
        return None
    return load_network(str(expand(Path(plan.network)).absolute()))


def _make_keys(plan: _Plan, password: str) -> tuple[dict[str, PublicKey], bytes]:
    """Make the keys that are missing; return all public keys, and the seed of the beacon."""
    store = Keystore(plan.folder / KEYS_FOLDER)
    there = store.names()
    found: dict[str, PublicKey] = {}
    for name, kind in KEY_NAMES.items():
        if name == "stake" and plan.role is not RoleChoice.MINER:
            continue
        info = store.info(name) if name in there else make_key(store, name, KeyKind(kind), password)
        found[name] = info.public_key
    return found, store.load("beacon", KeyKind.BEACON, password).seed


def _found(plan: _Plan, keys: Mapping[str, PublicKey], beacon_seed: bytes) -> "Genesis":
    """Return the genesis of a new network of the template, with this node as its validator."""
    from config.network import Founder, found_network, load_template  # noqa: PLC0415 - as above
    from consensus.agreement.beacon import BEACON_LENGTH, HashChain  # noqa: PLC0415
    from daemon.engine.clock import read_time_ms  # noqa: PLC0415
    from neurons.golden import identify_scorer  # noqa: PLC0415

    founder = Founder(
        consensus_key=keys["consensus"],
        beacon_tip=HashChain(beacon_seed, BEACON_LENGTH).tip,
        coldkey=keys["coldkey"],
        stake_hotkey=keys.get("stake", keys["hotkey"]),
        neuron_hotkey=None if plan.role is RoleChoice.NONE else keys["hotkey"],
    )
    return found_network(load_template(plan.network), founder, read_time_ms(), identify_scorer)


def _choose(
    plan: _Plan,
    genesis: "Genesis",
    keys: Mapping[str, PublicKey],
    password_file: Path | None,
    *,
    is_new: bool,
) -> Mapping[str, Value]:
    """Return the settings that differ from the defaults, or that an operator looks for first."""
    votes = keys["consensus"] in {one.entry.consensus_key for one in genesis.validators}
    network = NETWORK_FILE if is_new else str(expand(Path(plan.network)).absolute())
    chosen: dict[str, Value] = {
        "node.name": plan.name,
        "node.data_dir": "data",
        "node.network": network,
        "p2p.listen": Settings().p2p.listen,
        "agreement.validate": votes,
        "neuron.role": plan.role.value,
        "neuron.netuid": genesis.subnets[0].netuid if genesis.subnets else 1,
        "api.listen": Settings().api.listen,
        "keys.keystore": KEYS_FOLDER,
    }
    if password_file is not None:
        chosen["keys.password_file"] = str(expand(password_file).absolute())
    elif plan.is_insecure:
        chosen["keys.insecure_devnet"] = True
    return chosen


def _next_steps(
    plan: _Plan,
    genesis: "Genesis",
    keys: Mapping[str, PublicKey],
    chosen: Mapping[str, Value],
) -> list[str]:
    settings_file = plan.folder / SETTINGS_FILE
    steps = [f"neurond check-config --config {settings_file}"]
    if not chosen["agreement.validate"]:
        steps.append("Set p2p.bootstrap to the address of a node of the network.")
    registered = {neuron.hotkey for one in genesis.subnets for neuron in one.neurons}
    if plan.role is not RoleChoice.NONE and keys["hotkey"] not in registered:
        address = format_address(keys["hotkey"])
        steps.append(f"Have the hotkey {address} registered in the subnet: until then it idles.")
    steps.append(f"neurond run --config {settings_file}")
    steps.append(f"Back up {plan.folder / KEYS_FOLDER} and the password.")
    return steps


def _print(plan: _Plan, keys: Mapping[str, PublicKey], steps: list[str], *, as_json: bool) -> None:
    addresses = {name: format_address(key) for name, key in keys.items()}
    if as_json:
        print_json({"dir": str(plan.folder), "keys": addresses, "next": steps})
        return
    print_fields(f"Wrote {plan.folder}", addresses)
    click.echo("Next:")
    for number, step in enumerate(steps, start=1):
        click.echo(f"  {number}. {step}")


def _write_new(path: Path, text: str) -> None:
    """Write a file that must not be there yet."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        remedy = "Choose another --dir, or move that file away."
        raise CliError(Exit.FAILED, "exists", f"{path} exists.", remedy) from error
    except OSError as error:
        message = f"{path} can't be written: {error.strerror}."
        raise CliError(Exit.FAILED, "unwritable", message, "Check the folder.") from error
