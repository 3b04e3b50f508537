"""Who holds the stake: delegates, the validator set, how concentrated it is."""

from dataclasses import dataclass
from typing import Annotated

from config.address import format_address
from consensus.ledger import queries
from consensus.ledger.records import get_head
from consensus.ledger.stake import delegates as holders
from consensus.ledger.state import Reading
from consensus.params import Q32
from consensus.quantities import U16_MAX
from consensus.types import ValidatorEntry
from daemon import unit
from daemon.engine.errors import not_found
from daemon.views.inputs import CountInput, HotkeyInput
from daemon.views.view import AtHeight, Proof, ValidatorRow, of_state

DELEGATORS_MAX = 10_000
"""How far delegators are counted: each costs a read."""


@dataclass(frozen=True, slots=True)
class DelegateRow:
    """A hotkey one may stake on at root."""

    hotkey: Annotated[str, unit.address("Itself.")]
    owner: Annotated[str, unit.address("Its coldkey.", is_cut=True)]
    take: Annotated[float, unit.percent("What its owner keeps of its delegators' rewards.")]
    stake: Annotated[int, unit.rao("On it at root.", "root stake")]
    neurons: Annotated[
        tuple[tuple[int, int], ...], unit.places("Where it is registered.", "registered in")
    ]


@dataclass(frozen=True, slots=True)
class DelegatesAnswer:
    """The delegates with the most root stake; `count` and `stake` are of all there are."""

    height: AtHeight
    count: Annotated[int, unit.count("Of all delegates.", "all")]
    stake: Annotated[int, unit.rao("Of all delegates.", "their stake")]
    delegates: Annotated[tuple[DelegateRow, ...], unit.part("Largest first.", "The largest")]
    proof: Proof = None


@of_state("/chain/delegates", "query delegates", "--count 10", "Delegates at height {height}")
def delegates(state: Reading, count: CountInput = 100) -> DelegatesAnswer:
    """The hotkeys with the most root stake."""
    found = holders.list_delegates(state, count)
    largest = tuple(_present(delegate) for delegate in found.largest)
    return DelegatesAnswer(found.height, found.count, found.stake, largest)


@dataclass(frozen=True, slots=True)
class DelegateAnswer:
    """One delegate, and how many coldkeys have root stake on it."""

    height: AtHeight
    delegate: Annotated[DelegateRow, unit.part("The delegate.", "")]
    delegators: Annotated[int, unit.count(f"At most {DELEGATORS_MAX:,}: that many or more.")]
    proof: Proof = None


@of_state(
    "/chain/delegates/{hotkey}", "query delegate", "alice-hotkey", "Delegate at height {height}"
)
def delegate(state: Reading, hotkey: HotkeyInput) -> DelegateAnswer:
    """One hotkey as a delegate: owner, take, stake, delegators."""
    found = holders.find_delegate(state, hotkey)
    if found is None:
        raise not_found(
            f"hotkey {format_address(hotkey)}",
            "Check the address; a hotkey is claimed by registering it or staking on it.",
        )
    count = holders.count_delegators(state, hotkey, DELEGATORS_MAX)
    return DelegateAnswer(get_head(state).height, _present(found), count)


def _present(found: holders.Delegate) -> DelegateRow:
    return DelegateRow(
        hotkey=format_address(found.hotkey),
        owner=format_address(found.owner),
        take=found.take / U16_MAX,
        stake=found.stake,
        neurons=tuple((int(netuid), int(uid)) for netuid, uid in found.neurons),
    )


# -- validators -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ValidatorsAnswer:
    """The validator set that signs blocks, in its order."""

    height: AtHeight
    validators: Annotated[tuple[ValidatorRow, ...], unit.part("In the set's order.")]
    proof: Proof = None


@of_state("/chain/validators", "query validators", "", "Validators at height {height}")
def validators(state: Reading) -> ValidatorsAnswer:
    """The validator set that signs blocks."""
    return ValidatorsAnswer(
        get_head(state).height, present_validators(queries.validator_set(state))
    )


def present_validators(entries: tuple[ValidatorEntry, ...]) -> tuple[ValidatorRow, ...]:
    """Return a validator set."""
    return tuple(
        ValidatorRow(entry.consensus_key.hex(), format_address(entry.hotkey), entry.stake)
        for entry in entries
    )


# -- concentration --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpreadPart:
    """How an amount is spread over its holders."""

    holders: Annotated[int, unit.count("How many have any.")]
    total: Annotated[int, unit.rao("What they have.")]
    gini: Annotated[float, unit.share("0: all have the same; near 1: one has everything.", "Gini")]
    nakamoto_third: Annotated[
        int,
        unit.count(
            "The least number with more than a third: who can stop finality.", "hold a third"
        ),
    ]
    nakamoto_half: Annotated[
        int, unit.count("The same for a half: who decides a subnet's consensus.", "hold half")
    ]


@dataclass(frozen=True, slots=True)
class SubnetSpreadRow:
    """How stake weight is spread over the validators of a subnet."""

    netuid: Annotated[int, unit.netuid("Where.", "subnet")]
    validators: Annotated[SpreadPart, unit.part("Over its validators.", "")]


@dataclass(frozen=True, slots=True)
class ConcentrationAnswer:
    """How concentrated stake is: root stake over hotkeys, and each subnet's validators."""

    height: AtHeight
    root: Annotated[SpreadPart, unit.part("Root stake.", "root: ")]
    subnets: Annotated[
        tuple[SubnetSpreadRow, ...], unit.part("Stake weight.", "Validators of each subnet")
    ]
    proof: Proof = None


@of_state("/chain/concentration", "query concentration", "", "Concentration at height {height}")
def concentration(state: Reading) -> ConcentrationAnswer:
    """How few hold how much: Gini and Nakamoto coefficients."""
    found = holders.measure_concentration(state)
    subnets = tuple(
        SubnetSpreadRow(netuid, _present_spread(spread)) for netuid, spread in found.subnets
    )
    return ConcentrationAnswer(found.height, _present_spread(found.root), subnets)


def _present_spread(spread: holders.Spread) -> SpreadPart:
    return SpreadPart(
        holders=spread.holders,
        total=spread.total,
        gini=spread.gini / Q32,
        nakamoto_third=spread.third,
        nakamoto_half=spread.half,
    )
