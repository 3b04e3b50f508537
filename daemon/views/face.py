"""What a door is shown of the running node: `NodeFace`, and `Face`, which fulfils it.

Blocks come from storage, what is asked of the ledger is answered by `daemon/views/asking.py`.
Nothing here changes anything but what is submitted (`daemon/engine/pool.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import trio

from config.address import format_address
from consensus import codec, crypto
from consensus.agreement.certificates import ENDLESS
from consensus.ledger.supply import get_supply
from consensus.quantities import Era, Hash32, Height, NetUid, PublicKey
from daemon.engine.chain import Chain
from daemon.engine.clock import read_time_ms
from daemon.engine.driver import Driver
from daemon.engine.eras import get_entries
from daemon.engine.errors import NodeError, not_found
from daemon.engine.faucet import Faucet, Spring
from daemon.engine.pool import Submitter
from daemon.engine.reach import Reach, find_farthest, judge_reach
from daemon.engine.syncing import Syncing
from daemon.engine.upgrades import find_notice
from daemon.hosting.neuron import WEIGHTS_AGE_MAX, Neuron
from daemon.version import PROTOCOL_VERSION
from daemon.views.asking import Asking
from daemon.views.blocks import BlockAnswer, BlockRow, present_block, present_summary
from daemon.views.events import EventBus
from daemon.views.node import Check, PeerRow, StatusAnswer
from daemon.views.plain import format_peer_id
from daemon.views.previewing import PreviewAnswer, Previewing
from daemon.views.supply import present_supply
from daemon.views.transactions import ReceiptAnswer, present_pending, present_receipt
from daemon.views.view import Answer, StateQuestion
from daemon.views.what_if import WhatIfAnswer, WhatIfEdits, read_edits
from p2p.network import Network
from storage.store import Store

STALE_BLOCKS = 10
"""Block intervals without a new final block after which the chain counts as standing still."""
STALE_MS_MIN = 15_000
"""Shorter silences are the network's own business."""


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What of a node never changes while it runs."""

    name: str
    version: str
    network: str
    chain_id: Hash32
    block_ms: int
    spring: Spring | None = None
    """What its faucet gives from, if it has one."""


class NodeFace(Protocol):
    """What a door asks of the node; it raises `NodeError`, nothing else.

    Reads are sync and short (a value in memory, or one small read); what waits is async.
    """

    @property
    def events(self) -> EventBus:
        """Return where the node announces what happens."""
        ...

    def status(self) -> StatusAnswer:
        """Return the node at a glance."""
        ...

    def readiness(self) -> tuple[Check, ...]:
        """Return every condition of readiness."""
        ...

    def block(self, height: Height) -> BlockAnswer:
        """Return the final block at `height`."""
        ...

    def blocks(self, start: Height | None, count: int) -> tuple[BlockRow, ...]:
        """Return at most `count` final blocks, newest first, from `start` (the head) downward."""
        ...

    def hand_offs(self, first: Era, count: int) -> tuple[str, ...]:
        """Return how at most `count` eras from `first` on ended, as far as they have."""
        ...

    def receipt(self, transaction_id: Hash32) -> ReceiptAnswer:
        """Return what became of a transaction."""
        ...

    async def ask(self, question: StateQuestion[Answer], height: Height | None) -> Answer:
        """Return the answer as of the final block `height` (None: the head)."""
        ...

    async def ask_proved(self, question: StateQuestion[Answer], height: Height | None) -> Answer:
        """Return it with a proof; None is the newest height that can be proved."""
        ...

    async def what_if(
        self, netuid: NetUid, edits: WhatIfEdits, height: Height | None
    ) -> WhatIfAnswer:
        """Return what the last epoch step before `height` paid, and would have paid."""
        ...

    async def submit(self, data: bytes) -> Hash32:
        """Let an encoded SignedTransaction into the mempool and gossip it; return its id."""
        ...

    async def drip(self, key: PublicKey) -> Hash32:
        """Let the faucet give something to `key`; return the transaction's id."""
        ...

    async def submit_many(self, items: Sequence[bytes]) -> tuple[Hash32 | NodeError, ...]:
        """Do the same for many; return the id of each or why it was refused."""
        ...

    async def preview(self, data: bytes) -> PreviewAnswer:
        """Return what would become of an encoded transaction, signed or not; nothing is kept."""
        ...


class Face:
    """The running node as its doors see it."""

    def __init__(  # noqa: PLR0913, PLR0917 - it shows every part of the node
        self,
        info: NodeInfo,
        chain: Chain,
        store: Store,
        driver: Driver,
        syncing: Syncing,
        network: Network,
        submitter: Submitter,
        neuron: Neuron | None,
    ) -> None:
        self.events = EventBus()
        self._info = info
        self._chain = chain
        self._store = store
        self._driver = driver
        self._syncing = syncing
        self._network = network
        self._neuron = neuron
        self._asking = Asking(chain, store)
        self._submitter = submitter
        self._previewing = Previewing(chain)
        spring = info.spring
        self._faucet = None if spring is None else Faucet(spring, chain, submitter.submit_call)
        self._started_s = trio.current_time()
        self._farthest_caller: tuple[str, ...] = ()

    def reach(self) -> Reach:
        """Return whether others can call this node; once somebody did, that is known for good."""
        peers = self._network.peers()
        callers = [peer.address for peer in peers if peer.direction == "inbound"]
        self._farthest_caller = find_farthest([*self._farthest_caller, *callers])
        return judge_reach(self._network.addresses, self._farthest_caller)

    def status(self) -> StatusAnswer:
        """Return the node at a glance."""
        head, info = self._chain.head, self._info
        notice = find_notice(head.state)
        return StatusAnswer(
            name=info.name,
            version=info.version,
            network=info.network,
            chain_id=info.chain_id.hex(),
            peer_id=format_peer_id(self._network.peer_id),
            addresses=self._network.addresses,
            reachable=str(self.reach()),
            height=head.header.height,
            head=head.digest.hex(),
            head_time_ms=head.header.time_ms,
            state_root=head.state.root.hex(),
            view=self._driver.machine.view,
            era=self._chain.committee.era,
            era_last=None if self._chain.committee.last == ENDLESS else self._chain.committee.last,
            validators=len(self._chain.committee.entries),
            is_validator=self._driver.machine.me is not None,
            syncing=self._syncing.is_behind,
            peers=tuple(
                PeerRow(
                    format_peer_id(peer.peer_id),
                    peer.address,
                    "out" if peer.direction == "outbound" else "in",
                    peer.score,
                    peer.rtt_ms,
                )
                for peer in self._network.peers()
            ),
            mempool_transactions=len(self._chain.mempool),
            uptime_s=trio.current_time() - self._started_s,
            neuron=None if self._neuron is None else self._neuron.status(),
            supply=present_supply(get_supply(head.state)),
            protocol=PROTOCOL_VERSION,
            upgrade=None if notice is None else f"{notice}. {notice.remedy}",
        )

    def readiness(self) -> tuple[Check, ...]:
        """Return every condition of readiness."""
        head = self._chain.head.header
        checks = [
            Check(
                "synced",
                not self._syncing.is_behind,
                f"height {head.height}, peers are at {max(self._syncing.target, head.height)}",
                "Wait; if the height does not move, look at the log for refused blocks.",
            ),
            self._check_peers(),
            self._check_finality(),
            self._check_upgrade(),
        ]
        if self._neuron is not None:
            checks.append(self._check_neuron(self._neuron))
        return tuple(checks)

    def block(self, height: Height) -> BlockAnswer:
        """Return the final block at `height`."""
        block = self._store.blocks.block_at(height)
        if block is None:
            raise not_found(
                f"final block {height}", f"The head is {self._chain.head.header.height}."
            )
        finality = self._store.blocks.finality(height)
        entries = get_entries(self._store, self._chain.committee, block.header.era)
        signers: tuple[str, ...] = ()
        if finality is not None and finality[0] == height:
            signers = tuple(format_address(entries[i].hotkey) for i in finality[1].signers)
        digest = crypto.compute_header_digest(block.header)
        receipts = self._store.blocks.receipts_at(height)
        return present_block(block, digest, receipts, entries, signers)

    def blocks(self, start: Height | None, count: int) -> tuple[BlockRow, ...]:
        """Return final blocks, newest first."""
        head = self._chain.head.header.height
        first = head if start is None else min(start, head)
        found: list[BlockRow] = []
        for height in range(first, max(-1, first - count), -1):
            block = self._store.blocks.block_at(height)
            if block is not None:
                digest = crypto.compute_header_digest(block.header)
                count_of = len(block.transactions)
                era = block.header.era
                entries = get_entries(self._store, self._chain.committee, era)
                found.append(present_summary(block.header, digest, count_of, entries))
        return tuple(found)

    def hand_offs(self, first: Era, count: int) -> tuple[str, ...]:
        """Return how eras from `first` on ended, as far as they have."""
        found: list[str] = []
        for era in range(first, min(first + count, self._chain.committee.era)):
            ended = self._store.blocks.hand_off(era)
            if ended is not None:
                found.append(codec.encode(ended).hex())
        return tuple(found)

    def receipt(self, transaction_id: Hash32) -> ReceiptAnswer:
        """Return what became of a transaction: final, or waiting here."""
        blocks = self._store.blocks
        place = blocks.place_of(transaction_id)
        if place is not None:
            receipts = blocks.receipts_at(place.height)
            assert receipts is not None, "a final block's receipts are stored with it"
            return present_receipt(receipts[place.index], place.height, place.index)
        waiting = self._chain.mempool.get(transaction_id)
        if waiting is not None:
            return present_pending(waiting)
        raise not_found(
            f"transaction {transaction_id.hex()} in the blocks from {blocks.indexed_from()} on",
            "It may be older, refused, or not here yet: ask again, or look at its signer's nonce.",
        )

    async def ask(self, question: StateQuestion[Answer], height: Height | None) -> Answer:
        """Return the answer as of the final block `height` (None: the head)."""
        return await self._asking.ask(question, height)

    async def ask_proved(self, question: StateQuestion[Answer], height: Height | None) -> Answer:
        """Return it with a proof; None is the newest height that can be proved."""
        return await self._asking.ask_proved(question, height)

    async def what_if(
        self, netuid: NetUid, edits: WhatIfEdits, height: Height | None
    ) -> WhatIfAnswer:
        """Return what the last epoch step before `height` paid, and would have paid."""
        return await self._asking.what_if(netuid, read_edits(edits), height)

    async def submit(self, data: bytes) -> Hash32:
        """Let a transaction into the mempool and gossip it."""
        return (await self._submitter.submit(data)).transaction_id

    async def submit_many(self, items: Sequence[bytes]) -> tuple[Hash32 | NodeError, ...]:
        """Let many in; return the id of each or why it was refused."""
        return await self._submitter.submit_many(items)

    async def drip(self, key: PublicKey) -> Hash32:
        """Let the faucet give something to `key`."""
        if self._faucet is None:
            raise not_found(
                "faucet here", "Ask a node whose faucet is enabled; mainnets have none."
            )
        return await self._faucet.drip(key, read_time_ms() / 1000)

    async def preview(self, data: bytes) -> PreviewAnswer:
        """Return what the next block would make of a transaction."""
        return await self._previewing.preview(data)

    # -- readiness ------------------------------------------------------------------------------

    def _check_peers(self) -> Check:
        count = len(self._network.peers())
        remedy = "Check p2p.bootstrap and that the listen port can be reached; see the log."
        machine = self._driver.machine
        is_alone = machine.me is not None and machine.committee.has_quorum([machine.me])
        return Check("peers", count > 0 or is_alone, f"{count} connected", remedy)

    def _check_finality(self) -> Check:
        age_ms = read_time_ms() - self._chain.head.header.time_ms
        limit_ms = max(STALE_MS_MIN, STALE_BLOCKS * self._info.block_ms)
        return Check(
            "finality",
            age_ms <= limit_ms,
            f"the last final block is {age_ms / 1000:.1f} s old",
            "More than a third of stake may be offline, or this node is cut off: see peers.",
        )

    def _check_upgrade(self) -> Check:
        notice = find_notice(self._chain.head.state)
        if notice is None:
            return Check("protocol", ok=True, detail=f"protocol {PROTOCOL_VERSION}")
        is_fine = not notice.is_last_call(self._info.block_ms)
        return Check("protocol", is_fine, f"WARNING: {notice}", notice.remedy)

    @staticmethod
    def _check_neuron(neuron: Neuron) -> Check:
        status = neuron.status()
        if status.uid is None:
            remedy = "Register the hotkey in the subnet; until then it earns nothing."
            return Check("neuron", ok=False, detail="the hotkey is not registered", remedy=remedy)
        age = status.weights_age_epochs
        if age is not None:
            reason = neuron.validator.status.reason if neuron.validator else ""
            detail = f"weights are {age} epochs old" + (f": {reason}" if reason else "")
            remedy = "Miners must answer and the hotkey needs a permit (stake)."
            return Check("weights", age <= WEIGHTS_AGE_MAX, detail, remedy)
        remedy = "Training takes its time at the first start; if it restarts, see the log."
        detail = f"the {status.role} is {status.state}, {status.worker_restarts} worker restarts"
        if status.reason:
            detail += f": {status.reason}"
        return Check("worker", status.state == "ready", detail, remedy)
