"""What the node says of itself while it runs: its log's first line, its events, its figures."""

from config.sections.neuron import NeuronSettings
from consensus.ledger.supply import get_supply
from consensus.ledger.transition import Applied
from consensus.quantities import Hash32
from consensus.types import Block, Header
from daemon.engine.chain import Chain
from daemon.engine.clock import read_time_ms
from daemon.engine.upgrades import UpgradeReport
from daemon.hosting.neuron import Neuron
from daemon.telemetry import Telemetry, get_logger
from daemon.views.face import Face
from daemon.views.plain import format_peer_id, present_event
from p2p.network import Network, PeerUp


def report_start(view: Face, neuron: NeuronSettings) -> None:
    """Log who starts here: version, network, identity, addresses, what it does and on what."""
    status = view.status()
    get_logger("node").info(
        "node starts",
        version=status.version,
        network=status.network,
        chain_id=status.chain_id[:16],
        peer_id=status.peer_id,
        addresses=list(status.addresses),
        reachable=status.reachable,
        role=neuron.role,
        device=neuron.device if neuron.role == "miner" else "none",
        votes=status.is_validator,
        height=status.height,
    )


def report_blocks(
    chain: Chain, network: Network, view: Face, neuron: Neuron | None, telemetry: Telemetry
) -> None:
    """Tell events and figures of every final block from now on."""
    telemetry.watch("network", "The network room's own counters.", network.stats)
    telemetry.peers.set_function(lambda: len(network.peers()))
    telemetry.mempool.set_function(lambda: len(chain.mempool))
    telemetry.mempool_bytes.set_function(lambda: chain.mempool.size_bytes)
    telemetry.issued.set_function(lambda: get_supply(chain.head.state).issued)
    if neuron is not None:
        telemetry.watch("queries", "Queries of a miner, rounds of a validator.", neuron.counts)

    def on_final(block: Block, digest: Hash32, applied: Applied) -> None:
        header: Header = block.header
        for receipt in applied.receipts:
            telemetry.transactions.labels("ok" if receipt.code == 0 else "failed").inc()
        about = {
            "digest": digest.hex(),
            "view": header.view,
            "time_ms": header.time_ms,
            "final_ms": read_time_ms(),
            "transactions": len(block.transactions),
        }
        view.events.publish("final", header.height, about)
        for event in applied.events:
            kind, details = present_event(event)
            view.events.publish(kind, header.height, details)
        if neuron is not None:
            neuron.publish_figures()

    chain.listeners.append(on_final)
    chain.listeners.append(UpgradeReport(chain.head.state).on_final)


async def report_peers(network: Network, view: Face, chain: Chain) -> None:
    """Tell who comes and goes, and, once, that the node was reached from elsewhere."""
    reachable = view.reach().verdict
    async for event in network.events:
        kind = "up" if isinstance(event, PeerUp) else "down"
        about = {"peer_id": format_peer_id(event.peer_id), "is": kind}
        view.events.publish("peer", chain.head.header.height, about)
        if view.reach().verdict != reachable:
            reachable = view.reach().verdict
            get_logger("node").info("reachable", reachable=str(view.reach()))
