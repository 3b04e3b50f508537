"""Catch-up: which peer to ask for which blocks next; sans-IO, time is an argument.

The planner knows how far this node is and how far each peer says it is. It hands out ranges of
heights, a few per peer and never more than `WINDOW` ahead of what is applied, so that what waits
in memory is bounded; it takes the replies in any order and gives the blocks back in theirs. It does
not know what a block is: whoever applies one says whether it was good.

Blame: an invalid block is its sender's fault, all of whose waiting blocks are then distrusted; a
failure (late, refused, gone) only makes the peer wait, `WAIT_S` doubling; a reply with nothing in
it means the peer is not as far as it said.
"""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

BATCH = 64
"""Blocks in one question: 64 empty ones are some 40 KB, full ones are cut by the reply's bound."""
WINDOW = 1_024
"""Blocks that may be asked for or wait beyond the applied height."""
ASKS_PER_PEER = 2
"""Questions to one peer at once: one on the wire while it answers the other."""
WAIT_S, WAIT_S_MAX = 0.5, 30.0


@dataclass(frozen=True, slots=True)
class Range:
    """`count` heights from `first` on."""

    first: int
    count: int


@dataclass(frozen=True, slots=True)
class SyncAsk:
    """A question to put to `peer` now."""

    peer: bytes
    range: Range


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """Blocks of consecutive heights from `first` on, all given by `peer`."""

    peer: bytes
    first: int
    blocks: tuple[T, ...]


@dataclass(slots=True)
class _Peer:
    head: int
    asked: set[Range] = field(default_factory=set[Range])
    failures: int = 0
    ready_s: float = 0.0


class Planner(Generic[T]):
    """Plans the way from the applied height to the highest head a peer claims."""

    def __init__(self, height: int) -> None:
        """Begin at the applied `height`."""
        self._height = height
        self._peers: dict[bytes, _Peer] = {}
        self._gaps: list[Range] = []
        self._asked_to = height
        self._batches: dict[int, Batch[T]] = {}

    @property
    def height(self) -> int:
        """Return the applied height."""
        return self._height

    @property
    def target(self) -> int:
        """Return the highest head any peer claims, at least the applied height."""
        return max((peer.head for peer in self._peers.values()), default=self._height)

    @property
    def is_behind(self) -> bool:
        """Return whether some peer claims more than is applied."""
        return self.target > self._height

    def on_head(self, peer: bytes, height: int) -> None:
        """Note how far `peer` says it is."""
        known = self._peers.setdefault(peer, _Peer(height))
        known.head = height

    def on_gone(self, peer: bytes) -> None:
        """Forget a peer that is no longer connected; what it was asked is asked elsewhere."""
        known = self._peers.pop(peer, None)
        if known is not None:
            self._gaps += known.asked

    def on_applied(self, height: int) -> None:
        """Note that everything up to `height` is applied, by us or by agreement meanwhile."""
        self._height = max(self._height, height)
        self._asked_to = max(self._asked_to, self._height)
        self._batches = {
            first: batch
            for first, batch in self._batches.items()
            if first + len(batch.blocks) > self._height + 1
        }

    def next_asks(self, now_s: float) -> tuple[SyncAsk, ...]:
        """Return the questions to ask now; each ends in `on_reply`, `on_failed` or `on_gone`."""
        asks: list[SyncAsk] = []
        while (wanted := self._next_range()) is not None:
            free = [
                (len(peer.asked), peer.failures, name)
                for name, peer in self._peers.items()
                if peer.head >= wanted.first
                and len(peer.asked) < ASKS_PER_PEER
                and peer.ready_s <= now_s
            ]
            if not free:
                self._gaps.append(wanted)
                return tuple(asks)
            name = min(free)[2]
            given = Range(
                wanted.first, min(wanted.count, self._peers[name].head - wanted.first + 1)
            )
            if given.count < wanted.count:
                self._gaps.append(Range(given.first + given.count, wanted.count - given.count))
            self._peers[name].asked.add(given)
            asks.append(SyncAsk(name, given))
        return tuple(asks)

    def on_reply(self, ask: SyncAsk, blocks: tuple[T, ...], now_s: float) -> None:
        """Take in the blocks of a reply, in order from the first asked; fewer or more is fine.

        More come where only a later block can be proven final; the caller bounds them.
        """
        peer = self._close(ask)
        asked = ask.range
        if peer is not None and len(blocks) < asked.count:
            self._gaps.append(Range(asked.first + len(blocks), asked.count - len(blocks)))
        if blocks:
            self._batches[asked.first] = Batch(ask.peer, asked.first, blocks)
        if peer is not None and blocks:
            peer.failures = 0
        elif peer is not None:
            peer.head = min(peer.head, asked.first - 1)
            _make_wait(peer, now_s)

    def on_failed(self, ask: SyncAsk, now_s: float) -> None:
        """Note that a question got no reply; the peer waits, another is asked."""
        peer = self._close(ask)
        if peer is not None:
            self._gaps.append(ask.range)
            _make_wait(peer, now_s)

    def take_ready(self) -> Batch[T] | None:
        """Return the blocks that follow the applied height, None if they are not here yet."""
        for first, batch in self._batches.items():
            if first <= self._height + 1 < first + len(batch.blocks):
                del self._batches[first]
                skipped = self._height + 1 - first
                return Batch(batch.peer, self._height + 1, batch.blocks[skipped:])
        return None

    def on_invalid(self, batch: Batch[T], now_s: float) -> None:
        """Note that a block of `batch` was bad: what its sender gave is thrown away and re-asked.

        The caller has called `on_applied` for the good blocks before the bad one.
        """
        for waiting in (batch, *self._batches.values()):
            if waiting.peer == batch.peer:
                self._gaps.append(Range(waiting.first, len(waiting.blocks)))
        self._batches = {
            first: waiting for first, waiting in self._batches.items() if waiting.peer != batch.peer
        }
        peer = self._peers.get(batch.peer)
        if peer is not None:
            peer.failures += 5  # far longer than a failure; the caller penalises it as well
            _make_wait(peer, now_s)

    def _next_range(self) -> Range | None:
        """Return the lowest range nobody is asked for, None if the window is full."""
        while self._gaps:
            self._gaps.sort(key=lambda gap: gap.first)
            gap = self._gaps.pop(0)
            end = gap.first + gap.count
            first = max(gap.first, self._height + 1)
            if first >= end:
                continue
            count = min(BATCH, end - first)
            if first + count < end:
                self._gaps.append(Range(first + count, end - first - count))
            return Range(first, count)
        first = self._asked_to + 1
        count = min(BATCH, self.target - self._asked_to, self._height + WINDOW - self._asked_to)
        if count <= 0:
            return None
        self._asked_to += count
        return Range(first, count)

    def _close(self, ask: SyncAsk) -> _Peer | None:
        """Return the peer that was asked; None if it has left since, and the range is a gap."""
        peer = self._peers.get(ask.peer)
        if peer is None or ask.range not in peer.asked:
            return None
        peer.asked.remove(ask.range)
        return peer


def _make_wait(peer: _Peer, now_s: float) -> None:
    peer.ready_s = now_s + min(WAIT_S_MAX, WAIT_S * 2 ** min(peer.failures, 10))
    peer.failures += 1
