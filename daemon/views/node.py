"""How the node is: at a glance, and whether it does its job."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from daemon import unit
from daemon.hosting.status import NeuronStatus
from daemon.views.supply import SupplyPart
from daemon.views.view import of_node

if TYPE_CHECKING:
    from daemon.views.face import NodeFace


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of readiness; `remedy` says what to do while it is not `ok`."""

    name: Annotated[str, unit.text("The condition.")]
    ok: Annotated[bool, unit.flag("Whether it is met.")]
    detail: Annotated[str, unit.text("How it is.")]
    remedy: Annotated[str, unit.text("What to do.")] = ""


@dataclass(frozen=True, slots=True)
class ReadyAnswer:
    """Whether this node does its job, and each condition of it."""

    ready: Annotated[bool, unit.flag("Whether all are met.")]
    checks: Annotated[tuple[Check, ...], unit.part("Each condition.")]


@dataclass(frozen=True, slots=True)
class PeerRow:
    """One connected peer."""

    peer_id: Annotated[str, unit.text("Its libp2p id.")]
    address: Annotated[str, unit.text("Its multiaddress.")]
    direction: Annotated[Literal["in", "out"], unit.text("Who called whom.")]
    score: Annotated[float, unit.number("How it behaves.")]
    rtt_ms: Annotated[float | None, unit.duration_ms("A round trip.")]


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """The node at a glance."""

    name: Annotated[str, unit.text("Its own.", shown="never")]
    version: Annotated[str, unit.text("Of neurond.", shown="never")]
    network: Annotated[str, unit.text("Which it is of.")]
    chain_id: Annotated[str, unit.data("Of that network.")]
    peer_id: Annotated[str, unit.text("Its libp2p id.")]
    addresses: Annotated[tuple[str, ...], unit.address("Where it listens.")]
    reachable: Annotated[str, unit.text("Yes, no or unknown; then why, and what to do about it.")]
    height: Annotated[int, unit.height("Of the head.")]
    head: Annotated[str, unit.data("Hash of the last final block.")]
    head_time_ms: Annotated[int, unit.time_ms("Of that block.")]
    state_root: Annotated[str, unit.data("Of the state after it.")]
    view: Annotated[int, unit.number("Of agreement.")]
    era: Annotated[int, unit.number("Of the next block; its validator set votes and leads.")]
    era_last: Annotated[int | None, unit.height("The era's last; null if it never ends.")]
    validators: Annotated[int, unit.count("In the validator set.")]
    is_validator: Annotated[bool, unit.flag("Whether it votes.")]
    syncing: Annotated[bool, unit.flag("Whether it catches up.")]
    peers: Annotated[tuple[PeerRow, ...], unit.part("Those connected.")]
    mempool_transactions: Annotated[int, unit.count("That wait here.")]
    uptime_s: Annotated[float, unit.duration_s("Since it started.")]
    neuron: Annotated[NeuronStatus | None, unit.part("The one it runs.", "neuron: ")] = None
    supply: Annotated[SupplyPart | None, unit.part("Of TAO.", "supply: ")] = None
    protocol: Annotated[int, unit.number("The newest version of the law it knows.")] = 1
    upgrade: Annotated[
        str | None,
        unit.text("A decided version that is too new for it: when it stops, and what to do."),
    ] = None


@of_node("/chain/status", "status", "--json", "{name}, neurond {version}")
def status(node: "NodeFace") -> StatusAnswer:
    """The node at a glance."""
    return node.status()
