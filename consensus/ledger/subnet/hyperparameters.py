"""A subnet's rules: who may change which, within what bounds, and when a change holds.

The owner's coldkey announces a change. It takes effect right after the first epoch step that comes
at least one epoch later, so everybody sees it before, and no epoch has two rules. Changes of one
subnet take effect in the order in which they were announced, so each meets exactly the rules it was
checked against.

A change of `tempo` or `reveal_blocks` numbers the epochs anew, and one of the form of a row may
make a bound row impossible to open. Right after an epoch step only commitments of the epoch that
has just begun stand; such a change drops them, and the spacing of commits with them: nobody
forfeits a row that was made for other rules, and everybody can bind a new one at once.

The last 10 blocks of an epoch are frozen, but not more than half of it, or the shortest tempo could
never be changed.

Source: `docs/spec/ledger.md` 3, 14; subtensor `utils/rate_limiting.rs` and `pallets/admin-utils`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated

from consensus import codec
from consensus.calls.subnets import SetHyperparameter
from consensus.ledger import keys
from consensus.ledger.events import HyperparameterAnnounced, HyperparameterChanged
from consensus.ledger.keys import Family
from consensus.ledger.membership.weights import forget_commitments
from consensus.ledger.state import Draft, Reading
from consensus.ledger.subnet.records import find_subnet, get_hotkeys, get_own_subnet, put_subnet
from consensus.params import SUPPLY_CAP, Hyperparameters
from consensus.quantities import (
    I64,
    RAO_PER_TAO,
    U16_MAX,
    CountMax,
    Height,
    NetUid,
    PublicKey,
    ShortText,
)
from consensus.refusals import ChangedTooSoon, Frozen, OutOfBounds, UnknownName

FROZEN_BLOCKS = 10
"""Last blocks of an epoch in which nothing is announced: its rewards are all but known by then."""
INTERVAL_EPOCHS = 2
"""Epochs between two changes of one rule."""
_ROW_RULES = ("tempo", "reveal_blocks", "min_allowed_weights", "max_weight")
"""What a commitment was made for."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the largest value an owner may set, both included, and their unit."""

    low: int
    high: int
    unit: str


BOUNDS: Mapping[str, Bounds] = {
    "tempo": Bounds(10, 50_400, "blocks"),
    "reveal_blocks": Bounds(1, 12_600, "blocks"),
    "activity_cutoff": Bounds(10, 1_296_000, "blocks"),
    "max_uids": Bounds(16, 4_096, "neurons"),
    "max_validators": Bounds(1, 256, "neurons"),
    "min_allowed_weights": Bounds(0, 4_096, "weights"),
    "max_weight": Bounds(655, U16_MAX, "of 65535"),
    "immunity_blocks": Bounds(30, 1_296_000, "blocks"),
    "bonds_moving_average": Bounds(0, 975_000, "millionths"),
    "bonds_penalty": Bounds(0, U16_MAX, "of 65535"),
    "liquid_alpha": Bounds(0, 1, "1 for yes"),
    "alpha_low": Bounds(1_638, U16_MAX, "of 65535"),
    "alpha_high": Bounds(1_638, U16_MAX, "of 65535"),
    "alpha_steepness": Bounds(-1_000, 1_000, "hundredths"),
    "stake_threshold": Bounds(0, 1_000 * RAO_PER_TAO, "rao"),
    "min_burn": Bounds(500_000, RAO_PER_TAO, "rao"),
    "max_burn": Bounds(RAO_PER_TAO // 10, 100 * RAO_PER_TAO, "rao"),
    "burn_half_life": Bounds(1, 50_400, "blocks"),
    "burn_increase_ppm": Bounds(1_050_000, 3_000_000, "millionths"),
    "serving_rate_limit": Bounds(5, 7_200, "blocks"),
    "miner_price_cap": Bounds(0, SUPPLY_CAP, "rao"),
    "registration_open": Bounds(0, 1, "1 for yes"),
}
"""What an owner may set, by name; a network file may go beyond for the subnets it starts with."""


@dataclass(frozen=True, slots=True)
class Relation:
    """What must hold between rules; checked when one of `names` changes."""

    names: tuple[str, ...]
    is_kept: Callable[[Mapping[str, int]], bool]
    text: str


RELATIONS: Sequence[Relation] = (
    Relation(
        ("reveal_blocks", "tempo"),
        lambda rules: 4 * rules["reveal_blocks"] <= rules["tempo"],
        "reveal_blocks is at most a quarter of tempo",
    ),
    Relation(
        ("immunity_blocks", "tempo"),
        lambda rules: rules["immunity_blocks"] >= 3 * rules["tempo"],
        "immunity_blocks is at least 3 tempos",
    ),
    Relation(
        ("immunity_blocks", "reveal_blocks"),
        lambda rules: rules["immunity_blocks"] >= rules["reveal_blocks"] + 2,
        "immunity_blocks is at least reveal_blocks and 2",
    ),
    Relation(
        ("activity_cutoff", "tempo"),
        lambda rules: rules["activity_cutoff"] >= rules["tempo"],
        "activity_cutoff is at least tempo",
    ),
    Relation(
        ("max_validators", "max_uids"),
        lambda rules: rules["max_validators"] <= rules["max_uids"],
        "max_validators is at most max_uids",
    ),
    Relation(
        ("min_allowed_weights", "max_uids"),
        lambda rules: rules["min_allowed_weights"] <= rules["max_uids"],
        "min_allowed_weights is at most max_uids",
    ),
    Relation(
        ("min_burn", "max_burn"),
        lambda rules: rules["min_burn"] <= rules["max_burn"],
        "min_burn is at most max_burn",
    ),
    Relation(
        ("alpha_low", "alpha_high"),
        lambda rules: rules["alpha_low"] <= rules["alpha_high"],
        "alpha_low is at most alpha_high",
    ),
)


@dataclass(frozen=True, slots=True)
class Change:
    """A rule's value from the first epoch step at or after `due` on."""

    name: ShortText
    value: I64
    due: Height


@dataclass(frozen=True, slots=True)
class Announced:
    """When a rule was last announced to change."""

    name: ShortText
    height: Height


@dataclass(frozen=True, slots=True)
class RuleChanges:
    """A subnet's changes on their way, oldest first, and when each rule was announced last."""

    waiting: Annotated[tuple[Change, ...], CountMax(64)]
    announced: Annotated[tuple[Announced, ...], CountMax(64)]


_NONE = RuleChanges((), ())


def process_set_hyperparameter(
    draft: Draft, signer: PublicKey, call: SetHyperparameter
) -> HyperparameterAnnounced:
    """Announce that one rule of the signer's subnet will change.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, NotOwner, UnknownName, OutOfBounds, Frozen,
            ChangedTooSoon.
    """
    subnet = get_own_subnet(draft, call.netuid, signer)
    bounds = BOUNDS.get(call.name)
    if bounds is None:
        raise UnknownName(f"{call.name!r} is none of {', '.join(BOUNDS)}")
    if not bounds.low <= call.value <= bounds.high:
        allowed = f"{bounds.low} to {bounds.high} {bounds.unit}"
        raise OutOfBounds(f"{call.name} is {call.value}, {allowed} are allowed")
    changes = get_changes(draft, call.netuid)
    tempo = subnet.hyper.tempo
    _check_time(draft.height, tempo, changes, call.name)
    latest = changes.waiting[-1].due if changes.waiting else 0
    due = Height(max(draft.height + tempo, latest))
    waiting = (*changes.waiting, Change(call.name, call.value, due))
    _check_whole(subnet.hyper, waiting)
    if call.name == "max_uids" and call.value < len(get_hotkeys(draft, call.netuid)):
        raise OutOfBounds(f"max_uids below the {len(get_hotkeys(draft, call.netuid))} uids in use")
    others = [each for each in changes.announced if each.name != call.name]
    announced = sorted([*others, Announced(call.name, draft.height)], key=lambda each: each.name)
    _put_changes(draft, call.netuid, RuleChanges(waiting, tuple(announced)))
    return HyperparameterAnnounced(call.netuid, call.name, call.value, due)


def process_changes(draft: Draft, netuid: NetUid) -> list[HyperparameterChanged]:
    """Let the changes hold that are due, right after the epoch step at the Draft's height."""
    changes = get_changes(draft, netuid)
    due = [each for each in changes.waiting if each.due <= draft.height]
    if not due:
        return []
    subnet = find_subnet(draft, netuid)
    assert subnet is not None, f"changes of subnet {netuid}, which does not exist"
    values = {each.name: _convert(each.name, each.value) for each in due}
    put_subnet(draft, netuid, replace(subnet, hyper=replace(subnet.hyper, **values)))
    _put_changes(draft, netuid, RuleChanges(changes.waiting[len(due) :], changes.announced))
    if any(each.name in _ROW_RULES for each in due):
        forget_commitments(draft, netuid)
    return [HyperparameterChanged(netuid, each.name, each.value) for each in due]


def get_changes(view: Reading, netuid: NetUid) -> RuleChanges:
    """Return a subnet's announced changes."""
    data = view.get(keys.of(Family.CHANGES, keys.u16(netuid)))
    return _NONE if data is None else codec.decode(RuleChanges, data)


def get_room(view: Reading, netuid: NetUid, hyper: Hyperparameters) -> int:
    """Return how many uids a subnet may have, also once its announced changes hold."""
    waiting = get_changes(view, netuid).waiting
    return min([hyper.max_uids, *(each.value for each in waiting if each.name == "max_uids")])


def _put_changes(draft: Draft, netuid: NetUid, changes: RuleChanges) -> None:
    draft.put(keys.of(Family.CHANGES, keys.u16(netuid)), codec.encode(changes))


def _check_time(height: Height, tempo: int, changes: RuleChanges, name: str) -> None:
    left = tempo - height % tempo
    if left <= min(FROZEN_BLOCKS, tempo // 2):
        raise Frozen(f"{left} blocks before the next epoch")
    for each in changes.announced:
        wait = each.height + INTERVAL_EPOCHS * tempo - height
        if each.name == name and wait > 0:
            raise ChangedTooSoon(f"{name} was announced at {each.height}, {wait} blocks to wait")
    for change in changes.waiting:
        if change.name == name:
            raise ChangedTooSoon(f"{name} changes at the first epoch step from {change.due} on")


def _check_whole(hyper: Hyperparameters, waiting: Sequence[Change]) -> None:
    """Raise OutOfBounds if the last of `waiting` breaks a relation once all of them hold."""
    rules: dict[str, int] = {name: int(value) for name, value in asdict(hyper).items()}
    rules |= {each.name: each.value for each in waiting}
    for relation in RELATIONS:
        if waiting[-1].name in relation.names and not relation.is_kept(rules):
            found = ", ".join([f"{name} {rules[name]}" for name in relation.names])
            raise OutOfBounds(f"{relation.text}; it would be {found}")


def _convert(name: str, value: int) -> int | bool:
    """Return a value as its field has it."""
    return bool(value) if name in ("liquid_alpha", "registration_open") else value
