"""A subnet's neurons: the metagraph, weights and bonds, loans of stake weight, rewards."""

from dataclasses import asdict, dataclass
from typing import Annotated

from config.address import format_address
from consensus import crypto
from consensus.ledger import queries
from consensus.ledger.records import get_head
from consensus.ledger.stake import children as loans
from consensus.ledger.state import Reading
from consensus.ledger.subnet.records import NOBODY, Served, get_hotkeys
from consensus.params import Q32
from consensus.quantities import U16_MAX, Uid
from consensus.reward.explain import Basis
from daemon import unit
from daemon.engine.errors import not_found
from daemon.views.inputs import HotkeyInput, NetUidInput, UidInput, WholeInput
from daemon.views.plain import format_peer_id
from daemon.views.subnets import found_subnet
from daemon.views.supply import SupplyPart, present_supply
from daemon.views.view import AtHeight, Proof, of_state

FIRST = Uid(0)
ROWS_MAX = 64
"""Uids of one answer about weights: a row may have 4,096 cells of each kind."""


@dataclass(frozen=True, slots=True)
class EndpointPart:
    """Where a neuron answers, as it announced on chain."""

    peer_id: Annotated[str, unit.text("Its libp2p id.")]
    protocols: Annotated[tuple[str, ...], unit.text("What it speaks.")]
    price: Annotated[int, unit.rao("For one query.")]
    capacity: Annotated[int, unit.count("Queries at once.")]
    model_hash: Annotated[str, unit.data("Of the model it says it runs.")]


@dataclass(frozen=True, slots=True)
class NeuronRow:
    """One row of the metagraph; shares are of the subnet's sum."""

    uid: Annotated[int, unit.uid("Its slot.")]
    hotkey: Annotated[str, unit.address("Its name.", is_cut=True)]
    coldkey: Annotated[str, unit.address("Whose it is.", shown="never")]
    stake: Annotated[int, unit.alpha("Alpha, and TAO by its weight.", "stake weight")]
    has_permit: Annotated[bool, unit.flag("Whether its weights count.", "permit")]
    is_active: Annotated[bool, unit.flag("Whether it revealed lately.", "active", shown="never")]
    consensus: Annotated[float, unit.share("What validators agree on.", shown="never")]
    incentive: Annotated[float, unit.share("Of the miners' pot.")]
    dividends: Annotated[float, unit.share("Of the validators' pot.")]
    validator_trust: Annotated[
        float, unit.share("Of its weights, what consensus left.", "trust", shown="never")
    ]
    emission: Annotated[int, unit.alpha("That the last epoch step paid.")]
    registered_block: Annotated[
        int, unit.height("When it came; -1: never.", "since", shown="never")
    ]
    commit_block: Annotated[int, unit.height("Its last weights; -1: none.", shown="never")]
    endpoint: Annotated[EndpointPart | None, unit.flag("Where it answers.", "serves")] = None


@dataclass(frozen=True, slots=True)
class MetagraphAnswer:
    """One subnet as of `height`."""

    netuid: Annotated[int, unit.netuid("Its number.", shown="never")]
    height: AtHeight
    task: Annotated[str, unit.text("What is asked of its miners.", shown="never")]
    epoch: Annotated[int, unit.number("Of this block.")]
    tempo: Annotated[int, unit.blocks("Of an epoch.")]
    burn: Annotated[int, unit.rao("The price of a registration.", "registration")]
    neurons: Annotated[tuple[NeuronRow, ...], unit.part("By uid.")]
    supply: Annotated[SupplyPart | None, unit.part("Of its alpha.", shown="never")] = None
    proof: Proof = None


@of_state(
    "/chain/metagraph/{netuid}",
    "query metagraph",
    "1",
    "Subnet {netuid} ({task}) at height {height}",
)
def metagraph(state: Reading, netuid: NetUidInput) -> MetagraphAnswer:
    """The neurons of a subnet, with every figure known of them."""
    with found_subnet(netuid):
        graph = queries.metagraph(state, netuid)
    tempo = graph.subnet.hyper.tempo
    return MetagraphAnswer(
        netuid=netuid,
        height=graph.height,
        task=graph.subnet.task,
        tempo=tempo,
        epoch=graph.height // tempo,
        burn=graph.market.burn,
        neurons=tuple(
            _present_neuron(graph, uid) for uid in graph.uids if graph.hotkeys[uid] != NOBODY
        ),
        supply=present_supply(graph.supply),
    )


def _present_neuron(graph: queries.Metagraph, uid: Uid) -> NeuronRow:
    served = graph.served[uid]
    return NeuronRow(
        uid=uid,
        hotkey=format_address(graph.hotkeys[uid]),
        coldkey=format_address(graph.coldkeys[uid]),
        stake=graph.stake[uid],
        has_permit=graph.permits[uid],
        is_active=graph.active[uid],
        consensus=graph.consensus[uid] / Q32,
        incentive=graph.incentive[uid] / Q32,
        dividends=graph.dividends[uid] / Q32,
        validator_trust=graph.validator_trust[uid] / Q32,
        emission=graph.emission[uid],
        registered_block=graph.registered_block[uid],
        commit_block=graph.commit_block[uid],
        endpoint=None if served is None else _present_endpoint(served),
    )


def _present_endpoint(served: Served) -> EndpointPart:
    return EndpointPart(
        peer_id=format_peer_id(crypto.compute_peer_id(served.node_key)),
        protocols=served.protocols,
        price=served.price,
        capacity=served.capacity,
        model_hash=served.model_hash.hex(),
    )


# -- weights --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WeightsRow:
    """What a validator weighs miners at, and its bonds in them: its row of W and of B.

    A weight to a uid that was registered after it was committed counts for nothing.
    """

    uid: Annotated[int, unit.uid("The validator.", "validator")]
    hotkey: Annotated[str, unit.address("The validator.", shown="never")]
    miners: Annotated[tuple[int, ...], unit.uid("Whom it weighs.", "weighs uids")]
    weights: Annotated[
        tuple[int, ...], unit.ratio16("In force, one per uid in `miners`.", "at, of 65535")
    ]
    bonded: Annotated[tuple[int, ...], unit.uid("In whom it has bonds.", "bonds in uids")]
    bonds: Annotated[
        tuple[float, ...],
        unit.share("As the last epoch step left them, one per uid in `bonded`.", "of"),
    ]


@dataclass(frozen=True, slots=True)
class WeightsAnswer:
    """The rows of some of a subnet's uids; those with neither weights nor bonds are left out."""

    netuid: Annotated[int, unit.netuid("Where.", shown="never")]
    height: AtHeight
    first: Annotated[int, unit.uid("The first one asked for.", shown="never")]
    neurons: Annotated[
        int, unit.count("Uids in all: ask from `first` and `count` on.", shown="never")
    ]
    rows: Annotated[tuple[WeightsRow, ...], unit.part("By uid.")]
    proof: Proof = None


@of_state(
    "/chain/subnets/{netuid}/weights",
    "query weights",
    "1 --first 64",
    "Weights and bonds in subnet {netuid} at height {height}: uids from {first} on, of {neurons}",
)
def weights(
    state: Reading,
    netuid: NetUidInput,
    first: Annotated[Uid, WholeInput("The first uid.", 0, U16_MAX)] = FIRST,
    count: Annotated[int, WholeInput("So many uids.", 1, ROWS_MAX)] = ROWS_MAX,
) -> WeightsAnswer:
    """What validators weigh miners at, and their bonds in them: the matrices W and B."""
    with found_subnet(netuid):
        found = queries.list_rows(state, netuid, first, count)
    rows = tuple(
        WeightsRow(
            uid=row.uid,
            hotkey=format_address(row.hotkey),
            miners=tuple(row.weights[0]),
            weights=tuple(row.weights[1]),
            bonded=tuple(row.bonds[0]),
            bonds=tuple(bond / Q32 for bond in row.bonds[1]),
        )
        for row in found
    )
    neurons = len(get_hotkeys(state, netuid))
    return WeightsAnswer(netuid, get_head(state).height, first, neurons, rows)


# -- loans ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LoanRow:
    """The other side of a loan of stake weight."""

    hotkey: Annotated[str, unit.address("Who it is.")]
    share: Annotated[float, unit.percent("Of the parent's stake weight.")]


@dataclass(frozen=True, slots=True)
class ChildrenAnswer:
    """A hotkey's loans in a subnet, and what it has announced."""

    netuid: Annotated[int, unit.netuid("Where.", shown="never")]
    height: AtHeight
    hotkey: Annotated[str, unit.address("Whose loans.", shown="never")]
    children: Annotated[tuple[LoanRow, ...], unit.part("To whom it lends.", "Lends to")]
    parents: Annotated[tuple[LoanRow, ...], unit.part("Who lends to it.", "Is lent by")]
    announced: Annotated[tuple[LoanRow, ...], unit.part("What it announced.", "Will lend to")]
    effect_at: Annotated[
        int | None,
        unit.height("When those replace `children`.", "announced loans hold from"),
    ]
    proof: Proof = None


@of_state(
    "/chain/subnets/{netuid}/children/{hotkey}",
    "query children",
    "1 alice-hotkey",
    "Loans of {hotkey} in subnet {netuid} at height {height}",
)
def children(state: Reading, netuid: NetUidInput, hotkey: HotkeyInput) -> ChildrenAnswer:
    """To whom a hotkey lends stake weight in a subnet, and who lends to it."""
    with found_subnet(netuid):
        kin = loans.view_kin(state, netuid, hotkey)
    return ChildrenAnswer(
        netuid=netuid,
        height=get_head(state).height,
        hotkey=format_address(hotkey),
        children=tuple(map(_present_loan, kin.children)),
        parents=tuple(map(_present_loan, kin.parents)),
        announced=tuple(map(_present_loan, kin.announced)),
        effect_at=kin.effect_at,
    )


def _present_loan(loan: loans.LoanView) -> LoanRow:
    return LoanRow(format_address(loan.hotkey), loan.share / U16_MAX)


# -- rewards --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VoteRow:
    """What one validator's weight did for the neuron."""

    validator: Annotated[int, unit.uid("Whose weight.")]
    weight: Annotated[int, unit.ratio16("As revealed; 0 if it did not count.")]
    weight_share: Annotated[int, unit.share32("Of its row.")]
    counted: Annotated[int, unit.share32("What consensus left of it.")]
    clip: Annotated[int, unit.share32("What consensus cut off: weight_share - counted.")]
    stake: Annotated[int, unit.share32("The validator's, of stake in force.")]
    contribution: Annotated[int, unit.share32("stake x counted, before scaling.")]
    amount: Annotated[int, unit.alpha("Its part of the neuron's miner emission.")]


@dataclass(frozen=True, slots=True)
class BondRow:
    """What the neuron's bond in one miner earned it."""

    miner: Annotated[int, unit.uid("In whom.")]
    bond: Annotated[int, unit.share32("The bond.")]
    bond_share: Annotated[int, unit.share32("Of all bonds in that miner.")]
    incentive: Annotated[int, unit.share32("The miner's.")]
    contribution: Annotated[int, unit.share32("bond_share x incentive.")]
    amount: Annotated[int, unit.alpha("Its part of the neuron's validator emission.")]


@dataclass(frozen=True, slots=True)
class BackingRow:
    """What one hotkey's stake behind a validator earned.

    `child_take`, `owner`, `delegators` and `sold` add up to `alpha` and `root`.
    """

    alpha: Annotated[int, unit.alpha("Earned by its alpha.")]
    root: Annotated[int, unit.alpha("Earned by its TAO.")]
    child_take: Annotated[int, unit.alpha("What the validator's owner keeps of lent stake's.")]
    owner: Annotated[int, unit.alpha("The take of the owner of the stake's hotkey.")]
    delegators: Annotated[int, unit.alpha("What raises the alpha pool of the stake's hotkey.")]
    sold: Annotated[int, unit.alpha("What is sold for a reward of its root pool.")]


@dataclass(frozen=True, slots=True)
class RewardPart:
    """One neuron's reward of one epoch (`consensus/reward/explain.py`).

    The votes add up to `miner_emission`, and the bonds to `validator_emission` if `basis` is
    dividends (else it was paid for stake alone and there are none); `emission` is both emissions.
    `alpha_part` and `root_part` add up to `validator_emission`; so do `owner`, `delegators`, `sold`
    and `lenders`, each a sum over `backings`.
    """

    uid: Annotated[int, unit.uid("The neuron.")]
    block: Annotated[int, unit.height("Of the epoch step.")]
    miner_pot: Annotated[int, unit.alpha("What all miners had to share.")]
    validator_pot: Annotated[int, unit.alpha("What all validators had to share.")]
    consensus: Annotated[int, unit.share32("What validators agreed on.")]
    incentive: Annotated[int, unit.share32("Of the miners' pot.")]
    dividends: Annotated[int, unit.share32("Of the validators' pot.")]
    stake_share: Annotated[int, unit.share32("Of all stake.")]
    active_stake: Annotated[int, unit.share32("Of stake in force.")]
    basis: Annotated[Basis, unit.text("What the validators' pot was split by.")]
    votes: Annotated[tuple[VoteRow, ...], unit.part("What made its incentive.", "Votes")]
    bonds: Annotated[tuple[BondRow, ...], unit.part("What made its dividends.", "Bonds")]
    take: Annotated[int, unit.ratio16("What its owner keeps of what others' stake earned.")]
    alpha_part: Annotated[int, unit.alpha("What alpha earned, its own and lent.")]
    root_part: Annotated[int, unit.alpha("What TAO at root earned.")]
    backings: Annotated[
        tuple[BackingRow, ...], unit.part("Its own stake's part, then each lender's.", "Backings")
    ]
    owner: Annotated[int, unit.alpha("The owner's takes.")]
    delegators: Annotated[int, unit.alpha("What raised its own alpha pool.")]
    sold: Annotated[int, unit.alpha("What was sold for its own root pool.")]
    lenders: Annotated[int, unit.alpha("What the hotkeys that lent it stake were paid.")]
    is_owned: Annotated[bool, unit.flag("Whether its coldkey owns the subnet.")]
    miner_burned: Annotated[int, unit.share32("Of all miner emission, what such neurons had.")]
    miner_emission: Annotated[int, unit.alpha("As a miner.")]
    validator_emission: Annotated[int, unit.alpha("As a validator.")]
    emission: Annotated[int, unit.alpha("In all.")]


@dataclass(frozen=True, slots=True)
class ExplainAnswer:
    """The reward of the last epoch step taken apart; the parts add up to it to the rao."""

    netuid: Annotated[int, unit.netuid("Where.")]
    uid: Annotated[int, unit.uid("The neuron.")]
    hotkey: Annotated[str, unit.address("Its name then.")]
    epoch: Annotated[int, unit.number("Of the step.")]
    explanation: Annotated[RewardPart, unit.part("The reward.", "")]
    lenders: Annotated[
        tuple[str, ...], unit.address("Who lent it stake: `backings` after the first.")
    ] = ()
    height: AtHeight = 0
    proof: Proof = None


@of_state(
    "/chain/explain/{netuid}/{uid}", "explain", "1 0", "uid {uid} of subnet {netuid}, epoch {epoch}"
)
def explain(state: Reading, netuid: NetUidInput, uid: UidInput) -> ExplainAnswer:
    """A neuron's reward of the last epoch taken apart: every validator's part, to the rao."""
    with found_subnet(netuid):
        reward = queries.explain(state, netuid, uid)
    if reward is None:
        raise not_found(
            f"reward of uid {uid} in subnet {netuid}",
            "It comes with the first epoch step after the neuron's registration.",
        )
    found = reward.explanation
    figures = asdict(found)
    figures["votes"] = tuple(VoteRow(**asdict(each)) for each in found.votes)
    figures["bonds"] = tuple(BondRow(**asdict(each)) for each in found.bonds)
    figures["backings"] = tuple(BackingRow(**asdict(each)) for each in found.backings)
    return ExplainAnswer(
        netuid=netuid,
        uid=found.uid,
        hotkey=format_address(reward.hotkey),
        epoch=reward.epoch,
        explanation=RewardPart(**figures),
        lenders=tuple(format_address(lender) for lender in reward.lenders),
        height=get_head(state).height,
    )
