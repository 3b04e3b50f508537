"""Network files: what a network is, as TOML, to a `Genesis`, and back; and the templates built in.

A network file is the whole genesis, so two nodes with the same file are of one network, and its
hash is the chain id. `genesis_hash` pins that hash: a file that was edited is refused before
anything is touched. A template (`config/networks/`) has parameters and subnets but no keys: nothing
can run on it until `neurond init` or `scripts/devnet` makes a network of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from config.errors import ConfigError, Problem
from config.lines import find_key_lines
from config.toml import parse_toml
from config.values import ValueReader, render
from consensus.errors import InvalidGenesis
from consensus.ledger.genesis import (
    LAW,
    Genesis,
    GenesisAccount,
    GenesisNeuron,
    GenesisSubnet,
    GenesisValidator,
    build_genesis,
    compute_chain_id,
    compute_first_law_id,
)
from consensus.params import Hyperparameters, Params
from consensus.quantities import (
    RAO_PER_TAO,
    U64,
    Amount,
    Hash32,
    NetUid,
    PublicKey,
    ShortText,
    TaskParams,
    TimeMs,
)
from consensus.types import ValidatorEntry

T = TypeVar("T")
Identify = Callable[[str], tuple[U64, Hash32]]
"""Tells a task's scorer by name: its version and its hash."""
PIN = "genesis_hash"
NETWORK_BYTES_MAX = 16 * 1024 * 1024
"""65,536 accounts and as many stakes fit; a file of another kind is not read to its end."""
FOUNDER_STAKE = Amount(100_000 * RAO_PER_TAO)
"""Root stake of a new network's first validator, far above what its neurons can earn soon."""
FOUNDER_BALANCE = Amount(1_000 * RAO_PER_TAO)
"""Free TAO of its coldkey, to register and stake with."""
_HEADER = """\
# A neurond network: everything its nodes must agree on. Addresses are SS58, amounts rao.
# The hash of it all is the network's id; a node whose file differs belongs to another network."""


@dataclass(frozen=True, slots=True)
class SubnetTemplate:
    """A subnet without neurons."""

    netuid: NetUid
    task: ShortText
    hyper: Hyperparameters


@dataclass(frozen=True, slots=True)
class Template:
    """A network without keys: its name, what it is for, parameters and subnets."""

    network: ShortText
    about: ShortText
    params: Params
    subnets: tuple[SubnetTemplate, ...]


@dataclass(frozen=True, slots=True)
class Founder:
    """The one validator a network made of a template starts with."""

    consensus_key: PublicKey
    beacon_tip: Hash32
    coldkey: PublicKey
    stake_hotkey: PublicKey
    """Whose root stake votes on blocks."""
    neuron_hotkey: PublicKey | None
    """Who gets uid 0 of every subnet of the template."""


def load_network(network: str) -> Genesis:
    """Return the genesis of a network file (`node.network` as settings have it).

    Raises:
        ConfigError: unreadable, mistyped, contradictory, another hash than it pins, or a template.
    """
    if network in list_templates():
        problem = Problem(
            "node.network",
            "",
            f"{network} is a template: it has no keys, so there is no such network to join.",
            f"Make one with neurond init --network {network}, or name a network file.",
        )
        raise ConfigError((problem,))
    path = Path(network)
    if not path.is_absolute():
        known = ", ".join(list_templates())
        message = f"{network} is neither a file nor one of {known}."
        problem = Problem("node.network", "", message, "Name a network file.")
        raise ConfigError((problem,))
    return parse_network(_read(path), path.name)


def parse_network(text: str, name: str) -> Genesis:
    """Return the genesis that `text` describes; `name` stands in its errors.

    Raises:
        ConfigError: with every problem.
    """
    table = dict(_parse(text, name))
    lines = find_key_lines(text)
    pinned = table.pop(PIN, None)
    genesis = _build(Genesis, table, name, lines)
    try:
        build_genesis(genesis)
    except InvalidGenesis as error:
        message = f"It contradicts itself: {error}."
        raise ConfigError((Problem(name, "", message, "Correct that part."),)) from error
    chain_id = compute_chain_id(genesis)
    if pinned == compute_first_law_id(genesis).hex():
        problem = Problem(
            f"{name}:{lines.get(PIN, 1)}",
            PIN,
            "This network was made by an earlier neurond: its chain obeys law 1, this program "
            f"knows law {LAW}.",
            "Run it with the neurond that made it, or make a new network with neurond init or "
            "scripts/devnet, in another folder.",
        )
        raise ConfigError((problem,))
    if pinned is not None and pinned != chain_id.hex():
        problem = Problem(
            f"{name}:{lines.get(PIN, 1)}",
            PIN,
            f"It says {pinned}, but the rest of the file hashes to {chain_id.hex()}.",
            "Get the file again from where the network is published; it was changed.",
        )
        raise ConfigError((problem,))
    return genesis


def render_network(genesis: Genesis) -> str:
    """Return the network file of `genesis`, its hash pinned."""
    pin = f'{PIN} = "{compute_chain_id(genesis).hex()}"'
    return "\n".join((_HEADER, pin, *render(genesis))) + "\n"


def found_network(
    template: Template, founder: Founder, time_ms: TimeMs, identify: Identify
) -> Genesis:
    """Return the genesis of a new network whose only validator is `founder`."""
    entry = ValidatorEntry(founder.consensus_key, founder.stake_hotkey, FOUNDER_STAKE)
    hotkey = founder.neuron_hotkey
    neurons = () if hotkey is None else (GenesisNeuron(hotkey, founder.coldkey),)
    return Genesis(
        network=template.network,
        params=template.params,
        time_ms=time_ms,
        accounts=(GenesisAccount(founder.coldkey, FOUNDER_BALANCE),),
        validators=(GenesisValidator(entry, founder.coldkey, founder.beacon_tip),),
        hotkeys=(),
        stakes=(),
        subnets=tuple(_found_subnet(one, neurons, identify) for one in template.subnets),
    )


def _found_subnet(
    one: SubnetTemplate, neurons: tuple[GenesisNeuron, ...], identify: Identify
) -> GenesisSubnet:
    version, scorer = identify(one.task)
    params = TaskParams(b"")
    return GenesisSubnet(one.netuid, one.task, params, (), one.hyper, neurons, version, scorer)


def list_templates() -> tuple[str, ...]:
    """Return the names of the built-in templates."""
    folder = files("config") / "networks"
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def load_template(name: str) -> Template:
    """Return a built-in template."""
    text = (files("config") / "networks" / f"{name}.toml").read_text(encoding="utf-8")
    return _build(Template, dict(_parse(text, name)), name, find_key_lines(text))


def _read(path: Path) -> str:
    remedy = "Get the network's file, or make one with neurond init or scripts/devnet."
    try:
        with path.open("rb") as stream:
            text = stream.read(NETWORK_BYTES_MAX + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        problem = Problem(str(path), "", f"It can't be read: {reason}.", remedy)
        raise ConfigError((problem,)) from error
    if len(text) > NETWORK_BYTES_MAX:
        raise ConfigError((Problem(str(path), "", "It is over 16 MiB.", remedy),))
    return text


def _parse(text: str, name: str) -> Mapping[str, object]:
    try:
        return parse_toml(text)
    except ValueError as error:
        problem = Problem(name, "", f"It is no TOML: {error}.", "Mend that line.")
        raise ConfigError((problem,)) from error


def _build(kind: type[T], table: Mapping[str, object], name: str, lines: Mapping[str, int]) -> T:
    reading = ValueReader(name, lines)
    value = reading.read(kind, table)
    if value is None or reading.problems:
        raise ConfigError(tuple(reading.problems))
    return value
