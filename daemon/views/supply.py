"""Where every rao is."""

from dataclasses import asdict, dataclass
from typing import Annotated

from consensus.ledger.records import ROOT, get_head
from consensus.ledger.state import Reading
from consensus.ledger.subnet.records import find_subnet
from consensus.ledger.supply import Supply, get_supply
from consensus.params import SUPPLY_CAP
from daemon import unit
from daemon.engine.errors import not_found
from daemon.views.inputs import NetUidInput
from daemon.views.view import AtHeight, Proof, of_state


@dataclass(frozen=True, slots=True)
class SupplyPart:
    """Where a coin is: `issued` is the sum of all others but `burned`, which is no more."""

    issued: Annotated[int, unit.coin("All there is.")]
    free: Annotated[int, unit.coin("In accounts.")]
    staked: Annotated[int, unit.coin("On hotkeys.")]
    unbonding: Annotated[int, unit.coin("On its way out of root.")]
    pending: Annotated[int, unit.coin("Emitted, and paid at the next epoch step.")]
    burned: Annotated[int, unit.coin("Destroyed since genesis.")] = 0
    pooled: Annotated[int, unit.coin("In liquidity pools.")] = 0
    locked: Annotated[int, unit.coin("In payment channels.")] = 0
    ordered: Annotated[int, unit.coin("In orders that wait.")] = 0


@dataclass(frozen=True, slots=True)
class SupplyAnswer:
    """Where a coin is: TAO (netuid 0), or a subnet's alpha."""

    netuid: Annotated[int, unit.netuid("0: TAO.", shown="never")]
    height: AtHeight
    supply: Annotated[SupplyPart, unit.part("Where it is.", "")]
    cap: Annotated[int, unit.coin("The most there can ever be.")]
    proof: Proof = None


@of_state(
    "/chain/supply/{netuid}",
    "query supply",
    "",
    "Supply of coin {netuid} (0: TAO) at height {height}",
)
def supply(state: Reading, netuid: NetUidInput = ROOT) -> SupplyAnswer:
    """Where every rao of TAO (0) or of a subnet's alpha is."""
    if netuid and find_subnet(state, netuid) is None:
        raise not_found(f"subnet {netuid}", "GET /chain/subnets lists them.")
    found = present_supply(get_supply(state, netuid))
    return SupplyAnswer(netuid, get_head(state).height, found, SUPPLY_CAP)


def present_supply(found: Supply) -> SupplyPart:
    """Return where a coin is."""
    return SupplyPart(**asdict(found))
