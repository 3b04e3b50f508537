"""Questions about markets and the network's rules: prices, hyperparameters, what is announced."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import cast

from config.address import format_address
from consensus.ledger.identity.identities import find_subnet_identity
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
from consensus.ledger.voting.governable import GOVERNABLE
from consensus.params import Params
from consensus.quantities import Height, NetUid, PublicKey
from consensus.reward.clearing import PRICE_UNIT
from consensus.reward.commit_reveal import get_step_offset
from consensus.reward.market import PRICE_ONE
from daemon.engine.errors import not_found
from daemon.http.family_questions import present_identity
from daemon.http.market_values import (
    HyperparameterView,
    MechanismView,
    ParamsAnswer,
    SubnetAnswer,
    SubnetRow,
    SubnetsAnswer,
)
from daemon.http.view import Question


def ask_params() -> Question[ParamsAnswer]:
    """Ask for the network's parameters in force."""

    def answer(view: Reading) -> ParamsAnswer:
        network, height = get_network(view), get_head(view).height
        cost = _get_cost(view, height)
        chain_id = network.chain_id.hex()
        bounds = {name: (each.low, each.high) for name, each in GOVERNABLE.items()}
        return ParamsAnswer(height, chain_id, dict(_flatten(network.params)), bounds, cost)

    return Question("/chain/params", answer)


def ask_subnets() -> Question[SubnetsAnswer]:
    """Ask for all markets."""

    def answer(view: Reading) -> SubnetsAnswer:
        height, params = get_head(view).height, get_network(view).params
        found = ((netuid, find_subnet(view, netuid)) for netuid in get_netuids(view))
        rows = tuple(
            _make_row(view, netuid, subnet) for netuid, subnet in found if subnet is not None
        )
        return SubnetsAnswer(height, params.subnets_max, _get_cost(view, height), rows)

    return Question("/chain/subnets", answer)


def ask_subnet(netuid: NetUid) -> Question[SubnetAnswer]:
    """Ask for one market with its rules and what is announced of them."""

    def answer(view: Reading) -> SubnetAnswer:
        subnet = find_subnet(view, netuid)
        if subnet is None:
            remedy = "Subnets are numbered from 1; GET /chain/subnets lists them."
            raise not_found(f"subnet {netuid}", remedy)
        height, params = get_head(view).height, get_network(view).params
        row, ending = _make_row(view, netuid, subnet), find_ending(view, netuid)
        announced = find_mechanism(view, netuid)
        return SubnetAnswer(
            netuid=netuid,
            height=height,
            row=row,
            price=row.price,
            burn=row.burn,
            created_at=subnet.created_at,
            tempo=subnet.hyper.tempo,
            epoch=(height + 1) // subnet.hyper.tempo,
            next_step=_find_next_step(height, netuid, subnet),
            owner_coldkey=_find_coldkey(view, subnet),
            starts_from=_find_start(params, subnet),
            ends_at=None if ending is None else ending.ends_at,
            mechanism=_present_own(subnet),
            next_mechanism=None if announced is None else present_mechanism(announced),
            identity=present_identity(find_subnet_identity(view, netuid)),
            hyperparameters=_list_rules(view, netuid, subnet),
        )

    return Question(f"/chain/subnets/{netuid}", answer)


def present_mechanism(mechanism: Mechanism) -> MechanismView:
    """Return an announced mechanism."""
    return MechanismView(
        mechanism.task,
        mechanism.task_params.hex(),
        mechanism.scorer_version,
        mechanism.scorer_hash.hex(),
        mechanism.activation,
    )


def compute_shown_price(market: Market) -> int:
    """Return rao of TAO for 10^9 alpha rao, rounded down; 0 for a pool without alpha."""
    return market.tao * PRICE_UNIT // market.alpha if market.alpha else 0


def _make_row(view: Reading, netuid: NetUid, subnet: Subnet) -> SubnetRow:
    market = get_market(view, netuid)
    if subnet.is_closed:
        state = "closed"
    elif find_ending(view, netuid) is not None:
        state = "ending"
    else:
        state = "started" if subnet.is_started else "waiting"
    return SubnetRow(
        netuid=netuid,
        task=subnet.task,
        owner=None if not subnet.owner else format_address(subnet.owner[0]),
        state=state,
        neurons=len(get_hotkeys(view, netuid)),
        price=compute_shown_price(market),
        tao=market.tao,
        alpha=market.alpha,
        burn=market.burn,
        injected=market.injected,
        price_average=market.price_average / PRICE_ONE,
        demand=market.demand_average,
    )


def _present_own(subnet: Subnet) -> MechanismView:
    return MechanismView(
        subnet.task,
        subnet.task_params.hex(),
        subnet.scorer_version,
        subnet.scorer_hash.hex(),
        subnet.created_at,
    )


def _list_rules(view: Reading, netuid: NetUid, subnet: Subnet) -> tuple[HyperparameterView, ...]:
    waiting = {str(each.name): each for each in hyperparameters.get_changes(view, netuid).waiting}
    rules: list[HyperparameterView] = []
    for name, value in asdict(subnet.hyper).items():
        bounds, change = hyperparameters.BOUNDS.get(name), waiting.get(name)
        rules.append(
            HyperparameterView(
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


def _find_next_step(height: Height, netuid: NetUid, subnet: Subnet) -> int:
    """Return the first height above `height` at which an epoch step runs."""
    tempo = subnet.hyper.tempo
    offset = get_step_offset(netuid, tempo, subnet.hyper.reveal_blocks)
    return max(1, -(-(height + 1 - offset) // tempo)) * tempo + offset


def _find_coldkey(view: Reading, subnet: Subnet) -> str | None:
    owners = [get_hotkey(view, PublicKey(hotkey)) for hotkey in subnet.owner]
    return next((format_address(each.owner) for each in owners if each is not None), None)


def _find_start(params: Params, subnet: Subnet) -> int:
    return founding.get_start_height(params, subnet)


def _flatten(params: Params) -> Iterator[tuple[str, int]]:
    """Yield every number; those of a part as `part.name`."""
    for name, value in asdict(params).items():
        if isinstance(value, dict):
            part = cast("dict[str, int]", value)
            yield from ((f"{name}.{inner}", int(number)) for inner, number in part.items())
        else:
            yield name, int(value)


def _get_cost(view: Reading, height: Height) -> int:
    return founding.compute_lock(view, founding.get_issued(view), Height(height + 1))
