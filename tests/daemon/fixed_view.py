"""A node that always says the same: what the door's tests look at."""

import io
import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields

import structlog

from config.address import format_address
from consensus.quantities import Hash32, Height, NetUid, PublicKey, Uid
from consensus.reward.explain import Basis, Explanation
from daemon.http.events import EventBus
from daemon.http.view import (
    AccountView,
    BlockSummary,
    BlockView,
    Check,
    ExplainView,
    MetagraphView,
    NeuronStatus,
    NeuronView,
    PeerView,
    StatusView,
    SupplyView,
    TransactionView,
    bad_request,
    not_found,
)
from daemon.telemetry import configure_logging


@contextmanager
def kept_log() -> Generator[io.StringIO]:
    """Keep the log in memory, so that it does not mix with what a verb prints."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    yield stream
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


ALICE = PublicKey(bytes(range(32)))
HEAD = Height(3)


@dataclass(slots=True)
class FixedView:
    """Three blocks, one subnet, one peer."""

    events: EventBus = field(default_factory=EventBus)
    checks: tuple[Check, ...] = (Check("synced", ok=True, detail="at the head"),)
    broken: bool = False

    def status(self) -> StatusView:
        if self.broken:
            raise RuntimeError("planted")
        return StatusView(
            name="alice",
            version="0.1.0",
            network="devnet",
            chain_id="ab" * 32,
            peer_id="12D3",
            addresses=("/ip4/127.0.0.1/tcp/1",),
            reachable="yes: a peer on this machine called it.",
            height=HEAD,
            head="cd" * 32,
            head_time_ms=1,
            state_root="ef" * 32,
            view=4,
            era=1,
            is_validator=True,
            syncing=False,
            peers=(PeerView("12D4", "/ip4/127.0.0.1/tcp/2", "out", 1.0, 0.4),),
            mempool_transactions=0,
            uptime_s=1.5,
            neuron=NeuronStatus("miner", 1, format_address(ALICE), 0, "ready", "cpu"),
            supply=SupplyView(21 * 10**15, 21 * 10**15, 0, 0, 0),
        )

    def readiness(self) -> tuple[Check, ...]:
        return self.checks

    def block(self, height: Height) -> BlockView:
        if height > HEAD:
            raise not_found(f"final block {height}", f"The head is {HEAD}.")
        sent = TransactionView(
            "aa" * 32, format_address(ALICE), 0, "transfer", {"amount": 5}, 0, 10, 0
        )
        return BlockView(self._summary(height), (sent,))

    def blocks(self, start: Height | None, count: int) -> tuple[BlockSummary, ...]:
        first = HEAD if start is None else min(start, HEAD)
        return tuple(self._summary(Height(h)) for h in range(first, max(first - count, -1), -1))

    def metagraph(self, netuid: NetUid) -> MetagraphView:
        if netuid != 1:
            raise not_found(f"subnet {netuid}", "Subnet 1 exists.")
        row = NeuronView(
            uid=0,
            hotkey=format_address(ALICE),
            coldkey=format_address(ALICE),
            stake=7,
            has_permit=True,
            is_active=True,
            consensus=0.5,
            incentive=1.0,
            dividends=0.0,
            validator_trust=1.0,
            emission=9,
            registered_block=0,
            commit_block=0,
        )
        return MetagraphView(netuid, HEAD, "text", 20, 0, 5, (row,))

    def account(self, key: PublicKey) -> AccountView:
        return AccountView(format_address(key), 2**60, 1)

    def explain(self, netuid: NetUid, uid: Uid) -> ExplainView:
        figures = dict.fromkeys((entry.name for entry in fields(Explanation)), 0)
        parts = {"basis": Basis.STAKE, "votes": (), "bonds": ()}
        return ExplainView(netuid, uid, "5F", 0, Explanation(**{**figures, **parts}))  # pyright: ignore[reportArgumentType]  # a value per field

    async def submit(self, data: bytes) -> Hash32:
        if len(data) != 32:
            raise bad_request("That is no transaction.", "Sign one.")
        return Hash32(data)

    def _summary(self, height: Height) -> BlockSummary:
        return BlockSummary(height, "cd" * 32, "ce" * 32, height, 1, "5F", 1, 1, "ef" * 32)
