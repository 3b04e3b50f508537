"""What a devnet is made of, as values: who runs what, with which keys, on which ports.

Everything follows from `Options`, the ports and the genesis time; nothing here touches disk or
processes. Node `i` has five keys of its own (node, consensus, beacon, hotkey, coldkey) and, if it
mines, a sixth: the stake it votes with lies on a `stake` hotkey, so that its mining hotkey has none
and can't judge itself. All keys derive from the seed: a devnet's keys are no secret.

The miners' skills differ on purpose, and only this file (and the verdict at the end) knows which
miner got which: validators see peer ids and answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import base58

from config.network import load_template
from config.template import format_value
from consensus import crypto
from consensus.params import Hyperparameters, Params
from consensus.quantities import RAO_PER_TAO, U16, U32, Amount, PublicKey
from scripts.tools.devnet.markets import get_market, get_usual_task

ROOT_STAKE = Amount(100_000 * RAO_PER_TAO)
"""Root stake of each agreement validator: equal, so that any three of four are a quorum, and far
above what a devnet can emit, so that no miner earns its way into the validators' median."""
FREE_BALANCE = Amount(1_000 * RAO_PER_TAO)
FAUCET_BALANCE = Amount(100_000 * RAO_PER_TAO)
"""What the faucet can give away."""
REWARD_PER_12S = RAO_PER_TAO
"""The chain's rate of issue: 1 TAO per 12 s of block time, however short the blocks."""
SUBNETS_MAX = 8
TEMPO_STEP = 4
"""Each further subnet's epochs are this many blocks longer, so that they do not step together."""
NODES_MAX = 32
"""One machine carries no more: each node is a process, each neuron another."""

Role = Literal["miner", "validator", "none"]


class PlanError(Exception):
    """Options from which no network can be made; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for; together with a genesis time it decides the whole network."""

    nodes: int = 4
    validators: int = 2
    miners: int = 2
    seed: int = 7
    block_ms: int = 1_000
    tempo: int = 20
    subnets: int = 1
    task: str = ""
    """The task of subnet 1; empty: the usual one."""

    def check(self) -> None:
        """Raise PlanError where the options contradict each other."""
        if not 1 <= self.nodes <= NODES_MAX:
            raise PlanError(f"--nodes is {self.nodes}; it may be 1 to {NODES_MAX}.")
        if self.validators < 0 or self.miners < 0:
            raise PlanError("--validators and --miners can't be negative.")
        if not 1 <= self.subnets <= SUBNETS_MAX:
            raise PlanError(f"--subnets is {self.subnets}; it may be 1 to {SUBNETS_MAX}.")
        if self.subnets > 1 and min(self.validators, self.miners) < self.subnets:
            raise PlanError(
                f"{self.subnets} subnets need a validator and a miner each: "
                f"--validators {self.validators} and --miners {self.miners} are too few."
            )
        if self.validators + self.miners > self.nodes:
            raise PlanError(
                f"{self.validators} validators and {self.miners} miners need "
                f"{self.validators + self.miners} nodes; raise --nodes from {self.nodes}."
            )
        if not 4 <= self.tempo <= 50_400:  # noqa: PLR2004 - room for one reveal block; the law's cap
            raise PlanError(f"--tempo is {self.tempo}; it may be 4 to 50400 blocks.")
        if not 50 <= self.block_ms <= 60_000:  # noqa: PLR2004 - what loopback and patience allow
            raise PlanError(f"--block-ms is {self.block_ms}; it may be 50 to 60000.")


@dataclass(frozen=True, slots=True)
class NodePlan:
    """One daemon: its place, its ports, what it does in the subnet."""

    index: int
    name: str
    role: Role
    skill: int | None
    """Place in its market's skills, for a miner: 0 is the best."""
    netuid: int
    """The subnet of its neuron."""
    task: str
    """What that subnet trades."""
    p2p_port: int
    api_port: int

    @property
    def api(self) -> str:
        """The base address of its HTTP door."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def model(self) -> str:
        """What its miner runs, in words; empty for others."""
        return "" if self.skill is None else get_market(self.task).skills[self.skill][0]


def plan_nodes(options: Options, ports: tuple[int, ...]) -> tuple[NodePlan, ...]:
    """Return the daemons of a devnet, validators first; `ports` are two per node.

    Which miner gets the better model is drawn by the seed, so that no uid or name tells it. The
    last validators serve one further subnet each, and so do the last miners, or two of them each
    where there are enough.
    """
    options.check()
    assert len(ports) == 2 * options.nodes
    return tuple(
        NodePlan(
            index,
            f"node-{index}",
            role,
            skill,
            netuid,
            get_task(options, netuid),
            *ports[2 * index : 2 * index + 2],
        )
        for index, (role, netuid, skill) in enumerate(_plan_seats(options))
    )


def get_task(options: Options, netuid: int) -> str:
    """Return the name of the task of a subnet."""
    return options.task if options.task and netuid == 1 else get_usual_task(netuid)


def _plan_seats(options: Options) -> Iterator[tuple[Role, int, int | None]]:
    """Yield each node's role, subnet and skill."""
    further = range(2, options.subnets + 1)
    pair = 2 if options.miners >= 2 * options.subnets else 1
    first = options.miners - pair * len(further)
    for _ in range(options.validators - len(further)):
        yield "validator", 1, None
    for netuid in further:
        yield "validator", netuid, None
    for place in sorted(range(first), key=lambda place: derive(options.seed, place, "skill")):
        yield "miner", 1, min(place, len(get_market(get_task(options, 1)).skills) - 1)
    for netuid in further:
        for skill in get_market(get_task(options, netuid)).further[:pair]:
            yield "miner", netuid, skill
    for _ in range(options.nodes - options.validators - options.miners):
        yield "none", 1, None


# -- keys ---------------------------------------------------------------------------------------


def derive(seed: int, index: int, purpose: str) -> bytes:
    """Return 32 bytes that depend on all three arguments and nothing else."""
    return blake2b(f"{seed}/{index}/{purpose}".encode(), digest_size=32, person=b"devnet").digest()


def key_names(node: NodePlan) -> tuple[str, ...]:
    """Return the names of the keys in a node's keystore."""
    names = ["node", "consensus", "beacon", "coldkey", "hotkey"]
    names += ["stake"] if node.role == "miner" else []
    names += ["faucet"] if node.index == 0 else []
    return tuple(names)


def key_seed(options: Options, node: NodePlan, name: str) -> bytes:
    """Return the 32-byte seed of one of a node's keys."""
    return derive(options.seed, node.index, name)


def public_key(options: Options, node: NodePlan, name: str) -> PublicKey:
    """Return the public half of one of a node's keys."""
    return crypto.compute_public_key(key_seed(options, node, name))


def stake_hotkey(options: Options, node: NodePlan) -> PublicKey:
    """Return the hotkey a node's root stake lies on: its neuron's, unless it mines."""
    return public_key(options, node, "stake" if node.role == "miner" else "hotkey")


def peer_address(options: Options, node: NodePlan) -> str:
    """Return the multiaddr others dial, with the peer id that the node key makes."""
    peer_id = base58.b58encode(crypto.compute_peer_id(public_key(options, node, "node"))).decode()
    return f"/ip4/127.0.0.1/tcp/{node.p2p_port}/p2p/{peer_id}"


# -- the chain's constants --------------------------------------------------------------------


def plan_params(options: Options) -> Params:
    """Return the devnet template's constants at the speed that was asked for."""
    return replace(
        load_template("devnet").params,
        block_ms=U32(options.block_ms),
        block_reward=Amount(REWARD_PER_12S * options.block_ms // 12_000),
        commit_interval_blocks=U32(max(1, options.tempo // 4)),
        new_subnet=plan_hyperparameters(options),
    )


def get_tempo(options: Options, netuid: int) -> int:
    """Return the blocks per epoch of a subnet."""
    return options.tempo + TEMPO_STEP * (netuid - 1)


def plan_hyperparameters(options: Options, netuid: int = 1) -> Hyperparameters:
    """Return the template's subnet at the tempo asked for, with a permit for each validator.

    Further subnets differ in their rules: quicker bonds, and every other one has liquid alpha.
    """
    tempo = get_tempo(options, netuid)
    return replace(
        load_template("devnet").subnets[0].hyper,
        tempo=U16(tempo),
        reveal_blocks=U16(tempo // 4),
        max_validators=U16(max(1, options.validators)),
        immunity_blocks=U32(4 * tempo),
        bonds_moving_average=U32(900_000 // netuid),
        liquid_alpha=netuid % 2 == 0,
    )


def plan_pool(netuid: int) -> tuple[Amount, Amount]:
    """Return the TAO and the alpha that a subnet's pool starts with: prices 1, 1/2, 1/3 ..."""
    return Amount(1_000 * RAO_PER_TAO), Amount(1_000 * netuid * RAO_PER_TAO)


def plan_alpha_stake(node: NodePlan) -> Amount:
    """Return the alpha that a validator of a further subnet holds from the start."""
    is_staked = node.role == "validator" and node.netuid > 1
    return Amount(100 * node.netuid * RAO_PER_TAO if is_staked else 0)


def first_reward_height(options: Options, epochs: int, netuid: int = 1) -> int:
    """Return the height at which the first `epochs` epochs of a subnet have been paid."""
    tempo = get_tempo(options, netuid)
    return epochs * tempo + tempo // 4


def count_paid_epochs(options: Options, height: int, netuid: int) -> int:
    """Return how many epochs of a subnet are paid at `height`."""
    tempo = get_tempo(options, netuid)
    return max(0, (height - tempo // 4) // tempo)


# -- a node's configuration ---------------------------------------------------------------------


def render_config(options: Options, nodes: tuple[NodePlan, ...], node: NodePlan) -> str:
    """Return the TOML of one daemon; paths are relative to the file's folder."""
    others = [peer_address(options, other) for other in nodes if other != node]
    lines = [
        f"# {node.name} of a local devnet, written by scripts/devnet.",
        "[node]",
        f'name = "{node.name}"',
        'data_dir = "data"',
        'network = "../network.toml"',
        'log_format = "console"',
        "shutdown_grace_s = 3.0",
        "",
        "[p2p]",
        f'listen = ["/ip4/127.0.0.1/tcp/{node.p2p_port}"]',
        f"bootstrap = {_toml_list(others)}",
        "mdns = false  # other devnets on this machine are none of our business",
        "",
        "[agreement]",
        "validate = true",
        "",
        "[api]",
        f'listen = "127.0.0.1:{node.api_port}"',
        "",
        "[keys]",
        'keystore = "keys"',
        "insecure_devnet = true",
        "",
        "[neuron]",
        f'role = "{node.role}"',
        f"netuid = {node.netuid}",
    ]
    if node.index == 0:
        lines += ["", "[faucet]", "enabled = true", "interval_s = 5.0"]
    if node.role == "validator":
        lines += ["", "[neuron.validator]", "round_interval_ms = 2000"]
    if node.skill is not None:
        market = get_market(node.task)
        chosen = dict(market.skills[node.skill][1])
        chosen |= {"seed": node.index} if market.is_seeded else {}
        lines += ["", "[neuron.options]"]
        lines += [f"{name} = {format_value(value)}" for name, value in chosen.items()]
    return "\n".join(lines) + "\n"


def _toml_list(texts: list[str]) -> str:
    return "[" + ", ".join(f'"{text}"' for text in texts) + "]"


def node_folder(data: Path, node: NodePlan) -> Path:
    """Return where a node's configuration, keys, log and data lie."""
    return data / node.name
