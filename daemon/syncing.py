"""Carry out what p2p.sync asks until we are at the head.

Peers are asked how far they are; whoever is ahead gives ranges of final blocks, each with the
certificate that makes its last block final. A range goes to the agreement machine like any other
blocks: it executes them, and commits them by the certificate. Near the head, gossip and Status do
the rest.
"""

from dataclasses import dataclass
from functools import partial

import trio

from consensus import crypto
from consensus.agreement import messages as m
from consensus.agreement.certificates import Committee, verify_certificate
from consensus.errors import DecodeError, InvalidVote
from consensus.types import Block, Certificate
from daemon import parcels
from daemon.chain import Chain
from daemon.driver import Driver
from daemon.telemetry import Telemetry, get_logger
from p2p.errors import NetworkError
from p2p.network import Network
from p2p.sync import Ask, Batch, Planner

HEAD_S = 2.0
"""How often every peer is asked for its head; also the first look after a peer came."""
ASK_S = 10.0
"""How long a peer may take to answer a range."""
APPLY_S = 60.0
"""How long 64 blocks may take to become final here."""
NEAR_BLOCKS = 2
"""This far behind the best peer counts as at the head: gossip needs a moment."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A block of a range; the last of each answer has the certificate that makes it final."""

    block: Block
    certificate: Certificate | None


class Syncing:
    """Catching up, for as long as the node runs."""

    def __init__(
        self, committee: Committee, chain: Chain, driver: Driver, telemetry: Telemetry
    ) -> None:
        self._committee = committee
        self._chain = chain
        self._driver = driver
        self._telemetry = telemetry
        self._planner: Planner[Piece] = Planner(chain.head.header.height)
        self._wake = trio.Event()
        self._log = get_logger("sync")

    @property
    def is_behind(self) -> bool:
        """Whether a peer has claimed to be visibly further than we are."""
        return self._planner.target > self._chain.head.header.height + NEAR_BLOCKS

    @property
    def target(self) -> int:
        """The highest height any peer has claimed."""
        return self._planner.target

    async def run(self, network: Network) -> None:
        """Ask for heads, ask for ranges, apply them, for ever."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_peers, network)
            nursery.start_soon(self._apply)
            while True:
                self._planner.on_applied(self._chain.head.header.height)
                self._telemetry.syncing.set(self.is_behind)
                if self.is_behind:
                    for ask in self._planner.next_asks(trio.current_time()):
                        nursery.start_soon(self._ask_range, network, ask)
                with trio.move_on_after(HEAD_S):
                    await self._wake.wait()

    async def _watch_peers(self, network: Network) -> None:
        known: set[bytes] = set()
        while True:
            peers = {info.peer_id for info in network.peers()}
            for gone in known - peers:
                self._planner.on_gone(gone)
            known = peers
            async with trio.open_nursery() as asks:
                for peer in peers:
                    asks.start_soon(self._ask_head, network, peer)
            await trio.sleep(HEAD_S)

    async def _ask_head(self, network: Network, peer: bytes) -> None:
        with trio.move_on_after(HEAD_S):
            try:
                answer = await network.ask(peer, parcels.HEAD_ASK, b"", 8)
            except NetworkError:
                return
            self._planner.on_head(peer, int.from_bytes(answer, "big"))
            if self.is_behind:
                self._nudge()

    async def _ask_range(self, network: Network, ask: Ask) -> None:
        first, count = ask.range.first, ask.range.count
        payload = first.to_bytes(8, "big") + count.to_bytes(2, "big")
        fetch = partial(network.ask, ask.peer, parcels.RANGE_ASK, payload)
        found = None
        with trio.move_on_after(ASK_S):
            try:
                found = parcels.read_range(await fetch(parcels.PARCEL_BYTES_MAX))
            except (NetworkError, DecodeError) as error:
                self._log.debug("range failed", first=first, reason=str(error))
        now_s = trio.current_time()
        if found is None:
            self._planner.on_failed(ask, now_s)
        else:
            certificate, blocks = found
            pieces = [Piece(block, None) for block in blocks[:-1]]
            pieces += [Piece(block, certificate) for block in blocks[-1:]]
            self._planner.on_reply(ask, tuple(pieces[:count]), now_s)
        self._nudge()

    async def _apply(self) -> None:
        """Hand ready ranges to agreement, one after another, and see whether they took effect."""
        while True:
            batch = self._planner.take_ready()
            if batch is None:
                await self._wake.wait()
                continue
            if await self._is_applied(batch):
                self._planner.on_applied(self._chain.head.header.height)
            else:
                self._log.warning("bad blocks from a peer", first=batch.first)
                self._planner.on_invalid(batch, trio.current_time())
            self._nudge()

    async def _is_applied(self, batch: Batch[Piece]) -> bool:
        last = batch.blocks[-1]
        height = last.block.header.height
        if height <= self._chain.head.header.height:
            return True
        if last.certificate is None or not self._is_final(last.block, last.certificate):
            return False
        blocks = tuple(piece.block for piece in batch.blocks)
        self._driver.offer(m.BlocksReceived(batch.peer, blocks, last.certificate))
        with trio.move_on_after(APPLY_S):
            await self._chain.wait_height(height)
        return self._chain.head.header.height >= height

    def _is_final(self, block: Block, certificate: Certificate) -> bool:
        try:
            verify_certificate(self._committee, certificate)
        except InvalidVote:
            return False
        return certificate.digest == crypto.compute_header_digest(block.header)

    def _nudge(self) -> None:
        self._wake.set()
        self._wake = trio.Event()
