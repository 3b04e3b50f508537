"""Votes of root stake, and the parameters they may set."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Literal, cast

from config.address import format_address
from consensus.ledger.records import get_head, get_network
from consensus.ledger.state import Reading
from consensus.ledger.voting import proposals as votes
from consensus.ledger.voting.governable import GOVERNABLE
from consensus.params import Params
from daemon import unit
from daemon.engine.errors import not_found
from daemon.views.inputs import CountInput, NumberInput
from daemon.views.subnets import compute_cost
from daemon.views.view import AtHeight, Proof, of_state

Standing = Literal["open", "passed", "rejected", "enacted", "failed"]
_STANDINGS: Mapping[votes.MotionState, Standing] = {
    votes.MotionState.OPEN: "open",
    votes.MotionState.PASSED: "passed",
    votes.MotionState.REJECTED: "rejected",
    votes.MotionState.ENACTED: "enacted",
    votes.MotionState.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """One proposal; while votes are cast, the stakes are those of now."""

    number: Annotated[int, unit.number("Its number.")]
    what: Annotated[str, unit.text("In words.")]
    standing: Annotated[Standing, unit.text("How it stands.")]
    proposer: Annotated[str, unit.address("A hotkey.", shown="alone")]
    opened_at: Annotated[int, unit.height("When.", shown="never")]
    ballots: Annotated[int, unit.count("Votes cast.", shown="alone")]
    yes: Annotated[int, unit.rao("Root stake for it.")]
    no: Annotated[int, unit.rao("Root stake against it.")]
    stake: Annotated[int, unit.rao("All root stake.", "of")]
    closes_at: Annotated[int, unit.height("The last block with votes.", "votes until")]
    activation: Annotated[int, unit.height("When it is wanted.", "wanted from", shown="alone")]
    effect_at: Annotated[int, unit.due("Once passed: the first block under it.", "effect from")]


@dataclass(frozen=True, slots=True)
class ProposalAnswer:
    """One proposal."""

    height: AtHeight
    proposal: Annotated[ProposalRow, unit.part("The proposal.", "")]
    proof: Proof = None


@of_state("/chain/proposals/{number}", "query proposal", "3", "Proposal at height {height}")
def proposal(state: Reading, number: NumberInput) -> ProposalAnswer:
    """One proposal with its votes."""
    found = votes.view_proposal(state, number)
    if found is None:
        raise not_found(f"proposal {number}", "GET /chain/proposals lists them.")
    return ProposalAnswer(get_head(state).height, _present(found))


@dataclass(frozen=True, slots=True)
class UpgradeRow:
    """A decided protocol version, and the first block it is needed for."""

    version: Annotated[int, unit.number("Of the protocol.")]
    height: Annotated[int, unit.height("The first that needs it.", "from block")]


@dataclass(frozen=True, slots=True)
class ProposalsAnswer:
    """Proposals, newest first, and the protocol versions that are decided."""

    height: AtHeight
    proposals: Annotated[tuple[ProposalRow, ...], unit.part("Newest first.")]
    upgrades: Annotated[tuple[UpgradeRow, ...], unit.part("Decided.", "Decided protocol versions")]
    proof: Proof = None


@of_state("/chain/proposals", "query proposals", "", "Proposals at height {height}")
def proposals(state: Reading, count: CountInput = 20) -> ProposalsAnswer:
    """Proposals, newest first, and decided protocol versions."""
    return ProposalsAnswer(
        height=get_head(state).height,
        proposals=tuple(map(_present, votes.list_proposals(state, None, count))),
        upgrades=tuple(
            UpgradeRow(each.version, each.height) for each in votes.list_upgrades(state)
        ),
    )


def _present(found: votes.ProposalView) -> ProposalRow:
    kept = found.proposal
    return ProposalRow(
        number=found.number,
        what=votes.describe_change(kept.change),
        standing=_STANDINGS[kept.standing],
        proposer=format_address(kept.hotkey),
        opened_at=kept.opened_at,
        closes_at=kept.closes_at,
        activation=kept.activation,
        effect_at=kept.effect_at,
        ballots=kept.ballots,
        yes=kept.yes,
        no=kept.no,
        stake=kept.stake,
    )


# -- parameters -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ParamsAnswer:
    """The network's parameters after block `height` (`consensus/params.py`)."""

    height: AtHeight
    chain_id: Annotated[str, unit.data("Of the network.", "chain")]
    params: Annotated[Mapping[str, int], unit.law("Each number in its own unit.", "Parameters")]
    bounds: Annotated[
        Mapping[str, tuple[int, int]],
        unit.law("What a vote may set, from and to; the others are fixed.", "What a vote may set"),
    ]
    subnet_cost: Annotated[
        int, unit.rao("What a new subnet costs in the next block.", "a new subnet costs")
    ]
    proof: Proof = None


@of_state("/chain/params", "query params", "", "Parameters at height {height}")
def params(state: Reading) -> ParamsAnswer:
    """The network's parameters, what a vote may set each to, and what a new subnet costs."""
    network, height = get_network(state), get_head(state).height
    return ParamsAnswer(
        height=height,
        chain_id=network.chain_id.hex(),
        params=dict(_flatten(network.params)),
        bounds={name: (each.low, each.high) for name, each in GOVERNABLE.items()},
        subnet_cost=compute_cost(state, height),
    )


def _flatten(kept: Params) -> Iterator[tuple[str, int]]:
    """Yield every number; those of a part as `part.name`."""
    for name, value in asdict(kept).items():
        if isinstance(value, dict):
            inner = cast("dict[str, int]", value)
            yield from ((f"{name}.{one}", int(figure)) for one, figure in inner.items())
        else:
            yield name, int(value)
