"""Carry out what p2p.sync asks until we are at the head.

Peers are asked how far they are, and for proof if that is further than we are; they give ranges of
final blocks, each with the certificate that makes its last block final. A range is checked as far
as certificate, links and bodies go, so that a false one is its sender's fault beyond doubt. Then it
goes to the agreement machine like any other blocks: it executes them, and commits them by the
certificate. Near the head, gossip and Status do the rest.
"""

from dataclasses import dataclass

import trio

from consensus import codec, crypto, parcels
from consensus.agreement import messages as m
from consensus.agreement.certificates import verify_certificate
from consensus.agreement.headers import is_whole
from consensus.errors import DecodeError, InvalidVote
from consensus.types import Block, BlockKind, Certificate, HandOff, Header, VoteKind
from daemon.engine.chain import Chain
from daemon.engine.driver import Driver
from daemon.telemetry import Telemetry, get_logger
from p2p.errors import NetworkError
from p2p.network import Network
from p2p.sync import Batch, Planner, SyncAsk

HEAD_S = 2.0
"""How often every peer is asked for its head, and how long it may take to answer."""
ASK_S = 10.0
"""How long a peer may take to answer a range."""
APPLY_S = 60.0
"""How long a range may take to become final here before we say so and try again."""
PROOF_BYTES_MAX = 64 << 10
"""A certificate of 256 signers has 20 KB, a header 0.5 KB."""
NEAR_BLOCKS = 2
"""This far behind the best peer counts as at the head: gossip needs a moment."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A block of a range; the last of each answer has the certificate that makes it final.

    `seals` lead from an era's last block to what its certificate names.
    """

    block: Block
    certificate: Certificate | None = None
    seals: tuple[Block, ...] = ()


class Syncing:
    """Catching up, for as long as the node runs."""

    def __init__(self, chain: Chain, driver: Driver, telemetry: Telemetry) -> None:
        self._chain = chain
        self._driver = driver
        self._telemetry = telemetry
        self._planner: Planner[Piece] = Planner(chain.head.header.height)
        self._wake = trio.Event()
        self._era_begun = trio.Event()
        driver.era_listeners.append(self._on_era)
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
            nursery.start_soon(self._apply, network)
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
                with trio.move_on_after(HEAD_S):
                    await self._era_begun.wait()

    def _on_era(self) -> None:
        """Ask anew at once: what lies beyond an era's end can be checked from the next era on."""
        self._era_begun.set()
        self._era_begun = trio.Event()

    async def _ask_head(self, network: Network, peer: bytes) -> None:
        with trio.move_on_after(HEAD_S):
            try:
                height = int.from_bytes(await network.ask(peer, parcels.HEAD_ASK, b"", 8), "big")
                if height > self._chain.head.header.height + NEAR_BLOCKS:
                    height = await self._ask_proof(network, peer)
            except NetworkError:
                return
            except (DecodeError, InvalidVote) as error:
                self._blame(network, peer, f"a false head: {error}")
                return
            self._planner.on_head(peer, height)
            if self.is_behind:
                self._nudge()

    async def _ask_proof(self, network: Network, peer: bytes) -> int:
        """Return how far `peer` is beyond doubt: anyone can claim to be ahead."""
        proof = parcels.read_proof(await network.ask(peer, parcels.PROOF_ASK, b"", PROOF_BYTES_MAX))
        if proof is None:
            return 0
        certificate, header = proof
        if header.era > self._chain.committee.era:
            return await self._ask_era(network, peer)
        if header.era < self._chain.committee.era:
            return 0  # we have gone on meanwhile
        self._check_final(header, certificate)
        return header.height

    async def _ask_era(self, network: Network, peer: bytes) -> int:
        """Have a peer in a later era show that ours has ended: only that far can we check it."""
        committee = self._chain.committee
        question = committee.era.to_bytes(8, "big")
        answer = await network.ask(peer, parcels.ERA_ASK, question, parcels.PARCEL_BYTES_MAX)
        if not answer or committee.era != self._chain.committee.era:
            return 0
        hand_off = codec.decode(HandOff, answer)
        self._check_final(hand_off.header, hand_off.certificate)
        if hand_off.header.height != committee.last:
            raise InvalidVote(f"height {hand_off.header.height} does not end era {committee.era}")
        return committee.last + NEAR_BLOCKS + 1

    async def _ask_range(self, network: Network, ask: SyncAsk) -> None:
        first, count = ask.range.first, ask.range.count
        payload = first.to_bytes(8, "big") + count.to_bytes(2, "big")
        parcel = None
        with trio.move_on_after(ASK_S):
            try:
                parcel = await network.ask(
                    ask.peer, parcels.RANGE_ASK, payload, parcels.PARCEL_BYTES_MAX
                )
            except NetworkError as error:
                self._log.debug("range failed", first=first, reason=str(error))
        self._take_reply(network, ask, parcel)
        self._nudge()

    def _take_reply(self, network: Network, ask: SyncAsk, parcel: bytes | None) -> None:
        now_s = trio.current_time()
        if parcel is None:
            self._planner.on_failed(ask, now_s)
            return
        try:
            found = parcels.read_range(parcel)
        except DecodeError as error:
            self._planner.on_failed(ask, now_s)
            self._blame(network, ask.peer, f"a range that can't be read: {error}")
            return
        pieces: tuple[Piece, ...] = ()
        if found is not None and found[1]:
            certificate, blocks = found
            pieces = _split(certificate, blocks)
        self._planner.on_reply(ask, pieces, now_s)

    async def _apply(self, network: Network) -> None:
        """Hand ready ranges to agreement, one after another, once they are proven."""
        while True:
            self._planner.on_applied(self._chain.head.header.height)
            batch = self._planner.take_ready()
            if batch is None:
                await self._wake.wait()
                continue
            try:
                self._check(batch)
            except InvalidVote as error:
                self._planner.on_invalid(batch, trio.current_time())
                self._blame(network, batch.peer, f"a false range: {error}")
            else:
                await self._finish(batch)
            self._nudge()

    async def _finish(self, batch: Batch[Piece]) -> None:
        """Have agreement take in a proven range; it is final, whatever that takes."""
        last = batch.blocks[-1]
        blocks = (*(piece.block for piece in batch.blocks), *last.seals)
        event = m.BlocksReceived(batch.peer, blocks, last.certificate)
        height = blocks[-1].header.height
        while self._chain.head.header.height < height:
            await self._driver.deliver(event)
            with trio.move_on_after(APPLY_S) as patience:
                await self._chain.wait_height(height)
            if patience.cancelled_caught:
                self._log.error(
                    "final blocks are not taken in",
                    first=batch.first,
                    last=height,
                    head=self._chain.head.header.height,
                    remedy="look for refused blocks above; this version may be too old",
                )

    # -- proof ---------------------------------------------------------------------------------

    def _check(self, batch: Batch[Piece]) -> None:
        """Check that a range is final: certified at its end, linked, whole, and on our head.

        Raises:
            InvalidVote: it is not, and whoever sent it knows.
        """
        last = batch.blocks[-1]
        if last.certificate is None:
            raise InvalidVote("no certificate")
        self._check_final((last.block, *last.seals)[-1].header, last.certificate)
        wanted = last.certificate.digest
        for seal in reversed(last.seals):
            if crypto.compute_header_digest(seal.header) != wanted or not is_whole(seal):
                raise InvalidVote(f"another seal at height {seal.header.height}")
            wanted = seal.header.parent
        for offset, piece in reversed(tuple(enumerate(batch.blocks))):
            header = piece.block.header
            if header.height != batch.first + offset:
                raise InvalidVote(f"height {header.height} where {batch.first + offset} belongs")
            if crypto.compute_header_digest(header) != wanted or not is_whole(piece.block):
                raise InvalidVote(f"another block at height {header.height}")
            wanted = header.parent
        head = self._chain.head
        if batch.first == head.header.height + 1 and wanted != head.digest:
            raise InvalidVote(f"it does not follow our final block of height {batch.first - 1}")

    def _check_final(self, header: Header, certificate: Certificate) -> None:
        verify_certificate(self._chain.committee, certificate)
        if certificate.kind is not VoteKind.FINALIZE:
            raise InvalidVote(f"{certificate.kind.name} is no finality")
        if certificate.digest != crypto.compute_header_digest(header):
            raise InvalidVote("the certificate is of another block")

    def _blame(self, network: Network, peer: bytes, reason: str) -> None:
        self._log.warning("peer gave false blocks", peer=peer.hex(), reason=reason)
        network.blame(peer, reason)

    def _nudge(self) -> None:
        self._wake.set()
        self._wake = trio.Event()


def _split(certificate: Certificate, blocks: tuple[Block, ...]) -> tuple[Piece, ...]:
    """Return the pieces of a range: its blocks, the seals at its end with the last of them."""
    count = sum(block.header.kind is BlockKind.BLOCK for block in blocks)
    if not count:
        return ()
    whole, seals = blocks[:count], blocks[count:]
    pieces = tuple(Piece(block) for block in whole[:-1])
    return (*pieces, Piece(whole[-1], certificate, seals))
