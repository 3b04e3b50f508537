"""What a neuron asks of its node, answered from the chain, the network and the store.

`ChainPort` is `neurons.ports.Node`. Every answer is of the final head; a metagraph is made once per
height.
"""

from nacl.signing import SigningKey

from consensus import crypto, parcels
from consensus.ledger import queries
from consensus.ledger.fees import Measured
from consensus.ledger.membership.weights import find_commit
from consensus.ledger.records import get_head, get_network
from consensus.ledger.subnet.records import NEVER, NOBODY, Column, find_uid, get_cell, get_subnet
from consensus.quantities import Epoch, Height, NetUid, PublicKey, Signature, TimeMs
from consensus.reward import commit_reveal
from consensus.reward.commit_reveal import WeightSecret
from consensus.types import Call
from daemon.engine.chain import Chain
from daemon.engine.clock import read_time_ms
from daemon.engine.errors import NodeError
from daemon.engine.pool import Submitter
from daemon.hosting.record import FiguresMemory, PublicRecord
from daemon.telemetry import get_logger
from neurons import ports
from neurons.errors import MinerBusy, NodeUnreachable, PeerFault
from neurons.messages import REPLY_BYTES_MAX
from p2p.errors import NetworkError, PeerBusy, PeerGone
from p2p.network import Network, Topic
from storage.store import Store

SECRETS_KEPT = 2
"""Epochs before the present one whose secrets are kept: the last may be in its reveals."""


class ChainPort:
    """One neuron's node: it signs with the neuron's hotkey."""

    def __init__(
        self,
        chain: Chain,
        network: Network,
        submitter: Submitter,
        store: Store,
        key: SigningKey,
    ) -> None:
        self.hotkey = PublicKey(bytes(key.verify_key))
        self._chain = chain
        self._network = network
        self._submitter = submitter
        self._store = store
        self._key = key
        self._chain_id = get_network(chain.head.state).chain_id
        self._figures = FiguresMemory(store.blocks)
        self._graphs: dict[NetUid, tuple[Height, ports.MetagraphView]] = {}
        self._waiting: dict[Call, Measured] = {}
        self._log = get_logger("neuron")

    def sign(self, message: bytes) -> Signature:
        """Sign with the hotkey."""
        return crypto.sign(self._key, message)

    def now_ms(self) -> TimeMs:
        """Return wall time, ms since 1970."""
        return read_time_ms()

    def chain(self) -> ports.ChainView:
        """Return the final head."""
        head = get_head(self._chain.head.state)
        return ports.ChainView(self._chain_id, head.height, head.time_ms, head.mix)

    def metagraph(self, netuid: NetUid) -> ports.MetagraphView:
        """Return the subnet at the final head."""
        height = self._chain.head.header.height
        cached = self._graphs.get(netuid)
        if cached is None or cached[0] != height:
            cached = self._graphs[netuid] = (height, self._read_metagraph(netuid))
        return cached[1]

    def record(self) -> ports.ChainRecord:
        """Return what final blocks made public, up to the final head."""
        return PublicRecord(self._chain.head.header.height, self._figures)

    def weights_state(self, netuid: NetUid) -> ports.WeightsState:
        """Return what the final state holds of our weights."""
        state = self._chain.head.state
        uid = find_uid(state, netuid, self.hotkey)
        if uid is None:
            return ports.WeightsState(None, None, None)
        tempo = get_subnet(state, netuid).hyper.tempo
        now = commit_reveal.compute_epoch(self._chain.head.header.height, tempo)
        commit_epoch, digest = None, None
        for epoch in (now, Epoch(now - 1)):
            commit = None if epoch < 0 else find_commit(state, netuid, epoch, uid)
            if commit is not None:
                commit_epoch, digest = epoch, commit.digest
                # An unopened commitment of the epoch before is the more urgent one.
        active = get_cell(state, netuid, Column.ACTIVE, uid)
        revealed = None if active == NEVER else commit_reveal.compute_epoch(Height(active), tempo)
        last = None if not revealed else Epoch(revealed - 1)
        return ports.WeightsState(commit_epoch, digest, last)

    async def wait_height(self, height: Height) -> None:
        """Return once the final height is at least `height`."""
        await self._chain.wait_height(height)

    async def ask(self, peer_id: bytes, payload: bytes) -> bytes:
        """Put a query to a peer's neuron; see `neurons.ports.Node.ask`."""
        try:
            if not await self._network.find_peer(peer_id):
                raise NodeUnreachable("not connected, and no address of it is known")
            return await self._network.ask(peer_id, parcels.QUERY_ASK, payload, REPLY_BYTES_MAX)
        except PeerGone as error:
            raise NodeUnreachable(str(error)) from error
        except PeerBusy as error:
            raise MinerBusy(error.retry_ms) from error
        except NetworkError as error:
            raise PeerFault(str(error)) from error

    async def submit(self, call: Call) -> None:
        """Sign `call` and publish it; a call that still waits is published again as it is."""
        mempool = self._chain.mempool
        self._waiting = {
            each: sent
            for each, sent in self._waiting.items()
            if mempool.get(sent.transaction_id) is not None
        }
        waiting = self._waiting.get(call)
        if waiting is not None:
            self._submitter.publish(Topic.WEIGHTS, [waiting])
            return
        try:
            sent = await self._submitter.submit_call(self._key, call, Topic.WEIGHTS)
        except NodeError as error:
            self._log.warning("call refused", call=type(call).__name__, reason=str(error))
            return
        self._waiting[call] = sent

    async def keep_weights(self, secret: WeightSecret) -> None:
        """Make what opens a commitment durable, and drop what can't be opened any more."""
        journal = self._store.journal
        await journal.save_secret(secret)
        oldest = Epoch(max(0, secret.row.epoch - SECRETS_KEPT))
        await journal.forget_secrets(secret.row.netuid, oldest)

    async def load_weights(self, netuid: NetUid) -> tuple[WeightSecret, ...]:
        """Return every kept secret of our hotkey."""
        kept = self._store.journal.load_secrets(netuid)
        return tuple(secret for secret in kept if secret.hotkey == self.hotkey)

    def _read_metagraph(self, netuid: NetUid) -> ports.MetagraphView:
        state = self._chain.head.state
        graph = queries.metagraph(state, netuid)
        hyper = graph.subnet.hyper
        neurons = tuple(
            ports.NeuronView(
                uid=uid,
                hotkey=graph.hotkeys[uid],
                registered_block=Height(graph.registered_block[uid]),
                peer_id=None if served is None else crypto.compute_peer_id(served.node_key),
                has_permit=graph.permits[uid],
            )
            for uid, served in zip(graph.uids, graph.served, strict=True)
            if graph.hotkeys[uid] != NOBODY
        )
        return ports.MetagraphView(
            netuid=netuid,
            tempo=hyper.tempo,
            reveal_blocks=commit_reveal.get_step_offset(netuid, hyper.tempo, hyper.reveal_blocks),
            commit_interval_blocks=get_network(state).params.commit_interval_blocks,
            scorer_version=graph.subnet.scorer_version,
            min_allowed_weights=hyper.min_allowed_weights,
            max_weight=hyper.max_weight,
            neurons=neurons,
            scorer_hash=graph.subnet.scorer_hash,
        )
