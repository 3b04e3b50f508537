"""What a devnet's chain starts from, and the files that say so: network, configurations, keys."""

import time
from pathlib import Path

from config.network import render_network
from consensus import crypto
from consensus.agreement.beacon import BEACON_LENGTH, HashChain
from consensus.ledger.genesis import (
    Genesis,
    GenesisAccount,
    GenesisHotkey,
    GenesisNeuron,
    GenesisStake,
    GenesisSubnet,
    GenesisValidator,
)
from consensus.quantities import U64, Hash32, NetUid, PublicKey, ShortText, TimeMs
from consensus.types import ValidatorEntry
from neurons.errors import BrokenTask
from neurons.golden import identify_scorer
from scripts.tools.devnet.folder import State
from scripts.tools.devnet.markets import plan_task_params
from scripts.tools.devnet.plan import (
    FAUCET_BALANCE,
    FREE_BALANCE,
    ROOT_STAKE,
    NodePlan,
    Options,
    PlanError,
    derive,
    get_task,
    get_tempo,
    key_names,
    key_seed,
    node_folder,
    plan_alpha_stake,
    plan_hyperparameters,
    plan_params,
    plan_pool,
    public_key,
    render_config,
    stake_hotkey,
)
from storage.keys.keystore import KeyKind, Keystore

KINDS = {
    "node": KeyKind.NODE,
    "consensus": KeyKind.CONSENSUS,
    "beacon": KeyKind.BEACON,
    "coldkey": KeyKind.COLDKEY,
    "faucet": KeyKind.COLDKEY,
}
"""What each of a node's keys is for; those not named are hotkeys."""


def read_now_ms() -> TimeMs:
    """Return the wall time in milliseconds: when a new devnet's chain begins."""
    return TimeMs(time.time_ns() // 1_000_000)


def build_genesis(options: Options, nodes: tuple[NodePlan, ...], time_ms: TimeMs) -> Genesis:
    """Return the genesis: every node votes with equal stake, every neuron has its uid.

    Raises:
        PlanError: the task that was asked for is not installed here, or fails.
    """
    params = plan_params(options)
    netuids = range(1, options.subnets + 1)
    owner_coldkey = crypto.compute_public_key(derive(options.seed, 0, "owner-coldkey"))
    faucet = crypto.compute_public_key(derive(options.seed, 0, "faucet"))
    return Genesis(
        network=ShortText(f"devnet-{options.seed}"),
        params=params,
        time_ms=time_ms,
        accounts=(
            GenesisAccount(faucet, FAUCET_BALANCE),
            *[GenesisAccount(public_key(options, node, "coldkey"), FREE_BALANCE) for node in nodes],
        ),
        validators=tuple(_validator(options, node) for node in nodes),
        hotkeys=tuple(
            GenesisHotkey(_owner(options, netuid), owner_coldkey, params.take_max)
            for netuid in netuids
        ),
        stakes=tuple(_stake(options, node) for node in nodes if plan_alpha_stake(node)),
        subnets=tuple(_subnet(options, nodes, netuid) for netuid in netuids),
    )


def _owner(options: Options, netuid: int) -> PublicKey:
    return crypto.compute_public_key(derive(options.seed, netuid - 1, "owner"))


def _subnet(options: Options, nodes: tuple[NodePlan, ...], netuid: int) -> GenesisSubnet:
    tao, alpha = plan_pool(netuid)
    task = get_task(options, netuid)
    version, scorer = _identify(task)
    return GenesisSubnet(
        netuid=NetUid(netuid),
        task=ShortText(task),
        task_params=plan_task_params(task, get_tempo(options, netuid)),
        owner=(_owner(options, netuid),),
        hyper=plan_hyperparameters(options, netuid),
        neurons=tuple(
            GenesisNeuron(_hotkey(options, node), public_key(options, node, "coldkey"))
            for node in nodes
            if node.role != "none" and node.netuid == netuid
        ),
        scorer_version=version,
        scorer_hash=scorer,
        pool_tao=tao,
        pool_alpha=alpha,
    )


def _identify(task: str) -> tuple[U64, Hash32]:
    try:
        return identify_scorer(task)
    except (LookupError, BrokenTask) as error:
        raise PlanError(f"--task: {error.args[0]}") from error


def _stake(options: Options, node: NodePlan) -> GenesisStake:
    coldkey = public_key(options, node, "coldkey")
    amount = plan_alpha_stake(node)
    return GenesisStake(NetUid(node.netuid), _hotkey(options, node), coldkey, amount)


def _hotkey(options: Options, node: NodePlan) -> PublicKey:
    return public_key(options, node, "hotkey")


def _validator(options: Options, node: NodePlan) -> GenesisValidator:
    entry = ValidatorEntry(
        public_key(options, node, "consensus"), stake_hotkey(options, node), ROOT_STAKE
    )
    tip = HashChain(key_seed(options, node, "beacon"), BEACON_LENGTH).tip
    return GenesisValidator(entry, public_key(options, node, "coldkey"), tip)


def write_devnet(folder: Path, state: State) -> None:
    """Write everything the daemons of `state` read; keys that are there already are kept."""
    options, nodes = state.options, state.nodes
    folder.mkdir(parents=True, exist_ok=True)
    network = folder / "network.toml"
    if not network.exists():
        genesis = build_genesis(options, nodes, TimeMs(state.genesis_ms))
        network.write_text(render_network(genesis))
    for node in nodes:
        home = node_folder(folder, node)
        home.mkdir(exist_ok=True)
        (home / "node.toml").write_text(render_config(options, nodes, node))
        store = Keystore(home / "keys")
        there = store.names()
        for name in key_names(node):
            if name not in there:
                kind = KINDS.get(name, KeyKind.HOTKEY)
                store.create_devnet(name, kind, seed=key_seed(options, node, name))
