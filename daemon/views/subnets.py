"""Markets: state, price, pool, rules and what is announced of them, mechanism, owner, models."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from config.address import format_address
from consensus.ledger.identity.identities import find_subnet_identity
from consensus.ledger.membership.models import list_models
from consensus.ledger.records import get_head, get_hotkey, get_network
from consensus.ledger.state import Reading
from consensus.ledger.subnet import founding, hyperparameters
from consensus.ledger.subnet.dissolution import find_ending
from consensus.ledger.subnet.mechanism import Mechanism, find_mechanism
from consensus.ledger.subnet.records import (
    Market,
    Subnet,
    find_subnet,
    get_hotkeys,
    get_market,
    get_netuids,
)
from consensus.quantities import Height, NetUid, PublicKey
from consensus.refusals import SubnetClosed, UnknownSubnet
from consensus.reward.clearing import PRICE_UNIT
from consensus.reward.commit_reveal import get_step_offset
from consensus.reward.market import PRICE_ONE
from daemon import unit
from daemon.engine.errors import NodeError, not_found
from daemon.views.accounts import IdentityPart, present_identity
from daemon.views.inputs import NetUidInput
from daemon.views.view import AtHeight, Lens, Proof, of_state

UnitText = Annotated[str, unit.text("Of the value.")]
SubnetState = Literal["waiting", "started", "ending", "closed"]


@dataclass(frozen=True, slots=True)
class SubnetRow:
    """One market at a glance."""

    netuid: Annotated[int, unit.netuid("Its number.", "subnet")]
    task: Annotated[str, unit.text("What is asked of its miners.")]
    state: Annotated[
        SubnetState, unit.text("Waiting: its owner has not started it; ending: under notice.")
    ]
    neurons: Annotated[int, unit.count("Registered.")]
    price: Annotated[int, unit.rao("For one alpha, rounded down.")]
    price_average: Annotated[
        float, unit.price("The slow average that emission follows.", "slow average", shown="never")
    ]
    tao: Annotated[int, unit.rao("In its liquidity pool.", "pool, TAO", shown="alone")]
    alpha: Annotated[int, unit.alpha("In its liquidity pool.", "pool, alpha", shown="alone")]
    burn: Annotated[int, unit.rao("The price of a registration.", "registration")]
    injected: Annotated[int, unit.rao("That the last block gave it.", "TAO per block")]
    demand: Annotated[
        int,
        unit.rao("That buyers paid, halved with every half-life.", "buyers paid", shown="never"),
    ]
    owner: Annotated[str | None, unit.address("The owner's hotkey.", is_cut=True)]


@dataclass(frozen=True, slots=True)
class SubnetsAnswer:
    """All markets, and what the next one costs."""

    height: AtHeight
    count_max: Annotated[int, unit.count("Most subnets there can be.", shown="never")]
    cost: Annotated[int, unit.rao("What the next one costs.", "a new one costs")]
    subnets: Annotated[tuple[SubnetRow, ...], unit.part("By number.")]
    proof: Proof = None


_POOL = ("netuid", "price", "price_average", "tao", "alpha", "injected", "demand")


@of_state(
    "/chain/subnets",
    "query subnets",
    "",
    "{count_max} subnets at most, at height {height}",
    Lens(
        "query prices",
        "",
        "Pools at height {height}",
        "The pools: price, what each holds, the averages that emission follows.",
        tuple(f"subnets.{name}" for name in _POOL),
    ),
)
def subnets(state: Reading) -> SubnetsAnswer:
    """All markets: state, price, pool, what a registration and a new subnet cost."""
    height, params = get_head(state).height, get_network(state).params
    found = ((netuid, find_subnet(state, netuid)) for netuid in get_netuids(state))
    rows = tuple(_make_row(state, netuid, subnet) for netuid, subnet in found if subnet is not None)
    return SubnetsAnswer(height, params.subnets_max, compute_cost(state, height), rows)


def compute_cost(state: Reading, height: Height) -> int:
    """Return what a new subnet costs in the block after `height`, rao."""
    return founding.compute_lock(state, founding.get_issued(state), Height(height + 1))


def compute_shown_price(market: Market) -> int:
    """Return rao of TAO for 10^9 alpha rao, rounded down; 0 for a pool without alpha."""
    return market.tao * PRICE_UNIT // market.alpha if market.alpha else 0


def no_subnet(netuid: NetUid) -> NodeError:
    """Return the error for a subnet that is not there."""
    remedy = "Subnets are numbered from 1; GET /chain/subnets lists them."
    return not_found(f"subnet {netuid}", remedy)


@contextmanager
def found_subnet(netuid: NetUid) -> Generator[None]:
    """Let the ledger be read of a subnet; one that is not there, or closed, is `no_subnet`."""
    try:
        yield
    except (UnknownSubnet, SubnetClosed) as error:
        raise no_subnet(netuid) from error


def _make_row(state: Reading, netuid: NetUid, subnet: Subnet) -> SubnetRow:
    market = get_market(state, netuid)
    standing: SubnetState = "started" if subnet.is_started else "waiting"
    if subnet.is_closed:
        standing = "closed"
    elif find_ending(state, netuid) is not None:
        standing = "ending"
    return SubnetRow(
        netuid=netuid,
        task=subnet.task,
        owner=None if not subnet.owner else format_address(subnet.owner[0]),
        state=standing,
        neurons=len(get_hotkeys(state, netuid)),
        price=compute_shown_price(market),
        tao=market.tao,
        alpha=market.alpha,
        burn=market.burn,
        injected=market.injected,
        price_average=market.price_average / PRICE_ONE,
        demand=market.demand_average,
    )


# -- one market -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule of a subnet; there are no bounds where its owner may not change it."""

    name: Annotated[str, unit.text("Its name.")]
    value: Annotated[int, unit.law("In force.")]
    low: Annotated[int | None, unit.law("The least its owner may set.", "at least")]
    high: Annotated[int | None, unit.law("The most its owner may set.", "at most")]
    next_value: Annotated[int | None, unit.law("What it will be.", "will be")] = None
    takes_effect: Annotated[
        int | None, unit.height("From the first epoch step at or after it.", "from")
    ] = None
    unit: UnitText = ""


@dataclass(frozen=True, slots=True)
class MechanismPart:
    """A task and the evaluation code that counts."""

    task: Annotated[str, unit.text("What is asked.")]
    task_params: Annotated[str, unit.data("The task's own.", shown="never")]
    scorer_version: Annotated[int, unit.number("Of its judge.", "scorer")]
    scorer_hash: Annotated[str, unit.data("Of its judge.", shown="never")]
    activation: Annotated[int, unit.height("From when it counts.", "counts from")]


@dataclass(frozen=True, slots=True)
class SubnetAnswer:
    """One market with its rules, their changes to come, its mechanism and its owner's words."""

    netuid: Annotated[int, unit.netuid("Its number.", shown="never")]
    height: AtHeight
    identity: Annotated[IdentityPart | None, unit.part("Its owner's words.", "")]
    row: Annotated[SubnetRow, unit.part("The market at a glance.", "")]
    mechanism: Annotated[MechanismPart, unit.part("In force.", shown="never")]
    next_mechanism: Annotated[MechanismPart | None, unit.part("Announced.", "next ")]
    owner_coldkey: Annotated[str | None, unit.address("Of its owner.", "owner's coldkey")]
    created_at: Annotated[int, unit.height("When.")]
    starts_from: Annotated[int, unit.height("When its owner may start it.", "may start from")]
    ends_at: Annotated[int | None, unit.height("When it is closed, under notice.")]
    tempo: Annotated[int, unit.blocks("Of an epoch.")]
    epoch: Annotated[int, unit.number("Of the next block.")]
    next_step: Annotated[int, unit.height("Of the next epoch step.", "next epoch step")]
    hyperparameters: Annotated[tuple[RuleRow, ...], unit.part("What rules it.", "Rules")]
    proof: Proof = None


@of_state(
    "/chain/subnets/{netuid}",
    "subnet show",
    "1",
    "Subnet {netuid} at height {height}",
    Lens(
        "query hyperparameters",
        "1",
        "Rules of subnet {netuid} at height {height}",
        "A subnet's rules: values, bounds, and what will change when.",
        ("hyperparameters",),
    ),
)
def subnet(state: Reading, netuid: NetUidInput) -> SubnetAnswer:
    """One market: state, pool, owner, mechanism, rules with bounds, and what is announced."""
    found = find_subnet(state, netuid)
    if found is None:
        raise no_subnet(netuid)
    height, params = get_head(state).height, get_network(state).params
    ending, announced = find_ending(state, netuid), find_mechanism(state, netuid)
    return SubnetAnswer(
        netuid=netuid,
        height=height,
        row=_make_row(state, netuid, found),
        created_at=found.created_at,
        tempo=found.hyper.tempo,
        epoch=(height + 1) // found.hyper.tempo,
        next_step=_find_next_step(height, netuid, found),
        owner_coldkey=_find_coldkey(state, found),
        starts_from=founding.get_start_height(params, found),
        ends_at=None if ending is None else ending.ends_at,
        mechanism=_present(found, found.created_at),
        next_mechanism=None if announced is None else _present(announced, announced.activation),
        identity=present_identity(find_subnet_identity(state, netuid)),
        hyperparameters=_list_rules(state, netuid, found),
    )


def _present(found: Subnet | Mechanism, activation: int) -> MechanismPart:
    return MechanismPart(
        task=found.task,
        task_params=found.task_params.hex(),
        scorer_version=found.scorer_version,
        scorer_hash=found.scorer_hash.hex(),
        activation=activation,
    )


def _list_rules(state: Reading, netuid: NetUid, found: Subnet) -> tuple[RuleRow, ...]:
    waiting = {str(each.name): each for each in hyperparameters.get_changes(state, netuid).waiting}
    rules: list[RuleRow] = []
    for name, value in asdict(found.hyper).items():
        bounds, change = hyperparameters.BOUNDS.get(name), waiting.get(name)
        rules.append(
            RuleRow(
                name=name,
                value=int(value),
                low=None if bounds is None else bounds.low,
                high=None if bounds is None else bounds.high,
                unit="" if bounds is None else bounds.unit,
                next_value=None if change is None else change.value,
                takes_effect=None if change is None else change.due,
            )
        )
    return tuple(rules)


def _find_next_step(height: Height, netuid: NetUid, found: Subnet) -> int:
    """Return the first height above `height` at which an epoch step runs."""
    tempo = found.hyper.tempo
    offset = get_step_offset(netuid, tempo, found.hyper.reveal_blocks)
    return max(1, -(-(height + 1 - offset) // tempo)) * tempo + offset


def _find_coldkey(state: Reading, found: Subnet) -> str | None:
    owners = [get_hotkey(state, PublicKey(hotkey)) for hotkey in found.owner]
    return next((format_address(each.owner) for each in owners if each is not None), None)


# -- models ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A hotkey's published model, and who published the same content first."""

    hotkey: Annotated[str, unit.address("Whose it is.")]
    content: Annotated[str, unit.data("Hash of it.", is_cut=True)]
    uri: Annotated[str, unit.text("Where it lies.")]
    height: Annotated[int, unit.height("When this hotkey published it.", "block")]
    first_hotkey: Annotated[str, unit.address("Who was first.", "first by", is_cut=True)]
    first_height: Annotated[int, unit.height("When that was.", "in block")]


@dataclass(frozen=True, slots=True)
class ModelsAnswer:
    """The models of a subnet."""

    netuid: Annotated[int, unit.netuid("Where.", shown="never")]
    height: AtHeight
    models: Annotated[tuple[ModelRow, ...], unit.part("One a hotkey.")]
    proof: Proof = None


@of_state(
    "/chain/subnets/{netuid}/models",
    "query models",
    "1",
    "Models of subnet {netuid} at height {height}",
)
def models(state: Reading, netuid: NetUidInput) -> ModelsAnswer:
    """The models published in a subnet, and who was first with each."""
    with found_subnet(netuid):
        found = list_models(state, netuid)
    rows = tuple(
        ModelRow(
            hotkey=format_address(each.hotkey),
            content=each.model.content.hex(),
            uri=each.model.uri,
            height=each.model.height,
            first_hotkey=format_address(each.first_hotkey),
            first_height=each.first_height,
        )
        for each in found
    )
    return ModelsAnswer(netuid, get_head(state).height, rows)
