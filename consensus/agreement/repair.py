"""What we lack and how often we ask for it; what others may ask of us.

Gossip is best effort, so agreement pulls what it misses: bodies by digest, with growing pauses, and
certificates by `Status`. Both directions are bounded, because unbounded repair can feed on itself
(TON describes its standstill broadcast as a possible death spiral).

Source: `docs/spec/agreement.md` 2.7 (TON's pauses: 0.5 s, times 1.5, up to 30 s).
"""

from dataclasses import dataclass

from consensus.agreement.messages import Peer
from consensus.quantities import Hash32, View

PAUSE_MS, PAUSE_MS_MAX = 500, 30_000
WANTED_MAX = 1_024
"""Bodies wanted at once; each is named by a quorum, a leader or a wanted child."""
CERTIFICATES_PER_S = 16
"""Certificates one peer gets for its Statuses in a second."""
PEERS_MAX = 1_024
"""Peers whose allowance is remembered; beyond, the oldest is forgotten."""


@dataclass(slots=True)
class Wanted:
    """One body we lack: of which view, whom to ask first, when to ask next."""

    view: View
    peer: Peer
    next_ms: int
    pause_ms: int = PAUSE_MS


class Repair:
    """The bodies one machine lacks, and how much it answers to others that lack something."""

    def __init__(self, delta_ms: int) -> None:
        self._delta_ms = delta_ms
        self._wanted: dict[Hash32, Wanted] = {}
        self._spent: dict[bytes, tuple[int, int]] = {}
        self._status_ms = -delta_ms

    @property
    def wants_count(self) -> int:
        """How many bodies are wanted."""
        return len(self._wanted)

    @property
    def peers_count(self) -> int:
        """How many peers' allowances are remembered."""
        return len(self._spent)

    # -- bodies ----------------------------------------------------------------------------------

    def want(self, digest: Hash32, view: View, peer: Peer, now_ms: int) -> None:
        """Note a body we lack; of too many, those of the lowest views are kept."""
        if digest in self._wanted:
            return
        if len(self._wanted) >= WANTED_MAX:
            last = max(self._wanted, key=lambda known: self._wanted[known].view)
            if self._wanted[last].view <= view:
                return
            del self._wanted[last]
        self._wanted[digest] = Wanted(view, peer, now_ms)

    def is_wanted(self, digest: Hash32) -> bool:
        """Tell whether we lack the block of that digest and look for it."""
        return digest in self._wanted

    def found(self, digest: Hash32) -> None:
        """Forget a want."""
        self._wanted.pop(digest, None)

    def forget(self, view: View) -> None:
        """Forget every want at or below a final view."""
        self._wanted = {d: w for d, w in self._wanted.items() if w.view > view}

    def hurry(self, now_ms: int) -> None:
        """Make everything due now, because nothing moves."""
        for wanted in self._wanted.values():
            wanted.next_ms, wanted.pause_ms = now_ms, PAUSE_MS

    def take_asks(self, now_ms: int) -> list[tuple[Peer, Hash32]]:
        """Return whom to ask for what now; the first time the peer that told us, then anyone."""
        asks: list[tuple[Peer, Hash32]] = []
        for digest, wanted in self._wanted.items():
            if wanted.next_ms <= now_ms:
                asks.append((wanted.peer, digest))
                wanted.peer = None
                wanted.next_ms = now_ms + wanted.pause_ms
                wanted.pause_ms = min(wanted.pause_ms * 3 // 2, PAUSE_MS_MAX)
        return asks

    def next_ms(self) -> int | None:
        """Return when the next ask is due."""
        return min((wanted.next_ms for wanted in self._wanted.values()), default=None)

    # -- certificates ------------------------------------------------------------------------------

    def spend(self, peer: bytes, count: int, now_ms: int) -> int:
        """Return how many of `count` certificates `peer` may have now, and count them as sent."""
        second, spent = self._spent.get(peer, (0, 0))
        spent = spent if second == now_ms // 1000 else 0
        if peer not in self._spent and len(self._spent) >= PEERS_MAX:
            del self._spent[next(iter(self._spent))]
        allowed = min(count, CERTIFICATES_PER_S - spent)
        self._spent[peer] = (now_ms // 1000, spent + allowed)
        return allowed

    def may_tell_status(self, now_ms: int) -> bool:
        """Tell whether to say, unasked, where we stand: once per delta."""
        if now_ms - self._status_ms < self._delta_ms:
            return False
        self._status_ms = now_ms
        return True
